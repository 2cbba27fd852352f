//! Credentials: HTTP Basic and Bearer (RFC 7617, RFC 6750), user information in URLs (RFC 3986 §3.2.1), passwords and tokens under
//! names that say so, and the clear logins of FTP, POP3, IMAP and SMTP (RFC 959, RFC 1939, RFC 3501, RFC 4954).

use super::text::{Field, Shares, Text};
use super::{Detector, Found, mask};
use crate::evidence::content::Kind;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use memchr::memmem::Finder;
use std::sync::LazyLock;

pub(super) const DETECTOR: Detector = Detector {
    kind: Kind::Credential,
    keys: &[
        "authorization",
        "proxyauthorization",
        "*password",
        "*passwd",
        "*pwd",
        "passphrase",
        "passcode",
        "*accesstoken",
        "*authtoken",
        "*refreshtoken",
        "*idtoken",
        "*sessiontoken",
        "*usertoken",
        "*logintoken",
        "*bearertoken",
        "*securitytoken",
        "ststoken",
        "token",
        "xtoken",
        "jwt",
        "*membertoken",
        "*apikey",
        "*secret",
        "*secretkey",
        "*secretaccesskey",
        "*accesskeysecret",
        "*privatekey",
        // Sessions: cookies above all.
        "*sessionid",
        "*sessid",
        "*session",
        "sessionkey",
        "sid",
        "*ticket",
        "*auth",
        "*token",
        "*sso",
        "rememberme",
    ],
    find,
};

/// A token shorter than this is a number or a word.
const TOKEN_MIN: usize = 16;

/// The longest credentials of a header field that are read; longer ones are tokens of some kind all the same.
const HEADER_MAX: usize = 4096;

fn find(text: &Text<'_>, out: &mut Vec<Found>) {
    let mut shares = Shares::of(text.bytes, HEADER_MAX);
    for field in text.fields(Kind::Credential) {
        let found = match field.name() {
            "authorization" | "proxyauthorization" => {
                let rest = text.bytes.get(field.value_at..).unwrap_or_default();
                let rest = rest.get(..shares.next()).unwrap_or(rest);
                shares.took(rest.len());
                header(rest, field)
            }
            name => match means(name) {
                Means::Secret => value(name, field),
                Means::Session => session(text, name, field),
            },
        };
        out.extend(found);
    }
    if text.sure {
        user_information(text, out);
        logins(text, out);
        private_keys(text, out);
    }
}

/// A private key as text (RFC 7468 §10), whatever its algorithm.
fn private_keys(text: &Text<'_>, out: &mut Vec<Found>) {
    static HEAD: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new(b"-----BEGIN "));
    const KEY: &[u8] = b"PRIVATE KEY-----";
    /// Names of algorithms are shorter.
    const NAME_MAX: usize = 24;
    for at in HEAD.find_iter(text.bytes) {
        let name = text.bytes.get(at.saturating_add(HEAD.needle().len())..);
        let name = name.unwrap_or_default();
        let name = name
            .get(..NAME_MAX.saturating_add(KEY.len()))
            .unwrap_or(name);
        if let Some(length) = memchr::memmem::find(name, KEY) {
            let end = at
                .saturating_add(HEAD.needle().len())
                .saturating_add(length)
                .saturating_add(KEY.len());
            out.push(found("private key", "private key".to_owned(), at, end));
        }
    }
}

fn found(plain: &str, masked: String, at: usize, end: usize) -> Found {
    Found {
        kind: Kind::Credential,
        at,
        end,
        plain: plain.to_owned(),
        masked,
    }
}

/// `user:password` with both parts masked.
fn masked_pair(user: &str, password: &str) -> String {
    format!("{}:{}", mask::ends(user), mask::ends(password))
}

/// What a field's name says of its value.
enum Means {
    /// A secret, wherever it stands.
    Secret,
    /// A login's session if it stands in a cookie; elsewhere analytics and paging use such names too.
    Session,
}

fn means(name: &str) -> Means {
    const SECRETS: &[&str] = &[
        "password",
        "passwd",
        "pwd",
        "passphrase",
        "passcode",
        "accesstoken",
        "authtoken",
        "refreshtoken",
        "idtoken",
        "sessiontoken",
        "usertoken",
        "logintoken",
        "bearertoken",
        "securitytoken",
        "ststoken",
        "membertoken",
        "apikey",
        "secret",
        "secretkey",
        "secretaccesskey",
        "accesskeysecret",
        "privatekey",
        "jwt",
    ];
    if matches!(name, "token" | "xtoken") || SECRETS.iter().any(|s| name.ends_with(s)) {
        Means::Secret
    } else {
        Means::Session
    }
}

