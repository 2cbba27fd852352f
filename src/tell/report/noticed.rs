//! The words for what was noticed while observing: why there is a gap, and what else a reader should know.

use crate::evidence::input::Remark;
use crate::ground::cause::{
    Counters, FileCause, GapCause, InterfaceTitle, LinkCause, Oddity, PacketCause, ReadingCause,
    SessionCause, UnreadLinkType,
};
use std::borrow::Cow;

/// A list of causes with their words, and behind it those whose words are made.
macro_rules! words {
    ($cause:expr, $type:ident: $($variant:ident = $words:literal,)* $(; $($pattern:pat => $made:expr,)*)?) => {
        match $cause {
            $($type::$variant => Cow::Borrowed($words),)*
            $($($pattern => Cow::Owned($made),)*)?
        }
    };
}

/// Why there is a gap.
pub(super) fn cause(cause: &GapCause) -> Cow<'static, str> {
    match cause {
        GapCause::File(cause) => file(cause),
        GapCause::Link(cause) => link(*cause),
        GapCause::Packet(cause) => packet(*cause),
        GapCause::Reading(cause) => reading(*cause),
        GapCause::Session(cause) => session(*cause),
    }
}

fn file(cause: &FileCause) -> Cow<'static, str> {
    words! { cause, FileCause:
        HeaderOfAnotherFileCut = "the input ends inside the header of another capture file",
        CompressedStreamCut = "the compressed stream ends in the middle",
        CompressedStreamGrows = "the compressed stream grows out of all proportion to its file; nothing behind that is read",
        CompressedStreamNeedsMemory = "the compressed stream needs more memory than this program gives; nothing behind that is read",
        CompressedStreamDamaged = "the compressed stream is damaged; nothing behind that can be read",
        NoCounters = "the file keeps no counters of lost packets",
        Extract = "the file is an extract of findings: the other packets of the recording were left out",
        TerminalInsertedBytes = "bytes were inserted by a terminal that wrote CR LF for LF (tcpdump through adb shell): packets with such a byte are lost; record again with adb exec-out",
        RecordHeaderCut = "the file ends inside a record header",
        RecordLength = "a record header with an impossible length",
        RecordHeaderSenseless = "a record header that makes no sense",
        LastRecordCut = "the last record is cut off",
        RecordFraction = "a record whose fraction of a second exceeds one second",
        RecordCutByAnotherFile = "a record is cut off where another capture file begins inside the input",
        BlockHeaderCut = "the file ends inside a block header",
        BlockLength = "a block with an impossible length",
        BlockLengthOdd = "a block whose length is no multiple of four",
        LastBlockCut = "the last block is cut off",
        BlockPastEnd = "a block that runs past the end of the file",
        BlockLengthsDiffer = "a block whose two lengths differ",
        BlockTooLong = "a block that is too long for its type",
        BlockTypeUnassigned = "a block of a type that does not exist, where a packet could have stood",
        BlockTypeDisguised = "a block that has the form of a packet block under another type",
        SectionOptions = "a section header whose options run past its end",
        InterfaceOptions = "an interface description whose options run past its end",
        InterfaceUnreadable = "an interface description that cannot be read",
        StatisticsOptions = "interface statistics whose options run past their end",
        StatisticsUnreadable = "interface statistics that cannot be read",
        StatisticsOfNoInterface = "statistics of an interface that the section does not describe",
        NamesPastEnd = "a name resolution block whose records run past its end",
        SecretsPastEnd = "secrets that run past their block",
        AppNameUnreadable = "a block with an app name that cannot be read",
        ProcessUnreadable = "a process block that cannot be read",
        PacketOfNoInterface = "a packet of an interface that the section does not describe",
        PacketBlockShort = "a packet block that is too short",
        PacketBlockOptions = "a packet block whose options run past its end, or go on behind their end",
        PacketBlockLength = "a packet block whose length and content differ",
        PacketBlockPastEnd = "a packet block whose captured length runs past its end",
        InterfacesOver = "more interfaces than this program keeps",
        ProcessesOver = "more processes than this program keeps",
        AppNamesOver = "more app names than this program keeps",
        Merged = "the file says that it was merged from several (mergecap)",
        ;
        FileCause::InterfacesWithoutCounters { without, all } => format!("{without} of the {all} interfaces keep no counters of lost packets"),
        FileCause::Filtered(of, filter) => format!("{} was captured with the filter \"{filter}\"", title(of)),
        FileCause::LostBefore(of) => format!("packets of {} say that others before them were lost", title(of)),
        FileCause::StatisticsCountMore(of) => format!("the statistics of {} count more packets than the file holds of it", title(of)),
        FileCause::StatisticsCountLost(of) => format!("the statistics of {} say that packets were lost", title(of)),
        FileCause::RecorderCountsMore(said, packets) => format!(
            "the recorder's messages in {} count more packets than the file's {packets}: {}",
            said.name,
            counters(&said.counters)
        ),
        FileCause::RecorderCountsLost(said) => format!(
            "the recorder's messages in {} say that packets were lost: {}",
            said.name,
            counters(&said.counters)
        ),
        FileCause::WrittenBy(program) => format!("the file says that it was written by {program}"),
    }
}

