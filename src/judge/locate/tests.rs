//! Tests of the whole stage: the embedded database, `--geo` files, embedded addresses.

use super::mmdb::craft::{Value, database};
use super::*;
use sha2::{Digest, Sha256};

fn place(ip: &str) -> Location {
    Locator::embedded().unwrap().place(ip.parse().unwrap())
}

/// Writes databases to files and opens them as `--geo` would.
fn locator(files: &[Vec<u8>]) -> Result<Locator, LocateError> {
    let folder = tempfile::tempdir().unwrap();
    let paths: Vec<PathBuf> = files
        .iter()
        .enumerate()
        .map(|(index, bytes)| {
            let path = folder.path().join(format!("{index}.mmdb"));
            std::fs::write(&path, bytes).unwrap();
            path
        })
        .collect();
    Locator::with_databases(&paths)
}

fn country_file(code: &'static str) -> Vec<u8> {
    let record = Value::Map(vec![("country_code", Value::Text(code))]);
    database("flat", 4, &[("203.0.113.0/24", record)])
}

#[test]
fn embedded_database_is_the_one_its_hash_names_and_is_sound() {
    let hex: String = Sha256::digest(embedded_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let locator = Locator::embedded().unwrap();
    let databases = locator.databases();
    assert_eq!(databases.len(), 1);
    assert_eq!(databases[0].sha256, hex);
    assert_eq!(databases[0].source, "embedded");
    assert_eq!(databases[0].kind, mmdb::OWN_TYPE);
    // 2026-09-23T00:00:00Z, the date of the primary data.
    assert_eq!(databases[0].built, 1_790_121_600);
    for name in [
        "IPFire",
        "2026-09-23",
        "DB-IP",
        "2026-06-01",
        "Route Views",
        "CC BY-SA 4.0",
    ] {
        assert!(databases[0].attribution.contains(name), "{name}");
        assert!(notice().contains(name), "{name}");
    }
    maxminddb::Reader::from_source(embedded_bytes())
        .unwrap()
        .verify()
        .unwrap();
    // It ships inside every binary and package.
    assert!(embedded_bytes().len() < 13_000_000);
}

#[test]
fn facts_that_must_hold() {
    for (ip, operator, asn) in [
        ("142.250.72.3", "google", 15169),
        ("216.239.35.0", "google", 15169),
        ("47.88.122.4", "alibaba", 45102),
        ("52.218.128.10", "amazon", 16509),
        ("17.253.144.10", "apple", 714),
        ("13.107.4.52", "microsoft", 8068),
        ("1.1.1.1", "cloudflare", 13335),
        ("35.208.0.1", "google-cloud", 15169),
        ("2a00:1450:4001:81b::200e", "google", 15169),
    ] {
        let found = place(ip);
        assert_eq!(found.operator.as_deref(), Some(operator), "{ip}");
        assert_eq!(found.asn, Some(asn), "{ip}");
        assert!(
            found.organisation.is_some_and(|name| !name.is_empty()),
            "{ip}"
        );
    }
    let s3 = place("52.218.128.10");
    assert_eq!(
        (s3.country.as_deref(), s3.confidence),
        (Some("US"), Confidence::Agreed)
    );
    assert_eq!(s3.candidates, ["US"]);
    assert_eq!(s3.tenants, Some(true));
    assert_eq!(place("17.253.144.10").tenants, Some(false));
}

#[test]
fn anycast_has_candidates_but_no_country() {
    let found = place("1.1.1.1");
    assert_eq!(
        (found.country, found.confidence),
        (None, Confidence::Anycast)
    );
    assert!(!found.candidates.is_empty());
}

/// 119.29.29.29 is Tencent's and geolocated abroad: location and operator must stay apart.
#[test]
fn operator_does_not_become_location() {
    let found = place("119.29.29.29");
    assert_eq!(found.operator.as_deref(), Some("tencent"));
    assert_eq!(found.country, None);
    assert!(!found.candidates.iter().any(|code| code == "CN"));
}

#[test]
fn special_purpose_addresses_have_no_place() {
    for ip in [
        "0.1.2.3",
        "10.0.0.1",
        "100.64.0.1",
        "127.0.0.1",
        "169.254.1.1",
        "172.16.0.1",
        "192.0.0.9",
        "192.0.2.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.7",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::8.8.8.8",
        "100::1",
        "2001:2::1",
        "2001:db8::1",
        "3fff::1",
        "fc00::1",
        "fe80::1",
        "ff02::1",
        "64:ff9b::10.0.0.1",
        "::ffff:192.168.1.1",
        "2002:a00:1::1",
    ] {
        assert_eq!(place(ip), Location::unknown(), "{ip}");
    }
}

#[test]
fn carried_ipv4_addresses() {
    for (ip, carried) in [
        ("::ffff:52.218.128.10", Some("52.218.128.10")),
        ("64:ff9b::34da:800a", Some("52.218.128.10")),
        ("64:ff9b::1:34da:800a", None),
        ("64:ff9b:1::34da:800a", Some("52.218.128.10")),
        ("64:ff9b:1:fffe::34da:800a", Some("52.218.128.10")),
        // What /48, /56 and /64 would make of it, and no /96 has.
        ("64:ff9b:1:34da:80:a00::", None),
        ("64:ff9b:1:0:100:0:34da:800a", None),
        ("2002:34da:800a::1", Some("52.218.128.10")),
        // Teredo: server 65.54.227.120 in front, client 192.0.2.45 stored inverted at the end.
        ("2001:0:4136:e378:8000:63bf:3fff:fdd2", Some("192.0.2.45")),
        ("2001:1::1", None),
        ("2003::1", None),
        ("::34da:800a", None),
        ("52.218.128.10", None),
    ] {
        let expected = carried.map(|text| text.parse().unwrap());
        assert_eq!(embedded_ipv4(ip.parse().unwrap()), expected, "{ip}");
    }
    let plain = place("52.218.128.10");
    // The last is Teredo: !52.218.128.10 in the low 32 bits.
    for ip in [
        "::ffff:52.218.128.10",
        "64:ff9b::34da:800a",
        "2002:34da:800a::1",
        "2001::cb25:7ff5",
    ] {
        assert_eq!(place(ip), plain, "{ip}");
    }
}

#[test]
fn one_file_is_single_two_agree_or_conflict() {
    let ask = |files: &[Vec<u8>]| {
        locator(files)
            .unwrap()
            .place("203.0.113.7".parse().unwrap())
    };
    let (us, cn) = (country_file("US"), country_file("CN"));

    let one = ask(std::slice::from_ref(&us));
    assert_eq!(
        (one.country.as_deref(), one.confidence),
        (Some("US"), Confidence::Single)
    );
    // The same bytes again are not a second opinion.
    assert_eq!(ask(&[us.clone(), us.clone()]), one);

    let other = database(
        "nested",
        4,
        &[(
            "203.0.113.0/25",
            Value::Map(vec![(
                "country",
                Value::Map(vec![("iso_code", Value::Text("US"))]),
            )]),
        )],
    );
    assert_eq!(ask(&[us.clone(), other]).confidence, Confidence::Agreed);

    let both = ask(&[us.clone(), cn.clone()]);
    assert_eq!(
        (both.country.as_deref(), both.confidence),
        (Some("US"), Confidence::Conflict)
    );
    assert_eq!(both.candidates, ["CN", "US"]);
    // The first file given is the primary one; the candidates do not depend on the order.
    let turned = ask(&[cn, us]);
    assert_eq!(
        (turned.country.as_deref(), turned.candidates),
        (Some("CN"), both.candidates)
    );
}

#[test]
fn files_replace_the_embedded_database() {
    let locator = locator(&[country_file("US")]).unwrap();
    assert_eq!(
        locator.place("52.218.128.10".parse().unwrap()),
        Location::unknown()
    );
    // An IPv4-only file knows nothing of IPv6.
    assert_eq!(
        locator.place("2a00:1450::1".parse().unwrap()),
        Location::unknown()
    );
    let found = &locator.databases()[0];
    assert_eq!(
        (found.source.as_str(), found.kind.as_str()),
        ("0.mmdb", "flat")
    );
    assert_eq!(
        (found.built, found.attribution.as_str()),
        (1_700_000_000, "made up")
    );
    assert_eq!(found.sha256.len(), 64);
}

/// `emit geo` and `--geo` with its output must change no answer.
#[test]
fn emitted_database_given_back_answers_alike() {
    let locator = locator(&[embedded_bytes().to_vec()]).unwrap();
    for ip in [
        "52.218.128.10",
        "1.1.1.1",
        "47.52.0.1",
        "8.8.4.4",
        "2400:3200::1",
        "203.0.113.7",
    ] {
        assert_eq!(locator.place(ip.parse().unwrap()), place(ip), "{ip}");
    }
}

#[test]
fn unusable_files_are_refused_on_one_line_that_names_them() {
    let nothing = database(
        "blank",
        4,
        &[(
            "203.0.113.0/24",
            Value::Map(vec![("city", Value::Text("x"))]),
        )],
    );
    let mut cut = country_file("US");
    cut.truncate(40);
    let mut wild = country_file("US");
    wild[0] = 0x7f;
    for (bytes, word) in [
        (nothing, "holds neither"),
        (cut, "not a sound MaxMind DB"),
        (wild, "not a sound MaxMind DB"),
        (Vec::new(), "not a sound MaxMind DB"),
    ] {
        let message = locator(&[bytes]).unwrap_err().to_string();
        assert!(
            message.contains(word) && message.contains("0.mmdb"),
            "{message}"
        );
        assert_eq!(message.lines().count(), 1, "{message}");
    }
    let missing = Locator::with_databases(&[PathBuf::from("no/such.mmdb")]).unwrap_err();
    assert!(missing.to_string().contains("no/such.mmdb"));
}

#[test]
fn locator_can_be_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Locator>();
}
