//! Who stands behind a host name: the embedded catalog (`hosts.tsv`, `roles.tsv`) and the user's additions.
//!
//! A row says who owns a name and what the host is for; the role table turns the role into what traffic to
//! it says about its sender. Names match on label boundaries from the right, so that `dji.com` is found in
//! `x.dji.com` and never in `xdji.com` or `dji.com.evil.net`.
//!
//! A name is what the audited side asserted: it may accuse alone, and it acquits only together with the
//! address. That second half is not decided here; a row only names the operators that have to agree. The
//! catalog knows nothing about where a server stands, and a name without a row says nothing.

mod role;
mod row;
#[cfg(test)]
mod rules;

use crate::ground::address::is_ip_literal;
use foldhash::fast::RandomState;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

pub use role::{Role, RoleAttribution, role, roles};
pub use row::{Host, Matching, Problem};

/// The embedded rows.
const HOSTS: &str = include_str!("hosts.tsv");

/// Most problems of one file that an error lists: enough to see the pattern, few enough to read.
const MAX_PROBLEMS: usize = 20;

/// A catalog file that cannot be used; nothing of it was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogError {
    /// The file, as the user named it.
    pub file: String,
    /// Everything that is wrong with it, in the order of lines.
    pub problems: Vec<Problem>,
}

impl fmt::Display for CatalogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: unusable catalog", self.file.escape_debug())?;
        for problem in self.problems.iter().take(MAX_PROBLEMS) {
            write!(f, "\n  line {}: {}", problem.line, problem.text)?;
        }
        match self.problems.len().saturating_sub(MAX_PROBLEMS) {
            0 => Ok(()),
            more => write!(f, "\n  and {more} more lines"),
        }
    }
}

impl std::error::Error for CatalogError {}

/// The rows, ready to be asked.
#[derive(Clone)]
pub struct Catalog {
    hosts: Vec<Arc<Host>>,
    suffixes: HashMap<String, usize, RandomState>,
    exact: HashMap<String, usize, RandomState>,
    addresses: HashMap<IpAddr, usize, RandomState>,
    /// Length of the longest suffix pattern: longer endings of a name need no look-up.
    longest_suffix: usize,
    digest: Sha256,
}

impl fmt::Debug for Catalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Catalog")
            .field("rows", &self.hosts.len())
            .field("sha256", &self.sha256())
            .finish()
    }
}

