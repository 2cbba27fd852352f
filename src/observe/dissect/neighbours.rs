//! What is on the link: ARP (RFC 826), neighbour discovery and router advertisements (RFC 4861),
//! DHCP acknowledgements (RFC 2131, RFC 2132), prefixes of translators (RFC 8781).
//!
//! Says which addresses a MAC claims, which networks are on the link, who routes and who leases
//! addresses (DHCPv6, RFC 8415, too). It proves nothing by itself: a claim counts only with frames
//! that really went to that MAC, and a network only if its prefix is one that a link can have: a
//! mask of a few bits, or a prefix or router that lives for no time, says nothing of a link.

use super::wire::Reader;
use crate::evidence::ledger::{Ledger, OnLink};
use crate::ground::address::{Class, classify};
use crate::ground::cause::ReadingCause;
use crate::ground::mac::Mac;
use crate::ground::moment::Moment;
use crate::ground::protocol;
use crate::ground::translation::{Prefix, Source};
use crate::observe::packet::Datagram;
use crate::observe::packet::transport::Transport;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Router advertisement, neighbour solicitation, neighbour advertisement (RFC 4861 §4).
const ROUTER_ADVERTISEMENT: u8 = 134;
const NEIGHBOUR_ADVERTISEMENT: u8 = 136;

/// Options followed in one neighbour discovery message: all that fit into a packet, as each is at least eight bytes. One that is left out
/// may take a network back.
const OPTIONS_MAX: usize = (64 << 10) / 8;

/// DHCP options followed in one message: all that fit into a packet, one byte of filling each.
const DHCP_OPTIONS_MAX: usize = 64 << 10;

/// An ARP packet: its sender's pair, of requests and replies alike.
pub fn arp(packet: &[u8], interval: u32, at: Moment, ledger: &mut Ledger) -> Option<()> {
    let mut reader = Reader::new(packet);
    let (hardware, protocol) = (reader.u16()?, reader.u16()?);
    let lengths = reader.u16()?;
    let _operation = reader.u16()?;
    // Ethernet and IPv4 only (RFC 826); other pairs exist and say nothing of IP.
    if hardware != 1 || protocol != 0x0800 || lengths != 0x0604 {
        return None;
    }
    let mac = Mac::read(reader.take(6)?)?;
    let ip = Ipv4Addr::from(reader.array::<4>()?);
    ledger.neighbour(mac, IpAddr::V4(ip), interval, at);
    Some(())
}

/// True for what no router passes on, whatever its addresses: neighbour discovery with hop limit 255
/// (a receiver drops any other, RFC 4861 §6.1), and the membership messages of groups with hop limit 1
/// (RFC 3376 §4, RFC 3810 §5), which go to the very group that they are about.
pub fn stays_on_link(datagram: &Datagram<'_>, transport: &Transport<'_>) -> bool {
    match transport {
        Transport::Icmp { kind, .. } if datagram.protocol == protocol::ICMPV6 => {
            (is_discovery(*kind) && datagram.hop_limit == u8::MAX)
                || (matches!(kind, 130..=132 | 143)
                    && datagram.hop_limit == 1
                    && datagram.destination.is_multicast())
        }
        Transport::Icmp { .. } => false,
        _ => {
            datagram.protocol == 2 && datagram.hop_limit == 1 && datagram.destination.is_multicast()
        }
    }
}

/// True for the types of neighbour discovery (RFC 4861 §4): solicitations, advertisements, redirects.
pub fn is_discovery(kind: u8) -> bool {
    matches!(kind, 133..=137)
}

/// An ICMPv6 message of type `kind`; `body` is what lies behind the checksum.
/// `hop_limit_kept` says that the hop limit is 255: the message was not routed (RFC 4861 §6.1.2).
pub fn icmpv6(
    kind: u8,
    body: &[u8],
    source: IpAddr,
    mac: Option<Mac>,
    interval: u32,
    at: Moment,
    ledger: &mut Ledger,
) -> Option<()> {
    let mut reader = Reader::new(body);
    match kind {
        ROUTER_ADVERTISEMENT => {
            let _limit_and_flags = reader.u16()?;
            let lifetime = reader.u16()?;
            reader.take(8)?;
            if let (Some(mac), true) = (mac, lifetime > 0) {
                ledger.serves(mac, |station| station.router = true);
                ledger.neighbour(mac, source, interval, at);
            }
            // Who routes for no time has no say in what lies on the link either, and neither has who is not on it (RFC 4861 §6.1.2).
            let speaks = lifetime > 0 && classify(source).class == Class::LinkLocal;
            for _ in 0..OPTIONS_MAX {
                let (Some(option), Some(eights)) = (reader.u8(), reader.u8()) else {
                    break;
                };
                let length = usize::from(eights).checked_mul(8)?.checked_sub(2)?;
                let data = reader.take(length)?;
                // A translator's prefix (RFC 8781 §4).
                if option == 38
                    && let Some(prefix) = Prefix::from_option(data)
                    && !ledger.translators.learn(prefix, Source::Router)
                {
                    ledger
                        .gaps
                        .over(at, interval, ReadingCause::TranslatorPrefixesOver);
                }
                // Prefix information with the L flag (RFC 4861 §4.6.2).
                if option == 3
                    && let Some((&[bits, flags], rest)) = data.split_first_chunk::<2>()
                    && flags & 0x80 != 0
                    && bits <= 128
                    && let Some((lifetime, rest)) = rest.split_first_chunk::<4>()
                    && let Some(prefix) = rest.get(8..).and_then(|p| p.first_chunk::<16>())
                {
                    let network = OnLink {
                        network: IpAddr::V6(Ipv6Addr::from(*prefix)),
                        bits,
                    };
                    // A valid lifetime of 0 takes the prefix back (RFC 4861 §6.3.4).
                    if u32::from_be_bytes(*lifetime) == 0 {
                        ledger.on_link.remove(&network);
                    } else if speaks {
                        ledger.on_link(network, at);
                    }
                }
            }
        }
        NEIGHBOUR_ADVERTISEMENT => {
            reader.take(4)?;
            let target = Ipv6Addr::from(reader.array::<16>()?);
            if let Some(mac) = mac {
                ledger.neighbour(mac, IpAddr::V6(target), interval, at);
            }
        }
        _ => return None,
    }
    Some(())
}

