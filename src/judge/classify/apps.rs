//! Which apps fly drones: the shipped list (`apps.tsv`), the subject of a capture with app labels when no
//! app is named.
//!
//! A row names an app by its package (on iOS the bundle id), its process or its title, as the tool that
//! recorded the capture wrote it. Each kind is compared with its own kind only: a title such as `Tello`
//! is a word that a process of something else could have. A name that the format cut short may fit
//! several apps; then the answer is [`Fit::Maybe`] and the label is neither that app's nor another's.
//!
//! The list ends somewhere: an app without a row may be a drone app all the same, and titles differ by
//! the phone's language. That a label is not found here says nothing about whose it is.

use super::app_pattern::{Fit, Name, Pattern};
use crate::ground::vocabulary::Vocabulary;
use crate::vocabulary;
use std::sync::OnceLock;

/// The embedded rows.
const ROWS: &str = include_str!("apps.tsv");

vocabulary! {
    /// Which name of a program it is.
    "kind of name" pub enum NameKind {
        /// An Android package or an iOS bundle id.
        Package = "package",
        /// The name of a process.
        Process = "process",
        /// The title under the app's icon.
        Title = "app-name",
    }
}

vocabulary! {
    /// Where an app runs under a name.
    "platform" pub enum Platform {
        /// Android, on phones and on controllers.
        Android = "android",
        /// iOS and iPadOS.
        Ios = "ios",
        /// More than one system.
        Any = "any",
    }
}

vocabulary! {
    /// What an app is for.
    "role of an app" pub enum AppRole {
        /// The maker's app to fly its drones with.
        Flight = "flight",
        /// Somebody else's app that flies drones.
        GroundStation = "ground-station",
        /// An app of a drone vendor that flies nothing.
        Companion = "companion",
    }
}

vocabulary! {
    /// What a row rests on.
    "evidence" pub enum Verified {
        /// The app's own manifest or build files.
        Manifest = "manifest",
        /// Seen on a device.
        Installed = "installed",
        /// A store listing or package list that somebody quotes.
        Listed = "listed",
        /// Another name of the app, as the note says.
        Inferred = "inferred",
    }
}

/// One name of an app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DroneApp {
    /// The name, or a pattern for several.
    pub pattern: Pattern,
    /// Where the app runs under it.
    pub platform: Platform,
    /// Which name of the app it is.
    pub kind: NameKind,
    /// What the app is for.
    pub role: AppRole,
    /// The owner in the host catalog, if the app is of one of its drone vendors.
    pub vendor: Option<&'static str>,
    /// The app, for people.
    pub title: &'static str,
    /// What the row rests on.
    pub verified: Verified,
    /// Where it was found.
    pub source: &'static str,
    /// What else there is to know.
    pub note: Option<&'static str>,
}

impl DroneApp {
    /// Whether it is a subject when no app is named: it flies drones.
    pub fn is_subject(&self) -> bool {
        self.role != AppRole::Companion
    }
}

/// The shipped list.
pub fn drone_apps() -> &'static [DroneApp] {
    static APPS: OnceLock<Vec<DroneApp>> = OnceLock::new();
    // A test sees to it that every line of the embedded text is read.
    APPS.get_or_init(|| rows(ROWS).filter_map(parse).collect())
}

/// The app of the list that a name is of, and whether that is sure: [`Fit::Yes`], or [`Fit::Maybe`] for a
/// name that was cut short. A sure one comes before a possible one, a subject before a companion, then
/// the order of the list counts. `kind` is what the name can be, if that is known.
pub fn drone_app(name: Name<'_>, kind: Option<NameKind>) -> Option<(&'static DroneApp, Fit)> {
    let fits = |app: &'static DroneApp| (app, app.pattern.matches_name(name));
    drone_apps()
        .iter()
        .filter(|app| kind.is_none_or(|kind| kind == app.kind))
        .map(fits)
        .filter(|(_, fit)| *fit != Fit::No)
        // Of equal ones `max_by_key` would take the last.
        .rev()
        .max_by_key(|(app, fit)| (*fit, app.is_subject()))
}

/// Lines with a row: not the comments and not the header.
pub(super) fn rows(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.lines()
        .filter(|line| !line.starts_with('#') && !line.trim().is_empty())
        .skip(1)
}

