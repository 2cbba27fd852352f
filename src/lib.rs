//! Audits packet captures of drone apps against what their vendors claim.
//!
//! ```text
//! capture  opens files and lends frames            (pcap, pcapng, gzip, zstd; hash beside)
//! link     takes the link header off               (Ethernet, cooked, raw, loopback)
//! packet   reads IP and transport headers          (fragments, checksums, special addresses)
//! flow     groups packets and counts per epoch     (reassembly, rows)
//! dissect  says what payload says                  (TLS, DNS, HTTP, drone links, …)
//! ledger   keeps what was said beside the flows    (lookups, neighbours, activity, gaps)
//! identity tells our side, the device and names apart
//! locate   says where an address is and whose
//! classify gives scope, attribution and stage      (catalog)
//! claim    turns findings and coverage into a verdict
//! report   writes it down
//! ```
//!
//! Beside the pipeline, [`case`] reads what an auditor declares, and [`explain`] holds the texts of all
//! ids that a report uses; [`extract`] goes back from a report to the packets.
//!
//! [`progress`] says how far the reading is, and [`unfinished`] keeps what is not whole from staying.
//!
//! Each stage hands one noun to the next and cannot reach back; [`audit`] drives the stream part,
//! [`command`] the rest. Nothing is judged before the last packet was read.

// Everything here may stand on the path of untrusted bytes.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic
    )
)]

pub mod app;
pub mod evidence;
pub mod ground;
pub mod judge;
pub mod observe;
pub mod tell;
