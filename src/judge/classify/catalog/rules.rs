//! What every embedded row has to keep, so that a bad one fails the build: a row can accuse somebody of a contact that was
//! none, or take a contact off the list. And how many of the vendors' documented hosts the rows find (`recall.tsv`).

use super::row::{Evidence, Host, Matching};
use super::{Catalog, RoleAttribution, role};
use crate::judge::locate::operator::operators;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Suffixes under which anybody registers names (publicsuffix.org, the part that rows come near to): a row for one would give
/// its owner everybody's hosts.
const PUBLIC: &[&str] = &[
    "ac.cn",
    "appspot.com",
    "azurewebsites.net",
    "blogspot.com",
    "cloudfront.net",
    "co.jp",
    "co.kr",
    "co.nz",
    "co.uk",
    "com.au",
    "com.br",
    "com.cn",
    "com.de",
    "com.hk",
    "com.tw",
    "edu.cn",
    "firebaseapp.com",
    "firebaseio.com",
    "github.io",
    "gitlab.io",
    "go.jp",
    "gov.cn",
    "govt.nz",
    "herokuapp.com",
    "myshopify.com",
    "net.cn",
    "net.in",
    "ne.jp",
    "netlify.app",
    "or.jp",
    "org.au",
    "org.cn",
    "org.uk",
    "pages.dev",
    "s3.amazonaws.com",
    "vercel.app",
    "web.app",
    "workers.dev",
    "wixsite.com",
];

/// Hosts that look like a drone vendor's and are not, or are another business of its owners: a car diagnostics firm, camera
/// makers, wearables on a domain that a drone maker rents names of, domains whose owner is not known.
const NOT_VENDORS: &[&str] = &[
    "autel.com",
    "www.autel.com",
    "maxifix.autel.com",
    "insta360.com",
    "openapi.insta360.com",
    "hasselblad.com",
    "gopro.com",
    "mi-ae.com",
    "api.mi-ae.com",
    "mi-ae.cn",
    "uav.com",
    "account-api.uav.com",
    "uavservice.org",
    "dji.co",
    "autelpilot.com",
    "xdji.com",
    "skydio.net",
    "parrot.org",
    "xag.com",
    "xa.cn",
    "potensic.net",
    "antigravity.google",
    "google-antigravity.com",
    "other.firebaseio.com",
    "skydio-anything.s3.amazonaws.com",
    "dj2006.net",
];

/// Makers of ground stations: third parties to the vendor of the drone.
const GROUND_STATIONS: &[&str] = &[
    "hub.flylitchi.com",
    "flylitchi.com",
    "api.dronedeploy.com",
    "app.airdata.com",
    "api.airdata.com",
    "cloud.pix4d.com",
    "www.dronelink.com",
    "support.dronelink.com",
    "suite.auterion.com",
    "terrain-ce.suite.auterion.com",
    "web.dronesense.com",
];

/// First labels of hosts that people open in browsers.
const OPENED: &[&str] = &[
    "academy",
    "bbs",
    "blog",
    "careers",
    "developer",
    "doc",
    "docs",
    "forum",
    "help",
    "news",
    "shop",
    "store",
    "support",
    "www",
];

/// What a row without a network of its own says of itself: its connections stay unexplained, only its lookups are the system's.
const LOOKUPS_ONLY: &str = "lookups only";

fn hosts() -> &'static [Arc<Host>] {
    Catalog::embedded().hosts()
}

/// What the catalog says of what stands above a name, nearest first.
fn above(name: &str) -> impl Iterator<Item = &'static Arc<Host>> {
    let parents = std::iter::successors(name.split_once('.'), |(_, rest)| rest.split_once('.'));
    let parents: Vec<String> = parents.map(|(_, rest)| rest.to_owned()).collect();
    parents.into_iter().filter_map(|parent| {
        hosts()
            .iter()
            .find(|host| host.matching == Matching::Suffix && host.pattern == parent)
    })
}

/// Sources that know the host for what it does. Lists that only say who owns a domain are none.
fn sources(host: &Host) -> usize {
    let owner_only = |source: &&str| !source.starts_with("xray:") && !source.starts_with("exodus:");
    let own = |source: &&str| !source.contains(LOOKUPS_ONLY);
    host.source
        .split("; ")
        .filter(owner_only)
        .filter(own)
        .collect::<BTreeSet<_>>()
        .len()
}

