//! Why traffic is whose, what a destination is and what is remarked on it, in words.

use crate::ground::protocol;
use crate::judge::classify::attribution::{Grounds, NameSays};
use crate::judge::classify::catalog::Host;
use crate::judge::classify::destination::{DestinationKey, Note};
use crate::judge::classify::labels::Labelling;
use crate::judge::classify::rows::{Hidden, Sealed};
use crate::judge::identity::topology::Proof;
use std::borrow::Cow;
use std::fmt::{self, Display, Formatter};
use std::net::IpAddr;

/// Why traffic is whose.
pub(super) struct Because<'a>(pub(super) &'a Grounds);

impl Display for Because<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Grounds::Device => f.write_str("sent or received by the device under audit"),
            Grounds::OtherMachine => {
                f.write_str("another machine than the device under audit, by its MAC address")
            }
            Grounds::App(app) => write!(
                f,
                "the capture labels its packets with the app under audit, {}",
                self::app(app)
            ),
            Grounds::OtherApp(app) => write!(
                f,
                "the capture labels its packets with another app, {}",
                self::app(app)
            ),
            Grounds::Name(name, says) => by_name(f, name, says),
            Grounds::Alias(alias, host) => {
                write!(f, "the name is an alias of {alias}; ")?;
                row(f, host, alias)
            }
            Grounds::Address(host) => write!(f, "the address is {} of {}", host.role, host.owner),
            Grounds::Unnamed => f.write_str("no name was seen for this address"),
            Grounds::HiddenLookups => f.write_str("encrypted DNS: what was asked for is hidden"),
            Grounds::UnreadLookups => f.write_str("no name that was asked for could be read"),
            Grounds::Served => {
                f.write_str("the far end asked, and our side answered as a server does")
            }
            #[cfg(test)]
            Grounds::ByHand => f.write_str("by hand"),
        }
    }
}

fn by_name(f: &mut Formatter<'_>, name: &str, says: &NameSays) -> fmt::Result {
    match says {
        NameSays::Uncatalogued => write!(f, "{name} is in no catalog"),
        NameSays::Described => write!(f, "{name} is in the catalog for description only"),
        NameSays::Row(host) => row(f, host, name),
        NameSays::Data(host) => write!(
            f,
            "{name} lies under {}, and its labels look like data",
            host.pattern
        ),
        NameSays::AtUnknownAddress(host) => write!(
            f,
            "{name} is {}, but the address is not known to be its operator's own",
            host.role
        ),
        NameSays::TooMuch(host, bytes) => write!(
            f,
            "{name} is {}, but {bytes} bytes went out, more than such traffic sends",
            host.role
        ),
        NameSays::AtOperator(host, operator) => write!(
            f,
            "{name} is {} of {}, and the address is {operator}'s",
            host.role, host.owner
        ),
        NameSays::AtListedAddress(host) => write!(
            f,
            "{name} is {} of {}, and the address is one of its time servers in the catalog",
            host.role, host.owner
        ),
    }
}

/// What a row of the catalog says of a name.
fn row(f: &mut Formatter<'_>, host: &Host, name: &str) -> fmt::Result {
    if host.pattern == name {
        write!(f, "{name} is {} of {}", host.role, host.owner)
    } else {
        write!(
            f,
            "{name} lies under {}, {} of {}",
            host.pattern, host.role, host.owner
        )
    }
}

/// What a destination is, in a few words.
pub(super) struct Described<'a>(pub(super) &'a DestinationKey);

impl Display for Described<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let of = self.0;
        let transport = protocol::name(of.transport);
        let mut port = of.port;
        match (&of.host, of.ip) {
            (Some(host), Some(ip)) => write!(f, "{host} at {ip} ({transport}")?,
            (Some(host), None) => write!(f, "{host} ({transport}")?,
            (None, Some(ip)) => write!(f, "{ip} ({transport}")?,
            (None, None) if of.folded => {
                port = None;
                write!(f, "several destinations ({transport}")?;
            }
            (None, None) => write!(f, "an unnamed destination ({transport}")?,
        }
        if let Some(port) = port {
            write!(f, " port {port}")?;
        }
        f.write_str(")")?;
        if let Some((ip, port)) = of.via {
            write!(f, " through {ip}")?;
            if port != 0 {
                write!(f, " port {port}")?;
            }
        }
        Ok(())
    }
}

