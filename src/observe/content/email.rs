//! E-mail addresses (RFC 5321 §4.1.2, without quoted local parts).
//!
//! The domain must end in a top-level domain that exists, so that `image@2x.png`, versions (`package@1.2.3`) and binary
//! noise are none. Mailboxes of functions (`support@`, `noreply@`) are nobody's, unless a field's name says that it is the user's.

use super::text::Text;
use super::{Detector, Found, mask};
use crate::evidence::content::Kind;
use std::sync::LazyLock;

pub(super) const DETECTOR: Detector = Detector {
    kind: Kind::Email,
    keys: &[
        "*email",
        "*mail",
        "*emailaddress",
        "account",
        "username",
        "login",
        "user",
    ],
    find,
};

/// RFC 5321 §4.5.3.1.
const LOCAL_MAX: usize = 64;
const DOMAIN_MAX: usize = 255;
/// Shortest address believed when it stands in binary: noise makes short ones.
const BINARY_MIN: usize = 12;

/// Two-letter domains in use: ISO 3166-1, and the few reserved ones that were delegated.
const COUNTRIES: &str = "ac ad ae af ag ai al am ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bm bn bo br bs bt bw by bz \
ca cc cd cf cg ch ci ck cl cm cn co cr cu cv cw cx cy cz de dj dk dm do dz ec ee eg er es et eu fi fj fk fm fo fr ga gd ge gf gg \
gh gi gl gm gn gp gq gr gs gt gu gw gy hk hm hn hr ht hu id ie il im in io iq ir is it je jm jo jp ke kg kh ki km kn kp kr kw ky \
kz la lb lc li lk lr ls lt lu lv ly ma mc md me mg mh mk ml mm mn mo mp mq mr ms mt mu mv mw mx my mz na nc ne nf ng ni nl no np \
nr nu nz om pa pe pf pg ph pk pl pm pn pr ps pt pw py qa re ro rs ru rw sa sb sc sd se sg sh si sk sl sm sn so sr ss st su sv sx \
sy sz tc td tf tg th tj tk tl tm tn to tr tt tv tw tz ua ug uk us uy uz va vc ve vg vi vn vu wf ws ye yt za zm zw";

/// Longer ones that people have mailboxes under.
const GENERIC: &str = "com net org edu gov mil int info biz name pro mobi aero coop museum jobs travel tel cat asia post app dev \
online site xyz shop store tech cloud email live club top vip work group team studio design digital media news network systems \
solutions services company agency academy world today life space fun one page link global expert photography photo camera \
drone berlin hamburg koeln bayern wien london paris nyc tokyo swiss africa wang ltd inc llc gmbh example test invalid";

/// Mailboxes of functions (RFC 2142 and custom).
const FUNCTIONS: &[&str] = &[
    "abuse",
    "admin",
    "billing",
    "bot",
    "contact",
    "feedback",
    "git",
    "help",
    "helpdesk",
    "hostmaster",
    "info",
    "legal",
    "mailer-daemon",
    "marketing",
    "news",
    "newsletter",
    "no-reply",
    "noc",
    "noreply",
    "notifications",
    "postmaster",
    "press",
    "privacy",
    "root",
    "sales",
    "security",
    "service",
    "spam",
    "support",
    "webmaster",
];

fn find(text: &Text<'_>, out: &mut Vec<Found>) {
    let values = Values::of(text);
    for at in memchr::memchr_iter(b'@', text.bytes) {
        if let Some(found) = address(text, &values, at) {
            out.push(found);
        }
    }
}

/// Where the values of fields with addresses stand, so that no address asks all of them.
struct Values {
    /// Where one begins, in order, and how far this one or one before it goes.
    reach: Vec<(usize, usize)>,
}

impl Values {
    fn of(text: &Text<'_>) -> Self {
        let fields = text.fields(Kind::Email);
        let mut reach: Vec<(usize, usize)> =
            fields.map(|field| (field.value_at, field.end())).collect();
        reach.sort_unstable();
        let mut furthest = 0;
        for (_, end) in &mut reach {
            furthest = furthest.max(*end);
            *end = furthest;
        }
        Self { reach }
    }

    /// Whether one value holds all from `begin` to `end`.
    fn hold(&self, begin: usize, end: usize) -> bool {
        let behind = self.reach.partition_point(|(at, _)| *at <= begin);
        let last = behind.checked_sub(1).and_then(|last| self.reach.get(last));
        last.is_some_and(|(_, furthest)| end <= *furthest)
    }
}

