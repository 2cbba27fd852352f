//! Programs of the operating system that act for apps (`system_agents.tsv`): resolvers, background
//! transfers, downloads, web views, streaming, push.
//!
//! A label with one of them says which program held the socket, not whose traffic it is. Such a label
//! explains nothing by itself: unless the capture also names the program it acts for, the traffic is
//! judged as if it had no label. That an agent is missing here would acquit; that a row is needless
//! leaves something unexplained. So a name that was cut short and could be an agent's counts as one.
//!
//! Ask after the app under audit and the list of drone apps: user id 1000 is shared by every package of
//! the system, and on a vendor's controller the flight app is one of them.

use super::app_pattern::{Fit, Name, Pattern, UIDS_PER_USER};
use super::apps::{NameKind, rows};
use crate::ground::vocabulary::Vocabulary;
use crate::vocabulary;
use std::ops::RangeInclusive;
use std::sync::OnceLock;

/// The embedded rows.
const ROWS: &str = include_str!("system_agents.tsv");

vocabulary! {
    /// Where what an agent carries for apps can go.
    "reach" pub enum Reach {
        /// Nowhere, but for the names that it looks up for them.
        Lookups = "lookups",
        /// To servers of the platform's owner only.
        Platform = "platform",
        /// Where the app chooses.
        Anywhere = "anywhere",
    }
}

vocabulary! {
    /// Whose operating system an agent belongs to.
    "system" pub enum System {
        /// Android.
        Android = "android",
        /// iOS and macOS.
        Apple = "apple",
    }
}

/// How an agent is known.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Known {
    Uids(RangeInclusive<u32>),
    As(NameKind, Pattern),
}

/// A program that acts for apps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    known: Known,
    /// The name or user id, as the list has it.
    pub name: &'static str,
    /// Which operating system it belongs to.
    pub system: System,
    /// Where what it carries can go.
    pub reach: Reach,
    /// What it does for apps.
    pub does: &'static str,
    /// Where that is said.
    pub source: &'static str,
}

/// The list.
pub fn agents() -> &'static [Agent] {
    static AGENTS: OnceLock<Vec<Agent>> = OnceLock::new();
    // A test sees to it that every line of the embedded text is read.
    AGENTS.get_or_init(|| rows(ROWS).filter_map(parse).collect())
}

/// The agent that a label names, by the name or by the user id (of any Android user); of both, the one
/// that reaches further. `kind` as [`NameKind::of`] gives it.
pub fn system_agent(
    uid: Option<u32>,
    name: Option<Name<'_>>,
    kind: Option<NameKind>,
) -> Option<&'static Agent> {
    let is_it = |agent: &&Agent| match &agent.known {
        Known::Uids(uids) => uid.is_some_and(|uid| uids.contains(&(uid % UIDS_PER_USER))),
        Known::As(own, pattern) => {
            kind.is_none_or(|kind| kind == *own)
                && name.is_some_and(|name| pattern.matches_name(name) != Fit::No)
        }
    };
    agents()
        .iter()
        .filter(|agent| agent.reach > Reach::Lookups)
        .filter(is_it)
        // Of equal ones `max_by_key` would take the last.
        .rev()
        .max_by_key(|agent| agent.reach)
}

/// True for a user id (of any Android user) under which lookups of other apps go out, though what else it sends is its own.
pub fn asks_for_others(uid: u32) -> bool {
    let uid = uid % UIDS_PER_USER;
    agents().iter().any(|agent| {
        agent.reach == Reach::Lookups
            && matches!(&agent.known, Known::Uids(uids) if uids.contains(&uid))
    })
}