#[test]
fn what_acquits_is_documented_or_known_twice_and_names_its_network() {
    let own: BTreeSet<&str> = operators()
        .iter()
        .filter(|o| !o.tenants)
        .map(|o| o.id)
        .collect();
    for host in hosts()
        .iter()
        .filter(|h| h.attribution == RoleAttribution::Os)
    {
        let what = format!("{} {}", host.pattern, host.source);
        assert!(
            host.evidence == Evidence::Documented || sources(host) >= 2,
            "needs a second source: {what}"
        );
        assert!(
            host.evidence != Evidence::CheckedList,
            "a list of somebody else: {what}"
        );
        for operator in &host.operators {
            assert!(
                own.contains(operator.as_str()),
                "{operator} has no network that is not rented out: {what}"
            );
        }
        let by_address = hosts().iter().any(|other| {
            other.matching == Matching::Address
                && other.attribution == RoleAttribution::Os
                && other.owner == host.owner
        });
        let proven = !host.operators.is_empty() || by_address || host.matching == Matching::Address;
        assert_eq!(host.source.contains(LOOKUPS_ONLY), !proven, "{what}");
    }
}

#[test]
fn a_vendor_row_covers_no_stranger() {
    for host in hosts().iter().filter(|h| h.matching != Matching::Address) {
        let what = format!("{} {}", host.pattern, host.matching.as_str());
        if host.matching == Matching::Suffix && host.attribution != RoleAttribution::Shared {
            assert!(
                !PUBLIC.contains(&host.pattern.as_str()),
                "a public suffix: {what}"
            );
        }
        for parent in above(&host.pattern) {
            // Below a vendor's row are that vendor's hosts only.
            if parent.attribution == RoleAttribution::Vendor {
                assert_eq!(
                    (host.attribution, &host.owner),
                    (RoleAttribution::Vendor, &parent.owner),
                    "{what}"
                );
            }
            // On a platform a tenant's name is one name: what others register beside or below it is theirs.
            if parent.attribution == RoleAttribution::Shared
                && host.attribution == RoleAttribution::Vendor
            {
                assert_eq!(host.matching, Matching::Exact, "{what}");
            }
        }
    }
    for name in NOT_VENDORS {
        let found = Catalog::embedded().lookup(name);
        assert!(
            found.is_none_or(|h| h.attribution != RoleAttribution::Vendor),
            "{name}"
        );
    }
}

#[test]
fn what_accuses_says_more_than_its_own_name() {
    for host in hosts()
        .iter()
        .filter(|h| h.attribution == RoleAttribution::Vendor)
    {
        assert!(
            host.evidence != Evidence::GeneralKnowledge,
            "{}",
            host.pattern
        );
        let rest = host.source.replace(&host.pattern, "");
        let told = rest.starts_with("v2fly:") || rest.split_whitespace().count() >= 3;
        assert!(told, "{} rests on {:?}", host.pattern, host.source);
        assert!(host.jurisdiction.is_some(), "{}", host.pattern);
        assert!(
            host.operators.is_empty() || host.owner == "Skydio",
            "{}",
            host.pattern
        );
    }
}

#[test]
fn hosts_that_browsers_open_are_marked() {
    let vendors = hosts()
        .iter()
        .filter(|h| h.attribution == RoleAttribution::Vendor);
    for host in vendors {
        let first = host.pattern.split('.').next().unwrap_or("");
        let opened = OPENED.contains(&first) || host.role == "vendor-web";
        assert!(
            host.browsable || !opened,
            "{} is opened in browsers",
            host.pattern
        );
    }
    // What an app asks by itself is not marked: a mark takes confidence off.
    for name in [
        "flysafe-api.dji.com",
        "active.dji.com",
        "fffdrone.aasky.net",
        "push.djiservice.org",
        "app-service.skypixel.com",
    ] {
        assert!(
            Catalog::embedded()
                .lookup(name)
                .is_some_and(|h| !h.browsable),
            "{name}"
        );
    }
}

