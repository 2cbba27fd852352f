//! Why there is a gap: what a stage noticed, as a value. The words are made once, when telling
//! (`tell::report::noticed`), so that a sentence can be mended without touching a reader.
//!
//! One list for each stage of observing. A variant is named by what was met, with `Over` where that is more than
//! the program keeps, and no two have the same words. What a sentence needs beside is kept as it was met: a number,
//! a name in the file.

use std::borrow::Cow;

/// Why there is a gap.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum GapCause {
    /// In the file, its records and blocks.
    File(FileCause),
    /// In the headers of a link, or a tunnel that is read as one.
    Link(LinkCause),
    /// In the headers of IP and transports.
    Packet(PacketCause),
    /// In what packets carry.
    Reading(ReadingCause),
    /// In what a session keeps, and how its flows begin and end.
    Session(SessionCause),
}

macro_rules! stages {
    ($($stage:ident($cause:ident),)*) => {
        $(impl From<$cause> for GapCause {
            fn from(cause: $cause) -> Self {
                Self::$stage(cause)
            }
        })*
    };
}

stages! {
    File(FileCause),
    Link(LinkCause),
    Packet(PacketCause),
    Reading(ReadingCause),
    Session(SessionCause),
}

/// What is wrong with a file, or missing in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[rustfmt::skip]
pub enum FileCause {
    // The whole file.
    HeaderOfAnotherFileCut, CompressedStreamCut, CompressedStreamGrows, CompressedStreamNeedsMemory,
    CompressedStreamDamaged, NoCounters, Extract, TerminalInsertedBytes,
    // Records of pcap.
    RecordHeaderCut, RecordLength, RecordHeaderSenseless, LastRecordCut, RecordFraction,
    RecordCutByAnotherFile,
    // Blocks of pcapng.
    BlockHeaderCut, BlockLength, BlockLengthOdd, LastBlockCut, BlockPastEnd, BlockLengthsDiffer, BlockTooLong,
    BlockTypeUnassigned, BlockTypeDisguised,
    // What blocks say.
    SectionOptions, InterfaceOptions, InterfaceUnreadable, StatisticsOptions, StatisticsUnreadable,
    StatisticsOfNoInterface, NamesPastEnd, SecretsPastEnd, AppNameUnreadable, ProcessUnreadable,
    // Blocks with packets.
    PacketOfNoInterface, PacketBlockShort, PacketBlockOptions, PacketBlockLength, PacketBlockPastEnd,
    // More than is kept.
    InterfacesOver, ProcessesOver, AppNamesOver,
    // Who wrote it.
    Merged,
    /// Some of its interfaces keep no counters.
    InterfacesWithoutCounters {
        without: u64,
        all: u64,
    },
    /// An interface was captured with a filter.
    Filtered(InterfaceTitle, Box<str>),
    /// Packets say that others before them were lost.
    LostBefore(InterfaceTitle),
    /// Statistics count more packets than the file holds.
    StatisticsCountMore(InterfaceTitle),
    /// Statistics count lost packets.
    StatisticsCountLost(InterfaceTitle),
    /// The recorder's messages beside the file count more packets than the so many of the file.
    RecorderCountsMore(RecorderSays, u64),
    /// The recorder's messages count lost packets.
    RecorderCountsLost(RecorderSays),
    /// The file names an editing tool as its writer.
    WrittenBy(Box<str>),
}

/// How texts call an interface.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum InterfaceTitle {
    /// By its name.
    Named(Box<str>),
    /// One without a name by its place in the file.
    Place(u32),
}

/// Messages of a recorder, and what they count.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecorderSays {
    /// The file that they stand in.
    pub name: Box<str>,
    /// What they count.
    pub counters: Counters,
}

/// Counters of a recorder, each as far as its messages say it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Counters {
    /// Packets written to the file.
    pub captured: Option<u64>,
    /// Packets that passed the filter.
    pub received: Option<u64>,
    /// Packets for which the kernel had no room.
    pub by_kernel: Option<u64>,
    /// Packets that the interface or its driver dropped.
    pub by_interface: Option<u64>,
    /// Packets that the recorder itself dropped.
    pub by_recorder: Option<u64>,
}

