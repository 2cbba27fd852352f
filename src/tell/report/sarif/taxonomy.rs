//! Which part of OWASP's Mobile Application Security project a claim touches: MASVS controls
//! (v2.1.0) and MASTG tests, so that findings can be filed under them.
//!
//! Touching is all that is said: a contradiction of a vendor's statement is no failed control.

use serde_json::{Value, json};

/// A control or test: its id and what it says, in OWASP's words.
type Taxon = (&'static str, &'static str);

const MASVS: [Taxon; 4] = [
    (
        "MASVS-NETWORK-1",
        "The app secures all network traffic according to the current best practices.",
    ),
    (
        "MASVS-PRIVACY-1",
        "The app minimizes access to sensitive data and resources.",
    ),
    (
        "MASVS-PRIVACY-3",
        "The app is transparent about data collection and usage.",
    ),
    (
        "MASVS-PRIVACY-4",
        "The app offers user control over their data.",
    ),
];
const MASTG: [Taxon; 2] = [
    (
        "MASTG-TEST-0206",
        "Sensitive Data in Network Traffic Capture",
    ),
    (
        "MASTG-TEST-0236",
        "Cleartext Traffic Observed on the Network",
    ),
];

struct Taxonomy {
    name: &'static str,
    full_name: &'static str,
    uri: &'static str,
    taxa: &'static [Taxon],
}

const TAXONOMIES: [Taxonomy; 2] = [
    Taxonomy {
        name: "OWASP MASVS",
        full_name: "OWASP Mobile Application Security Verification Standard",
        uri: "https://mas.owasp.org/MASVS/",
        taxa: &MASVS,
    },
    Taxonomy {
        name: "OWASP MASTG",
        full_name: "OWASP Mobile Application Security Testing Guide",
        uri: "https://mas.owasp.org/MASTG/",
        taxa: &MASTG,
    },
];

/// What a claim touches.
fn touched(claim: &str) -> &'static [&'static str] {
    match claim {
        // The mode is a promise of control over what leaves the device.
        "local-data-mode" => &["MASVS-PRIVACY-3", "MASVS-PRIVACY-4"],
        "us-storage" | "no-cn-hk-tw" | "no-foreign-adversary" => &["MASVS-PRIVACY-3"],
        "no-unshared-upload" => &["MASVS-PRIVACY-3", "MASVS-PRIVACY-4"],
        "no-personal-data" => &[
            "MASVS-NETWORK-1",
            "MASVS-PRIVACY-1",
            "MASTG-TEST-0206",
            "MASTG-TEST-0236",
        ],
        _ => &[],
    }
}

/// `run.taxonomies`: only the part that is referred to.
pub(super) fn taxonomies() -> Vec<Value> {
    let describe = |taxonomy: &Taxonomy| {
        let taxa = taxonomy.taxa.iter();
        json!({
            "name": taxonomy.name,
            "fullName": taxonomy.full_name,
            "organization": "OWASP Foundation",
            "informationUri": taxonomy.uri,
            "isComprehensive": false,
            "contents": ["nonLocalizedData"],
            "taxa": taxa.map(|(id, says)| json!({
                "id": id,
                "shortDescription": { "text": says },
            })).collect::<Vec<_>>(),
        })
    };
    TAXONOMIES.iter().map(describe).collect()
}

/// References to the taxonomies.
pub(super) fn references() -> Vec<Value> {
    (0usize..)
        .zip(&TAXONOMIES)
        .map(|(index, taxonomy)| component(index, taxonomy))
        .collect()
}

/// References to what the claims of a result touch.
pub(super) fn taxa(claims: &[String]) -> Vec<Value> {
    let mut all = Vec::new();
    for (index, taxonomy) in (0usize..).zip(&TAXONOMIES) {
        for (at, (id, _)) in (0usize..).zip(taxonomy.taxa) {
            if claims.iter().any(|claim| touched(claim).contains(id)) {
                all.push(json!({
                    "id": id,
                    "index": at,
                    "toolComponent": component(index, taxonomy),
                }));
            }
        }
    }
    all
}

fn component(index: usize, taxonomy: &Taxonomy) -> Value {
    json!({ "name": taxonomy.name, "index": index })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tell::explain::{IdKind, library};

    #[test]
    fn every_claim_touches_something_that_is_described() {
        for entry in library()
            .unwrap()
            .entries()
            .iter()
            .filter(|e| e.kind == IdKind::Claim)
        {
            let touched = touched(&entry.id);
            assert!(!touched.is_empty(), "{}", entry.id);
            assert_eq!(
                taxa(std::slice::from_ref(&entry.id)).len(),
                touched.len(),
                "{}",
                entry.id
            );
        }
    }
}
