//! Which fields of a report may name the site, type by type.
//!
//! Every field of the model stands on one side, and the compiler refuses a type with one that stands on
//! neither. Kept are ids, words of this program, numbers, times and hashes. Fields are visited in the order of
//! the JSON, as labels are numbered in it.

use super::Labels;
use crate::tell::report::v1;
use std::collections::BTreeMap;

/// Something whose texts may name the site.
pub(super) trait Redact {
    fn redact(&mut self, labels: &mut Labels);
}

impl Redact for String {
    fn redact(&mut self, labels: &mut Labels) {
        *self = labels.text(self);
    }
}

impl<T: Redact> Redact for Option<T> {
    fn redact(&mut self, labels: &mut Labels) {
        self.iter_mut().for_each(|one| one.redact(labels));
    }
}

impl<T: Redact> Redact for Vec<T> {
    fn redact(&mut self, labels: &mut Labels) {
        self.iter_mut().for_each(|one| one.redact(labels));
    }
}

impl<K: Ord, T: Redact> Redact for BTreeMap<K, T> {
    fn redact(&mut self, labels: &mut Labels) {
        self.values_mut().for_each(|one| one.redact(labels));
    }
}

/// What is replaced, and what is kept.
macro_rules! fields {
    ($($kind:ident: $($text:ident)*; keep $($kept:ident)*;)+) => {$(
        impl Redact for v1::$kind {
            fn redact(&mut self, labels: &mut Labels) {
                let Self { $($text,)* $($kept: _,)* } = self;
                $($text.redact(labels);)*
            }
        }
    )+};
}

fields! {
    // The parts of a report in the order of the model, which is that of the labels.
    Report: inputs scope case baseline against claims findings destinations lookups coverage clocks
        limits timeline sessions tool run;
        keep schema digest verdict;
    Tool: geo; keep name version commit catalog_sha256 claims_sha256;
    Geo: source kind; keep built sha256 attribution;
    Run: arguments paths; keep started seconds;
    Against: path; keep digest;
    Input: path;
        keep sha256 bytes format link_types packets first last dropped truncated damaged accounting;
    Scope: app apps_seen device keylogs local_networks machines proven_local windows;
        keep minimum_seconds time_gap_seconds softened redacted;
    KeyFile: path; keep sha256;
    SeenApp: app; keep says packets input frame;
    App: acts_through also name; keep uid source cut;
    Device: addresses declared macs; keep ambiguous;
    Machine: addresses mac maker; keep maker_kind router device;
    ProvenLocal: ip text; keep;
    Window: name phases; keep start end grace_seconds first last seconds;
    Phase: name; keep start end;
    CaseFile: allowances beacons events path reported title; keep sha256 operator_country lines;
    Event: text; keep at until kind;
    Beacon: host; keep at found frames;
    Allowance: covers reason; keep id expires expired budget_bytes used_bytes findings;
    Baseline: doubt inputs; keep kind seconds active_seconds;
    Claim: next_capture not_testable parameters preset reasons silence source statement;
        keep id verdict findings;
    Reason: text; keep id;
    Silence: assumptions phases;
        keep window_seconds exposure_seconds rate_upper_per_hour contrast;
    PhaseExposure: phase; keep exposure_seconds rate_upper_per_hour;
    Content: place text; keep kind input frame count;
    Destination: app attribution_reason clients explained host ip names notes organisation owner via;
        keep id scope port transport protocol host_source role jurisdiction attribution country
        country_confidence country_candidates asn cloud stage flows packets_out packets_in bytes_out
        bytes_in bytes_opened_out bytes_opened_in sealed first last ja4 inputs;
    Via: ip; keep port;
    Name: name; keep source input frame;
    Lookup: answers app clients name owner resolver;
        keep types scope role attribution count first input frame;
    Coverage: gaps; keep drone_links;
    Timeline: groups; keep start step_seconds slots;
    Group: name; keep attribution destinations bytes_out bytes_in slots;
    Gap: text; keep id count input frame blocking covered_by;
    Clock: server; keep source offset_least offset_most count input frame;
}

impl Redact for v1::Finding {
    fn redact(&mut self, labels: &mut Labels) {
        let Self {
            content,
            filter,
            lookup,
            text,
            id: _,
            rule: _,
            claims: _,
            attribution: _,
            stage: _,
            confidence: _,
            destination: _,
            grace: _,
            allowed: _,
            known: _,
            bytes_out: _,
            first: _,
            frames: _,
        } = self;
        content.redact(labels);
        *filter = labels.filter(filter);
        lookup.redact(labels);
        text.redact(labels);
    }
}
