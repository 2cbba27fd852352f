//! Why traffic is whose, what a destination is and what is remarked on it, in words.

use crate::ground::protocol;
use crate::judge::classify::attribution::{Grounds, NameSays};
use crate::judge::classify::catalog::Host;
use crate::judge::classify::destination::{Key, Note};
use std::fmt::{self, Display, Formatter};

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
                app.describe()
            ),
            Grounds::OtherApp(app) => write!(
                f,
                "the capture labels its packets with another app, {}",
                app.describe()
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
pub(super) struct Place<'a>(pub(super) &'a Key);

impl Display for Place<'_> {
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
