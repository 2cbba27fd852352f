//! DNS over UDP and TCP, multicast DNS and LLMNR: what was asked for, of whom, and the answers.
//!
//! RFC 1035, RFC 7766 (TCP), RFC 6762 (mDNS), RFC 4795 (LLMNR), RFC 9460 (HTTPS records). A query
//! alone is evidence that a name was asked for. An answer ties addresses to the name that was
//! asked; multicast answers are hearsay of neighbours and name no public server.

use super::dns_message::{Data, Message, Resolved, Section, fit, fit_stream, parse};
use super::{Protocol, Session, Sink, Step};
use crate::evidence::flow::{Opening, Pair, Relay, Side};
use crate::evidence::ledger::LookupKey;
use crate::ground::cause::ReadingCause;
use crate::ground::public_name::{is_public_name, reverse_name_address};
use crate::ground::translation::{PROBE_NAME, Prefix, Source};
use crate::observe::flow::part::Part;
use crate::observe::flow::{Carries, PayloadKind};
use std::collections::VecDeque;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

pub(super) const OVER_UDP: Protocol = Protocol {
    id: "dns",
    fit: |bytes, ends| fit(bytes, ends.sender.1, ends.receiver.1),
    names: false,
    until: None,
    payload: PayloadKind::Lookups,
    open: || Box::new(Dns::default()),
};

pub(super) const OVER_TCP: Protocol = Protocol {
    id: "dns",
    fit: |bytes, ends| fit_stream(bytes, ends.sender.1, ends.receiver.1),
    names: true,
    until: None,
    payload: PayloadKind::Lookups,
    open: || {
        Box::new(Dns {
            stream: true,
            ..Dns::default()
        })
    },
};

/// Questions of one flow that are remembered for their answers, which may come twice.
const ASKED_MAX: usize = 128;

#[derive(Default)]
struct Dns {
    stream: bool,
    asked: VecDeque<Asked>,
    /// A side sent something that is no message: it may have been a question.
    unread: Pair<bool>,
}

/// Address and port.
type Socket = (IpAddr, u16);

/// A question of this flow.
struct Asked {
    id: u16,
    name: Arc<str>,
    answered: bool,
}