/// What cannot be read of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[rustfmt::skip]
pub enum LinkCause {
    // Frames and bundles of any kind, tunnels.
    NoInterface, TunnelUnreadable, TunnelEmpty, TunnelLinkType, BundleEmpty, BundleInBundle,
    PacketBehindUnreadable, ShortOfLinkHeader,
    // Ethernet, and what stands between its header and the packet.
    EtherType, MoreThanLength, EthernetShort, LengthOver, TagCut, TagsOver, FrameHeaderCut, TrillVersion,
    TrillCut, BatmanPiece, BatmanSum, BatmanKind, SwitchHeader, RealtekTag, MacsecCut, MacsecSealed,
    ErspanVersion, ServiceHeaderCut, ServiceHeader, ServiceHeaderContent,
    // 802.2, MPLS, PPP and serial lines.
    LlcCut, SnapCut, BridgedFrame, BridgedFrameCut, MplsLabelCut, MplsLabelsOver, MplsPseudowireCut,
    MplsPayload, PppoeSession, PppoeCut, PppoeKind, PppCut, PppTcpCompressed, PppIpCompressed, PppEncrypted,
    PppSealed, PppProtocol, MultilinkPiece, MultilinkHoldsNoPacket, HdlcProtocol, HdlcAddress, HdlcCut,
    FrameRelayCut, FrameRelayAddress, FrameRelayEncapsulation, FrameRelayPiece, FrameRelayProtocol,
    // Headers that a machine makes for itself.
    CookedShort, CookedProtocol, IpnetShort, IpnetFamily, LoopbackShort, LoopbackFamily, SlipShort, EncFamily,
    EncShort, NoPflogHeader, PflogCut, PflogHeader, NflogShort, NflogVersion, NflogAttributes,
    NflogWithoutPacket, NflogFamily,
    // Other networks.
    ArcnetPiece, ArcnetCut, ArcnetProtocol, FibreChannelShort, TokenRingShort, TokenRingCut, TokenRingFrame,
    FddiShort, FddiFrame, AtmNeither, SunAtmShort, LaneCut, AtmTraffic,
    // Headers of recorders and modems.
    ExportedTagsCut, ExportedEtherType, ExportedWithoutEnds, ExportedTransportCut, PrivateAndNoPktap,
    PktapCut, PktapHeader, PktapKind, PktapLinkType, QmapCut, QmapHeader, MapTrailing,
    // USB and what network cards are over it.
    UsbFraming, UsbBulkCut, UsbDataMissing, UsbPacketGoesOn, UsbTransferCut, UsbTransferKind, UsbmonShort,
    UsbmonEvent, UsbmonHeader, UsbpcapShort, UsbpcapLength, UsbpcapHeader, UsbpcapChained, NcmTrailing,
    NcmBlocksOver, NcmBlockHeader, NcmTablesCircle, NcmWithoutTable, NcmTablesOver, NcmTableShort,
    NcmDatagramOutside, NcmDatagramInHeader, NcmTableKind, RndisTrailing,
    // 802.11.
    WifiReceivedWithErrors, WifiShort, WifiVersion, WifiCheckSequence, WifiHeaderCut, WifiLaterFragment,
    WifiFirstFragment, WifiAmsduFragment, WifiWithoutLlc, WifiNotTakenDown, AmsduPlain, AmsduCut,
    AmsduLengths, AmsduPacketsCut,
    // Headers before 802.11.
    AvsMissing, AvsCut, PpiShort, PpiVersion, PpiCut, PpiFields, PpiLinkType, PrismShort, PrismMissing,
    PrismCut, RadiotapShort, RadiotapVersion, RadiotapCut, RadiotapFields,
    // Protected 802.11.
    Protected, ProtectedWithoutHandshake, ProtectedToGroup, ProtectedByUnreadManagement, ProtectedByOldCipher,
    ProtectedCheckFails, ProtectedCut, ProtectedInFrame, ProtectedInTunnel,
    /// Its type has no reader.
    TypeUnread(UnreadLinkType),
}

