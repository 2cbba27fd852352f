//! HTTPDNS: names asked for in plain HTTP at a bare address, past the resolver of the system.
//!
//! The services of Alibaba Cloud (`/ACCOUNT/d?host=NAME`, `sign_d`, `resolve`, `sign_resolve`), Tencent Cloud (`/d?dn=NAME`) and those built
//! after them, by their public API documents. A request counts only if its Host is an address: what other interfaces call `host` is then
//! left alone. Where parameters are encrypted (Tencent's `alg`, which may be left out, Alibaba's `enc`) names are hidden, and that is told,
//! also beside names that can be read.
//!
//! Answers tie addresses to the name, as DNS answers do: a JSON object with `ips` and `ipsv6`, or a text line of addresses.

use super::host_name::{HostName, address};
use std::net::IpAddr;

/// Last segments of the path.
const PATHS: [&str; 4] = ["d", "sign_d", "resolve", "sign_resolve"];
/// Parameters that hold names.
const NAMES: [&str; 2] = ["host", "dn"];
/// Parameters that say that others are encrypted.
const ENCRYPTED: [&str; 2] = ["alg", "enc"];
/// Hexadecimal digits of an encrypted block: DES, which Tencent's service takes where no `alg` says otherwise; those of AES are two.
const BLOCK_DIGITS: usize = 16;
/// Names taken of one request; Alibaba allows five in one.
const NAMES_MAX: usize = 16;
/// Addresses taken of one answer.
const ANSWERS_MAX: usize = 32;

/// What a request asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// Names, lower case, without a trailing dot.
    pub names: Vec<String>,
    /// IPv6 addresses are asked for, alone or too.
    pub v6: bool,
    /// Names are encrypted.
    pub encrypted: bool,
    /// There are more names than are taken.
    pub capped: bool,
}

/// Reads the path and query of a request target; `None` if it asks for no name.
pub fn asked(target: &str) -> Option<Asked> {
    let (path, query) = target.split_once('?')?;
    let last = path.rsplit('/').next()?;
    if !PATHS.contains(&last) {
        return None;
    }
    let query = query.split('#').next().unwrap_or(query);
    let fields = || query.split('&').filter_map(|field| field.split_once('='));
    let mut asked = Asked {
        encrypted: fields().any(|(key, _)| ENCRYPTED.contains(&key)),
        v6: fields().any(|(key, value)| {
            (key == "query" && value.contains('6')) || (key == "type" && value == "aaaa")
        }),
        names: Vec::new(),
        capped: false,
    };
    for (_, value) in fields().filter(|(key, _)| NAMES.contains(key)) {
        let value = value.replace("%2C", ",").replace("%2c", ",");
        for name in value.split(',') {
            asked.encrypted |= is_encrypted(name);
            let name = HostName::read(name.as_bytes());
            if let HostName::Name { text, odd: false } = name
                && text.contains('.')
            {
                if asked.names.len() >= NAMES_MAX {
                    asked.capped = true;
                    break;
                }
                asked.names.push(text);
            }
        }
    }
    (asked.encrypted || !asked.names.is_empty()).then_some(asked)
}

/// True for whole blocks in hexadecimal digits.
fn is_encrypted(value: &str) -> bool {
    !value.is_empty()
        && value.len().is_multiple_of(BLOCK_DIGITS)
        && value.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The addresses in the body of an answer about one name, and their lifetime in seconds, 0 if none is said.
pub fn answers(body: &[u8]) -> (Vec<IpAddr>, u32) {
    let Ok(text) = std::str::from_utf8(body) else {
        return Default::default();
    };
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(serde_json::Value::Object(object)) => {
            let lists =
                ["ips", "ipsv6"].map(|key| object.get(key).and_then(|list| list.as_array()));
            let found = lists.into_iter().flatten().flatten();
            let addresses = found.filter_map(|item| address(item.as_str()?.as_bytes()));
            let ttl = object.get("ttl").and_then(serde_json::Value::as_u64);
            let ttl = ttl.and_then(|ttl| u32::try_from(ttl).ok()).unwrap_or(0);
            (addresses.take(ANSWERS_MAX).collect(), ttl)
        }
        _ => line(text.trim()),
    }
}

