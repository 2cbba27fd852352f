//! What was seen beside the flows of a series: lookups, resolved names, neighbours on the link,
//! signs of the app at work, gaps. Facts with their frames, no judgement.

mod activity;
pub mod apps;
pub mod clocks;
pub mod connection_ids;
mod on_link;

use crate::ground::cause::{Oddity, SessionCause};
pub use activity::Activity;
pub use on_link::OnLink;

use crate::evidence::flow::{LinkFacts, Pair, Side};
use crate::ground::budget::Budget;
use crate::ground::gaps::Gaps;
use crate::ground::mac::Mac;
use crate::ground::moment::{FrameRef, Moment, Timestamp};
use crate::ground::public_name::is_public_name;
use crate::ground::translation::Translators;
use foldhash::fast::RandomState;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

/// Rows of lookups kept, and as many again of what accuses; a tunnel through DNS can ask for millions of
/// names. What is over is counted in one row per resolver.
const LOOKUPS_MAX: usize = 10_000;
/// Resolvers that have such a row; what is asked of further ones is counted in one of them all.
const RESOLVERS_MAX: usize = 4_096;
/// Record types listed per lookup: there are some ninety.
const TYPES_MAX: usize = 256;
/// The name of the row that stands for the rest.
pub const FOLDED_NAME: &str = "(more names)";
/// Answers listed per lookup; the answers used for naming flows are kept apart.
const ANSWERS_MAX: usize = 64;
/// Name events kept per capture series; one with aliases of many bytes counts as several.
const EVENTS_MAX: usize = 60_000;
/// Bytes of aliases that one event may bring: those of a network of servers take less.
const ALIAS_BYTES: usize = 512;
/// Name events kept per address: a CDN address answers to many names.
const EVENTS_PER_ADDRESS: usize = 64;
/// Bindings of addresses to MACs kept.
const BINDINGS_MAX: usize = 65_536;
/// MAC addresses kept: a site has hundreds, and who forges senders has millions.
const STATIONS_MAX: usize = 65_536;
/// Addresses of the declared device kept, of IP and of the link: a phone has dozens.
const DEVICE_ADDRESSES_MAX: usize = 16_384;

/// How long after its lifetime an answer still explains a flow: programs keep addresses somewhat
/// longer than the TTL allows. Far beyond, the address may have become somebody else's.
const NAME_GRACE: i64 = 600 * Timestamp::SECOND;

/// Says whether a name accuses: such names are kept when there is no room for others.
#[derive(Clone)]
pub struct Accusing(Arc<dyn Fn(&str) -> bool + Send + Sync>);

impl Accusing {
    /// By what a catalog says of it.
    pub fn by(says: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(says))
    }

    /// True for a name that accuses.
    pub fn says(&self, name: &str) -> bool {
        (self.0)(name)
    }
}

impl Default for Accusing {
    fn default() -> Self {
        Self::by(|_| false)
    }
}

impl std::fmt::Debug for Accusing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Accusing")
    }
}

/// One interval's share of a lookup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// Times asked.
    pub count: u64,
    /// First time.
    pub first: Moment,
    /// Last time.
    pub last: Moment,
}

/// Who asked whom for what.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LookupKey {
    /// The name asked for.
    pub name: Arc<str>,
    /// The server that was asked (a group address for mDNS and LLMNR).
    pub resolver: IpAddr,
    /// Its port.
    pub port: u16,
    /// The asker.
    pub client: IpAddr,
    /// The program that asked, where the capture labels it.
    pub app: Option<apps::AppId>,
}

/// A name that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lookup {
    /// Record types asked for.
    pub types: BTreeSet<u16>,
    /// Addresses answered.
    pub answers: BTreeSet<IpAddr>,
    /// What the link says of the asker's packets.
    pub link: LinkFacts,
    /// How often it was asked, per interval.
    pub asked: BTreeMap<u32, Asked>,
    /// The first answer to a question that the capture does not hold: somebody may have asked, or nobody. Listed,
    /// and no more.
    pub told: Option<Moment>,
    /// More names were folded into this row.
    pub folded: bool,
}

/// An address that was given for a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameEvent {
    /// Who asked.
    pub client: IpAddr,
    /// The asker's MAC, if the link has one.
    pub client_mac: Option<Mac>,
    /// The name asked for.
    pub name: Arc<str>,
    /// Aliases on the way to the address; all addresses of an answer share them.
    pub aliases: Arc<[Arc<str>]>,
    /// When it was said.
    pub at: Moment,
    /// End of its lifetime.
    pub until: Timestamp,
}