/// The id of a session: long and mixed, in a cookie (RFC 6265 §4.2) or a session's own parameter, and nobody's but a login's.
fn session(text: &Text<'_>, name: &str, field: &Field<'_>) -> Option<Found> {
    /// Cookies against forged requests, of consent and of advertising: no login.
    const OTHERS: &[&str] = &[
        "csrf",
        "xsrf",
        "consent",
        "page",
        "next",
        "continuation",
        "sync",
        "cursor",
        "device",
        "push",
        "fcm",
        "apns",
        "ga",
    ];
    let value = field.text()?;
    if OTHERS.iter().any(|other| name.contains(other)) || !is_mixed(value) {
        return None;
    }
    let own = matches!(
        name,
        "jsessionid" | "phpsessid" | "aspnetsessionid" | "aspsessionid"
    );
    (own || in_cookie(text, field.at))
        .then(|| found(value, mask::ends(value), field.at, field.end()))
}

/// Letters and digits, too many to be a word or a number.
fn is_mixed(value: &str) -> bool {
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    let letters = value.bytes().filter(u8::is_ascii_alphabetic).count();
    value.len() >= TOKEN_MIN
        && value.bytes().all(|b| b > b' ' && b < 0x7f)
        && digits >= 2
        && letters >= 2
        && super::advertising::varied(value)
}

/// True in a header field of cookies.
fn in_cookie(text: &Text<'_>, at: usize) -> bool {
    /// RFC 6265 §6.1 asks for room for cookies of this size.
    const LONG: usize = 4096;
    const FIELD: &[u8] = b"cookie:";
    let before = text
        .bytes
        .get(at.saturating_sub(LONG)..at)
        .unwrap_or_default();
    let line = memchr::memrchr(b'\n', before).map_or(0, |end| end.saturating_add(1));
    let line = before.get(line..).unwrap_or_default();
    line.get(..FIELD.len())
        .is_some_and(|name| name.eq_ignore_ascii_case(FIELD))
}

/// The rest of a header field: scheme and credentials.
fn header(rest: &[u8], field: &Field<'_>) -> Option<Found> {
    let length = rest
        .iter()
        .take_while(|b| !matches!(b, b'\r' | b'\n' | b'"' | b','))
        .count();
    let value = std::str::from_utf8(rest.get(..length)?).ok()?;
    let end = field.value_at.saturating_add(length);
    let Some((scheme, credentials)) = value.trim_end().split_once(' ') else {
        // Many programs send the token alone.
        let token = value.trim();
        return is_mixed(token).then(|| found(token, mask::ends(token), field.at, end));
    };
    let credentials = credentials.trim();
    if scheme.eq_ignore_ascii_case("basic") {
        let decoded = String::from_utf8(STANDARD.decode(credentials).ok()?).ok()?;
        let (user, password) = decoded.split_once(':')?;
        return Some(found(&decoded, masked_pair(user, password), field.at, end));
    }
    /// Those that send the secret itself; others prove that they know one.
    const SCHEMES: &[&str] = &[
        "bearer", "token", "jwt", "oauth", "apikey", "api-key", "key", "session",
    ];
    let token = SCHEMES
        .iter()
        .any(|known| scheme.eq_ignore_ascii_case(known));
    (token && credentials.len() >= TOKEN_MIN)
        .then(|| found(credentials, mask::ends(credentials), field.at, end))
}

/// A password or token as the value of a field.
fn value(name: &str, field: &Field<'_>) -> Option<Found> {
    const EMPTY: &[&str] = &[
        "null",
        "none",
        "true",
        "false",
        "undefined",
        "password",
        "****",
        "nil",
        "required",
        "optional",
        "string",
    ];
    let value = field.text()?;
    let graphic = value.bytes().all(|b| b > b' ' && b != 0x7f);
    let starred = value
        .chars()
        .all(|c| matches!(c, '*' | 'x' | 'X' | '•' | '.'));
    let least = if name.ends_with("token") || name == "jwt" {
        TOKEN_MIN
    } else if name.ends_with("key") || name.ends_with("secret") {
        8
    } else {
        4
    };
    // Documentation and programs name the type or a variable where the value would stand.
    // So do shells with the directory they work in.
    let placeholder =
        value.starts_with(['$', '{', '<', '[', '%']) || (name == "pwd" && value.starts_with('/'));
    // A number names the program that asks, not who uses it.
    let number = name.ends_with("apikey") && !is_mixed(value);
    let is_one = value.len() >= least
        && !number
        && graphic
        && !starred
        && !placeholder
        && !EMPTY.contains(&value.to_ascii_lowercase().as_str());
    is_one.then(|| found(value, mask::ends(value), field.at, field.end()))
}

