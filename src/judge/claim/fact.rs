//! What a finding, a reason or a gap rests on, as facts. Words for them are made when telling, so that a
//! sentence can be mended without touching a rule.

use super::{Finding, coverage::WindowGap};
use crate::ground::cause::GapCause;
use crate::ground::interval::Window;
use crate::judge::classify::destination::DestinationKey;
use crate::judge::classify::rows::{Hidden, Sealed};

/// What a name says of its host, by the catalog or by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Property {
    /// Who owns it.
    Owner,
    /// Where the owner has its seat.
    Jurisdiction,
    /// What it is for.
    Role,
    /// The name itself.
    Host,
}

/// A place as a host name says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SaidPlace {
    /// The cloud.
    pub provider: String,
    /// Its region; `None` where a part of the cloud lies in one country.
    pub region: Option<String>,
    /// The country.
    pub country: String,
}

/// Payload that went one way and the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Amounts {
    /// Away from our side.
    pub out: u64,
    /// Towards it.
    pub back: u64,
}

/// Why traffic that a statement exempts is not taken off the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotExempt {
    /// More bytes went out than such traffic needs.
    TooMuch(u64),
    /// The address is not known to be the owner's.
    NameAlone,
}

/// How a baseline without the app explains traffic or a lookup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Explained {
    /// It shows the name at the same operator; from this frame of its on.
    NameAtOperator(u64),
    /// It shows the name at the same address.
    NameAtAddress(u64),
    /// It shows the address, which has no name.
    Address(u64),
    /// It asks for the name.
    Asked,
}

/// A condition that holds, a doubt, or something else that a judgement rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// The name has this property.
    Named(Property, String),
    /// It has it by the name alone: no address confirms it.
    NamedAlone(Property, String),
    /// Nothing says what the property is.
    Untold(Property),

    /// The host name says the place.
    NameInPlace(SaidPlace),
    /// It does, and the address lies in one of these by the address data.
    NameInPlaceButAddress(SaidPlace, Vec<String>),
    /// It does, and the address does not confirm it.
    NameInPlaceAlone(SaidPlace),
    /// A relay hides the address.
    RelayHidesAddress,
    /// No address data cover the address.
    AddressUnknown,
    /// A content delivery network answers from many places.
    DeliveryNetwork,
    /// Address data and capture lie years apart.
    AddressDataStale,
    /// The address is in this country by all address data.
    AddressIn(String),
    /// It is in one of these, and all of them fit.
    AddressInOneOf(Vec<String>),
    /// Address data differ.
    AddressDataDiffer(Vec<String>),
    /// The address answers from many places.
    Anycast,
    /// Only one source places the address.
    OneSource(Vec<String>),

    /// The host name says the provider.
    NameOfProvider(String),
    /// It does, and the address belongs to another.
    NameOfProviderButAddress(String, String),
    /// It does, and no address confirms it.
    NameOfProviderAlone(String),
    /// The address belongs to this operator.
    AddressOfOperator(String),
    /// Neither name nor address says whose servers these are.
    ProviderUntold,

    /// The row stands for several destinations: which took how much was folded.
    UploadFolded,
    /// All rows of the receiver together are an upload.
    UploadTogether(Amounts),
    /// Only with traffic that nobody can be named for it is an upload.
    UploadWithUnattributed(Amounts),
    /// Much went out, and not so much more than came in as an upload has.
    UploadNotSoMuch(Amounts),
    /// Only several devices together sent as much as an upload has.
    UploadBySeveral(Amounts),

    /// The statement exempts hosts of this role and owner; `None` if that holds.
    Exempt {
        /// The role of the host.
        role: String,
        /// Its owner.
        owner: String,
        /// Why it is not taken off the list all the same.
        but: Option<NotExempt>,
    },
    /// A baseline explains it.
    Baseline(Explained),
}

/// What was seen in a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// Traffic of a destination.
    Traffic {
        /// Packets away from our side.
        packets_out: u64,
        /// Payload away from our side.
        bytes_out: u64,
        /// Payload towards it.
        bytes_in: u64,
    },
    /// A name was asked for so many times.
    Asked(u64),
}

