//! What payload said of people, kept small: the same again is counted, and what is too many is folded.

use super::flow::Side;
use crate::ground::moment::Moment;
use crate::vocabulary;

/// Different texts kept of a kind in an interval, per side; a track of positions has thousands.
const TEXTS_MAX: usize = 16;

vocabulary! {
    /// What was found.
    "kind of personal data" pub enum Kind {
        /// Latitude and longitude.
        Position = "position",
        /// An e-mail address.
        Email = "e-mail",
        /// A telephone number.
        PhoneNumber = "phone-number",
        /// A person's or account's name.
        Name = "name",
        /// International Mobile Equipment Identity.
        Imei = "imei",
        /// International Mobile Subscriber Identity.
        Imsi = "imsi",
        /// Serial number of a SIM card.
        Iccid = "iccid",
        /// A hardware address.
        MacAddress = "mac-address",
        /// An id made for advertising.
        AdvertisingId = "advertising-id",
        /// Android's id of an installation.
        AndroidId = "android-id",
        /// Another id that stays with a device.
        DeviceId = "device-id",
        /// Serial number of an aircraft, controller or phone.
        SerialNumber = "serial-number",
        /// Password, token or login.
        Credential = "credential",
        /// A picture.
        Image = "image",
        /// Moving pictures.
        Video = "video",
    }
}

impl Kind {
    /// Its place in a set of kinds.
    pub(crate) fn bit(self) -> u32 {
        1 << (self as u32)
    }
}

/// The text of the hit that stands for those beyond the bound.
pub const MORE: &str = "(more)";

crate::vocabulary! {
    /// A part of what is sent. In the order of their words.
    "part of what is sent" pub enum TrafficPart {
        /// A name that is asked for.
        DnsQuery = "dns query",
        /// A body of HTTP.
        HttpBody = "http body",
        /// Fields of its head.
        HttpHeader = "http header",
        /// Its request line.
        HttpUrl = "http url",
        /// Behind the header of ICMP.
        IcmpPayload = "icmp payload",
        /// A message of MQTT.
        Mqtt = "mqtt",
        /// Anything in a connection that was opened.
        Payload = "payload",
        /// The name of the server that is asked for.
        ServerName = "server name",
        /// A message of STUN.
        Stun = "stun",
        /// In a TCP stream.
        TcpPayload = "tcp payload",
        /// In a UDP datagram.
        UdpPayload = "udp payload",
        /// A message of WebSocket.
        WebSocket = "websocket",
    }
}

crate::vocabulary! {
    /// What seals a connection. In the order of their words.
    "what seals a connection" pub enum SealedBy {
        /// DTLS.
        Dtls = "dtls",
        /// QUIC.
        Quic = "quic",
        /// TLS.
        Tls = "tls",
    }
}

/// Where in the traffic something stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FoundIn {
    /// The part.
    pub part: TrafficPart,
    /// What sealed it, if it was opened.
    pub opened: Option<SealedBy>,
}

impl FoundIn {
    /// A part, in what was opened if it was. There only parts of protocols that are read within have names.
    pub fn new(part: TrafficPart, opened: Option<SealedBy>) -> Self {
        use TrafficPart::{HttpBody, HttpHeader, HttpUrl, Mqtt, Payload, WebSocket};
        let part = match (opened, part) {
            (None, _) => part,
            (
                Some(SealedBy::Tls | SealedBy::Quic),
                HttpBody | HttpHeader | HttpUrl | Mqtt | WebSocket,
            ) => part,
            (Some(_), _) => Payload,
        };
        Self { part, opened }
    }
}

/// Something found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hit {
    /// What it is.
    pub kind: Kind,
    /// The text, masked.
    pub text: String,
    /// The text itself, if it may be shown.
    pub plain: Option<String>,
    /// Where in the traffic it stood.
    pub place: FoundIn,
    /// Who sent it.
    pub side: Side,
    /// The interval it was sent in.
    pub interval: u32,
    /// The packet that completes it for the first time.
    pub first: Moment,
    /// Times found.
    pub count: u64,
}

/// Hits of a flow or row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hits {
    list: Vec<Hit>,
}

impl Hits {
    /// All of them, in the order found.
    pub fn iter(&self) -> impl Iterator<Item = &Hit> {
        self.list.iter()
    }

    /// True if nothing was found.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Adds all of another's.
    pub fn merge(&mut self, other: &Self) {
        self.take(other.list.iter().cloned());
    }

    /// Adds these. Rows and destinations are many, and most take the hits of one: room is made for no more.
    pub fn take(&mut self, hits: impl Iterator<Item = Hit>) {
        if self.list.is_empty() {
            self.list.reserve_exact(hits.size_hint().1.unwrap_or(0));
        }
        for hit in hits {
            self.add(hit);
        }
    }

    /// Adds a hit.
    pub fn add(&mut self, hit: Hit) {
        if let Some(same) = self.same(&hit) {
            same.count = same.count.saturating_add(hit.count);
            same.first = same.first.min(hit.first);
            return;
        }
        let alike = |have: &&Hit| {
            (have.kind, have.side, have.interval) == (hit.kind, hit.side, hit.interval)
        };
        if self.list.iter().filter(alike).count() < TEXTS_MAX {
            self.list.push(hit);
            return;
        }
        let more = Hit {
            text: MORE.to_owned(),
            plain: None,
            ..hit
        };
        match self.same(&more) {
            Some(same) => {
                same.count = same.count.saturating_add(more.count);
                same.first = same.first.min(more.first);
            }
            None => self.list.push(more),
        }
    }

    fn same(&mut self, hit: &Hit) -> Option<&mut Hit> {
        self.list.iter_mut().find(|have| {
            (have.kind, have.side, have.interval, have.place)
                == (hit.kind, hit.side, hit.interval, hit.place)
                && have.text == hit.text
                && have.plain == hit.plain
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repetition_is_counted_and_excess_folded() {
        let hit = |n: usize| Hit {
            kind: Kind::Position,
            text: format!("{n}"),
            plain: None,
            place: FoundIn::new(TrafficPart::UdpPayload, None),
            side: Side::A,
            interval: 0,
            first: Moment::NONE,
            count: 1,
        };
        let mut hits = Hits::default();
        for n in 0..100 {
            hits.add(hit(n));
            hits.add(hit(n));
        }
        assert_eq!(hits.iter().count(), TEXTS_MAX + 1);
        assert_eq!(hits.iter().map(|h| h.count).sum::<u64>(), 200);
        let mut sum = hits.clone();
        sum.merge(&hits);
        assert_eq!(
            (sum.iter().count(), sum.iter().map(|h| h.count).sum::<u64>()),
            (TEXTS_MAX + 1, 400)
        );
    }
}
