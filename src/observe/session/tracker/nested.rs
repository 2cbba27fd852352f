//! Packets that came in others: out of a tunnel, or quoted by an ICMP error.
//!
//! Each is a packet of a flow of its own, one level deeper; its frame is accounted for the outermost
//! one. What it does beyond the site, the flows around it do too.

use super::super::icmp::{Quote, icmp_ports, quote};
use super::super::inside::{Found, Seen, of_datagram, of_number};
use super::super::senders::FrameSender;
use super::content::Layer;
use super::{Context, DEPTH_MAX, Tracker};
use crate::evidence::flow::{Behind, Key, Opening, Relay, Side};
use crate::evidence::ledger::Ends;
use crate::ground::address::{Class, classify};
use crate::ground::cause::{LinkCause, PacketCause, SessionCause};
use crate::ground::gaps::GapId;
use crate::observe::flow::Layer as Carrier;
use crate::observe::link::inside::unwrap;
use crate::observe::link::{Content, Unwrapped};
use crate::observe::packet::encapsulation::Inner;
use crate::observe::packet::transport::{Transport, ports, read};
use crate::observe::packet::{Datagram, Decoded, decode};
use std::net::IpAddr;

/// Bytes that may be missing of a packet that an ICMP error quotes: any number.
const QUOTE_CUT: usize = u16::MAX as usize;

impl Tracker {
    /// A packet inside one of `sender`'s: its flow is listed beside the tunnel's, and makes a tunnel
    /// to a local host relayed when it goes beyond the site. The frame is accounted for the outer
    /// one.
    pub(super) fn tunnelled(
        &mut self,
        slot: u32,
        found: Found<'_>,
        sender: IpAddr,
        cut: usize,
        context: &Context,
    ) {
        let Some(flow) = self.table.flow(slot) else {
            return;
        };
        flow.facts.protocol.get_or_insert(found.name);
        let key = flow.key;
        let inner = Context {
            // The machines of this link are the tunnel's ends, not the inner packet's.
            source: None,
            target: None,
            // A copy says nothing of who put it into the tunnel.
            behind: context
                .behind
                .or(Some(Behind::Tunnel(sender)))
                .filter(|_| !found.copies),
            depth: context.depth.saturating_add(1),
            on_link: false,
            in_pieces: false,
            accounted: false,
            ..*context
        };
        match found.seen {
            Seen::Control => {}
            Seen::Closed(gap, cause) => {
                flow.facts.tunnel = Some(found.name);
                if found.copies {
                    self.unreadable(gap, cause, &inner);
                }
            }
            Seen::Opened(read) => {
                let beyond = self.inside(&read, found.copies, sender, cut, &inner);
                if beyond
                    && let Some(flow) = self.table.flow(slot)
                    && flow.key == key
                {
                    flow.facts.relay = Some(Relay::Tunnel);
                }
            }
        }
    }

    /// The packets that dissectors found in the payload of a flow: as [`Self::tunnelled`].
    pub(super) fn carried(&mut self, slot: u32, sender: IpAddr, context: &Context) {
        let Some(flow) = self.table.flow(slot) else {
            return;
        };
        if flow.inside.is_empty() {
            return;
        }
        let key = flow.key;
        for one in flow.inside.take() {
            let inner = match one.layer {
                Carrier::Packet => Inner::Packet(&one.bytes),
                Carrier::Ppp => Inner::Ppp(&one.bytes),
                Carrier::Link(kind) => Inner::Link(kind, &one.bytes),
            };
            let found = Found {
                name: one.name,
                copies: one.copies,
                seen: Seen::Opened(unwrap(inner, one.cut)),
            };
            // Flows inside may have taken its place.
            if self.table.flow(slot).is_some_and(|flow| flow.key == key) {
                self.tunnelled(slot, found, sender, one.cut, context);
            }
        }
    }

    /// What is inside a tunnel, as if it stood on a link. True if it goes beyond the site.
    fn inside(
        &mut self,
        read: &Unwrapped<'_>,
        copies: bool,
        sender: IpAddr,
        cut: usize,
        context: &Context,
    ) -> bool {
        let context = if copies {
            Context {
                // Whose they are, these say; what is on the link they do not: anybody may send them.
                source: read.source,
                target: read.target,
                ..*context
            }
        } else {
            *context
        };
        match read.content {
            Content::Ip(bytes) => {
                let decoded = match decode(bytes, cut) {
                    Decoded::BadChecksum(datagram) => {
                        if self.senders.header(FrameSender::Tunnel(sender), false) {
                            Decoded::Datagram(datagram)
                        } else {
                            Decoded::Unreadable(PacketCause::HeaderChecksumInTunnel)
                        }
                    }
                    Decoded::Datagram(datagram) => {
                        if datagram.source.is_ipv4() {
                            self.senders.header(FrameSender::Tunnel(sender), true);
                        }
                        Decoded::Datagram(datagram)
                    }
                    decoded => decoded,
                };
                self.network(decoded, &context)
            }
            Content::Unreadable(gap, cause) => {
                self.unreadable(gap, cause, &context);
                false
            }
            // What is inside a tunnel was closed before.
            Content::Protected(_) => {
                let cause = LinkCause::ProtectedInTunnel;
                self.unreadable(GapId::EncryptedWifi, cause, &context);
                false
            }
            Content::Bundle(packets) => {
                let mut rest = packets;
                let mut beyond = false;
                for one in rest.by_ref() {
                    // Bundles in bundles are refused by the reader of frames too.
                    if !matches!(one.content, Content::Bundle(_)) {
                        beyond |= self.inside(&one, copies, sender, cut, &context);
                    }
                }
                if rest.exhausted() {
                    self.ledger.gaps.over(
                        context.moment,
                        context.interval,
                        SessionCause::PacketsInFrameOver,
                    );
                }
                beyond
            }
            Content::Arp(_) | Content::NotIp(_) | Content::Extract(_) | Content::KeyExchange(_) => {
                false
            }
        }
    }