/// A link type without a reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum UnreadLinkType {
    /// One that can carry IP.
    Ip(&'static str),
    /// One that carries no IP by its definition.
    NoIp(&'static str),
    /// For private use, which of them.
    Private(u16),
    /// Assigned to nothing.
    Unassigned(u16),
}

impl UnreadLinkType {
    /// Its name.
    pub fn name(self) -> Cow<'static, str> {
        match self {
            Self::Ip(name) | Self::NoIp(name) => Cow::Borrowed(name),
            Self::Private(n) => Cow::Owned(format!("user{n}")),
            Self::Unassigned(id) => Cow::Owned(format!("linktype-{id}")),
        }
    }
}

/// Frames whose bytes contradict the stated link type: as what they were read. In the order in which they are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Oddity {
    EthernetInRaw,
    RawInEthernet,
    RawInSlip,
    Ipv4AsIpv6,
    Ipv6AsIpv4,
    QmapInEthernet,
    QmapInRaw,
    TrailerChecksum,
    MisplacedTag,
    LoopbackInRaw,
}

/// What cannot be read or believed of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[rustfmt::skip]
pub enum PacketCause {
    // Headers of IP.
    Version, CutBeforeHeader, NoHeader, Ipv4Cut, Ipv4Malformed, Ipv4TotalLength, Ipv6Cut, Ipv6Malformed,
    HeaderChecksum, HeaderChecksumInTunnel,
    // What is behind them.
    TransportChecksum, TransportChecksumArrived, FragmentCut, FragmentsMissing, TransportCut, UdpLength, IcmpCut,
    DatagramWithNameCut, PayloadWithNameCut,
    // No time.
    Untimed,
}

/// What cannot be read of a protocol, or is more than is read of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[rustfmt::skip]
pub enum ReadingCause {
    // Names, lookups, CoAP.
    HostName, Coap, Dns, DnsEndMissing, TranslatorPrefixesOver, Doh,
    // DTLS.
    DtlsRecordsOver, DtlsMessagesOver, DtlsMessageLong, DtlsHelloPieces, DtlsHello,
    DtlsHelloMissing,
    // HTTP.
    RequestHeadLong, RequestLookupsOver, RequestHostsOver, LookupsAtATimeOver, Http2TableLarge, Http2Request,
    Http3Request, Http3Table,
    // QUIC.
    QuicPacketsOver, QuicInitialClosed, QuicTriesOver, QuicHandshakesOver, QuicHelloPieces, QuicHelloMissing,
    QuicHandshakeLong,
    QuicCopiesOver, QuicMemory, QuicPiecesOver, QuicPiecesUnread,
    // TLS.
    TlsMessageLong, TlsRecord, TlsHello,
    // Streams.
    ReassemblyMemory, CopiesOver, SealedCopies, Claimed, MessageLong, OpenedConnectionsOver, StreamsOver,
    // RTMP.
    RtmpStreamsOver, Rtmp, RtmpConnectLong,
}

/// What is more than a session keeps, came too late, or lies outside of the capture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[rustfmt::skip]
pub enum SessionCause {
    // Lists of the ledger.
    NamesLookedUpOver, RecordTypesOver, AnswersOfNameOver, DnsAnswersOver, ReverseLookupsOver,
    EncryptedHellosOver, BindingsOver, MachinesOver, RoutersOver, DeviceAddressesOver, DeviceMacsOver,
    NetworksOver,
    // Known too late, or too many to be kept.
    KeysTooLate, KeysOver, ChecksumsKnownLate, NestedTooDeep, FlowsOverOneRead, FlowsOver,
    // How flows begin and end.
    OpenAtFirstPacket, OtherDirectionMissing, HolesOver, NamesOfConnectionOver, CompressedPayloadOver,
    NamesOfDestinationOver, ConversationsOver, TimeGapsOver,
    // Frames and fragments.
    HandshakesOnAirOver, AppLabelsOver, AppLabelsOfConnectionOver, PacketsInFrameOver, FragmentsOver,
    FragmentCopiesOver,
    /// So many flows break off after so many packets, and none goes on longer.
    PacketsOfFlowLimited {
        flows: u64,
        each: u64,
    },
}