impl Catalog {
    /// The catalog that ships with the program, parsed once. Clone it to extend it.
    pub fn embedded() -> &'static Self {
        static EMBEDDED: OnceLock<Catalog> = OnceLock::new();
        EMBEDDED.get_or_init(|| {
            let mut catalog = Self {
                hosts: Vec::new(),
                suffixes: HashMap::default(),
                exact: HashMap::default(),
                addresses: HashMap::default(),
                longest_suffix: 0,
                digest: Sha256::new(),
            };
            // A test sees to it that the embedded text has no problems.
            for (_, host) in row::parse(HOSTS).0 {
                catalog.insert(host);
            }
            catalog.hash(HOSTS);
            catalog.hash(role::ROLES);
            catalog
        })
    }

    /// Adds rows, and replaces those of the same pattern and match.
    ///
    /// The text has the columns of the embedded catalog, with or without the header line; with one, columns
    /// may stand in any order and the optional ones may be missing.
    ///
    /// # Errors
    ///
    /// Every line that cannot be read, every row twice in the file, and every row that would take a host at
    /// or below an embedded vendor row off the vendor. Then nothing is added.
    pub fn extend(&mut self, text: &str, file_name: &str) -> Result<(), CatalogError> {
        let (rows, mut problems) = row::parse(text);
        problems.extend(rows.iter().filter_map(|(line, host)| {
            takes_off_vendor(host).map(|text| Problem { line: *line, text })
        }));
        if problems.is_empty() {
            for (_, host) in rows {
                self.insert(host);
            }
            self.hash(text);
            Ok(())
        } else {
            problems.sort_by_key(|problem| problem.line);
            Err(CatalogError {
                file: file_name.to_owned(),
                problems,
            })
        }
    }

    /// The row for a name: the longest pattern on label boundaries, exact before suffix of the same length.
    /// Letter case and one trailing dot do not matter; an address written as text has no row here.
    pub fn lookup(&self, name: &str) -> Option<&Host> {
        self.row(name).map(|host| &**host)
    }

    /// The same row, for who keeps it.
    pub fn row(&self, name: &str) -> Option<&Arc<Host>> {
        let name = name.strip_suffix('.').unwrap_or(name);
        if name.is_empty() || is_ip_literal(name) {
            return None;
        }
        let name: Cow<'_, str> = if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            Cow::Owned(name.to_ascii_lowercase())
        } else {
            Cow::Borrowed(name)
        };
        let mut suffixes = endings_within(&name, self.longest_suffix);
        self.exact
            .get(name.as_ref())
            .or_else(|| suffixes.find_map(|ending| self.suffixes.get(ending)))
            .and_then(|at| self.hosts.get(*at))
    }

    /// The row for an address. An IPv4-mapped IPv6 address is the IPv4 address inside.
    pub fn lookup_ip(&self, ip: IpAddr) -> Option<&Host> {
        self.row_of_ip(ip).map(|host| &**host)
    }

    /// The same row, for who keeps it.
    pub fn row_of_ip(&self, ip: IpAddr) -> Option<&Arc<Host>> {
        self.addresses
            .get(&ip.to_canonical())
            .and_then(|at| self.hosts.get(*at))
    }

    /// All rows, the embedded ones first.
    pub fn hosts(&self) -> &[Arc<Host>] {
        &self.hosts
    }

    /// SHA-256 over the embedded rows and roles and over each added file in order, in lower-case
    /// hexadecimal. Each part goes in behind its length, so that no two sequences of files look alike.
    pub fn sha256(&self) -> String {
        let digest = self.digest.clone().finalize();
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn hash(&mut self, text: &str) {
        self.digest.update((text.len() as u64).to_le_bytes());
        self.digest.update(text.as_bytes());
    }

    fn insert(&mut self, host: Host) {
        let next = self.hosts.len();
        let at = match host.matching {
            Matching::Suffix => {
                self.longest_suffix = self.longest_suffix.max(host.pattern.len());
                *self.suffixes.entry(host.pattern.clone()).or_insert(next)
            }
            Matching::Exact => *self.exact.entry(host.pattern.clone()).or_insert(next),
            Matching::Address => match host.pattern.parse::<IpAddr>() {
                Ok(ip) => *self.addresses.entry(ip).or_insert(next),
                Err(_) => return,
            },
        };
        match self.hosts.get_mut(at) {
            Some(known) => *known = Arc::new(host),
            None => self.hosts.push(Arc::new(host)),
        }
    }

    /// The vendor row that covers a name, however many other rows stand between.
    fn vendor_above(&self, name: &str) -> Option<&Host> {
        let exact = self.exact.get(name).into_iter();
        exact
            .chain(endings(name).filter_map(|ending| self.suffixes.get(ending)))
            .filter_map(|at| self.hosts.get(*at))
            .map(|host| &**host)
            .find(|host| host.attribution == RoleAttribution::Vendor)
    }
}

/// The name itself and what remains of it as labels are taken from the left.
fn endings(name: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(name), |rest| {
        rest.split_once('.').map(|(_, tail)| tail)
    })
}

/// Those of them that have at most so many bytes. Those before are not walked one by one: a name can have 127 labels.
fn endings_within(name: &str, longest: usize) -> impl Iterator<Item = &str> {
    let first = match name.len().saturating_sub(longest) {
        0 => Some(name),
        // The first that is short enough begins here, or behind the next dot.
        from => {
            let before = from.saturating_sub(1);
            let mut rest = name.bytes().skip(before);
            let dot = rest.position(|byte| byte == b'.');
            dot.and_then(|at| name.get(before + at + 1..))
        }
    };
    first.into_iter().flat_map(endings)
}