/// What the link's neighbour protocols say of a MAC.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Station {
    /// Addresses whose packets it sent.
    pub sources: BTreeSet<IpAddr>,
    /// Addresses that ARP or neighbour discovery gave it.
    pub claims: BTreeSet<IpAddr>,
    /// It sent router advertisements with a lifetime.
    pub router: bool,
    /// It answers who asks for a lease (DHCP).
    pub leases: bool,
    /// It sends for more addresses than a host has; not all are listed.
    pub forwards: bool,
}

impl Station {
    /// Takes in what is known of it elsewhere.
    pub(crate) fn learn(&mut self, other: &Self) {
        self.sources.extend(other.sources.iter().copied());
        self.claims.extend(other.claims.iter().copied());
        self.router |= other.router;
        self.leases |= other.leases;
        self.forwards |= other.forwards;
    }
}

/// How soon an address answers what it is sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Nearness {
    at_once: u32,
    later: u32,
}

impl Nearness {
    /// It always answers at once: it is the recording machine, or a step from it.
    pub fn is_near(self) -> bool {
        self.at_once > 0 && self.later == 0
    }
}

/// A name, its aliases, and what was said of them.
type Said = (Arc<str>, Arc<[Arc<str>]>, bool);

/// What was seen beside the flows.
#[derive(Debug, Default)]
pub struct Ledger {
    /// [`FOLDED_NAME`], once it was needed.
    folded_name: Option<Arc<str>>,
    /// Names that were asked for.
    pub lookups: HashMap<LookupKey, Lookup, RandomState>,
    events: HashMap<IpAddr, Vec<NameEvent>, RandomState>,
    event_count: usize,
    /// Names whose HTTPS record offered an encrypted hello: outer (public) name to asked names.
    pub ech: BTreeMap<Arc<str>, BTreeSet<Arc<str>>>,
    /// Pairs of them.
    offers: usize,
    /// MAC addresses and what they sent or claimed.
    pub stations: BTreeMap<Mac, Station>,
    bindings: usize,
    /// Networks on the link, by router advertisement or DHCP, with the frame that says so.
    pub on_link: BTreeMap<OnLink, Moment>,
    /// Translators between IPv6 and IPv4 that were announced.
    pub translators: Translators,
    /// How soon each public address answers where the link says nothing of its ends.
    pub nearness: BTreeMap<IpAddr, Nearness>,
    /// Routers that DHCP named.
    pub routers: BTreeSet<IpAddr>,
    /// Addresses of which a reverse lookup gave a public name.
    pub reverse: BTreeSet<IpAddr>,
    /// First packet of each second with valid drone-link frames, per interval.
    pub drone_link: Activity,
    /// The same for packets sent by the declared device.
    pub device: Activity,
    /// A device was declared, and the captures may hold others.
    pub one_device: bool,
    /// Its addresses: as declared, and those that its MAC was seen to send from.
    pub device_seen: BTreeSet<IpAddr>,
    /// Its MACs: as declared, and those that its addresses were seen to send with.
    pub device_macs: BTreeSet<Mac>,
    /// Programs that the capture's labels name.
    pub apps: apps::Apps,
    /// Frames whose bytes contradict the stated link type: what they were read as, and where first.
    pub oddities: BTreeMap<Oddity, (u64, Moment)>,
    /// Drone-link protocols seen.
    pub drone_protocols: BTreeSet<&'static str>,
    /// Clocks that spoke in packets.
    pub clocks: clocks::Clocks,
    /// Ids of QUIC connections.
    pub connection_ids: connection_ids::ConnectionIds,
    /// Memory for messages that are put together over packets: handshakes of QUIC and DTLS, RTSP inside HTTP.
    pub assembly: Budget,
    /// Memory for payload that is being looked into.
    pub content: Budget,
    /// Gaps.
    pub gaps: Gaps,
    /// Names that accuse: they are folded last.
    pub accusing: Accusing,
    /// What it said last of a name and its aliases.
    said_last: Option<Said>,
    /// What was left out because a list was full, where no frame is at hand to say it.
    pub folded: BTreeSet<SessionCause>,
    /// Names asked for in the frame at hand, where somebody wants to know.
    pub questions: Option<Vec<(FrameRef, Arc<str>)>>,
    /// Randoms of clients' hellos in it, by which secrets are logged.
    pub hellos: Vec<(FrameRef, [u8; 32])>,
}

impl Ledger {
    /// The declared device is an end of a flow, or none was declared.
    pub fn concerns_device(&self, ips: [IpAddr; 2], link: &Pair<LinkFacts>) -> bool {
        let macs = [&link.a, &link.b].map(|facts| [facts.source, facts.target]);
        !self.one_device
            || ips.iter().any(|ip| self.device_seen.contains(ip))
            || macs
                .iter()
                .flatten()
                .flatten()
                .any(|mac| self.device_macs.contains(mac))
    }

