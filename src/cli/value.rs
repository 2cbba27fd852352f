//! Values of options: each is checked where it is read, and says what would be right.

use crate::epoch::{Bound, WindowSpec};
use crate::error::Error;
use crate::evidence::Timestamp;
use crate::link::Mac;
use crate::report::output::{Format, Output};
use crate::report::text;
use clap::builder::{OsStringValueParser, TypedValueParser};
use ipnet::IpNet;
use std::ffi::OsString;
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
    pub(super) fn parse(value: &str) -> Result<Self, String> {
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
pub(super) fn network(value: &str) -> Result<IpNet, String> {
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

/// When the mode was on: `START/END`, each RFC 3339 or `+SECONDS` from the first packet.
pub(super) fn window(value: &str) -> Result<WindowSpec, String> {
    let (start, end) = value.split_once('/').ok_or(
        "is not START/END (such as 2025-03-01T10:00:00Z/2025-03-01T10:10:00Z, or +60/+660)",
    )?;
    let window = WindowSpec {
        start: bound(start)?,
        end: bound(end)?,
    };
    let empty = match (window.start, window.end) {
        (Bound::After(start), Bound::After(end)) => start >= end,
        (Bound::At(start), Bound::At(end)) => start >= end,
        // Comparable only once the first packet is known.
        _ => false,
    };
    if empty {
        return Err(
            "ends before it begins (START comes first and has to be earlier than END)".to_owned(),
        );
    }
    Ok(window)
}

fn bound(value: &str) -> Result<Bound, String> {
    let bad = |what: &str| {
        let value = text::terminal(value);
        format!(
            "has '{value}', which is {what} (such as 2025-03-01T10:00:00Z, or +60 for a minute after the first packet)"
        )
    };
    if let Some(seconds) = value.strip_prefix('+') {
        return nanos(seconds)
            .map(Bound::After)
            .ok_or_else(|| bad("no number of seconds"));
    }
    let stamp: jiff::Timestamp = value
        .parse()
        .map_err(|_| bad("no RFC 3339 time with a zone"))?;
    let time = Timestamp::from_nanos(stamp.as_nanosecond());
    if time == Timestamp::UNKNOWN {
        return Err(bad("out of range"));
    }
    Ok(Bound::At(time))
}

/// Decimal seconds with at most nine digits of fraction, in nanoseconds.
fn nanos(seconds: &str) -> Option<i64> {
    const NANO_DIGITS: usize = 9;
    let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || fraction.len() > NANO_DIGITS {
        return None;
    }
    let whole: i64 = whole.parse().ok()?;
    let fraction: i64 = format!("{fraction:0<NANO_DIGITS$}").parse().ok()?;
    whole.checked_mul(Timestamp::SECOND)?.checked_add(fraction)
}

/// Reads `FORMAT[=PATH]` with one of the allowed formats.
pub(super) fn output(allowed: &'static [Format]) -> impl TypedValueParser<Value = Output> {
    OsStringValueParser::new().try_map(move |value: OsString| {
        let value = value
            .to_str()
            .ok_or_else(|| Error::new("is no valid UTF-8").advise("choose another file name"))?;
        Output::parse(value, allowed)
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_times_or_seconds_from_the_first_packet() {
        let at = |nanos| Bound::At(Timestamp::from_nanos(nanos));
        let seconds = WindowSpec {
            start: Bound::After(60_000_000_000),
            end: Bound::After(660_500_000_000),
        };
        assert_eq!(window("+60/+660.5"), Ok(seconds));
        let times = WindowSpec {
            start: at(1_740_823_200_000_000_000),
            end: at(1_740_823_201_500_000_000),
        };
        let written = "2025-03-01T11:00:00+01:00/2025-03-01T10:00:01.5Z";
        assert_eq!(window(written), Ok(times));
        assert!(window("+0/2025-03-01T10:00:00Z").is_ok());
        for bad in [
            "+60",
            "+60/",
            "/+60",
            "/",
            "+60/+60",
            "+9/+8",
            "+-1/+8",
            "60/70",
            "+1e3/+2e3",
            "+0/+99999999999999",
            "+0.1234567891/+1",
            "+./+1",
            "2025-03-01/2025-03-02",
            "2025-03-01T10:00:00/2025-03-01T11:00:00",
            "2025-03-01T11:00:00Z/2025-03-01T10:00:00Z",
        ] {
            assert!(window(bad).is_err(), "{bad}");
        }
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