    /// An ICMP error quotes the packet that it answers (RFC 792, RFC 4443 §3). If the capture
    /// missed that packet, the quote still shows that `asker` sent it: an attempt, and no packet of
    /// its own.
    /// False if nothing that `asker` sent is quoted.
    pub(super) fn quoted(
        &mut self,
        body: &[u8],
        (sender, asker): (IpAddr, IpAddr),
        context: &Context,
    ) -> bool {
        /// Four bytes of the error's own come first.
        const UNUSED: usize = 4;
        // What is quoted is cut by design.
        let quote = decode(body.get(UNUSED..).unwrap_or_default(), QUOTE_CUT);
        let (Decoded::Datagram(inner) | Decoded::BadChecksum(inner)) = quote else {
            return false;
        };
        if inner.source != asker {
            return false;
        }
        if sender == inner.destination && context.source.is_none() && context.direction.is_none() {
            self.refused(&inner, context);
        }
        self.quote(&inner, context);
        true
    }

    /// What an ICMP error holds beyond the packet it quotes is payload. What it quotes is summed: there can be too much of it.
    pub(super) fn beyond_quote(
        &mut self,
        slot: u32,
        side: Side,
        body: &[u8],
        (number, wire): (u8, usize),
        context: &Context,
    ) {
        let Quote { quoted, beyond } = quote(number, body, wire);
        if !context.again
            && let Some(span) = self.table.span(slot, context.interval, context.moment)
        {
            span.sent(side).quoted += quoted as u64;
        }
        if beyond == 0 {
            return;
        }
        let behind = body.get(quoted..).unwrap_or_default();
        self.look(slot, side, behind, Layer::Icmp, context);
        self.payload(slot, side, beyond, context);
    }

    /// The end that a packet went to refuses it: how soon, where the link says nothing of the ends.
    fn refused(&mut self, packet: &Datagram<'_>, context: &Context) {
        let (from, to) = ports(packet);
        let (key, _) = Key::new(
            (packet.source, from),
            (packet.destination, to),
            packet.protocol,
        );
        let public = |ip: IpAddr| classify(ip).class == Class::Global;
        if public(packet.source)
            && public(packet.destination)
            && let Some((slot, _)) = self.table.get(&key)
        {
            let delay = context
                .moment
                .time
                .since(self.table.last_seen(slot))
                .unwrap_or(0);
            self.ledger.answered(packet.destination, delay);
        }
    }

    /// A packet that was quoted, and those inside it. True if one of them goes beyond the site.
    fn quote(&mut self, packet: &Datagram<'_>, context: &Context) -> bool {
        let leaves = self.leaves(packet.source) || self.leaves(packet.destination);
        if packet.fragment.is_some_and(|f| f.offset > 0) || context.depth > DEPTH_MAX {
            return leaves;
        }
        let transport = read(packet);
        let (from, to) = match transport {
            Transport::Icmp { kind, code, .. } => icmp_ports(packet.protocol, kind, code),
            _ => ports(packet),
        };
        let (key, side) = Key::new(
            (packet.source, from),
            (packet.destination, to),
            packet.protocol,
        );
        let ends = Ends {
            side,
            sender: (packet.source, from),
            receiver: (packet.destination, to),
        };
        // The machine that sent the error did not send what it quotes.
        let unsent = Context {
            source: None,
            ..*context
        };
        self.tell(ends, packet.protocol, &[], &unsent);
        let known = self.table.get(&key).map(|(slot, _)| slot);
        let slot = known.unwrap_or_else(|| {
            let (slot, evicted) = self.table.open(key, context.interval, context.moment);
            if let Some(evicted) = evicted {
                self.closed(evicted);
            }
            if let Some(flow) = self.table.flow(slot) {
                flow.opened(side, Opening::Request);
                flow.facts.quoted = true;
            }
            if let Some(span) = self.table.span(slot, context.interval, context.moment) {
                span.opened = true;
                span.sent(side).answers += 1;
            }
            slot
        });
        let found = match transport {
            Transport::Udp(udp) => of_datagram(&udp),
            Transport::Other => of_number(packet.protocol, packet.payload, QUOTE_CUT),
            _ => None,
        };
        let inner = match found {
            Some(Found {
                seen: Seen::Opened(read),
                ..
            }) => read.content,
            _ => return leaves,
        };
        let beyond = match inner {
            Content::Ip(bytes) => match decode(bytes, QUOTE_CUT) {
                Decoded::Datagram(inside) | Decoded::BadChecksum(inside) => {
                    let context = Context {
                        depth: context.depth.saturating_add(1),
                        ..*context
                    };
                    self.quote(&inside, &context)
                }
                _ => false,
            },
            _ => false,
        };
        if beyond
            && let Some(flow) = self.table.flow(slot)
            && flow.key == key
        {
            flow.facts.relay = Some(Relay::Tunnel);
        }
        leaves || beyond
    }

    /// True for addresses that are not on the site, by their number, by declaration and by what
    /// translators were announced so far.
    pub(super) fn leaves(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        let local = classify(ip).is_local_source() && !self.ledger.translators.leaves(ip);
        !local && !self.settings.local.iter().any(|net| net.contains(&ip))
    }
}