impl Session for Dns {
    fn read(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> Step {
        sink.carries(Carries::Application);
        let (message, used) = if self.stream {
            let Some((length, rest)) = bytes.split_first_chunk::<2>() else {
                return Step::More;
            };
            let length = usize::from(u16::from_be_bytes(*length));
            match rest.get(..length) {
                Some(message) => (message, 2 + length),
                None => return Step::More,
            }
        } else {
            (bytes, bytes.len())
        };
        if self.stream && message.is_empty() {
            return Step::Consumed(used);
        }
        match parse(message) {
            Ok(read) if !read.questions.is_empty() || read.is_response => {
                sink.flow.facts.more_than_lookups |= more_than_a_lookup(&read, message.len(), sink);
                self.message(&read, sink);
            }
            _ => {
                sink.flow.facts.more_than_lookups = true;
                if !sink.ends.receiver.0.is_multicast() {
                    sink.unreadable(ReadingCause::Dns);
                }
                *self.unread.of_mut(sink.side()) = true;
            }
        }
        if sink.flow.payload != PayloadKind::Lookups {
            // Inside something else.
            let more = sink.flow.facts.more_than_lookups;
            sink.flow.within.lookups = true;
            sink.flow.within.others |= more;
            if !more {
                let header = used - message.len();
                sink.part(used, Part::Lookup { header });
            }
        }
        let facts = &mut sink.flow.facts;
        facts.only_lookups = facts.protocol == Some("dns") && !facts.more_than_lookups;
        Step::Consumed(used)
    }

    fn end(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        // The connection ended inside a message: its questions may be there.
        let Some(rest) = bytes.get(2..).filter(|_| self.stream) else {
            return;
        };
        match parse(rest) {
            Ok(read) if !read.questions.is_empty() || read.is_response => {
                if more_than_a_lookup(&read, rest.len(), sink) {
                    sink.flow.facts.more_than_lookups = true;
                    sink.flow.facts.only_lookups = false;
                }
                self.message(&read, sink);
            }
            _ => sink.unreadable(ReadingCause::DnsEndMissing),
        }
    }
}

/// True if the sender, who asks here, says more than a lookup needs: bytes that no question has, or an answer to nobody. What a resolver
/// answers is not ours.
fn more_than_a_lookup(message: &Message, length: usize, sink: &Sink<'_>) -> bool {
    let side = sink.side();
    if sink.ends.receiver.0.is_multicast() {
        return false;
    }
    let asks = sink
        .flow
        .opened_by
        .is_some_and(|(opener, how)| opener == side && how >= Opening::Request);
    if message.is_response {
        asks
    } else {
        message.foreign(length) > 0
    }
}

impl Dns {
    fn message(&mut self, message: &Message, sink: &mut Sink<'_>) {
        if sink.ledger.questions.is_some() {
            for question in &message.questions {
                let name = Arc::from(question.name.as_str());
                sink.ledger.question(sink.at.at, &name);
            }
        }
        let (client, server) = if message.is_response {
            (sink.ends.receiver, sink.ends.sender)
        } else {
            (sink.ends.sender, sink.ends.receiver)
        };
        let client_side = if message.is_response {
            sink.side().other()
        } else {
            sink.side()
        };
        // Multicast: the question goes to a group; answers there are announcements.
        let multicast = client.0.is_multicast() || server.0.is_multicast();
        if multicast && message.is_response {
            return;
        }
        let mut asked_here = Vec::new();
        for question in &message.questions {
            asked_here
                .push(message.is_response && self.answered(message.id, question.name.as_str()));
        }
        // What nobody asked for names nothing (contract, "Our side of a flow"): anybody can send it.
        let unasked = message.is_response
            && !asked_here.iter().any(|asked| *asked)
            && !*self.unread.of(client_side)
            && !*sink.flow.facts.doubted.of(client_side);
        if unasked {
            // A translator's prefix only takes addresses beyond the site: it accuses, whoever says it.
            translators(&message.resolved(), sink);
            if !multicast {
                self.told(message, (client, server), client_side, sink);
            }
            return;
        }
        sink.flow.opened(client_side, Opening::Request);
        sink.flow.facts.client_subnet |= message.records.iter().any(|r| {
            matches!(
                r.data,
                Data::Edns {
                    client_subnet: true,
                    ..
                }
            )
        });
        let link = *sink.flow.link.of(client_side);
        for (question, asked_before) in message.questions.iter().zip(asked_here) {
            let name: Arc<str> = Arc::from(question.name.as_str());
            if question.name.is_root() {
                continue;
            }
            let key = LookupKey {
                name: Arc::clone(&name),
                resolver: server.0,
                port: server.1,
                client: client.0,
                app: sink.app,
            };
            if !message.is_response {
                self.ask(message.id, &name);
            }
            if !asked_before {
                sink.ledger
                    .lookup(key.clone(), question.qtype, link, sink.interval, sink.at);
            }
            let accusing = &sink.ledger.accusing;
            let accuses = |name: &str| accusing.says(name);
            let facts = &mut sink.flow.facts;
            facts.looked_up(client_side, &name, is_public_name(&name), accuses);
        }
        if !multicast {
            sink.relays_for(client_side, Relay::Lookup);
        }
        if message.is_response && !multicast {
            answers(message, sink);
        }
    }

    /// Lists the names of an answer whose question was not seen.
    fn told(
        &self,
        message: &Message,
        (client, server): (Socket, Socket),
        client_side: Side,
        sink: &mut Sink<'_>,
    ) {
        let link = *sink.flow.link.of(client_side);
        for question in message.questions.iter().filter(|q| !q.name.is_root()) {
            let key = LookupKey {
                name: Arc::from(question.name.as_str()),
                resolver: server.0,
                port: server.1,
                client: client.0,
                app: sink.app,
            };
            sink.ledger
                .told(key, question.qtype, link, sink.interval, sink.at);
        }
    }