fn title(of: &InterfaceTitle) -> String {
    match of {
        InterfaceTitle::Named(name) => format!("interface {name}"),
        InterfaceTitle::Place(index) => format!("interface {index}"),
    }
}

/// What a recorder counted.
fn counters(of: &Counters) -> String {
    let said = [
        (of.captured, "captured"),
        (of.received, "received by the filter"),
        (of.by_kernel, "dropped by the kernel"),
        (of.by_interface, "dropped by the interface"),
        (of.by_recorder, "dropped by the recorder"),
    ];
    let said: Vec<String> = said
        .iter()
        .filter_map(|(count, what)| Some(format!("{} {what}", (*count)?)))
        .collect();
    said.join(", ")
}

fn link(cause: LinkCause) -> Cow<'static, str> {
    words! { cause, LinkCause:
        NoInterface = "packets of an interface that the file does not describe",
        TunnelUnreadable = "a tunnel that cannot be read",
        TunnelEmpty = "a tunnel that holds no packet",
        TunnelLinkType = "a link type inside a tunnel that cannot be read",
        BundleEmpty = "a frame for several packets that holds none",
        BundleInBundle = "frames for several packets, one inside the other",
        PacketBehindUnreadable = "an IP packet behind a header that cannot be read",
        ShortOfLinkHeader = "shorter than its link header",
        EtherType = "unknown ether type",
        MoreThanLength = "a frame with more in it than its 802.3 length says",
        EthernetShort = "shorter than an Ethernet header",
        LengthOver = "an 802.3 length that is longer than its frame",
        TagCut = "cut inside a tag",
        TagsOver = "more tags than are followed",
        FrameHeaderCut = "cut inside a header before a frame",
        TrillVersion = "a TRILL header of an unknown version",
        TrillCut = "cut inside a TRILL header",
        BatmanPiece = "a piece of a batman-adv packet",
        BatmanSum = "batman-adv packets that were added up",
        BatmanKind = "a batman-adv packet of an unknown kind",
        SwitchHeader = "a switch header that cannot be read",
        RealtekTag = "a Realtek tag that cannot be read",
        MacsecCut = "cut inside a MACsec tag",
        MacsecSealed = "MACsec",
        ErspanVersion = "an ERSPAN header of an unknown version",
        ServiceHeaderCut = "cut inside a service header",
        ServiceHeader = "a service header that cannot be right",
        ServiceHeaderContent = "a service header whose content cannot be read",
        LlcCut = "cut inside an LLC header",
        SnapCut = "cut inside a SNAP header",
        BridgedFrame = "a bridged frame that cannot be read",
        BridgedFrameCut = "cut inside a bridged frame",
        MplsLabelCut = "cut inside an MPLS label",
        MplsLabelsOver = "more MPLS labels than are followed",
        MplsPseudowireCut = "cut inside an MPLS pseudowire",
        MplsPayload = "an MPLS payload that cannot be read",
        PppoeSession = "a PPPoE session that cannot be read",
        PppoeCut = "cut inside a PPPoE header",
        PppoeKind = "a PPPoE frame of an unknown kind",
        PppCut = "cut inside a PPP header",
        PppTcpCompressed = "a TCP header compressed by Van Jacobson",
        PppIpCompressed = "compressed IP headers",
        PppEncrypted = "an encrypted PPP datagram",
        PppSealed = "a compressed or encrypted PPP datagram",
        PppProtocol = "a PPP protocol that cannot be read",
        MultilinkPiece = "a piece of a PPP multilink frame",
        MultilinkHoldsNoPacket = "a PPP multilink frame that holds no IP packet",
        HdlcProtocol = "a Cisco HDLC protocol that cannot be read",
        HdlcAddress = "no Cisco HDLC address",
        HdlcCut = "cut inside a Cisco HDLC header",
        FrameRelayCut = "cut inside a frame relay header",
        FrameRelayAddress = "no frame relay address",
        FrameRelayEncapsulation = "a frame relay encapsulation that cannot be read",
        FrameRelayPiece = "a piece of a frame relay frame",
        FrameRelayProtocol = "a frame relay protocol that cannot be read",
        CookedShort = "shorter than a cooked header",
        CookedProtocol = "a protocol number of Linux that cannot be read",
        IpnetShort = "shorter than an ipnet header",
        IpnetFamily = "an address family of ipnet that cannot be read",
        LoopbackShort = "shorter than a loopback header",
        LoopbackFamily = "unknown address family on loopback",
        SlipShort = "shorter than a SLIP header",
        EncFamily = "an address family of enc that cannot be read",
        EncShort = "shorter than an enc header",
        NoPflogHeader = "no pflog header",
        PflogCut = "cut inside a pflog header",
        PflogHeader = "a pflog header that cannot be read",
        NflogShort = "shorter than an NFLOG header",
        NflogVersion = "an NFLOG version that cannot be read",
        NflogAttributes = "NFLOG attributes that do not fit the record",
        NflogWithoutPacket = "an NFLOG record without the packet",
        NflogFamily = "an NFLOG family that cannot be read",
        ArcnetPiece = "a later piece of an ARCNET packet",
        ArcnetCut = "cut inside an ARCNET header",
        ArcnetProtocol = "an ARCNET protocol that cannot be read",
        FibreChannelShort = "shorter than a Fibre Channel network header",
        TokenRingShort = "shorter than a token ring header",
        TokenRingCut = "cut inside a token ring header",
        TokenRingFrame = "a token ring frame that cannot be read",
        FddiShort = "shorter than an FDDI header",
        FddiFrame = "an FDDI frame that cannot be read",
        AtmNeither = "neither IP nor LLC over ATM",
        SunAtmShort = "shorter than a SunATM header",
        LaneCut = "cut inside a LAN emulation header",
        AtmTraffic = "ATM traffic that cannot be read",
        ExportedTagsCut = "cut inside the tags of an exported payload",
        ExportedEtherType = "an exported payload of an unknown ether type",
        ExportedWithoutEnds = "an exported payload without the addresses of its ends",
        ExportedTransportCut = "cut inside an exported transport header",
        PrivateAndNoPktap = "link type user2 is for private use, and this is no PKTAP header",
        PktapCut = "cut inside a PKTAP header",
        PktapHeader = "a PKTAP header that cannot be right, or is cut",
        PktapKind = "a PKTAP record of a kind that cannot be read",
        PktapLinkType = "a link type inside PKTAP that cannot be read",
        QmapCut = "cut inside a QMAP header",
        QmapHeader = "a QMAP header that cannot be right",
        MapTrailing = "bytes behind a MAP packet that are none",
        UsbFraming = "USB bulk data of no network framing that is known",
        UsbBulkCut = "the capture cut USB bulk data, and what is left shows no network framing",
        UsbDataMissing = "the data of a USB transfer was not captured",
        UsbPacketGoesOn = "a packet that goes on in another USB transfer",
        UsbTransferCut = "the capture cut a USB transfer",
        UsbTransferKind = "a USB transfer of an unknown kind",
        UsbmonShort = "shorter than a usbmon header",
        UsbmonEvent = "not a usbmon event",
        UsbmonHeader = "a usbmon header that does not fit its record",
        UsbpcapShort = "shorter than a USBPcap header",
        UsbpcapLength = "a USBPcap header that contradicts its length",
        UsbpcapHeader = "a USBPcap header that does not fit its record",
        UsbpcapChained = "a USB transfer over chained buffers, whose data USBPcap leaves out",
        NcmTrailing = "bytes behind a NCM transfer block that are none",
        NcmBlocksOver = "more NCM transfer blocks in a USB transfer than are followed",
        NcmBlockHeader = "a NCM block header that contradicts itself",
        NcmTablesCircle = "a chain of NCM tables that is a circle",
        NcmWithoutTable = "a NCM block without a table in it",
        NcmTablesOver = "more NCM tables in a block than are followed",
        NcmTableShort = "a NCM table shorter than its header",
        NcmDatagramOutside = "a NCM datagram that leaves its block",
        NcmDatagramInHeader = "a NCM datagram inside the header of its block",
        NcmTableKind = "a NCM table of an unknown kind",
        RndisTrailing = "bytes behind a RNDIS message that are none",
        WifiReceivedWithErrors = "an 802.11 frame received with errors",
        WifiShort = "shorter than an 802.11 header",
        WifiVersion = "an 802.11 frame of an unknown protocol version",
        WifiCheckSequence = "an 802.11 frame with a wrong check sequence",
        WifiHeaderCut = "cut inside an 802.11 header",
        WifiLaterFragment = "a later fragment of an 802.11 packet",
        WifiFirstFragment = "the first fragment of an 802.11 packet",
        WifiAmsduFragment = "a fragment of an 802.11 A-MSDU",
        WifiWithoutLlc = "802.11 data that does not begin with LLC",
        WifiNotTakenDown = "802.11 data that the receiver could not take down",
        AmsduPlain = "an A-MSDU that begins like a plain packet",
        AmsduCut = "cut inside the header of an A-MSDU",
        AmsduLengths = "an A-MSDU whose lengths do not fit the frame",
        AmsduPacketsCut = "packets of an A-MSDU that the capture cut off",
        AvsMissing = "no AVS header where the link type promises one",
        AvsCut = "the frame ends inside its AVS header",
        PpiShort = "shorter than a PPI header",
        PpiVersion = "a PPI header of an unknown version",
        PpiCut = "the frame ends inside its PPI header",
        PpiFields = "PPI fields that do not fit their header",
        PpiLinkType = "a PPI header before a link type that cannot be read",
        PrismShort = "shorter than a Prism header",
        PrismMissing = "no Prism header where the link type promises one",
        PrismCut = "the frame ends inside its Prism header",
        RadiotapShort = "shorter than a radiotap header",
        RadiotapVersion = "a radiotap header of an unknown version",
        RadiotapCut = "the frame ends inside its radiotap header",
        RadiotapFields = "radiotap fields that do not fit their header",
        Protected = "protected 802.11 data frames",
        ProtectedWithoutHandshake = "protected 802.11 data frames without a handshake before them that a given key fits",
        ProtectedToGroup = "protected 802.11 data frames to a group whose key no opened handshake before them holds",
        ProtectedByUnreadManagement = "protected 802.11 data frames under a key management that is not read (fast transition, 192 bits)",
        ProtectedByOldCipher = "protected 802.11 data frames under WEP or TKIP, which are not opened",
        ProtectedCheckFails = "protected 802.11 data frames whose check fails with the key of their handshake",
        ProtectedCut = "protected 802.11 data frames that the capture cut, so that their check cannot be done",
        ProtectedInFrame = "a protected 802.11 data frame inside another",
        ProtectedInTunnel = "a protected 802.11 data frame inside a tunnel",
        ;
        LinkCause::TypeUnread(of) => link_type(of),
    }
}