    /// A message asks for this name, or answers who did.
    pub fn question(&mut self, at: FrameRef, name: &Arc<str>) {
        if let Some(questions) = &mut self.questions {
            questions.push((at, Arc::clone(name)));
        }
    }

    /// A client says hello with this random.
    pub fn hello(&mut self, at: FrameRef, random: [u8; 32]) {
        // Only who wants to know of names wants to know of it.
        if self.questions.is_some() {
            self.hellos.push((at, random));
        }
    }

    /// A name was asked for.
    pub fn lookup(
        &mut self,
        key: LookupKey,
        qtype: u16,
        link: LinkFacts,
        interval: u32,
        at: Moment,
    ) {
        let lookup = self.lookup_row(key, qtype, link, interval, at);
        if lookup.asked.is_empty() {
            // Of an answer that was captured before its question the asker's link was not known yet.
            lookup.link = link;
        }
        let asked = lookup.asked.entry(interval).or_insert(Asked {
            count: 0,
            first: at,
            last: at,
        });
        asked.count += 1;
        asked.last = at;
    }

    /// A name was answered, and no question for it is in the capture.
    pub fn told(&mut self, key: LookupKey, qtype: u16, link: LinkFacts, interval: u32, at: Moment) {
        let lookup = self.lookup_row(key, qtype, link, interval, at);
        lookup.told.get_or_insert(at);
    }

    fn lookup_row(
        &mut self,
        key: LookupKey,
        qtype: u16,
        link: LinkFacts,
        interval: u32,
        at: Moment,
    ) -> &mut Lookup {
        let known = self.lookups.contains_key(&key);
        let accuses = || {
            let its = self.device_seen.contains(&key.client)
                || link
                    .source
                    .is_some_and(|mac| self.device_macs.contains(&mac));
            its || self.accusing.says(&key.name)
        };
        let rows = self.lookups.len();
        let full = !known && rows >= LOOKUPS_MAX && (rows >= 2 * LOOKUPS_MAX || !accuses());
        let key = if full {
            self.gaps
                .over(at, interval, SessionCause::NamesLookedUpOver);
            // One row per server that was asked; who asked is kept no longer.
            let name = self.folded_name.get_or_insert_with(|| FOLDED_NAME.into());
            let folded = LookupKey {
                name: Arc::clone(name),
                client: key.resolver,
                app: None,
                ..key
            };
            match rows >= 2 * LOOKUPS_MAX + RESOLVERS_MAX && !self.lookups.contains_key(&folded) {
                true => LookupKey {
                    resolver: Ipv4Addr::UNSPECIFIED.into(),
                    client: Ipv4Addr::UNSPECIFIED.into(),
                    port: 0,
                    ..folded
                },
                false => folded,
            }
        } else {
            key
        };
        let lookup = self.lookups.entry(key).or_insert_with(|| Lookup {
            types: BTreeSet::new(),
            answers: BTreeSet::new(),
            link,
            asked: BTreeMap::new(),
            told: None,
            folded: full,
        });
        let over = (SessionCause::RecordTypesOver, &mut self.folded);
        keep(&mut lookup.types, qtype, TYPES_MAX, over);
        lookup
    }

    /// A lookup was answered with an address.
    pub fn answer(&mut self, key: &LookupKey, address: IpAddr) {
        if let Some(lookup) = self.lookups.get_mut(key) {
            let over = (SessionCause::AnswersOfNameOver, &mut self.folded);
            keep(&mut lookup.answers, address, ANSWERS_MAX, over);
        }
    }

    /// A name event: from now on the address stands for the name.
    pub fn resolved(&mut self, address: IpAddr, event: NameEvent, interval: u32) {
        let known = self.events.get_mut(&address);
        let kept = known.as_ref().map_or(0, |events| events.len());
        if let Some(events) = known
            && let Some(have) = events.iter_mut().rev().find(|e| e.name == event.name && e.client == event.client)
            // An answer within the lifetime of the last one prolongs it.
            && event.at.time >= have.at.time
            && event.at.time <= have.until.plus(NAME_GRACE)
        {
            have.until = have.until.max(event.until);
            return;
        }
        let accusing = &self.accusing;
        let said_last = &mut self.said_last;
        let mut accuses = || {
            // An answer gives many addresses for the same names.
            let (name, aliases) = (&event.name, &event.aliases);
            match said_last {
                Some((n, a, says)) if Arc::ptr_eq(n, name) && Arc::ptr_eq(a, aliases) => *says,
                _ => {
                    let says = accusing.says(name) || aliases.iter().any(|a| accusing.says(a));
                    *said_last = Some((Arc::clone(name), Arc::clone(aliases), says));
                    says
                }
            }
        };
        let over = |factor: usize| {
            self.event_count >= factor * EVENTS_MAX || kept >= factor * EVENTS_PER_ADDRESS
        };
        if over(1) && (over(2) || !accuses()) {
            self.gaps
                .over(event.at, interval, SessionCause::DnsAnswersOver);
            return;
        }
        let aliases: usize = event.aliases.iter().map(|alias| alias.len()).sum();
        self.event_count += 1 + aliases / ALIAS_BYTES;
        self.events.entry(address).or_default().push(event);
    }

