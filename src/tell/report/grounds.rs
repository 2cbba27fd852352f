//! Why traffic is whose, what a destination is and what is remarked on it, in words.

use super::role::noun;
use crate::evidence::flow::HiddenLookups;
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
            Grounds::OtherMachine => f.write_str(
                "by its MAC address this is another machine than the device under audit",
            ),
            Grounds::App(app) => write!(
                f,
                "the capture says that the packets are of the app under audit, {}",
                self::app(app)
            ),
            Grounds::OtherApp(app) => write!(
                f,
                "the capture says that the packets are of another app, {}",
                self::app(app)
            ),
            Grounds::Name(name, says) => by_name(f, name, says),
            Grounds::Alias(alias, host) => {
                write!(f, "the name is an alias of {alias}; ")?;
                row(f, host, alias)
            }
            Grounds::Address(host) => {
                write!(f, "the address is {} of {}", noun(&host.role), host.owner)
            }
            Grounds::Unnamed => f.write_str("no name was seen for this address"),
            Grounds::HiddenLookups => {
                f.write_str("encrypted DNS hides the names that were asked for")
            }
            Grounds::UnreadLookups => f.write_str("no name that was asked for could be read"),
            Grounds::Served => {
                f.write_str("the far end asked, and our side answered like a server")
            }
            #[cfg(test)]
            Grounds::ByHand => f.write_str("by hand"),
        }
    }
}

fn by_name(f: &mut Formatter<'_>, name: &str, says: &NameSays) -> fmt::Result {
    match says {
        NameSays::Uncatalogued => write!(f, "{name} is not in the catalog"),
        NameSays::Described => write!(
            f,
            "{name} is in the catalog, which does not say whose traffic it is"
        ),
        NameSays::Row(host) => row(f, host, name),
        NameSays::Data(host) => write!(
            f,
            "{name} is a name under {}, and it looks like data",
            host.pattern
        ),
        NameSays::AtUnknownAddress(host) => write!(
            f,
            "{name} is {}, but it is not known that the address is its operator's",
            noun(&host.role)
        ),
        NameSays::TooMuch(host, bytes) => write!(
            f,
            "{name} is {}, but {bytes} bytes were sent, more than such traffic needs",
            noun(&host.role)
        ),
        NameSays::AtOperator(host, operator) => write!(
            f,
            "{name} is {} of {}, and the address belongs to {}",
            noun(&host.role),
            host.owner,
            operator_name(operator)
        ),
        NameSays::AtListedAddress(host) => write!(
            f,
            "{name} is {} of {}, and the catalog lists this address for it",
            noun(&host.role),
            host.owner
        ),
    }
}

/// An operator of `operators.tsv`, as it writes itself.
fn operator_name(id: &str) -> String {
    /// Short names that are written in capitals.
    const CAPITALS: [&str; 2] = ["nist", "here"];
    if CAPITALS.contains(&id) {
        return id.to_ascii_uppercase();
    }
    let mut letters = id.chars();
    let first = letters.next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

/// What a row of the catalog says of a name.
fn row(f: &mut Formatter<'_>, host: &Host, name: &str) -> fmt::Result {
    if host.pattern == name {
        write!(f, "{name} is {} of {}", noun(&host.role), host.owner)
    } else {
        write!(
            f,
            "{name} is under {}, {} of {}",
            host.pattern,
            noun(&host.role),
            host.owner
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
        Hidden::Lookups(HiddenLookups::Dtls) => "DNS over DTLS".to_owned(),
        Hidden::Lookups(HiddenLookups::Https) => "DNS over HTTPS".to_owned(),
        Hidden::Lookups(HiddenLookups::Quic) => "DNS over QUIC".to_owned(),
        Hidden::Lookups(HiddenLookups::Tls) => "DNS over TLS".to_owned(),
        Hidden::Lookups(HiddenLookups::HttpDns) => "HTTPDNS with encrypted names".to_owned(),
        Hidden::Lookups(HiddenLookups::HttpMessage) => {
            "a DNS message in HTTP that is not read".to_owned()
        }
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
        Note::AskedByTheFarEnd => {
            "the far end asked in this flow; the names that it said are names of our side".to_owned()
        }
        Note::ClientSubnet => "lookups here carry a part of our address (EDNS client subnet), and the resolver passes it on".to_owned(),
        Note::CopiesDiffer => {
            "copies of the same bytes differ: both are listed".to_owned()
        }
        Note::Quoted => {
            "first seen as a packet that an ICMP error quotes: the packet itself is not in the capture"
                .to_owned()
        }
        Note::Routed => {
            "packets were sent by a source route: this address is its last hop, the destination field names another"
                .to_owned()
        }
        Note::ClearTunnel => "a tunnel that can be read: the packets inside are listed by their own addresses".to_owned(),
        Note::OpaqueTunnel(kind) => {
            format!("a tunnel ({kind}) that cannot be read")
        }
        Note::MuchInLookups(bytes) => format!(
            "{bytes} bytes were sent in lookups, more than lookups need: they count as payload"
        ),
        Note::DnsTunnel { domain, names, bytes } => format!(
            "lookups under {domain} look like a tunnel through DNS: {names} names or more carry {bytes} bytes or more in their labels"
        ),
        Note::LocalNameAtPublicAddress(name) => format!(
            "{name} is a local name, but the address is public: the address decides"
        ),
        Note::PublicNameAtPrivateAddress(name) => {
            format!("the public name {name} was asked of a private address")
        }
        Note::LabelOfAnotherVantage => {
            "another capture of the same minutes says which app it is".to_owned()
        }
        Note::MoreThanNeeded => "handshakes, control messages or quoted packets to this address are larger than they need to be: they count as payload".to_owned(),
    }
}