/// Why an added row may not be used: it would take a host off the vendor that the embedded catalog gives it
/// to. Rows of addresses cannot: the name of a host comes before its address.
fn takes_off_vendor(host: &Host) -> Option<String> {
    if host.attribution == RoleAttribution::Vendor || host.matching == Matching::Address {
        return None;
    }
    let vendor = Catalog::embedded().vendor_above(&host.pattern)?;
    Some(format!(
        "{:?} belongs to {} (row {} {}) and cannot be taken off the vendor; give it a vendor role and \
         evidence other than general-knowledge, or remove the row",
        host.pattern,
        vendor.owner,
        vendor.pattern,
        vendor.matching.as_str(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "pattern\tmatch\towner\trole\tjurisdiction\tregion\toperators\tbrowsable\tevidence\tsource\n";

    fn attribution(name: &str) -> Option<RoleAttribution> {
        Catalog::embedded()
            .lookup(name)
            .map(|host| host.attribution)
    }

    fn extended(text: &str) -> Result<Catalog, CatalogError> {
        let mut catalog = Catalog::embedded().clone();
        catalog.extend(text, "mine.tsv").map(|()| catalog)
    }

    fn problem(row: &str) -> String {
        let error = extended(&format!("{HEADER}{row}\n")).expect_err(row);
        assert_eq!(error.problems.len(), 1, "{error}");
        assert_eq!(error.problems[0].line, 2);
        error.problems[0].text.clone()
    }

    #[test]
    fn short_endings_are_those_of_all_that_are_short() {
        for name in [
            "",
            "a",
            "a.b",
            "aa.bb.cc.",
            ".a..b",
            "\u{e9}.\u{e9}\u{e9}.x",
            "a.bcd.e.fgh.i",
        ] {
            for longest in 0..=name.len() + 1 {
                let short: Vec<_> = endings(name).filter(|e| e.len() <= longest).collect();
                let within: Vec<_> = endings_within(name, longest).collect();
                assert_eq!(within, short, "{name:?} up to {longest}");
            }
        }
    }

    #[test]
    fn embedded_text_is_sound() {
        let (rows, problems) = row::parse(HOSTS);
        assert_eq!(problems, []);
        assert!(rows.len() > 500);
        assert_eq!(Catalog::embedded().hosts().len(), rows.len());
        let lines = role::ROLES
            .lines()
            .filter(|line| !line.starts_with('#') && !line.starts_with("role\t"));
        assert_eq!(roles().len(), lines.count(), "a role cannot be read");

        for (line, host) in &rows {
            use RoleAttribution::{Os, Vendor};
            let vendor_role = host.role.starts_with("vendor-");
            let os_role = ["os-connectivity", "os-time", "os-update", "ntp"];
            match host.attribution {
                Vendor => assert!(vendor_role, "line {line}"),
                Os => assert!(os_role.contains(&host.role.as_str()), "line {line}"),
                _ => assert!(!vendor_role && host.operators.is_empty(), "line {line}"),
            }
            if host.evidence == row::Evidence::GeneralKnowledge {
                assert!(![Vendor, Os].contains(&host.attribution), "line {line}");
            }
            assert!(!host.browsable || host.attribution == Vendor, "line {line}");
            for operator in &host.operators {
                let rented = [
                    "amazon",
                    "alibaba",
                    "tencent",
                    "akamai",
                    "cloudflare",
                    "fastly",
                ];
                assert!(!rented.contains(&operator.as_str()), "line {line}");
            }
        }
    }

    #[test]
    fn names_match_on_label_boundaries() {
        let catalog = Catalog::embedded();
        let pattern = |name: &str| catalog.lookup(name).map(|host| host.pattern.as_str());
        assert_eq!(pattern("flysafe-api.dji.com"), Some("flysafe-api.dji.com"));
        assert_eq!(
            pattern("a.b.FlySafe-API.DJI.com."),
            Some("flysafe-api.dji.com")
        );
        assert_eq!(pattern("never-seen.dji.com"), Some("dji.com"));
        assert_eq!(pattern("*.dji.com"), Some("dji.com"));
        let long = format!("{}.dji.com", ["x"; 4000].join("."));
        assert_eq!(pattern(&long), Some("dji.com"));
        for name in [
            "xdji.com",
            "dji.com.evil.net",
            "dji.com.cdn-files.net",
            "dji.com.fieldlog-sync.net",
            "dji.co",
            "com",
            "",
            ".",
            "dji.com..",
            "edge.fieldlog-sync.net",
            "sub.djigo4-f53cb.firebaseio.example",
        ] {
            assert_eq!(pattern(name), None, "{name}");
        }
    }

    #[test]
    fn exact_comes_before_suffix_of_the_same_length() {
        let catalog = Catalog::embedded();
        let home = catalog.lookup("dji.com").unwrap();
        assert_eq!((home.matching, home.browsable), (Matching::Exact, true));
        let below = catalog.lookup("x.dji.com").unwrap();
        assert_eq!((below.matching, below.browsable), (Matching::Suffix, false));
        // A tenant is the vendor, its neighbours and what lies below are the platform.
        let tenant = catalog.lookup("djigo4-f53cb.firebaseio.com").unwrap();
        assert_eq!(tenant.attribution, RoleAttribution::Vendor);
        assert_eq!(tenant.owner, "SZ DJI Technology");
        for other in ["other.firebaseio.com", "x.djigo4-f53cb.firebaseio.com"] {
            assert_eq!(attribution(other), Some(RoleAttribution::Shared), "{other}");
        }
    }

    #[test]
    fn addresses_have_rows_of_their_own() {
        let catalog = Catalog::embedded();
        let row = |ip: &str| catalog.lookup_ip(ip.parse().unwrap());
        for time in [
            "216.239.35.0",
            "216.239.35.12",
            "::ffff:216.239.35.4",
            "2001:4860:4806::",
            "2001:4860:4806:c::",
            "162.159.200.123",
        ] {
            let host = row(time).unwrap();
            assert_eq!(
                (host.role.as_str(), host.attribution),
                ("os-time", RoleAttribution::Os)
            );
        }
        assert_eq!(row("8.8.8.8").unwrap().attribution, RoleAttribution::Shared);
        assert_eq!(row("216.239.35.1"), None);
        assert_eq!(catalog.lookup("216.239.35.0"), None);
        assert_eq!(catalog.lookup("2001:4860:4806::"), None);
    }

    #[test]
    fn known_hosts_say_what_they_must() {
        use RoleAttribution::{Os, Shared, ThirdParty, Vendor};
        for (name, expected) in [
            ("forum.dji.com", Vendor),
            ("www-dl.djicdn.com", Vendor),
            ("es-flight-api-us.djiservice.org", Vendor),
            ("live.skypixel.com", Vendor),
            ("time.skydio.com", Vendor),
            ("skydio-flight-data.s3.amazonaws.com", Vendor),
            ("digital-elevation.djigate.com", Vendor),
            ("paas-beijing6.fimi.com", Vendor),
            ("android.bugly.qq.com", ThirdParty),
            ("alogs.umeng.com", ThirdParty),
            ("api.mapbox.com", ThirdParty),
            ("m.jpush.cn", ThirdParty),
            ("app-measurement.com", ThirdParty),
            ("firebaseinstallations.googleapis.com", Shared),
            ("maps.googleapis.com", Shared),
            ("mtalk.google.com", Shared),
            ("clients3.google.com", Shared),
            ("www.google.com", Shared),
            ("huawei.com", Shared),
            ("dns.google", Shared),
            ("media-7f.oss-cn-hangzhou.aliyuncs.com", Shared),
            ("uavlogs.s3.us-west-2.amazonaws.com", Shared),
            ("www-dl.djicdn.com.w.kunluncan.com", Shared),
            ("connectivitycheck.gstatic.com", Os),
            ("captive.apple.com", Os),
            ("www.msftconnecttest.com", Os),
            ("time.android.com", Os),
            ("2.android.pool.ntp.org", Os),
            ("mesu.apple.com", Os),
            // Below an exact row of the system lies the platform.
            ("x.connectivitycheck.gstatic.com", Shared),
        ] {
            assert_eq!(attribution(name), Some(expected), "{name}");
        }
        let operators = |name: &str| &Catalog::embedded().lookup(name).unwrap().operators;
        assert_eq!(operators("connectivitycheck.gstatic.com"), &["google"]);
        // Anyone may serve time for the pool.
        assert!(operators("0.pool.ntp.org").is_empty());
    }

    #[test]
    fn what_accuses_is_strongest_and_what_acquits_weakest() {
        use RoleAttribution::{None, Os, Shared, ThirdParty, Vendor};
        let mut order = [Shared, Vendor, Os, ThirdParty, None];
        order.sort();
        assert_eq!(order, [Os, None, Shared, ThirdParty, Vendor]);
    }

    #[test]
    fn added_rows_extend_and_replace() {
        let text = format!(
            "\u{feff}# mine\r\n{HEADER}\
             Fieldlog-Sync.net.\tsuffix\tFieldlog\tvendor-cloud\tUS\t\t\tno\tdeclared\tcontract\r\n\
             captive.apple.com\texact\tApple\tos-service\t\t\t\t\tdeclared\ttest\r\n\
             45.33.1.1\tip\tFieldlog\tother\t\t\t\t\tdeclared\ttest\r\n\
             unproven.example\tsuffix\tX\tvendor-web\t\t\t\t\tgeneral-knowledge\theard\r\n"
        );
        let catalog = extended(&text).unwrap();
        let added = catalog.lookup("edge.fieldlog-sync.net").unwrap();
        assert_eq!(added.attribution, RoleAttribution::Vendor);
        assert_eq!(added.jurisdiction.as_deref(), Some("US"));
        assert_eq!(added.region, None);
        let replaced = catalog.lookup("captive.apple.com").unwrap();
        assert_eq!(replaced.attribution, RoleAttribution::Shared);
        let address = catalog.lookup_ip("45.33.1.1".parse().unwrap()).unwrap();
        assert_eq!(address.owner, "Fieldlog");
        let unproven = catalog.lookup("unproven.example").unwrap();
        assert_eq!(unproven.attribution, RoleAttribution::None);
        assert_eq!(catalog.hosts().len(), Catalog::embedded().hosts().len() + 3);
        assert_eq!(attribution("edge.fieldlog-sync.net"), None);
    }

    #[test]
    fn header_names_the_columns() {
        let text = "source\tevidence\trole\towner\tmatch\tpattern\towner_jurisdiction\n\
                    page\tcited\tanalytics\tX\tsuffix\tx.example\tDE\n";
        let catalog = extended(text).unwrap();
        let host = catalog.lookup("a.x.example").unwrap();
        assert_eq!(host.jurisdiction.as_deref(), Some("DE"));
        assert_eq!((host.owner.as_str(), host.source.as_str()), ("X", "page"));

        let bare = "x.example\tsuffix\tX\tanalytics\t\t\t\t\tcited\tpage\n";
        assert!(extended(bare).unwrap().lookup("x.example").is_some());
        for (header, word) in [
            ("pattern\tmatch\towner\trole\tsource\n", "evidence"),
            (
                "pattern\tmatch\towner\trole\tevidence\tsource\tcolour\n",
                "colour",
            ),
        ] {
            let error = extended(header).unwrap_err().to_string();
            assert!(error.contains("line 1") && error.contains(word), "{error}");
        }
    }

    #[test]
    fn nothing_takes_a_host_off_the_vendor() {
        for (pattern, matching) in [
            ("dji.com", "suffix"),
            ("dji.com", "exact"),
            ("DJI.com.", "exact"),
            ("forum.dji.com", "suffix"),
            ("new-host.flysafe-api.dji.com", "exact"),
            ("mydjiflight.dji.com", "suffix"),
            ("djigo4-f53cb.firebaseio.com", "exact"),
            ("djigo4-f53cb.firebaseio.com", "suffix"),
            ("time.skydio.com", "exact"),
        ] {
            for (role, evidence) in [
                ("os-time", "declared"),
                ("cdn", "declared"),
                ("analytics", "declared"),
                ("other", "declared"),
                ("vendor-web", "general-knowledge"),
            ] {
                let text = problem(&format!(
                    "{pattern}\t{matching}\tMe\t{role}\t\t\t\t\t{evidence}\tme"
                ));
                assert!(text.contains("vendor"), "{text}");
            }
            let kept =
                format!("{pattern}\t{matching}\tDJI\tvendor-cloud\tCN\t\t\t\tdeclared\tme\n");
            // Another vendor role is welcome, and does not open the door for a later file.
            let mut catalog = extended(&kept).unwrap();
            let away = format!("x.{pattern}\tsuffix\tMe\tcdn\t\t\t\t\tdeclared\tme\n");
            let covered = !pattern.contains("firebaseio");
            assert_eq!(
                catalog.extend(&away, "b.tsv").is_err(),
                covered,
                "{pattern}"
            );
        }
        // Above and beside vendor rows anything goes; the longer row still wins.
        let platform = "firebaseio.com\tsuffix\tG\tcdn\t\t\t\t\tdeclared\tme\n";
        let catalog = extended(platform).unwrap();
        let tenant = catalog.lookup("djigo4-f53cb.firebaseio.com").unwrap();
        assert_eq!(tenant.attribution, RoleAttribution::Vendor);
        assert!(extended("xdji.com\tsuffix\tG\tcdn\t\t\t\t\tdeclared\tme\n").is_ok());
    }

    #[test]
    fn problems_name_line_and_remedy_and_nothing_is_taken() {
        for (row, word) in [
            ("x.example suffix X analytics", "tabs"),
            ("x.example\tsuffix\tX\tanalytics\t\t\t\t\tcited", "columns"),
            (
                "x.example\tglob\tX\tanalytics\t\t\t\t\tcited\ts",
                "suffix, exact or ip",
            ),
            (
                "x.example\tsuffix\tX\tanalysis\t\t\t\t\tcited\ts",
                "vendor-web",
            ),
            ("x.example\tsuffix\t\tanalytics\t\t\t\t\tcited\ts", "owner"),
            ("x.example\tsuffix\tX\tanalytics\t\t\t\t\tcited\t", "source"),
            (
                "x.example\tsuffix\tX\tanalytics\t\t\t\t\tsure\ts",
                "general-knowledge",
            ),
            (
                "x.example\tsuffix\tX\tanalytics\tusa\t\t\t\tcited\ts",
                "ISO 3166",
            ),
            (
                "x.example\tsuffix\tX\tntp\t\t\tGoogle, LLC\t\tcited\ts",
                "operator",
            ),
            (
                "x.example\tsuffix\tX\tntp\t\t\tgoogle|\t\tcited\ts",
                "operator",
            ),
            (
                "x.example\tsuffix\tX\tanalytics\t\t\t\tmaybe\tcited\ts",
                "yes, no",
            ),
            (
                "*.x.example\tsuffix\tX\tanalytics\t\t\t\t\tcited\ts",
                "without *",
            ),
            (
                ".x.example\tsuffix\tX\tanalytics\t\t\t\t\tcited\ts",
                "host name",
            ),
            (
                "x.example:443\texact\tX\tanalytics\t\t\t\t\tcited\ts",
                "port",
            ),
            (
                "bücher.example\texact\tX\tanalytics\t\t\t\t\tcited\ts",
                "xn--",
            ),
            ("com\tsuffix\tX\tanalytics\t\t\t\t\tcited\ts", "top-level"),
            ("8.8\tsuffix\tX\tanalytics\t\t\t\t\tcited\ts", "IP address"),
            (
                "8.8.8.8\tsuffix\tX\tanalytics\t\t\t\t\tcited\ts",
                "match ip",
            ),
            (
                "x.example\tip\tX\tanalytics\t\t\t\t\tcited\ts",
                "suffix or exact",
            ),
            (
                "10.0.0.0/8\tip\tX\tanalytics\t\t\t\t\tcited\ts",
                "not an IP",
            ),
            (
                "x.example\tsuffix\tX\u{1b}[2J\tanalytics\t\t\t\t\tcited\ts",
                "control",
            ),
        ] {
            let text = problem(row);
            assert!(text.contains(word), "{row}: {text}");
            assert!(!text.contains('\u{1b}'), "{text}");
        }

        let good = "good.example\tsuffix\tX\tanalytics\t\t\t\t\tcited\ts\n";
        let mut catalog = Catalog::embedded().clone();
        let before = catalog.sha256();
        let error = catalog
            .extend(&format!("{good}# note\n\nbad\n{good}"), "a.tsv")
            .unwrap_err();
        let lines: Vec<usize> = error.problems.iter().map(|problem| problem.line).collect();
        assert_eq!(lines, [4, 5]);
        assert!(error.to_string().contains("stands in line 1"), "{error}");
        assert_eq!(catalog.lookup("good.example"), None);
        assert_eq!(catalog.sha256(), before);

        let many = extended(&"bad\n".repeat(25)).unwrap_err().to_string();
        assert!(many.ends_with("and 5 more lines"), "{many}");
    }

    #[test]
    fn digest_covers_every_part_in_order() {
        let row = |name: &str| format!("{name}\tsuffix\tX\tads\t\t\t\t\tcited\ts\n");
        let (a, b) = (row("a.example"), row("b.example"));
        let digest = |parts: &[&str]| {
            let mut catalog = Catalog::embedded().clone();
            for part in parts {
                catalog.extend(part, "x").unwrap();
            }
            catalog.sha256()
        };
        let mut framed = Vec::new();
        for part in [HOSTS, role::ROLES, a.as_str()] {
            framed.extend_from_slice(&(part.len() as u64).to_le_bytes());
            framed.extend_from_slice(part.as_bytes());
        }
        let expected: String = Sha256::digest(&framed)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(digest(&[&a]), expected);
        let all = [
            digest(&[]),
            digest(&[&a]),
            digest(&[&a, &b]),
            digest(&[&b, &a]),
            digest(&[&format!("{a}{b}")]),
        ];
        for (at, one) in all.iter().enumerate() {
            assert!(all.iter().skip(at + 1).all(|other| other != one));
        }
        assert_eq!(digest(&[]), Catalog::embedded().sha256());
    }
}