fn parse(line: &'static str) -> Option<Agent> {
    let mut cells = line.split('\t');
    let mut next = || cells.next();
    let (name, kind, system) = (next()?, next()?, next()?);
    let (reach, does, source) = (next()?, next()?, next()?);
    if next().is_some() || does.is_empty() || source.is_empty() {
        return None;
    }
    let known = if kind == "uid" {
        let (first, last) = name.split_once('-').unwrap_or((name, name));
        let (first, last) = (first.parse().ok()?, last.parse().ok()?);
        (first <= last && last < UIDS_PER_USER).then_some(Known::Uids(first..=last))?
    } else {
        Known::As(NameKind::of(kind)?, Pattern::parse(name).ok()?)
    };
    Some(Agent {
        known,
        name,
        system: System::of(system)?,
        reach: Reach::of(reach)?,
        does,
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: Name<'_>, kind: Option<NameKind>) -> Option<&'static str> {
        system_agent(None, Some(name), kind).map(|agent| agent.name)
    }

    #[test]
    fn every_row_is_read_sorted_and_unique() {
        let mut before = ("", 0, "");
        for line in rows(ROWS) {
            let agent = parse(line).unwrap_or_else(|| panic!("unreadable: {line}"));
            let (kind, number) = match &agent.known {
                Known::Uids(uids) => ("uid", *uids.start()),
                Known::As(kind, pattern) => {
                    // Whole names only: an agent that stands for several would swallow apps.
                    assert!(!pattern.as_str().contains(['*', '?']), "{line}");
                    (kind.id(), 0)
                }
            };
            let key = (kind, number, if kind == "uid" { "" } else { agent.name });
            assert!(before < key, "not sorted, or twice: {line}");
            before = key;
            assert!(agent.source.starts_with("https://"), "{line}");
        }
        assert_eq!(rows(ROWS).count(), agents().len());
    }

    #[test]
    fn agents_are_known_by_uid_in_every_android_user() {
        let does = |uid| system_agent(Some(uid), None, None).map(|agent| agent.name);
        assert_eq!(does(1051), Some("1051"));
        assert_eq!(does(1_001_051), Some("1051"));
        assert_eq!((does(0), does(1000)), (Some("0"), Some("1000")));
        // The advertising SDKs of app 10234, and the app itself.
        assert_eq!((does(20_234), does(10_234)), (Some("20000-29999"), None));
        // Work for themselves, but for the lookups of one.
        assert_eq!((does(1001), does(1073)), (None, None));
        assert!(asks_for_others(1001) && asks_for_others(1_001_001));
        assert!(!asks_for_others(1073) && !asks_for_others(10_234));
        // What goes anywhere for apps is no program of its own beside the lookups.
        assert!(!asks_for_others(1051));
        assert_eq!(system_agent(None, None, None), None);
    }

    #[test]
    fn agents_are_known_by_name_and_cut_names_count() {
        let process = Some(NameKind::Process);
        let title = Some(NameKind::Title);
        assert_eq!(
            named(Name::whole("mDNSResponder"), process),
            Some("mDNSResponder")
        );
        assert_eq!(
            named(Name::whole("nsurlsessiond"), process),
            Some("nsurlsessiond")
        );
        assert_eq!(named(Name::whole("netd"), title), Some("netd"));
        // One user id has the download provider and others; a label has the title or the package of any of them.
        for of_media in [
            "Download Manager",
            "MTP Host",
            "Media Storage",
            "下载管理器",
        ] {
            assert_eq!(named(Name::whole(of_media), title), Some(of_media));
        }
        assert!(named(Name::whole("com.android.mtp"), None).is_some());
        assert_eq!(
            named(Name::whole("com.android.providers.downloads"), None),
            Some("com.android.providers.downloads")
        );
        // Darwin's 16 characters and PCAPdroid's 20.
        assert_eq!(
            named(Name::cut("com.apple.WebKit"), process),
            Some("com.apple.WebKit.Networking")
        );
        assert_eq!(
            named(Name::cut("MulticastDNSResponde"), title),
            Some("MulticastDNSResponder")
        );
        assert_eq!(named(Name::whole("com.apple.WebKit"), process), None);
        for name in ["Chrome", "DJI Fly", "Safari", ""] {
            assert_eq!(named(Name::whole(name), None), None, "{name}");
        }
        // The word as a title is PCAPdroid's; as a process it is somebody's own.
        assert_eq!(named(Name::whole("Android"), process), None);
    }

    #[test]
    fn what_reaches_further_counts() {
        let name = Some(Name::whole("com.google.android.gms"));
        assert_eq!(
            system_agent(Some(10_100), name, None).unwrap().reach,
            Reach::Platform
        );
        assert_eq!(
            system_agent(Some(1051), name, None).unwrap().reach,
            Reach::Anywhere
        );
    }

    #[test]
    fn a_line_that_is_not_whole_is_no_row() {
        let whole = "5-6\tuid\tandroid\tlookups\tdoes\thttps://example.com";
        assert!(parse(whole).is_some());
        assert!(parse("99999\tuid\tandroid\tlookups\tdoes\ts").is_some());
        assert!(parse("6-6\tuid\tandroid\tlookups\tdoes\ts").is_some());
        for line in [
            "5-6\tuid\tandroid\tlookups\tdoes",
            "5-6\tuid\tandroid\tlookups\tdoes\ts\tmore",
            "5-6\tuid\tandroid\tlookups\t\ts",
            "5-6\tuid\tandroid\tlookups\tdoes\t",
            "6-5\tuid\tandroid\tlookups\tdoes\ts",
            // Ids are of the first Android user.
            "5-100000\tuid\tandroid\tlookups\tdoes\ts",
            "x\tuid\tandroid\tlookups\tdoes\ts",
            "x\tid\tandroid\tlookups\tdoes\ts",
            "x\tprocess\tother\tlookups\tdoes\ts",
            "x\tprocess\tandroid\tother\tdoes\ts",
        ] {
            assert_eq!(parse(line), None, "{line}");
        }
    }
}