/// `scheme://user:password@host`.
fn user_information(text: &Text<'_>, out: &mut Vec<Found>) {
    /// Longer ones are no credentials but text.
    const LONG: usize = 200;
    static MARK: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new(b"://"));
    for before in MARK.find_iter(text.bytes) {
        let at = before.saturating_add(3);
        let rest = text.bytes.get(at..).unwrap_or_default();
        let rest = rest.get(..LONG).unwrap_or(rest);
        let end = rest
            .iter()
            .position(|b| {
                *b <= b' ' || matches!(b, b'/' | b'?' | b'#' | b'"' | b'\'' | b'<' | b'>' | b',')
            })
            .unwrap_or(rest.len());
        let authority = rest.get(..end).and_then(|b| std::str::from_utf8(b).ok());
        if let Some((user, password)) = authority
            .and_then(|a| a.rsplit_once('@'))
            .and_then(|(information, _)| information.split_once(':'))
            && !user.is_empty()
            && !password.is_empty()
        {
            let plain = format!("{user}:{password}");
            out.push(found(
                &plain,
                masked_pair(user, password),
                at,
                at.saturating_add(plain.len()),
            ));
        }
    }
}

/// Lines of the protocols that log in with words.
fn logins(text: &Text<'_>, out: &mut Vec<Found>) {
    let mut user: Option<&str> = None;
    let mut at = 0usize;
    for line in text.bytes.split_inclusive(|&b| b == b'\n') {
        let begin = at;
        at = at.saturating_add(line.len());
        // A command begins with a word or a tag and a space; what does not is passed over quickly.
        let word = line
            .iter()
            .take(17)
            .take_while(|b| b.is_ascii_alphanumeric() || **b == b'.')
            .count();
        if word == 0 || line.get(word) != Some(&b' ') {
            user = None;
            continue;
        }
        // Commands are short; long lines are something else.
        let Some(line) = line
            .get(..line.len().min(512))
            .and_then(|l| std::str::from_utf8(l).ok())
        else {
            user = None;
            continue;
        };
        let line = line.trim_end_matches(['\r', '\n']);
        let end = begin.saturating_add(line.len());
        let mut words = line.splitn(4, ' ');
        let (first, second, third, fourth) =
            (words.next(), words.next(), words.next(), words.next());
        let is =
            |word: Option<&str>, what: &str| word.is_some_and(|w| w.eq_ignore_ascii_case(what));
        if is(first, "user") && third.is_none() {
            user = second.filter(|u| !u.is_empty());
            continue;
        }
        let pair = if is(first, "pass") {
            user.zip(line.get(5..))
                .map(|(u, p)| (u.to_owned(), p.to_owned()))
        } else if is(second, "login") && first.is_some_and(is_tag) {
            third.zip(fourth).map(|(u, p)| {
                (
                    u.trim_matches('"').to_owned(),
                    p.trim_matches('"').to_owned(),
                )
            })
        } else if is(first, "auth") && is(second, "plain") {
            third.and_then(plain_login)
        } else if is(second, "authenticate") && is(third, "plain") {
            fourth.and_then(plain_login)
        } else {
            None
        };
        user = None;
        // An anonymous login says nothing of anybody.
        if let Some((user, password)) = pair
            && !password.is_empty()
            && !matches!(user.to_ascii_lowercase().as_str(), "anonymous" | "ftp")
        {
            let masked = masked_pair(&user, &password);
            out.push(found(&format!("{user}:{password}"), masked, begin, end));
        }
    }
}

/// The tag of an IMAP command (RFC 3501 §2.2.1): letters and digits with at least one digit, as clients make them.
fn is_tag(word: &str) -> bool {
    (1..=16).contains(&word.len())
        && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.')
        && word.bytes().any(|b| b.is_ascii_digit())
}