#[test]
fn ground_stations_are_third_parties() {
    assert_eq!(
        role("ground-station").map(|r| r.attribution),
        Some(RoleAttribution::ThirdParty)
    );
    for name in GROUND_STATIONS {
        let found = Catalog::embedded()
            .lookup(name)
            .map(|h| (h.role.as_str(), h.attribution));
        assert_eq!(
            found,
            Some(("ground-station", RoleAttribution::ThirdParty)),
            "{name}"
        );
    }
    // The maps that such programs load are maps, whoever asks.
    for name in [
        "cyberjapandata.gsi.go.jp",
        "basemaps.linz.govt.nz",
        "t0.ssl.ak.dynamic.tiles.virtualearth.net",
    ] {
        assert_eq!(
            Catalog::embedded().lookup(name).map(|h| h.role.as_str()),
            Some("maps"),
            "{name}"
        );
    }
}

#[test]
fn systems_other_than_the_usual_ones_are_known() {
    for name in [
        "connectivitycheck.grapheneos.network",
        "grapheneos.network",
        "time.grapheneos.org",
        "releases.grapheneos.org",
        "www.appleiphonecell.com",
        "www.ibook.info",
        "gs.apple.com",
        "swscan.apple.com",
        "nmcheck.gnome.org",
        "networkcheck.kde.org",
        "connectivity-check.ubuntu.com",
        "network-test.debian.org",
        "conncheck.opensuse.org",
        "ping.archlinux.org",
        "dns.msftncsi.com",
        "www.msftconnecttest.com",
        "dl.delivery.mp.microsoft.com",
        "connectivitycheck.platform.hicloud.com",
        "connect.rom.miui.com",
        "connectivity.samsung.com.cn",
        "1a2b3c4d-dnsotls-ds.metric.gstatic.com",
        "time2.facebook.com",
        "time-a-g.nist.gov",
        "ntp3.aliyun.com",
    ] {
        assert_eq!(
            Catalog::embedded().lookup(name).map(|h| h.attribution),
            Some(RoleAttribution::Os),
            "{name}"
        );
    }
    // Services of the same makers, which apps use too.
    for name in [
        "grapheneos.org",
        "www.apple.com",
        "apps.grapheneos.org",
        "www.microsoft.com",
        "detectportal.firefox.com",
    ] {
        assert_eq!(
            Catalog::embedded().lookup(name).map(|h| h.attribution),
            Some(RoleAttribution::Shared),
            "{name}"
        );
    }
}

/// The hosts of `recall.tsv` are named in the sources that it names, whether or not a row was made of them; a vendor's share
/// found must not fall below the one given there.
#[test]
fn documented_hosts_of_each_vendor_are_found() {
    let mut of: BTreeMap<&str, (usize, usize, Vec<&str>)> = BTreeMap::new();
    let mut least: BTreeMap<&str, usize> = BTreeMap::new();
    for line in include_str!("recall.tsv")
        .lines()
        .filter(|l| !l.starts_with('#') && !l.is_empty())
    {
        let mut cells = line.split('\t');
        let (vendor, host, source) = (
            cells.next().unwrap_or(""),
            cells.next().unwrap_or(""),
            cells.next().unwrap_or(""),
        );
        assert!(!source.is_empty() && cells.next().is_none(), "{line}");
        if let Some(share) = host.strip_prefix('>') {
            least.insert(vendor, share.parse().unwrap_or(101));
            continue;
        }
        let found = Catalog::embedded()
            .lookup(host)
            .is_some_and(|row| row.attribution == RoleAttribution::Vendor && row.owner == vendor);
        let (known, all, missing) = of.entry(vendor).or_default();
        *known += usize::from(found);
        *all += 1;
        if !found {
            missing.push(host);
        }
    }
    assert!(
        of.len() >= 12 && of.keys().eq(least.keys()),
        "{:?} {:?}",
        of.keys(),
        least.keys()
    );
    for (vendor, (known, all, missing)) in of {
        let share = known * 100 / all;
        assert!(
            share >= least.get(vendor).copied().unwrap_or(101),
            "{vendor}: {share} %, missing {missing:?}"
        );
    }
}