fn link_type(of: UnreadLinkType) -> String {
    let name = of.name();
    match of {
        UnreadLinkType::NoIp(_) => format!("link type {name} carries no IP and was not audited"),
        UnreadLinkType::Ip(_) => format!("link type {name} can carry IP and cannot be read"),
        UnreadLinkType::Private(_) => format!(
            "link type {name} is for private use, serial bus dumps of drones (DUML) among them: \
             nothing in it can be audited"
        ),
        UnreadLinkType::Unassigned(_) => {
            format!("link type {name} is not assigned and cannot be read")
        }
    }
}

fn packet(cause: PacketCause) -> Cow<'static, str> {
    words! { cause, PacketCause:
        Version = "neither IPv4 nor IPv6",
        CutBeforeHeader = "cut before the IP header",
        NoHeader = "no IP header",
        Ipv4Cut = "cut inside the IPv4 header",
        Ipv4Malformed = "malformed IPv4 header",
        Ipv4TotalLength = "an IPv4 total length shorter than its header",
        Ipv6Cut = "cut inside the IPv6 header",
        Ipv6Malformed = "malformed IPv6 header",
        HeaderChecksum = "a wrong IPv4 header checksum",
        HeaderChecksumInTunnel = "a wrong IPv4 header checksum inside a tunnel",
        TransportChecksum = "a wrong transport checksum: what the packet says is not believed",
        TransportChecksumArrived = "a wrong transport checksum of bytes that arrived: some of them may be others",
        FragmentCut = "a fragment was cut",
        FragmentsMissing = "a fragmented datagram of which pieces are missing",
        TransportCut = "a transport header was cut",
        UdpLength = "the length of a UDP datagram is less than that of its header",
        IcmpCut = "an ICMP message that may hold a packet was cut",
        DatagramWithNameCut = "a datagram that may hold a name was cut",
        PayloadWithNameCut = "payload that may hold a name was cut",
        Untimed = "packets without a time: when they went cannot be said",
    }
}

