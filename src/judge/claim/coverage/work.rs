//! When the subject is seen at work: labelled packets, packets of the declared device, valid frames of a
//! drone link; and what follows for a window in which it is not.

use super::{SLOT, SLOTS_NEEDED, WindowGap};
use crate::evidence::ledger::apps::App;
use crate::ground::gaps::GapId;
use crate::ground::interval::Window;
use crate::ground::moment::Timestamp;
use crate::judge::claim::fact::{AppUnseen, Cause};
use crate::judge::classify::Basis;
use crate::judge::classify::rows::Judged;
use crate::judge::classify::subject::Names;
use std::collections::BTreeSet;

/// The subject at work in a window.
pub(super) struct Work {
    /// The declared device was seen; true without one.
    seen: bool,
    /// Times at which it was.
    signs: BTreeSet<Timestamp>,
    /// Starts of the ten-second slots that hold such times.
    pub(super) slots: BTreeSet<Timestamp>,
}

#[cfg(test)]
impl Work {
    /// Signs by hand, each in a slot of its own.
    pub(super) fn by_hand(seconds: impl IntoIterator<Item = i64>) -> Self {
        let at = |second| Timestamp::from_nanos(i128::from(second) * i128::from(Timestamp::SECOND));
        let signs: BTreeSet<Timestamp> = seconds.into_iter().map(at).collect();
        Self {
            seen: true,
            slots: signs.clone(),
            signs,
        }
    }
}

impl Work {
    pub(super) fn of(
        basis: &Basis<'_>,
        judged: &Judged,
        inside: &dyn Fn(u32) -> bool,
        origin: Option<Timestamp>,
    ) -> Self {
        let seen = device_seen(judged, basis, inside);
        let signs = match seen {
            true => signs(basis, judged, inside),
            false => BTreeSet::new(),
        };
        Self {
            seen,
            slots: slots(&signs, origin),
            signs,
        }
    }

    /// Nanoseconds from the first sign to the last, silences beyond the limit taken out; `None` where
    /// there are so few slots that they say the same by themselves.
    pub(super) fn length(&self, limit: i64) -> Option<i64> {
        (self.slots.len() >= SLOTS_NEEDED).then(|| at_work(&self.signs, limit))
    }

    /// Too few slots show it.
    pub(super) fn too_little(
        &self,
        window: Option<Window>,
        basis: &Basis<'_>,
        judged: &Judged,
    ) -> Option<WindowGap> {
        let slots = self.slots.len();
        (slots < SLOTS_NEEDED).then(|| {
            let cause = Cause::NotAtWork {
                window,
                slots,
                labelled: judged.labels.iter().any(|l| !l.seen.is_empty()),
                device: basis.devices.any().then_some(self.seen),
            };
            WindowGap::of_all(GapId::NoAppActivity, cause)
        })
    }
}

/// Declared, and in no vantage: a mistyped address must not pass for a silent device.
pub(super) fn devices_unseen(judged: &Judged) -> impl Iterator<Item = WindowGap> {
    let unseen = judged.devices.first().map(|first| first.unseen.iter());
    let everywhere = |address: &&String| {
        let mut views = judged.devices.iter();
        views.all(|view| view.unseen.contains(*address))
    };
    unseen
        .into_iter()
        .flatten()
        .filter(everywhere)
        .map(|address| {
            WindowGap::of_all(GapId::NoAppActivity, Cause::DeviceUnseen(address.clone()))
        })
}

/// The apps that were asked for, if no label names any of them.
pub(super) fn no_app_seen(judged: &Judged, basis: &Basis<'_>) -> Vec<WindowGap> {
    let unseen = apps_unseen(judged, basis);
    if unseen.len() < basis.subject.given().len() {
        return Vec::new();
    }
    let gap = |app| WindowGap::of_all(GapId::NoAppActivity, Cause::AppUnseen(app));
    unseen.into_iter().map(gap).collect()
}

/// Apps that were asked for and that no label names: the silence of an app that was never recorded is
/// worth nothing.
pub fn apps_unseen(judged: &Judged, basis: &Basis<'_>) -> Vec<AppUnseen> {
    let mut seen: Vec<(&App, Vec<String>)> = Vec::new();
    for series in &basis.evidence.series {
        for app in series.ledger.apps.list() {
            let names = Names::of(app, &basis.evidence.inputs);
            let names = names.process.into_iter().chain(names.effective);
            seen.push((app, names.map(|(name, _)| name).collect()));
        }
    }
    let labelled = judged.labels.iter().any(|l| !l.seen.is_empty());
    let unmatched = basis.subject.unmatched(&seen).into_iter();
    unmatched
        .map(|(pattern, near)| AppUnseen {
            pattern,
            labelled,
            near,
        })
        .collect()
}

/// True unless a device was declared and no packet to or from it lies in the window: a mistyped
/// address must not pass for a silent device.
fn device_seen(judged: &Judged, basis: &Basis<'_>, inside: &dyn Fn(u32) -> bool) -> bool {
    !basis.devices.any()
        || judged
            .directions
            .iter()
            .flatten()
            .any(|(interval, d)| inside(*interval) && d.device_out + d.device_in > 0)
}

/// Times at which the subject was seen at work: labelled packets, packets of the declared device,
/// valid frames of a drone link.
fn signs(basis: &Basis<'_>, judged: &Judged, inside: &dyn Fn(u32) -> bool) -> BTreeSet<Timestamp> {
    let mut found = BTreeSet::new();
    for (index, s) in basis.evidence.series.iter().enumerate() {
        let labelled: Vec<&App> = judged
            .labels
            .get(index)
            .map(|labels| {
                s.ledger
                    .apps
                    .iter()
                    .filter(|(id, _)| labels.is_subject(*id))
                    .map(|(_, app)| app)
                    .collect()
            })
            .unwrap_or_default();
        for interval in s.extents.keys().filter(|e| inside(**e)) {
            let labels = labelled
                .iter()
                .flat_map(|app| app.activity.moments(*interval));
            let moments = s
                .ledger
                .drone_link
                .moments(*interval)
                .chain(s.ledger.device.moments(*interval))
                .chain(labels);
            found.extend(moments.map(|m| m.time));
        }
    }
    found
}

/// Nanoseconds from the first sign to the last, silences beyond the limit taken out.
fn at_work(signs: &BTreeSet<Timestamp>, limit: i64) -> i64 {
    let steps = signs.iter().zip(signs.iter().skip(1));
    steps
        .filter_map(|(before, after)| after.since(*before))
        .filter(|step| *step <= limit)
        .fold(0i64, i64::saturating_add)
}

/// Ten-second slots, from the window's start on, that hold such signs.
fn slots(signs: &BTreeSet<Timestamp>, origin: Option<Timestamp>) -> BTreeSet<Timestamp> {
    let Some(origin) = origin else {
        return BTreeSet::new();
    };
    signs
        .iter()
        .filter_map(|time| time.since(origin))
        .map(|t| origin.plus(t.div_euclid(SLOT).saturating_mul(SLOT)))
        .collect()
}

#[cfg(test)]
mod tests;