fn address(text: &Text<'_>, values: &Values, at: usize) -> Option<Found> {
    let local_len = text
        .bytes
        .get(..at)?
        .iter()
        .rev()
        .take(LOCAL_MAX)
        .take_while(|&&b| b.is_ascii_alphanumeric() || b".!#$%'*+-/?^_`{|}~".contains(&b))
        .count();
    let mut begin = at.checked_sub(local_len)?;
    // Characters that are legal there and in practice belong to what stands before.
    while let Some(b) = text.byte(begin)
        && begin < at
        && !b.is_ascii_alphanumeric()
        && b != b'_'
    {
        begin = begin.checked_add(1)?;
    }
    let local = std::str::from_utf8(text.bytes.get(begin..at)?).ok()?;
    let local = match local.rsplit_once(['/', '=', '{', '|', '\'', '?', '&']) {
        Some((_, local)) => local,
        None => local,
    };
    let begin = at.checked_sub(local.len())?;
    if local.is_empty() || local.ends_with('.') || local.contains("..") {
        return None;
    }
    let behind = text.bytes.get(at.checked_add(1)?..)?;
    let length = behind
        .iter()
        .take(DOMAIN_MAX)
        // Names beyond ASCII (RFC 6531 §3.3).
        .take_while(|&&b| {
            b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-') || (b >= 0x80 && text.sure)
        })
        .count();
    let domain = std::str::from_utf8(behind.get(..length)?).ok()?;
    let domain = domain.trim_end_matches(['.', '-']);
    let (host, top) = domain.rsplit_once('.')?;
    let labels = host.split('.').all(|label| {
        !label.is_empty() && label.len() <= 63 && !label.starts_with('-') && !label.ends_with('-')
    });
    let end = at.checked_add(1)?.checked_add(domain.len())?;
    // A colon and slashes behind it, or a colon before: an authority with user information, or another scheme's address.
    let before = text.before(begin);
    let other_scheme = before == Some(b':')
        && text.bytes.get(..begin).is_some_and(|b| {
            [&b"sip:"[..], b"sips:", b"xmpp:", b"//:"]
                .iter()
                .any(|s| b.ends_with(s))
        });
    let authority = text.bytes.get(..begin).is_some_and(|b| b.ends_with(b"//"))
        || matches!(text.byte(end), Some(b':') if text.byte(end.checked_add(1)?).is_some_and(|b| b.is_ascii_digit()));
    if !labels || !is_top_level(top) || other_scheme || authority {
        return None;
    }
    if is_message_id(text, begin) || is_name_of_another_kind(local, domain) {
        return None;
    }
    let named = values.hold(begin, end);
    let function = FUNCTIONS.contains(&local.to_ascii_lowercase().as_str());
    let whole = end.saturating_sub(begin);
    if (function && !named) || (!text.sure && (whole < BINARY_MIN || local.len() < 3)) {
        return None;
    }
    let plain = format!("{local}@{domain}");
    Some(Found {
        kind: Kind::Email,
        at: begin,
        end,
        masked: mask::email(&plain),
        plain,
    })
}

/// Ids of messages and calls have the form of an address (RFC 5322 §3.6.4, RFC 3261 §20.8).
fn is_message_id(text: &Text<'_>, at: usize) -> bool {
    /// A line that lists ids is folded before it gets longer.
    const LINE_MAX: usize = 200;
    const FIELDS: &[&str] = &[
        "message-id:",
        "references:",
        "in-reply-to:",
        "content-id:",
        "call-id:",
        "i:",
        "cid:",
    ];
    let before = text
        .bytes
        .get(at.saturating_sub(LINE_MAX)..at)
        .unwrap_or_default();
    let line = before.rsplit(|&b| b == b'\n').next().unwrap_or_default();
    FIELDS.iter().any(|field| {
        line.split_at_checked(field.len())
            .is_some_and(|(name, _)| name.eq_ignore_ascii_case(field.as_bytes()))
    })
}

/// Names of algorithms (RFC 4251 §6), masks of one letter, and random numbers in front of a host.
fn is_name_of_another_kind(local: &str, domain: &str) -> bool {
    const ALGORITHMS: &[&str] = &[
        "openssh.com",
        "libssh.org",
        "ssh.com",
        "lysator.liu.se",
        "putty.projects.tartarus.org",
    ];
    let one_letter = local
        .bytes()
        .all(|b| !b.is_ascii_alphanumeric() || local.as_bytes().first() == Some(&b))
        && local.len() > 2;
    let random = local.len() >= 24 && local.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    one_letter
        || random
        || ALGORITHMS
            .iter()
            .any(|known| domain.eq_ignore_ascii_case(known))
}

/// True for a domain that exists.
fn is_top_level(text: &str) -> bool {
    static LISTED: LazyLock<Vec<&str>> = LazyLock::new(|| {
        let lists = [COUNTRIES, GENERIC].into_iter();
        let mut listed: Vec<_> = lists.flat_map(str::split_ascii_whitespace).collect();
        listed.sort_unstable();
        listed
    });
    let lower = text.bytes().map(|b| b.to_ascii_lowercase());
    LISTED
        .binary_search_by(|known| known.bytes().cmp(lower.clone()))
        .is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::content::found_by;

    #[test]
    fn addresses_and_what_only_looks_like_one() {
        for (text, address) in [
            (
                r#"{"email":"pilot.jones@example.org"}"#,
                "pilot.jones@example.org",
            ),
            ("user=a_b+tag@mail.dji.com&x=1", "a_b+tag@mail.dji.com"),
            ("mailto:Jo@example.co.uk.", "Jo@example.co.uk"),
            ("<jo@example.de>", "jo@example.de"),
            ("path/jo@example.de", "jo@example.de"),
            (r#"{"email":"info@firm.example"}"#, "info@firm.example"),
        ] {
            assert_eq!(found_by(&DETECTOR, text), [address], "{text}");
        }
        for text in [
            "GET /image@2x.png HTTP/1.1",
            "icon@3x.webp",
            "left-pad@1.3.0",
            "react@npm.js",
            "@example.com",
            "a@@example.com",
            "jo@example",
            "jo@-example-.com",
            "sip:cam@example.org",
            "ftp://jo@files.example.org/",
            "rtsp://jo:secret@files.example.org:554/",
            "User-Agent: bot (+bot@example.com)",
            "From: noreply@example.com",
            "Message-ID: <19991111160730.16828@mail.example.com>",
            "x\r\nCall-ID: 12013223@francisco.example.com\r\n",
            "hmac-sha2-256-etm@openssh.com,x",
            "c960c96baa8943f18d71112fcfbfafbd@bg1.example.fr",
            "xxxx.xxxxxx@xxxxx.com",
        ] {
            assert_eq!(found_by(&DETECTOR, text), [""; 0], "{text}");
        }
        let noise = Text::of(b"x7@q.de and jo@example.de", false);
        let mut found = Vec::new();
        find(&noise, &mut found);
        assert!(found.iter().all(|f| f.plain != "x7@q.de"));
    }
}