    /// The names that an address stood for when a flow of `client` began, newest last.
    /// Another machine's lookups do not name this one's flows.
    pub fn names_of(
        &self,
        address: IpAddr,
        client: IpAddr,
        mac: Option<Mac>,
        began: Timestamp,
    ) -> Vec<&NameEvent> {
        let mut found: Vec<&NameEvent> = self
            .names_at(address, began)
            .filter(|e| {
                e.client == client
                    || match (e.client_mac, mac) {
                        (Some(theirs), Some(ours)) => theirs == ours,
                        _ => true,
                    }
            })
            .collect();
        found.sort_by(|a, b| (a.at, &a.name).cmp(&(b.at, &b.name)));
        found
    }

    /// The same for a flow that another series shows, in no order: by its address or MAC, the asker has to be the one that had the flow.
    pub fn names_asked_by(
        &self,
        address: IpAddr,
        (client, mac): (IpAddr, Option<Mac>),
        began: Timestamp,
    ) -> impl Iterator<Item = &NameEvent> {
        self.names_at(address, began)
            .filter(move |e| match (e.client_mac, mac) {
                (Some(theirs), Some(ours)) => theirs == ours,
                _ => e.client == client,
            })
    }

    fn names_at(&self, address: IpAddr, began: Timestamp) -> impl Iterator<Item = &NameEvent> {
        let events = self.events.get(&address).into_iter().flatten();
        events.filter(move |e| e.at.time <= began && (began <= e.until.plus(NAME_GRACE)))
    }

