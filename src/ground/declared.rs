//! Values that a user declares, on the command line or in a case file: devices, networks, times.
//!
//! Both read them here, so that the same text means the same in both. Each function says in words
//! what is wrong with a text; where it stood is for the caller to add.

use crate::ground::interval::Bound;
use crate::ground::mac::Mac;
use crate::ground::moment::Timestamp;
use ipnet::IpNet;
use std::net::IpAddr;

/// The device under audit, as declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Device {
    /// The capture holds no other.
    All,
    /// By an address that it used.
    Ip(IpAddr),
    /// By its network card.
    Mac(Mac),
}

impl Device {
    /// Reads an IP or MAC address, or `all`.
    ///
    /// # Errors
    /// A sentence about the text, which it does not repeat.
    pub fn parse(value: &str) -> Result<Self, String> {
        if value == "all" {
            return Ok(Self::All);
        }
        if let Ok(ip) = value.parse() {
            return Ok(Self::Ip(ip));
        }
        Mac::parse(value).map(Self::Mac).ok_or_else(|| {
            "is no IP address and no MAC address (such as 192.168.1.50, 00:11:22:33:44:55, or all)".to_owned()
        })
    }
}

/// Reads a network with its prefix length; host bits are cleared.
///
/// # Errors
/// A sentence about the text, which it does not repeat.
pub fn network(value: &str) -> Result<IpNet, String> {
    if value.parse::<IpAddr>().is_ok() {
        return Err(
            "has no prefix length (add one, such as /24; /32 or /128 for a single address)"
                .to_owned(),
        );
    }
    let network: IpNet = value
        .parse()
        .map_err(|_| "is no network (such as 203.0.113.0/24 or 2001:db8::/64)".to_owned())?;
    if network.prefix_len() == 0 {
        return Err("covers every address, so nothing would be left to judge".to_owned());
    }
    Ok(network.trunc())
}

/// Reads a time: RFC 3339 with a zone, or `+LENGTH` after the first packet (see [`length`]).
///
/// # Errors
/// What the text is instead, to stand behind "is".
pub fn bound(value: &str) -> Result<Bound, &'static str> {
    if let Some(after) = value.strip_prefix('+') {
        return length(after)
            .map(Bound::After)
            .ok_or("no number of seconds");
    }
    let stamp: jiff::Timestamp = value.parse().map_err(|_| "no RFC 3339 time with a zone")?;
    let time = Timestamp::from_nanos(stamp.as_nanosecond());
    if time == Timestamp::UNKNOWN {
        return Err("out of range");
    }
    Ok(Bound::At(time))
}

/// Reads a length of time, in nanoseconds: a decimal number with at most nine digits of fraction,
/// and `ms`, `s`, `m` or `h` behind it; seconds without a unit. `None` for all other texts.
pub fn length(value: &str) -> Option<i64> {
    const NANO_DIGITS: usize = 9;
    let end = value
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(value.len());
    let (number, unit) = value.split_at_checked(end)?;
    let unit = match unit {
        "ms" => Timestamp::SECOND / 1000,
        "" | "s" => Timestamp::SECOND,
        "m" => 60 * Timestamp::SECOND,
        "h" => 3600 * Timestamp::SECOND,
        _ => return None,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || fraction.len() > NANO_DIGITS {
        return None;
    }
    let whole: i64 = whole.parse().ok()?;
    let billionths: i64 = format!("{fraction:0<NANO_DIGITS$}").parse().ok()?;
    // In 128 bits: an hour of nanoseconds times a billion does not fit in 64.
    let fraction = i128::from(billionths) * i128::from(unit) / i128::from(Timestamp::SECOND);
    whole
        .checked_mul(unit)?
        .checked_add(i64::try_from(fraction).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_have_a_unit_or_are_seconds() {
        for (text, nanos) in [
            ("60", 60_000_000_000),
            ("1.5s", 1_500_000_000),
            ("250ms", 250_000_000),
            ("0.5m", 30_000_000_000),
            ("0.000000001h", 3_600),
            ("2h", 7_200_000_000_000),
            ("0.000000001", 1),
        ] {
            assert_eq!(length(text), Some(nanos), "{text}");
        }
        for bad in [
            "",
            "s",
            ".",
            "1.",
            ".5",
            "-1",
            "+1",
            "1 s",
            "1S",
            "1d",
            "1e3",
            "1.2.3",
            "0.1234567891",
            "9999999999999",
            "9999999999h",
            "１s",
        ] {
            assert_eq!(length(bad), None, "{bad}");
        }
        assert_eq!(bound("+1m"), Ok(Bound::After(60_000_000_000)));
        assert_eq!(
            bound("2025-03-01T10:00:00"),
            Err("no RFC 3339 time with a zone")
        );
    }

    #[test]
    fn networks_need_a_prefix_and_leave_something_to_judge() {
        assert_eq!(
            network("203.0.113.9/24"),
            Ok("203.0.113.0/24".parse().unwrap())
        );
        assert_eq!(
            network("2001:db8::1/64"),
            Ok("2001:db8::/64".parse().unwrap())
        );
        for (bad, why) in [
            ("203.0.113.9", "no prefix length"),
            ("::/0", "covers every address"),
            ("203.0.113.0/33", "is no network"),
            ("local", "is no network"),
        ] {
            assert!(network(bad).unwrap_err().contains(why), "{bad}");
        }
    }

    #[test]
    fn devices_are_addresses_or_all() {
        assert_eq!(Device::parse("all"), Ok(Device::All));
        assert_eq!(
            Device::parse("fe80::1"),
            Ok(Device::Ip("fe80::1".parse().unwrap()))
        );
        let mac = Device::Mac(Mac([0xaa, 0xbb, 0, 1, 2, 3]));
        assert_eq!(Device::parse("AA-bb-00-01-02-03"), Ok(mac));
        for bad in ["", "ALL?", "10.0.0", "aa:bb:cc:dd:ee", "phone.local"] {
            assert!(Device::parse(bad).is_err(), "{bad}");
        }
    }
}
