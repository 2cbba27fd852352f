//! Audits packet captures of drone apps against what their vendors claim.
//!
//! ```no_run
//! use drone_audit::{Error, check};
//!
//! let report = check(["--device", "192.168.1.50", "flight.pcap"])?;
//! for claim in &report.claims {
//!     println!("{}: {:?}, {} findings", claim.id, claim.verdict, claim.findings.len());
//! }
//! # Ok::<(), Error>(())
//! ```
//!
//! # The tree
//!
//! ```text
//! ground    what everything stands on: moments, addresses, gaps, errors, texts
//! evidence  what observing hands over: rows of flows, ledger, inputs; no judgement
//! observe   capture, link, packet, flow, dissect, content, session: from files to evidence
//! judge     identity, locate, classify, claim: from evidence to verdicts
//! tell      report, explain: from verdicts to what users read
//! app       command line and commands
//! ```
//!
//! Each stands on those above it in this list, but that judging sees no packet and telling nothing but
//! what was judged. Nothing is judged before the last packet was read: an advertisement, an answer or a
//! proxy request seen later can still change what a packet means.
//!
//! # Words
//!
//! | word | means |
//! |---|---|
//! | capture, input | a file of packets; an input is one that was given |
//! | series | inputs of one vantage that follow one another |
//! | session | what is judged together; with `--each`, every input is one |
//! | frame | a record of a capture; [`FrameRef`](parts::FrameRef) names it |
//! | packet | an IP packet; a frame may hold several, or a piece of one |
//! | segment, datagram | what TCP and UDP carry |
//! | flow | packets between two endpoints under one protocol |
//! | side | one of the two ends of a flow, in the order of their addresses |
//! | opener | the side that began a flow |
//! | row | flows that differ in the opener's port only |
//! | ledger | what was seen beside the flows: lookups, neighbours, activity |
//! | dissector | reads one protocol |
//! | detector | finds one kind of personal data |
//! | destination | rows that have a name or an address in common |
//! | scope | local, relayed or internet |
//! | attribution | whose server it is, by the catalog |
//! | stage | how far a contact went: attempt, handshake, payload |
//! | window | time in which a claim is tested |
//! | interval | a stretch of time that lies in the same windows throughout |
//! | claim | a statement under audit |
//! | finding | what bears on a claim, with its packets |
//! | gap | what a capture could not show |
//! | verdict | contradicted, consistent or inconclusive |

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

mod app;
mod evidence;
mod ground;
mod judge;
mod observe;
mod tell;

pub use app::cli::completing::complete_if_asked;
pub use app::cli::{Cli, Exit, parse};
pub use app::command::{check, run};
pub use ground::error::Error;
pub use ground::gaps::GapId;
pub use ground::text::terminal;
pub use ground::unfinished::clean_up_on_signals;
pub use tell::report::v1::{Claim, Destination, Finding, Gap, Reason, Report};

/// What the project's own tests, benches and generators take apart. No promise is made of it.
#[doc(hidden)]
pub mod parts {
    pub use crate::evidence::Devices;
    pub use crate::evidence::flow::Key;
    pub use crate::ground::interval::Schedule;
    pub use crate::ground::moment::{FrameRef, Moment, Timestamp};
    pub use crate::ground::work;
    pub use crate::judge::case::CaseFile;
    pub use crate::judge::locate::{country, operator};
    pub use crate::observe::capture::{Means, Source};
    pub use crate::observe::content::Policy;
    pub use crate::observe::flow::table::{FLOWS_MAX, Table};
    pub use crate::observe::session::{Settings, read};
    pub use crate::tell::explain::library;
    pub use crate::tell::report::json::digest_of_value;
}