fn reading(cause: ReadingCause) -> Cow<'static, str> {
    words! { cause, ReadingCause:
        HostName = "a host name that cannot be read",
        Coap = "a CoAP message that cannot be read",
        Dns = "a DNS message that cannot be read",
        DnsEndMissing = "a DNS message of which the end is missing",
        TranslatorPrefixesOver = "more prefixes of translators than are kept",
        Doh = "a DNS message in HTTP that cannot be read",
        DtlsRecordsOver = "more DTLS records in a datagram than are looked at",
        DtlsMessagesOver = "more DTLS handshake messages at a time between two endpoints than are kept",
        DtlsMessageLong = "more of a DTLS handshake message than is kept",
        DtlsHelloPieces = "a DTLS hello comes in more pieces than are looked at",
        DtlsHello = "a DTLS hello that cannot be read",
        DtlsHelloMissing = "a part of a DTLS hello to a local host was not captured",
        RequestHeadLong = "a request head is longer than is read",
        RequestLookupsOver = "a request looks up more names than are kept",
        RequestHostsOver = "a request names more or longer hosts than are kept",
        LookupsAtATimeOver = "more lookups at a time on a connection than are kept",
        Http2TableLarge = "an HTTP/2 header table is larger than is kept",
        Http2Request = "an HTTP/2 request that cannot be read",
        Http3Request = "an HTTP/3 request that cannot be read whole",
        Http3Table = "an HTTP/3 header table that cannot be followed, or is larger than is kept",
        QuicPacketsOver = "more QUIC packets in a datagram than are looked at",
        QuicInitialClosed = "a QUIC Initial packet to a local host that does not open",
        QuicTriesOver = "more QUIC packets that do not open than are tried",
        QuicHandshakesOver = "more QUIC handshakes at a time between two endpoints than are kept",
        QuicHelloPieces = "a QUIC hello comes in more pieces than are looked at",
        QuicHelloMissing = "a part of a QUIC hello to a local host was not captured",
        QuicHandshakeLong = "a QUIC handshake is longer than is kept",
        QuicCopiesOver = "more differing copies of a QUIC handshake than are kept",
        QuicMemory = "the memory for QUIC handshakes was used up",
        QuicPiecesOver = "more pieces of a QUIC handshake than are kept",
        QuicPiecesUnread = "a QUIC handshake came in more pieces than are read",
        TlsMessageLong = "a TLS handshake message is longer than is kept",
        TlsRecord = "a TLS record that cannot be read",
        TlsHello = "a TLS hello that cannot be read",
        ReassemblyMemory = "the memory for reassembly was used up",
        CopiesOver = "more differing copies of a connection's bytes than are read",
        SealedCopies = "differing copies of sealed bytes, of which one was opened",
        Claimed = "a message that its protocol claims and cannot read",
        MessageLong = "a message is longer than is kept",
        OpenedConnectionsOver = "more opened connections with streams at a time than are kept",
        StreamsOver = "more open streams of a connection than are kept",
        RtmpStreamsOver = "more RTMP chunk streams than are followed",
        Rtmp = "an RTMP message that cannot be read",
        RtmpConnectLong = "an RTMP connect command is longer than is read",
    }
}