    /// Addresses that a public name stood for at any time.
    pub fn publicly_named(&self) -> impl Iterator<Item = IpAddr> + '_ {
        let answered = self
            .events
            .iter()
            .filter(|(_, events)| events.iter().any(|e| is_public_name(&e.name)))
            .map(|(address, _)| *address);
        answered.chain(self.reverse.iter().copied())
    }

    /// An address answers what it was sent `delay` nanoseconds before. Answers cross a radio link and a
    /// provider's network in no less than a few milliseconds; the recording machine needs far less than
    /// one. A clock that shows no time between the two shows nothing.
    pub fn answered(&mut self, address: IpAddr, delay: i64) {
        /// Addresses kept.
        const NEARNESS_MAX: usize = 4_096;
        const AT_ONCE: i64 = 2 * Timestamp::SECOND / 1_000;
        if delay <= 0
            || (self.nearness.len() >= NEARNESS_MAX && !self.nearness.contains_key(&address))
        {
            return;
        }
        let of = self.nearness.entry(address).or_default();
        let count = if delay <= AT_ONCE {
            &mut of.at_once
        } else {
            &mut of.later
        };
        *count = count.saturating_add(1);
    }

    /// A reverse lookup says that an address has a public name.
    pub fn reversed(&mut self, address: IpAddr) {
        /// Addresses kept; a resolver's log asks for thousands.
        const REVERSE_MAX: usize = 20_000;
        // In a declared network an address that is not kept counts as somebody else's.
        let over = (SessionCause::ReverseLookupsOver, &mut self.folded);
        keep(&mut self.reverse, address, REVERSE_MAX, over);
    }

    /// The HTTPS record of `asked` offers an encrypted hello behind the name `public`.
    pub fn ech_offer(&mut self, public: &str, asked: &str) {
        /// Pairs of names kept.
        const OFFERS_MAX: usize = 10_000;
        let known = self.ech.get(public);
        if known.is_some_and(|asking| asking.contains(asked)) {
            return;
        }
        if self.offers >= OFFERS_MAX {
            self.folded.insert(SessionCause::EncryptedHellosOver);
        } else {
            self.offers += 1;
            self.ech
                .entry(Arc::from(public))
                .or_default()
                .insert(Arc::from(asked));
        }
    }

    /// A packet from `ip` was sent by `mac`.
    pub fn binding(&mut self, mac: Mac, ip: IpAddr, interval: u32, at: Moment) {
        /// A station that sends for more addresses than this forwards for others; a host with
        /// privacy addresses has dozens. Further ones are not listed.
        const SOURCES_OF_A_HOST: usize = 1024;
        if mac.is_group() {
            return;
        }
        let full = self.bindings >= BINDINGS_MAX;
        let station = match full {
            true => self.stations.get_mut(&mac),
            false => self.station(mac),
        };
        if let Some(station) = station {
            if station.sources.contains(&ip) {
                return;
            }
            if station.sources.len() >= SOURCES_OF_A_HOST {
                station.forwards = true;
                return;
            }
            if !full {
                station.sources.insert(ip);
                self.bindings += 1;
                return;
            }
        }
        self.gaps.over(at, interval, SessionCause::BindingsOver);
    }

    /// What is kept of a MAC; nothing where there is no room for another one.
    fn station(&mut self, mac: Mac) -> Option<&mut Station> {
        if self.stations.len() >= STATIONS_MAX && !self.stations.contains_key(&mac) {
            return None;
        }
        Some(self.stations.entry(mac).or_default())
    }

    /// A machine says what it is on the link: a router, or who leases addresses.
    pub fn serves(&mut self, mac: Mac, mark: impl FnOnce(&mut Station)) {
        match self.station(mac) {
            Some(station) => mark(station),
            None => {
                self.folded.insert(SessionCause::MachinesOver);
            }
        }
    }

    /// ARP or neighbour discovery says that `ip` is at `mac`.
    pub fn neighbour(&mut self, mac: Mac, ip: IpAddr, interval: u32, at: Moment) {
        if mac.is_group() || ip.is_unspecified() {
            return;
        }
        let full = self.bindings >= BINDINGS_MAX;
        let station = match full {
            true => self.stations.get_mut(&mac),
            false => self.station(mac),
        };
        if let Some(station) = station {
            if station.claims.contains(&ip) {
                return;
            }
            if !full {
                station.claims.insert(ip);
                self.bindings += 1;
                return;
            }
        }
        self.gaps.over(at, interval, SessionCause::BindingsOver);
    }

    /// A DHCP server named a router.
    pub fn router(&mut self, ip: IpAddr) {
        /// Routers kept; a network has one or two.
        const ROUTERS_MAX: usize = 256;
        let over = (SessionCause::RoutersOver, &mut self.folded);
        keep(&mut self.routers, ip, ROUTERS_MAX, over);
    }

    /// The declared device was seen to send from this address.
    pub fn device_sends_from(&mut self, ip: IpAddr) {
        let over = (SessionCause::DeviceAddressesOver, &mut self.folded);
        keep(&mut self.device_seen, ip, DEVICE_ADDRESSES_MAX, over);
    }

    /// An address of the declared device was seen to send with this MAC.
    pub fn device_sends_with(&mut self, mac: Mac) {
        let over = (SessionCause::DeviceMacsOver, &mut self.folded);
        keep(&mut self.device_macs, mac, DEVICE_ADDRESSES_MAX, over);
    }

    /// Networks kept as on-link; a router announces a few.
    const ON_LINK_MAX: usize = 256;

    /// A network is on the link, if it can be one.
    pub fn on_link(&mut self, network: OnLink, at: Moment) {
        // What cannot be right proves nothing, and nothing is lost with it.
        if !network.is_credible() {
            return;
        }
        if self.on_link.len() < Self::ON_LINK_MAX {
            self.on_link.entry(network).or_insert(at);
        } else if !self.on_link.contains_key(&network) {
            self.folded.insert(SessionCause::NetworksOver);
        }
    }
}

/// Takes one more into a list of at most so many; where there is no room, that is told.
fn keep<T: Ord>(
    list: &mut BTreeSet<T>,
    one: T,
    most: usize,
    (over, told): (SessionCause, &mut BTreeSet<SessionCause>),
) {
    if list.len() < most {
        list.insert(one);
    } else if !list.contains(&one) {
        told.insert(over);
    }
}

/// The two ends of a flow as dissectors see them: who sent the message at hand, and who got it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ends {
    /// The side that sent it.
    pub side: Side,
    /// Address and port of the sender.
    pub sender: (IpAddr, u16),
    /// Address and port of the receiver.
    pub receiver: (IpAddr, u16),
}

impl Ends {
    /// The ends of what goes the other way.
    #[must_use]
    pub fn reversed(self) -> Self {
        Self {
            side: self.side.other(),
            sender: self.receiver,
            receiver: self.sender,
        }
    }
}

#[cfg(test)]
mod tests;