/// SASL PLAIN (RFC 4616): two zero bytes between identity, user and password.
fn plain_login(word: &str) -> Option<(String, String)> {
    let decoded = String::from_utf8(STANDARD.decode(word.trim()).ok()?).ok()?;
    let mut parts = decoded.split('\0').skip(1);
    Some((parts.next()?.to_owned(), parts.next()?.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::content::found_by;

    #[test]
    fn every_clear_way_to_log_in() {
        for (text, plain) in [
            // RFC 7617 §2.
            (
                "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n",
                "Aladdin:open sesame",
            ),
            // RFC 6750 §2.1.
            (
                "Authorization: Bearer mF_9.B5f-4.1JqM_longer",
                "mF_9.B5f-4.1JqM_longer",
            ),
            ("user=jo&password=s3cret!&x=1", "s3cret!"),
            (
                r#"{"access_token":"abcdefghijklmnop1234"}"#,
                "abcdefghijklmnop1234",
            ),
            (
                "GET /x HTTP/1.1\r\nX-Api-Key: 9f8e7d6c5b4a39281706f5e4d3c2b1a0\r\n",
                "9f8e7d6c5b4a39281706f5e4d3c2b1a0",
            ),
            (r#"{"app_secret":"d41d8cd98f00b204"}"#, "d41d8cd98f00b204"),
            (
                "x-oss-security-token: CAIS+wF1q6Ft5B2yfSjIr5fdK9rT",
                "CAIS+wF1q6Ft5B2yfSjIr5fdK9rT",
            ),
            (
                "Cookie: lang=en; connect.sid=s%3Aq83kd02nfh38dk2l; x=1\r\n",
                "s%3Aq83kd02nfh38dk2l",
            ),
            (
                "Cookie: DJI_SESSION=9a8b7c6d5e4f3a2b1c0d",
                "9a8b7c6d5e4f3a2b1c0d",
            ),
            (
                "Authorization: 9a8b7c6d5e4f3a2b1c0d\r\nX: y",
                "9a8b7c6d5e4f3a2b1c0d",
            ),
            (
                "GET /a;jsessionid=9A8B7C6D5E4F3A2B1C0D HTTP/1.1",
                "9A8B7C6D5E4F3A2B1C0D",
            ),
            ("k=-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE", "private key"),
            ("rtmp://pilot:geheim@live.example/app", "pilot:geheim"),
            ("USER pilot\r\nPASS geheim 1\r\n", "pilot:geheim 1"),
            ("a001 LOGIN pilot geheim\r\n", "pilot:geheim"),
            // RFC 4616 §4: identity empty, tim, tanstaaftanstaaf.
            (
                "AUTH PLAIN AHRpbQB0YW5zdGFhZnRhbnN0YWFm\r\n",
                "tim:tanstaaftanstaaf",
            ),
        ] {
            assert_eq!(found_by(&DETECTOR, text), [plain], "{text}");
        }
    }

    #[test]
    fn no_secret_no_finding() {
        for text in [
            "Authorization: Basic !!!\r\n",
            r#"{"page_token":"9a8b7c6d5e4f3a2b1c0d"}"#,
            r#"{"nextPageToken":"9a8b7c6d5e4f3a2b1c0d"}"#,
            r#"{"session_id":"9a8b7c6d5e4f3a2b1c0d"}"#,
            "Cookie: cookie_consent=accepted; session=1; csrftoken=9a8b7c6d5e4f3a2b1c0d",
            "Cookie: _ga=GA1.2.1234567890.1600000000; theme=dark",
            "Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524",
            "Authorization: OSS LTAI5tAbCdEf:Zm9vYmFyYmF6cXV4",
            r#"{"secret":"true"}"#,
            "GET /like.php?api_key=117633148253098&locale=en_US HTTP/1.1",
            r#"{"token_type":"bearer","app_key":"5f3c9a8b7c6d5e4f3a2b1c0d"}"#,
            "Authorization: Digest username=\"a\"",
            "password=&x",
            "password=null",
            "PWD=/home/admin ; USER=root",
            "password=********",
            "token=12345",
            "access_token={token}",
            "USER anonymous\r\nPASS guest@example.com\r\n",
            "PASS without user\r\n",
            "please LOGIN pilot geheim\r\n",
            "http://host.example:8080/a@b",
        ] {
            assert_eq!(found_by(&DETECTOR, text), [""; 0], "{text}");
        }
    }
}