fn session(cause: SessionCause) -> Cow<'static, str> {
    words! { cause, SessionCause:
        NamesLookedUpOver = "more names were looked up than rows are kept",
        RecordTypesOver = "more record types were asked of a name than are kept",
        AnswersOfNameOver = "more addresses were answered for a name than are kept",
        DnsAnswersOver = "more DNS answers than are kept",
        ReverseLookupsOver = "more addresses had their names asked for than are kept",
        EncryptedHellosOver = "more names offer an encrypted hello than are kept",
        BindingsOver = "more pairs of MAC and IP address than are kept",
        MachinesOver = "more machines are on the link than are kept",
        RoutersOver = "more routers were named than are kept",
        DeviceAddressesOver = "the declared device sent from more addresses than are kept",
        DeviceMacsOver = "the declared device sent with more MAC addresses than are kept",
        NetworksOver = "more networks were announced on the link than are kept",
        KeysTooLate = "keys stand in what can be read only once: nothing was opened with them",
        KeysOver = "more keys stand in the capture than are kept",
        ChecksumsKnownLate = "whose checksums can be believed was known too late to be used, and the input is not read twice",
        NestedTooDeep = "packets are nested too deeply",
        FlowsOverOneRead = "more flows were open than are kept; one was being read",
        FlowsOver = "more flows were open than are kept",
        OpenAtFirstPacket = "a connection was already open when its first packet was captured",
        OtherDirectionMissing = "acknowledgements advance, and nothing of the direction they answer was captured",
        HolesOver = "more holes in a TCP stream than are kept",
        NamesOfConnectionOver = "more names on a connection than are kept",
        CompressedPayloadOver = "more comes out of compressed payload than is looked at",
        NamesOfDestinationOver = "more names of a destination than are kept",
        ConversationsOver = "more conversations than rows are kept",
        TimeGapsOver = "more silences and steps of the clock than are kept",
        HandshakesOnAirOver = "more handshakes on the air than are followed, or messages in them that no given key fits",
        AppLabelsOver = "more app labels than are kept",
        AppLabelsOfConnectionOver = "more app labels on a connection than are kept",
        PacketsInFrameOver = "more packets in a frame than are followed",
        FragmentsOver = "more fragments wait than are kept",
        FragmentCopiesOver = "more copies of a fragment that differ than are read in every way",
        ;
        SessionCause::PacketsOfFlowLimited { flows, each } => format!(
            "{flows} connections break off after exactly {each} packets, and none goes on longer: the capture tool keeps so many packets of each, and byte counts are lower bounds"
        ),
    }
}