fn parse(line: &'static str) -> Option<DroneApp> {
    let mut cells = line.split('\t');
    let mut next = || cells.next();
    let (pattern, platform, kind, role) = (next()?, next()?, next()?, next()?);
    let (vendor, title, verified, source, note) = (next()?, next()?, next()?, next()?, next()?);
    if next().is_some() || title.is_empty() || source.is_empty() {
        return None;
    }
    Some(DroneApp {
        pattern: Pattern::parse(pattern).ok()?,
        platform: Platform::of(platform)?,
        kind: NameKind::of(kind)?,
        role: AppRole::of(role)?,
        vendor: (!vendor.is_empty()).then_some(vendor),
        title,
        verified: Verified::of(verified)?,
        source,
        note: (!note.is_empty()).then_some(note),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::classify::catalog::{Catalog, RoleAttribution};

    fn found(name: Name<'_>, kind: Option<NameKind>) -> Option<(&'static str, Fit)> {
        drone_app(name, kind).map(|(app, fit)| (app.title, fit))
    }

    #[test]
    fn every_row_is_read_sorted_and_unique() {
        let mut before = ("", "");
        for line in rows(ROWS) {
            let app = parse(line).unwrap_or_else(|| panic!("unreadable: {line}"));
            let key = (line.split('\t').next().unwrap(), app.kind.id());
            assert!(before < key, "not sorted, or twice: {line}");
            before = key;
            assert!(app.source.starts_with("https://"), "{line}");
            assert!(
                app.verified != Verified::Inferred || app.note.is_some(),
                "says not what from: {line}"
            );
            // A pattern without a fixed beginning would make subjects of strangers.
            assert!(!app.pattern.as_str().starts_with(['*', '?']), "{line}");
            if let Some(vendor) = app.vendor {
                assert!(
                    Catalog::embedded().hosts().iter().any(|host| {
                        host.owner == vendor && host.attribution == RoleAttribution::Vendor
                    }),
                    "{vendor}"
                );
            }
        }
        assert_eq!(rows(ROWS).count(), drone_apps().len());
    }

    #[test]
    fn lines_that_are_no_rows_are_left_out() {
        let text = "# remark\n\nheader\n\t\nrow\n# more\n   \nlast";
        assert_eq!(rows(text).collect::<Vec<_>>(), ["row", "last"]);
        for (line, whole) in [
            (
                "A\tany\tprocess\tflight\t\tTitle\tlisted\thttps://a\t",
                true,
            ),
            ("A\tany\tprocess\tflight\t\t\tlisted\thttps://a\t", false),
            ("A\tany\tprocess\tflight\t\tTitle\tlisted\t\t", false),
            (
                "A\tany\tprocess\tflight\t\tTitle\tlisted\thttps://a\t\t",
                false,
            ),
            ("A\tany\tprocess\tflight\t\tTitle\tlisted\thttps://a", false),
        ] {
            assert_eq!(parse(line).is_some(), whole, "{line}");
        }
    }

    #[test]
    fn apps_are_found_by_each_kind_of_name_and_by_no_other() {
        let (package, title) = (Some(NameKind::Package), Some(NameKind::Title));
        let yes = |title| Some((title, Fit::Yes));
        assert_eq!(found(Name::whole("dji.go.v5"), package), yes("DJI Fly"));
        assert_eq!(found(Name::whole("DJI Fly"), title), yes("DJI Fly"));
        assert_eq!(found(Name::whole("dji.go.v5"), None), yes("DJI Fly"));
        assert_eq!(
            found(Name::whole("com.dji.industry.pilot"), package),
            yes("DJI Pilot 2")
        );
        assert!(found(Name::whole("com.vison.macrochip.hiturbo.fpv"), package).is_some());
        // A word that names an app as its title only.
        assert_eq!(found(Name::whole("Tello"), title), yes("Tello"));
        assert_eq!(found(Name::whole("Tello"), Some(NameKind::Process)), None);
        for name in ["Chrome", "dji fly", "dji.go.v50", "com.dji.goliteral", ""] {
            assert_eq!(found(Name::whole(name), None), None, "{name}");
        }
    }

    #[test]
    fn a_cut_name_is_possible_and_not_sure() {
        let title = Some(NameKind::Title);
        // "DJI Pilot" is in the list itself, so that it is sure even as cut; "DJI Pil" is not.
        assert_eq!(
            found(Name::cut("DJI Pilot"), title),
            Some(("DJI Pilot", Fit::Yes))
        );
        assert_eq!(found(Name::cut("DJI Pil"), title).unwrap().1, Fit::Maybe);
        assert_eq!(found(Name::whole("DJI Pil"), title), None);
    }

    #[test]
    fn a_vendors_other_apps_are_no_subject() {
        for (name, subject) in [
            ("DJI Mimo", false),
            ("DJI Fly", true),
            ("QGroundControl", true),
        ] {
            let (app, _) = drone_app(Name::whole(name), None).unwrap();
            assert_eq!(app.is_subject(), subject, "{name}");
        }
        // Cut so short that it may be either: the one that is a subject counts.
        let (app, fit) = drone_app(Name::cut("DJI "), Some(NameKind::Title)).unwrap();
        assert_eq!((app.is_subject(), fit), (true, Fit::Maybe));
    }
}