/// An allowance that would cover a finding, and the bytes that are more than its budget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OverBudget {
    /// Id of the allowance.
    pub allowance: String,
    /// Payload out of all that it would cover.
    pub bytes: u64,
}

/// All that a finding says of one window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// What was seen.
    pub seen: Seen,
    /// What the judgement rests on, in the order in which it was asked.
    pub why: Vec<Fact>,
    /// Personal data in clear.
    pub in_clear: Vec<super::Content>,
    /// Payload out that cannot be read, where the rule asks for it.
    pub unread: Option<u64>,
    /// People open the host in browsers too.
    pub browser: bool,
    /// Allowances that would cover it.
    pub over_budget: Vec<OverBudget>,
    /// It lies in the grace at the ends of the window.
    pub in_grace: bool,
}

impl Account {
    /// Of what was seen, for these facts.
    pub fn new(seen: Seen, why: Vec<Fact>) -> Self {
        Self {
            seen,
            why,
            in_clear: Vec::new(),
            unread: None,
            browser: false,
            over_budget: Vec::new(),
            in_grace: false,
        }
    }
}

/// Why a verdict is what it is.
#[derive(Debug, Clone)]
pub enum Why {
    /// Findings of a rule: the first, and how many more.
    Findings(Box<Finding>, usize),
    /// A gap.
    Gap(WindowGap),
    /// Nothing of the statement can be tested with packets; what, by the claim.
    NotTestable(Vec<String>),
    /// No upload of the subject was seen: least bytes, and how many times what came in.
    NoUpload(u64, u64),
    /// The statement is about operators in one country, and the case file declares another.
    OtherCountry(String, String),
    /// The auditor fetched this host on purpose, and the capture does not show it.
    BeaconMissing(String),
    /// There is no window to judge.
    NoWindow,
}

/// What only one direction of was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum OneSided {
    /// Only what the device under audit received.
    DeviceReceived,
    /// Only what it sent.
    DeviceSent,
    /// Only what came in.
    Inbound,
    /// TCP payload, on so many connections or more.
    Connections(u64),
    /// What hosts are sent, and nothing that one of them sends.
    Receivers,
}

/// Why silence of a window counts for less.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// Noticed while observing.
    Noticed(GapCause),
    /// Nanoseconds without a packet.
    NoPackets(i64),
    /// The clock steps back by so many nanoseconds.
    StepBack(i64),
    /// It does, over an edge of the window.
    StepBackOverEdge(i64),
    /// There is no capture of so many nanoseconds at the start of a declared window.
    StartMissing(Window, i64),
    /// The same at its end.
    EndMissing(Window, i64),
    /// What is sent to a local host could carry other packets.
    Opaque(Sealed),
    /// A port alone says which end of a conversation is ours.
    SideGuessed,
    /// Names are hidden.
    NamesHidden(Hidden),
    /// Bytes of TCP were acknowledged that no packet holds.
    BytesMissing,
    /// One direction only.
    OneSided(OneSided),
    /// The window (or the capture) holds so many nanoseconds of capture.
    TooShort(Option<Window>, i64),
    /// From the subject's first sign in it to its last there are so many nanoseconds.
    ShortAtWork(Option<Window>, i64),
    /// More names of a destination than are kept.
    NamesFolded,
    /// The declared device was seen in no capture.
    DeviceUnseen(String),
    /// The app asked for is named by no label.
    AppUnseen(AppUnseen),
    /// Too few slots show the subject at work.
    NotAtWork {
        /// The window; `None` for the whole capture.
        window: Option<Window>,
        /// Slots that do.
        slots: usize,
        /// Labels name the app under audit.
        labelled: bool,
        /// Whether the declared device was seen; `None` without one.
        device: Option<bool>,
    },
    /// An input covers the same minutes and does not show these, and so many more.
    Missed(u32, Vec<DestinationKey>, usize),
}

/// An app that was asked for and that no label names: the silence of an app that was never recorded is
/// worth nothing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AppUnseen {
    /// As asked for.
    pub pattern: String,
    /// The captures label packets at all.
    pub labelled: bool,
    /// Names in labels that are near it.
    pub near: Vec<String>,
}