    /// Remembers a question; one that was answered makes room first.
    fn ask(&mut self, id: u16, name: &Arc<str>) {
        if self.asked.len() >= ASKED_MAX {
            let done = self.asked.iter().position(|asked| asked.answered);
            self.asked.remove(done.unwrap_or(0));
        }
        self.asked.push_back(Asked {
            id,
            name: Arc::clone(name),
            answered: false,
        });
    }

    /// True if this flow asked for the name under this id.
    fn answered(&mut self, id: u16, name: &str) -> bool {
        let mut asked = self.asked.iter_mut();
        let found = asked.find(|asked| asked.id == id && *asked.name == *name);
        found.map(|asked| asked.answered = true).is_some()
    }
}

/// The prefix of a translator, by what the resolver made with it (RFC 7050 §3).
fn translators(resolved: &[Resolved<'_>], sink: &mut Sink<'_>) {
    for resolved in resolved {
        if resolved.question.as_str() == PROBE_NAME
            && let IpAddr::V6(made) = resolved.address
            && let Some(prefix) = Prefix::from_answer(made)
            && !sink.ledger.translators.learn(prefix, Source::Answer)
        {
            sink.over(ReadingCause::TranslatorPrefixesOver);
        }
    }
}

fn answers(message: &Message, sink: &mut Sink<'_>) {
    let resolved = message.resolved();
    translators(&resolved, sink);
    // All addresses at the end of one way share its names.
    let alike = |one: &Resolved<'_>, next: &Resolved<'_>| {
        std::ptr::eq(one.question, next.question) && Rc::ptr_eq(&one.aliases, &next.aliases)
    };
    for of_way in resolved.chunk_by(alike) {
        let Some(first) = of_way.first() else {
            continue;
        };
        let name: Arc<str> = Arc::from(first.question.as_str());
        let aliases = first.aliases.iter().map(|a| Arc::from(a.as_str()));
        let aliases: Arc<[Arc<str>]> = aliases.collect();
        for resolved in of_way {
            sink.answers(&name, &aliases, resolved.address, resolved.ttl);
        }
    }
    for record in message.section(Section::Answer) {
        if let Data::Pointer(name) = &record.data
            && is_public_name(name.as_str())
            && let Some(of) = reverse_name_address(record.owner.as_str())
            && let Some(address) = of.address()
        {
            sink.ledger.reversed(address);
        }
        if let Data::Binding(binding) = &record.data
            && let Some(offer) = &binding.ech
        {
            for public in &offer.public_names {
                for question in &message.questions {
                    sink.ledger.ech_offer(public, question.name.as_str());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::dissect::conversation::Conversation;

    fn question(n: u16) -> Vec<u8> {
        let mut out = n.to_be_bytes().to_vec();
        out.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
        out.extend(format!("\x05h{n:04}\x07example\0\0\x01\0\x01").bytes());
        out
    }

    /// An answer with the address 192.0.N.N.
    fn answer(n: u16) -> Vec<u8> {
        let mut out = question(n);
        out[2..8].copy_from_slice(&[0x81, 0x80, 0, 1, 0, 1]);
        out.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0]);
        out.extend([n as u8; 2]);
        out
    }

    #[test]
    fn the_latest_questions_wait_for_their_answers() {
        let mut talk = Conversation::udp("192.168.2.1:53");
        let last = ASKED_MAX as u16 + 4;
        for n in 0..=last {
            talk.say(question(n));
            if n == 3 {
                // It makes room first.
                talk.hear(answer(n));
            }
        }
        for n in [0, 4, 5, last] {
            talk.hear(answer(n));
        }
        assert_eq!(
            talk.ledger.lookups.len(),
            usize::from(last) + 1,
            "each is told"
        );
        let client: IpAddr = [192, 168, 2, 20].into();
        let began = crate::ground::moment::Moment::NONE.time;
        let named = |n: u16| {
            let address = [192, 0, n as u8, n as u8].into();
            let names = talk.ledger.names_of(address, client, None, began);
            !names.is_empty()
        };
        assert_eq!(
            [0, 3, 4, 5, last].map(named),
            [false, true, false, true, true]
        );
    }
}
