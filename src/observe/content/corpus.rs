//! Requests as programs send them, each beside its twin: what leaves in readable form, what only looks like it, and what nobody can
//! read. One row a mechanism, with its reason.

use super::tests::Talk;
use crate::evidence::content::Kind;
use crate::observe::dissect::wire::test_bytes::Noise;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

/// What is found in a request, and whether all of it was read.
fn look(head: &str, body: &str) -> (Vec<Kind>, bool) {
    let request = format!(
        "POST /v1/r{head}\r\nHost: api.example.net\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut talk = Talk::tcp("47.88.2.11:80", None);
    let (mut kinds, read) = talk.pieces(request.as_bytes(), 700).kinds();
    kinds.sort_unstable();
    kinds.dedup();
    (kinds, read == request.len() as u64)
}

const PLAIN: &str = " HTTP/1.1";

#[test]
fn what_leaves_and_its_harmless_twin() {
    use Kind::*;
    let email = r#"{"email":"erika.mustermann@gmx.de"}"#;
    let base64 = STANDARD.encode(email);
    let hex: String = email.bytes().map(|b| format!("{b:02x}")).collect();
    let pairs: Vec<String> = email.bytes().map(|b| format!("{b:02X}")).collect();
    let percent: String = email.bytes().map(|b| format!("%{b:02X}")).collect();
    let unicode: String = email.bytes().map(|b| format!("\\u{b:04x}")).collect();
    let numbers: Vec<String> = email.bytes().map(|b| b.to_string()).collect();
    let rows: &[(&str, &str, &str, &[Kind])] = &[
        // Names under names that say so; a thing's name is nobody's.
        (
            "first and last name",
            PLAIN,
            r#"{"first_name":"Erika","last_name":"Mustermann"}"#,
            &[Name],
        ),
        (
            "display name of a person",
            PLAIN,
            r#"{"displayName":"Erika Mustermann"}"#,
            &[Name],
        ),
        (
            "display name of an aircraft",
            PLAIN,
            r#"{"displayName":"Mavic 3 Pro"}"#,
            &[],
        ),
        (
            "display name of a device's owner field",
            PLAIN,
            r#"{"device":{"displayName":"Erikas Auge"}}"#,
            &[],
        ),
        (
            "a file's name",
            PLAIN,
            r#"{"name":"DJI_0042.MP4","product":"Mini 4"}"#,
            &[],
        ),
        // Positions.
        (
            "ten-millionths",
            PLAIN,
            r#"{"lat":476205123,"lon":-1223493876,"alt":12300}"#,
            &[Position],
        ),
        (
            "milliseconds of latency",
            PLAIN,
            r#"{"lat":35,"rtt":476205123,"jitter":1.25}"#,
            &[],
        ),
        (
            "well-known text",
            PLAIN,
            r#"{"geom":"POINT(-122.349387 47.620512)"}"#,
            &[Position],
        ),
        (
            "a point of a drawing",
            PLAIN,
            r#"{"path":"CGPoint(122.349387 47.620512)"}"#,
            &[],
        ),
        (
            "decimal commas",
            PLAIN,
            r#"{"position":"47,620512;-122,349387"}"#,
            &[Position],
        ),
        (
            "a list of numbers",
            PLAIN,
            r#"{"position":"47,62,51"}"#,
            &[],
        ),
        (
            "longitude first",
            PLAIN,
            r#"{"type":"Point","coordinates":[-122.349387,47.620512]}"#,
            &[Position],
        ),
        (
            "places on a screen",
            PLAIN,
            r#"{"center":"12.345678,45.678912","point":"0.51234,0.61234"}"#,
            &[],
        ),
        (
            "scrolling",
            PLAIN,
            r#"{"position":{"x":12.34567,"y":45.67891},"scroll":[1.23456,2.34567]}"#,
            &[],
        ),
        (
            "radians",
            PLAIN,
            r#"{"latitude_rad":0.831134,"longitude_rad":-2.135399}"#,
            &[Position],
        ),
        (
            "in a query, twice escaped",
            "?loc=%257B%2522lat%2522%253A47.620512%252C%2522lng%2522%253A-122.349387%257D HTTP/1.1",
            "",
            &[Position],
        ),
        // Addresses and numbers.
        (
            "e-mail, escaped twice",
            PLAIN,
            "u=erika.mustermann%2540gmx.de",
            &[Email],
        ),
        (
            "e-mail in XML",
            PLAIN,
            "<u>erika.mustermann&#64;gmx.de</u>",
            &[Email],
        ),
        (
            "a picture's name",
            PLAIN,
            r#"{"icon":"user@2x.png","pkg":"left-pad@1.3.0"}"#,
            &[],
        ),
        (
            "a telephone number",
            PLAIN,
            r#"{"id":"+14255550123"}"#,
            &[PhoneNumber],
        ),
        (
            "builds and formulas",
            PLAIN,
            r#"{"v":"+2025030112","build":"4.3.40","tz":"+0800","range":"=+12345678901"}"#,
            &[],
        ),
        (
            "addresses of four numbers",
            PLAIN,
            r#"{"version":"4.5.6.7","build":2025030112345}"#,
            &[],
        ),
        // Devices.
        (
            "IMEI in a user agent",
            " HTTP/1.1\r\nUser-Agent: DJI/4.3 (Android 10; IMEI 356938035643809)",
            "",
            &[Imei],
        ),
        (
            "an order's number",
            PLAIN,
            r#"{"order":"356938035643809","n":490154203237518}"#,
            &[],
        ),
        (
            "serial number by its form",
            "/1581F5BKD23370001234/fw HTTP/1.1",
            "",
            &[SerialNumber],
        ),
        (
            "a product code",
            "/1581A5BKD23370001234/fw HTTP/1.1",
            "",
            &[],
        ),
        // Credentials.
        (
            "API key",
            " HTTP/1.1\r\nX-Api-Key: 9f8e7d6c5b4a39281706f5e4d3c2b1a0",
            "",
            &[Credential],
        ),
        (
            "an app's number",
            "?api_key=117633148253098&app_id=42 HTTP/1.1",
            "",
            &[],
        ),
        (
            "session cookie",
            " HTTP/1.1\r\nCookie: a=1; JSESSIONID=9A8B7C6D5E4F3A2B1C0D; b=2",
            "",
            &[Credential],
        ),
        (
            "consent cookie",
            " HTTP/1.1\r\nCookie: cookie_consent=accepted-2025-03-01; lang=en",
            "",
            &[],
        ),
        (
            "secret of an app",
            PLAIN,
            "app_id=1&app_secret=d41d8cd98f00b204e980",
            &[Credential],
        ),
        (
            "token of a cloud's lease",
            " HTTP/1.1\r\nx-oss-security-token: CAIS+wF1q6Ft5B2yfSjIr5fdK9rT",
            "",
            &[Credential],
        ),
        (
            "place in a list",
            PLAIN,
            r#"{"page_token":"9a8b7c6d5e4f3a2b1c0d","next_token":"CAUQAA8b7c6d5e4f"}"#,
            &[],
        ),
        (
            "masked",
            PLAIN,
            r#"{"password":"","passwd":"******","token":"null","pwd":"/home"}"#,
            &[],
        ),
        // Ways to write it.
        ("base64", PLAIN, &format!(r#"{{"d":"{base64}"}}"#), &[Email]),
        ("hexadecimal", PLAIN, &format!("d={hex}"), &[Email]),
        ("hexadecimal pairs", PLAIN, &pairs.join(" "), &[Email]),
        ("percent", PLAIN, &format!("d={percent}"), &[Email]),
        (
            "JSON escapes",
            PLAIN,
            &format!(r#"{{"d":"{unicode}"}}"#),
            &[Email],
        ),
        (
            "numbers",
            PLAIN,
            &format!(r#"{{"d":[{}]}}"#, numbers.join(",")),
            &[Email],
        ),
        (
            "quoted-printable",
            PLAIN,
            "To: erika.muster=\r\nmann=40gmx.de\r\n",
            &[Email],
        ),
        (
            "levels of a histogram",
            PLAIN,
            r#"{"d":[12,14,18,22,31,45,60,72,85,91,99,104,98,90,81,70,55,42,30,21,15]}"#,
            &[],
        ),
    ];
    for (reason, head, body, kinds) in rows {
        let (found, read) = look(head, body);
        assert_eq!(
            (found.as_slice(), read),
            (*kinds, true),
            "{reason}: {head} {body}"
        );
    }
}

#[test]
fn what_nobody_can_read_and_its_honest_twin() {
    let mut noise = Noise(71);
    noise.bytes(512);
    let sealed = noise.bytes(1200);
    let join = |form: &dyn Fn(&u8) -> String, between: &str| {
        let items: Vec<String> = sealed.iter().map(form).collect();
        items.join(between)
    };
    let over = |alphabet: &str| -> String {
        let letters: Vec<char> = alphabet.chars().collect();
        let pick = |b: &u8| letters.get(usize::from(*b) % letters.len()).copied();
        sealed.iter().filter_map(pick).collect()
    };
    let base64 = STANDARD.encode(&sealed);
    let lines: Vec<&str> = base64
        .as_bytes()
        .chunks(76)
        .filter_map(|line| std::str::from_utf8(line).ok())
        .collect();
    let digits = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    for (reason, body) in [
        ("base64", format!(r#"{{"d":"{base64}"}}"#)),
        ("base64 in lines", lines.join("\r\n")),
        (
            "base64url",
            format!("d={}", URL_SAFE_NO_PAD.encode(&sealed)),
        ),
        ("hexadecimal", join(&|b| format!("{b:02x}"), "")),
        ("hexadecimal pairs", join(&|b| format!("{b:02x}"), " ")),
        ("numbers", format!("[{}]", join(&|b| b.to_string(), ","))),
        (
            "signed numbers",
            join(&|b| b.cast_signed().to_string(), ", "),
        ),
        ("percent", join(&|b| format!("%{b:02X}"), "")),
        ("escapes", join(&|b| format!("\\x{b:02x}"), "")),
        (
            "JSON escapes",
            format!(r#"{{"d":"{}"}}"#, join(&|b| format!("\\u{b:04x}"), "")),
        ),
        ("base32", over("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")),
        ("sixteen letters", over("abcdefghijklmnop")),
        (
            "base85",
            over(&format!("{digits}!#$%&()*+-;<=>?@^_`{{|}}~")),
        ),
        (
            "Z85 in JSON",
            format!(
                r#"{{"d":"{}"}}"#,
                over(&format!("{digits}.-:+=^!/*?&<>()[]{{}}@%$#"))
            ),
        ),
        (
            "characters of Latin-1",
            join(&|b| char::from(*b | 0x80).to_string(), ""),
        ),
        ("in pieces", lines.join(r#"","n":1,"d":""#)),
    ] {
        let (found, read) = look(PLAIN, &body);
        assert!(found.is_empty() && !read, "{reason}: {body}");
    }
    let id = "cdda802e-fb9c-47ad-9866-0794d394c912";
    let hash = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    for (reason, body) in [
        ("ids", format!(r#"{{"a":"{id}","b":"{id}","etag":"{hash}"}}"#)),
        ("a signature", format!("sig={}", base64.get(..344).unwrap_or_default())),
        (
            "a path",
            "/docs/how-to-calibrate-the-compass-of-an-aircraft/and-what-to-do-when-it-fails/".repeat(4),
        ),
        ("prose", "The quick brown fox jumps over the lazy dog, then rests. ".repeat(40)),
        ("umlauts", "Öl für Übergrößen, Äpfel und Müßiggang; ".repeat(40)),
        (
            "records",
            r#"{"ts":1740823200123,"v":"4.3.40","k":[1,2,3],"u":"https://a.example/p?q=1&r=2#x","ok":true},"#.repeat(30),
        ),
        ("filler", "A".repeat(2000)),
        ("a series", (0..300).map(|n| (900 + n % 50).to_string()).collect::<Vec<_>>().join(",")),
    ] {
        let (found, read) = look(PLAIN, &body);
        assert!(found.is_empty() && read, "{reason}: {found:?} {body}");
    }
}