/// What could carry packets that nobody can look into.
pub(super) fn sealed(what: Sealed) -> Cow<'static, str> {
    match what {
        Sealed::Tunnel(kind) => Cow::Borrowed(kind),
        Sealed::Protocol(number) => Cow::Owned(format!("IP protocol {}", protocol_name(number))),
    }
}

/// A protocol number with its name (IANA "Assigned Internet Protocol Numbers"), for those that are
/// met as tunnels.
fn protocol_name(number: u8) -> String {
    let name = match number {
        50 => "ESP",
        51 => "AH",
        55 => "minimal encapsulation",
        99 => "private encryption",
        108 => "IPComp",
        _ => return number.to_string(),
    };
    format!("{number} ({name})")
}

/// How names are hidden.
pub(super) fn hidden(how: &Hidden) -> String {
    match how {
        Hidden::Lookups(kind) => (*kind).to_owned(),
        Hidden::Behind(outer) => format!("an encrypted server name behind {outer}"),
        Hidden::Esni => "an encrypted server name (ESNI)".to_owned(),
    }
}

/// Why a public address is local.
pub(super) fn proof(ip: IpAddr, proof: Proof) -> String {
    match proof {
        Proof::Broadcast(net, frame) => format!(
            "{ip} is the broadcast address of {}/{}, which frame {frame} shows to be on the link",
            net.network, net.bits
        ),
        Proof::OnLink(net, frame, mac) => format!(
            "{ip} lies in {}/{}, which frame {frame} shows to be on the link, and its frames use {mac}, which is not the router's",
            net.network, net.bits
        ),
        Proof::Claimed(mac) => format!(
            "{mac} claims {ip} by ARP or neighbour discovery, sends for no other public address, and another host has an address in the same network"
        ),
    }
}

/// An app, as sentences name it.
pub(super) fn app(app: &Labelling) -> String {
    let mut out = match (&app.name, app.uid) {
        (Some(name), Some(uid)) => format!("{name} (uid {uid})"),
        (Some(name), None) => name.clone(),
        (None, Some(uid)) => format!("uid {uid}"),
        (None, None) => "a process without a name".to_owned(),
    };
    if let Some(owner) = &app.owner {
        out.push_str(&format!(", for which {owner} acts"));
    }
    out
}

/// The remarks on a destination, in the order of their words.
pub(super) fn notes<'n>(notes: impl IntoIterator<Item = &'n Note>) -> Vec<String> {
    let mut told: Vec<String> = notes.into_iter().map(note).collect();
    told.sort();
    told
}

fn note(note: &Note) -> String {
    match note {
        Note::OpenedByTheFarEnd => {
            "the far end opened this flow; the names it said are what it calls our side".to_owned()
        }
        Note::ClientSubnet => "lookups here carry a part of the asker's address (EDNS client subnet), which goes on to the servers that the resolver asks".to_owned(),
        Note::CopiesDiffer => {
            "copies of the same bytes differ: both readings are listed".to_owned()
        }
        Note::Quoted => {
            "first seen as a packet quoted in an ICMP error: the capture missed the packet itself"
                .to_owned()
        }
        Note::ClearTunnel => "a tunnel in clear: the packets inside are listed by their own addresses, and its bytes are theirs".to_owned(),
        Note::OpaqueTunnel(kind) => {
            format!("an opaque tunnel ({kind}): what is inside cannot be seen")
        }
        Note::MuchInLookups(bytes) => format!(
            "{bytes} bytes went out in lookups, more than lookups need: they count as payload"
        ),
        Note::DnsTunnel { domain, names, bytes } => format!(
            "lookups under {domain} look like a tunnel through DNS: {names} names or more carry {bytes} bytes or more in their labels"
        ),
        Note::LocalNameAtPublicAddress(name) => format!(
            "{name} is a local name, but the address is public: the address decides"
        ),
        Note::PublicNameAtPrivateAddress(name) => {
            format!("{name} is a public name that was asked of a private address")
        }
        Note::LabelOfAnotherVantage => {
            "the app's label comes from another vantage of the same minutes".to_owned()
        }
        Note::MoreThanNeeded => "handshakes, control messages or quoted packets to this address take more than they can need: they count as payload".to_owned(),
    }
}