/// A DHCPv6 message that only servers and relays send (RFC 8415 §7.3): its sender leases addresses.
pub fn dhcpv6(payload: &[u8], mac: Option<Mac>, ledger: &mut Ledger) -> Option<()> {
    const ADVERTISE: u8 = 2;
    const REPLY: u8 = 7;
    const RECONFIGURE: u8 = 10;
    if matches!(*payload.first()?, ADVERTISE | REPLY | RECONFIGURE) {
        ledger.serves(mac?, |station| station.leases = true);
    }
    Some(())
}

/// A DHCP message from a server: mask and routers of an acknowledged lease.
pub fn dhcp(payload: &[u8], mac: Option<Mac>, at: Moment, ledger: &mut Ledger) -> Option<()> {
    const COOKIE: u32 = 0x6382_5363;
    const REPLY: u8 = 2;
    const ACK: u8 = 5;
    let mut reader = Reader::new(payload);
    if reader.u8()? != REPLY {
        return None;
    }
    reader.take(15)?;
    let yours = Ipv4Addr::from(reader.array::<4>()?);
    // Server and relay addresses, hardware address, names, up to the options.
    reader.take(8 + 16 + 64 + 128)?;
    if reader.u32()? != COOKIE {
        return None;
    }
    let (mut kind, mut mask, mut routers) = (None, None, Vec::new());
    for _ in 0..DHCP_OPTIONS_MAX {
        match reader.u8() {
            Some(0) => continue,
            Some(255) | None => break,
            Some(option) => {
                let length = usize::from(reader.u8()?);
                let data = reader.take(length)?;
                match option {
                    1 => mask = data.first_chunk::<4>().map(|m| u32::from_be_bytes(*m)),
                    3 => {
                        let (addresses, _) = data.as_chunks::<4>();
                        routers = addresses
                            .iter()
                            .map(|r| IpAddr::V4(Ipv4Addr::from(*r)))
                            .collect();
                    }
                    53 => kind = data.first().copied(),
                    _ => {}
                }
            }
        }
    }
    // Whoever answers leases, whatever comes of it.
    if kind.is_some()
        && let Some(mac) = mac
    {
        ledger.serves(mac, |station| station.leases = true);
    }
    if kind != Some(ACK) {
        return None;
    }
    if let Some(mask) = mask
        && mask.leading_ones() + mask.trailing_zeros() == 32
        && !yours.is_unspecified()
    {
        let network = IpAddr::V4(Ipv4Addr::from_bits(yours.to_bits() & mask));
        let bits = u8::try_from(mask.leading_ones()).ok()?;
        ledger.on_link(OnLink { network, bits }, at);
    }
    routers.into_iter().for_each(|ip| ledger.router(ip));
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_behind_many_others_takes_its_network_back() {
        let prefix = |lifetime: u8| {
            let mut option = vec![3, 4, 64, 0x80, 0, 0, 0, lifetime];
            option.extend([0; 8]);
            option.extend([0x20, 1, 0xd, 0xb8]);
            option.extend([0; 12]);
            option
        };
        let hear = |options: &[u8], ledger: &mut Ledger| {
            let body = [&[64, 0, 7, 8][..], &[0; 8], options].concat();
            let source = IpAddr::from([0xfe80, 0, 0, 0, 0, 0, 0, 1]);
            let kind = ROUTER_ADVERTISEMENT;
            icmpv6(kind, &body, source, None, 0, Moment::NONE, ledger)
        };
        let mut ledger = Ledger::default();
        assert!(hear(&prefix(9), &mut ledger).is_some());
        assert_eq!(ledger.on_link.len(), 1);
        let mut far = Ledger::default();
        let (body, source) = (
            [&[64, 0, 7, 8][..], &[0; 8], &prefix(9)].concat(),
            IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1]),
        );
        icmpv6(
            ROUTER_ADVERTISEMENT,
            &body,
            source,
            None,
            0,
            Moment::NONE,
            &mut far,
        );
        assert_eq!(far.on_link.len(), 0, "said from somewhere else");
        let filling = [200, 1, 0, 0, 0, 0, 0, 0].repeat(OPTIONS_MAX - 8);
        assert!(hear(&[filling, prefix(0)].concat(), &mut ledger).is_some());
        assert_eq!(ledger.on_link.len(), 0);
    }

    #[test]
    fn an_option_behind_filling_is_read() {
        let mut message = vec![2, 1, 6, 0];
        message.extend([0; 12]);
        message.extend([192, 168, 2, 20]);
        message.extend([0; 8 + 16 + 64 + 128]);
        message.extend([0x63, 0x82, 0x53, 0x63]);
        message.extend(vec![0; 60_000]);
        message.extend([53, 1, 5, 1, 4, 255, 255, 255, 0, 3, 4, 192, 168, 2, 1, 255]);
        assert!(message.len() < DHCP_OPTIONS_MAX);
        let mut ledger = Ledger::default();
        assert!(dhcp(&message, None, Moment::NONE, &mut ledger).is_some());
        assert_eq!((ledger.on_link.len(), ledger.routers.len()), (1, 1));
    }
}