/// What a file holds that its link type does not say.
pub(super) fn oddity(what: Oddity) -> Cow<'static, str> {
    words! { what, Oddity:
        EthernetInRaw = "Ethernet frames in a file of raw IP packets",
        RawInEthernet = "IP packets without a link header in a file of Ethernet frames",
        RawInSlip = "IP packets without a link header in a file of SLIP",
        Ipv4AsIpv6 = "IPv4 packets under the ether type of IPv6",
        Ipv6AsIpv4 = "IPv6 packets under the ether type of IPv4",
        QmapInEthernet = "QMAP in a file of Ethernet frames",
        QmapInRaw = "QMAP in a file of raw IP packets",
        TrailerChecksum = "a PCAPdroid trailer whose checksum is wrong",
        MisplacedTag = "cooked captures with a tag at the wrong place",
        LoopbackInRaw = "loopback headers in a file of raw IP packets",
    }
}

/// What a reader should know of a file.
pub(super) fn remark(what: &Remark) -> Cow<'static, str> {
    words! { what, Remark:
        AppNamesOfLaterVersion = "PCAPdroid wrote blocks of a version that this program does not know: app names may be missing.",
        NamesTooLong = "A name resolution block is too long to be looked into: its names are not counted.",
        ;
        Remark::Joined(recordings, behind) => format!("{recordings} recordings follow one another in this file, the second behind packet {behind}: they are read as one."),
        Remark::ProcessesMissing(packets) => format!("{packets} packets name a process that the file does not describe: they carry no label."),
        Remark::RecordHeaders(length) => format!("The records of this file have headers of {length} bytes, which its first bytes do not say."),
        Remark::CountersBeside(said) => format!("counters of lost packets were taken from {}, beside the capture: {}.", said.name, counters(&said.counters)),
        Remark::CountersOfAnother(name, packets) => format!(
            "{name} counts another number of packets than this file holds ({packets}): it may belong to another recording, and that it counts no loss would say nothing of this one."
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    #[test]
    fn no_two_causes_have_the_same_words() {
        let own = include_str!("noticed.rs").lines();
        let lists = own.filter_map(|line| line.trim().split_once(" = \"")?.1.strip_suffix("\","));
        let mut met = BTreeSet::new();
        let twice: Vec<&str> = lists.filter(|words| !met.insert(*words)).collect();
        assert!(twice.is_empty() && met.len() > 250, "{twice:?}");
    }
}