/// `ADDRESS;ADDRESS,TTL|CLIENT`, where lifetime and client may be missing.
fn line(text: &str) -> (Vec<IpAddr>, u32) {
    let text = text.split('|').next().unwrap_or(text);
    let (list, ttl) = text.split_once(',').unwrap_or((text, "0"));
    let found: Option<Vec<IpAddr>> = list
        .split(';')
        .take(ANSWERS_MAX)
        .map(|item| address(item.as_bytes()))
        .collect();
    (found.unwrap_or_default(), ttl.parse().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_of_the_services_and_of_others() {
        let names = |target: &str| asked(target).map(|a| a.names).unwrap_or_default();
        assert_eq!(names("/100000/d?host=WWW.Aliyun.com."), ["www.aliyun.com"]);
        assert_eq!(
            names("/100000/sign_resolve?host=a.example%2Cb.example,c&t=1&s=x"),
            ["a.example", "b.example"]
        );
        assert_eq!(
            names("/d?dn=www.qq.com&clientip=1.2.3.4&ttl=1"),
            ["www.qq.com"]
        );
        let both = asked("/100000/d?host=a.example&ip=192.0.2.1&query=4,6");
        assert!(both.is_some_and(|a| a.v6 && !a.encrypted));
        let hidden = asked("/d?dn=18b4ac0f3d4a7b9d&id=100&alg=des");
        assert_eq!(
            hidden,
            Some(Asked {
                encrypted: true,
                ..Asked::default()
            })
        );
        let unsaid = asked("/d?dn=18b4ac0f3d4a7b9d&id=100");
        assert!(unsaid.is_some_and(|a| a.encrypted && a.names.is_empty()));
        let mixed = asked("/100000/resolve?host=a.example,18b4ac0f3d4a7b9d18b4ac0f3d4a7b9d");
        assert!(mixed.is_some_and(|a| a.encrypted && a.names == ["a.example"]));
        for other in [
            "/d",
            "/d?host=",
            "/d?host=192.0.2.1",
            "/d?host=localhost",
            "/search?host=a.example",
            "/d/x?host=a.example",
            "/resolve?name=a.example",
        ] {
            assert_eq!(asked(other), None, "{other}");
        }
    }

    #[test]
    fn answers_of_the_services() {
        let json = br#"{"host":"a.example","client_ip":"198.51.100.7","ips":["192.0.2.1","192.0.2.2"],"ipsv6":["2001:db8::1"],"ttl":57,"origin_ttl":120}"#;
        let (found, ttl) = answers(json);
        assert_eq!(found.len(), 3);
        assert_eq!(
            (found.last(), ttl),
            (Some(&"2001:db8::1".parse().unwrap_or([0; 16].into())), 57)
        );
        let addresses: Vec<IpAddr> = vec![[192, 0, 2, 1].into(), [192, 0, 2, 2].into()];
        assert_eq!(
            answers(b"192.0.2.1;192.0.2.2,300|198.51.100.7"),
            (addresses.clone(), 300)
        );
        assert_eq!(answers(b"192.0.2.1;192.0.2.2\n"), (addresses, 0));
        for none in [
            &b"0"[..],
            b"",
            b"<html>",
            b"{\"code\":\"InvalidHost\"}",
            b"[1]",
            b"\xff",
        ] {
            assert_eq!(answers(none), (Vec::new(), 0), "{none:?}");
        }
    }
    #[test]
    fn addresses_beyond_those_taken_are_left() {
        let list: Vec<String> = (0..200).map(|n| format!("192.0.2.{n}")).collect();
        let quoted = format!(
            r#"{{"host":"a.example","ips":["{}"]}}"#,
            list.join(r#"",""#)
        );
        for body in [list.join(";"), quoted] {
            let (addresses, _) = answers(body.as_bytes());
            assert_eq!(addresses.len(), ANSWERS_MAX, "{body}");
        }
    }
}
