//! Link types that are assigned and not read, so that a message can name them and say what that
//! means.
//!
//! The LINKTYPE registry (draft-ietf-opsawg-pcaplinktype, tcpdump.org/linktypes.html, libpcap
//! `pcap/dlt.h`). "No IP" is claimed only of links for which no encapsulation of IP is in use:
//! Bluetooth (BNEP, RFC 7668), IEEE 802.15.4 (RFC 4944) and BACnet MS/TP (RFC 8163) can carry it.
//! Packets of any link type that is not read count as unreadable all the same.

use crate::ground::cause::UnreadLinkType::{self, Ip, NoIp, Private, Unassigned};

/// Whether IP can come over a link.
type Carries = fn(&'static str) -> UnreadLinkType;

/// The first of sixteen values that anybody may use for anything.
const PRIVATE: u16 = 147;
const PRIVATE_COUNT: u16 = 16;

/// In the order of the values. Those for which there is a reader are found there first.
#[rustfmt::skip]
static UNREAD: &[(u16, &str, Carries)] = &[
    (2, "exp-ethernet", Ip),
    (3, "ax25", Ip),
    (4, "pronet", Ip),
    (5, "chaos", Ip),
    (99, "symantec-firewall", Ip),
    (102, "slip-bsdos", Ip),
    (103, "ppp-bsdos", Ip),
    (110, "lane8023", Ip),
    (111, "hippi", Ip),
    (112, "netbsd-hdlc", Ip),
    (114, "ltalk", Ip),
    (115, "econet", Ip),
    (116, "ipfilter", Ip),
    (118, "cisco-ios", Ip),
    (120, "ieee802-11-aironet", Ip),
    (121, "hhdlc", Ip),
    (124, "rio", Ip),
    (125, "pci-exp", NoIp),
    (126, "aurora", Ip),
    (128, "tzsp", Ip),
    (130, "juniper-mlppp", Ip),
    (131, "juniper-mlfr", Ip),
    (132, "juniper-es", Ip),
    (133, "juniper-ggsn", Ip),
    (134, "juniper-mfr", Ip),
    (135, "juniper-atm2", Ip),
    (136, "juniper-services", Ip),
    (137, "juniper-atm1", Ip),
    (139, "mtp2-with-phdr", NoIp),
    (140, "mtp2", NoIp),
    (141, "mtp3", NoIp),
    (142, "sccp", NoIp),
    (143, "docsis", Ip),
    (144, "linux-irda", Ip),
    (145, "ibm-sp", Ip),
    (146, "ibm-sn", Ip),
    (164, "juniper-monitor", Ip),
    (165, "bacnet-ms-tp", Ip),
    (167, "juniper-pppoe", Ip),
    (168, "juniper-pppoe-atm", Ip),
    (169, "gprs-llc", Ip),
    (170, "gpf-t", Ip),
    (171, "gpf-f", Ip),
    (172, "gcom-t1e1", Ip),
    (173, "gcom-serial", Ip),
    (174, "juniper-pic-peer", Ip),
    (175, "erf-eth", Ip),
    (176, "erf-pos", Ip),
    (177, "linux-lapd", Ip),
    (178, "juniper-ether", Ip),
    (179, "juniper-ppp", Ip),
    (180, "juniper-frelay", Ip),
    (181, "juniper-chdlc", Ip),
    (182, "mfr", Ip),
    (183, "juniper-vp", Ip),
    (184, "a429", NoIp),
    (185, "a653-icm", NoIp),
    (186, "usb-freebsd", Ip),
    (187, "bluetooth-hci-h4", Ip),
    (188, "ieee802-16-mac-cps", Ip),
    (189, "usb-linux", Ip),
    (190, "can20b", NoIp),
    (191, "ieee802-15-4-linux", Ip),
    (193, "ieee802-16-mac-cps-radio", Ip),
    (194, "juniper-ism", Ip),
    (195, "ieee802-15-4", Ip),
    (196, "sita", Ip),
    (197, "erf", Ip),
    (198, "raif1", Ip),
    (199, "ipmb-kontron", NoIp),
    (200, "juniper-st", Ip),
    (201, "bluetooth-hci-h4-with-phdr", Ip),
    (202, "ax25-kiss", Ip),
    (203, "lapd", Ip),
    (207, "lapb-with-dir", Ip),
    (208, "reserved-208", Ip),
    (209, "ipmb-linux", NoIp),
    (210, "flexray", NoIp),
    (211, "most", Ip),
    (212, "lin", NoIp),
    (213, "x2e-serial", Ip),
    (214, "x2e-xoraya", Ip),
    (215, "ieee802-15-4-nonask-phy", Ip),
    (216, "linux-evdev", NoIp),
    (217, "gsmtap-um", Ip),
    (218, "gsmtap-abis", Ip),
    (220, "usb-linux-mmapped", Ip),
    (221, "dect", Ip),
    (222, "aos", Ip),
    (223, "wihart", NoIp),
    (224, "fc-2", Ip),
    (225, "fc-2-with-frame-delims", Ip),
    (227, "can-socketcan", NoIp),
    (230, "ieee802-15-4-nofcs", Ip),
    (231, "dbus", NoIp),
    (232, "juniper-vs", Ip),
    (233, "juniper-srx-e2e", Ip),
    (234, "juniper-fibrechannel", Ip),
    (235, "dvb-ci", NoIp),
    (236, "mux27010", Ip),
    (237, "stanag-5066-d-pdu", Ip),
    (238, "juniper-atm-cemic", Ip),
    (240, "netanalyzer", Ip),
    (241, "netanalyzer-transparent", Ip),
    (243, "mpeg-2-ts", Ip),
    (244, "ng40", Ip),
    (245, "nfc-llcp", Ip),
    (246, "pfsync", NoIp),
    (247, "infiniband", Ip),
    (248, "sctp", Ip),
    (249, "usbpcap", Ip),
    (250, "rtac-serial", Ip),
    (251, "bluetooth-le", Ip),
    (253, "netlink", Ip),
    (254, "bluetooth-linux-monitor", Ip),
    (255, "bluetooth-bredr-bb", Ip),
    (256, "bluetooth-le-with-phdr", Ip),
    (257, "profibus-dl", NoIp),
    (259, "epon", Ip),
    (260, "ipmi-hpm-2", NoIp),
    (261, "zwave-r1-r2", NoIp),
    (262, "zwave-r3", NoIp),
    (263, "wattstopper-dlm", NoIp),
    (264, "iso-14443", NoIp),
    (265, "rds", NoIp),
    (266, "usb-darwin", Ip),
    (267, "openflow", Ip),
    (268, "sdlc", Ip),
    (269, "ti-lln-sniffer", Ip),
    (270, "loratap", Ip),
    (271, "vsock", Ip),
    (272, "nordic-ble", Ip),
    (273, "docsis31-xra31", Ip),
    (274, "ethernet-mpacket", Ip),
    (275, "displayport-aux", NoIp),
    (277, "sercos-monitor", Ip),
    (278, "openvizsla", Ip),
    (279, "ebhscr", Ip),
    (280, "vpp-dispatch", Ip),
    (283, "ieee802-15-4-tap", Ip),
    (286, "elee", Ip),
    (287, "z-wave-serial", NoIp),
    (288, "usb-2-0", Ip),
    (289, "atsc-alp", Ip),
    (290, "etw", Ip),
    (291, "netanalyzer-ng", Ip),
    (292, "zboss-ncp", NoIp),
    (293, "usb-2-0-low-speed", Ip),
    (294, "usb-2-0-full-speed", Ip),
    (295, "usb-2-0-high-speed", Ip),
    (296, "auerswald-log", Ip),
    (297, "zwave-tap", NoIp),
    (298, "silabs-debug-channel", Ip),
    (299, "fira-uci", NoIp),
    (300, "mdb", NoIp),
    (301, "dect-nr", Ip),
    (302, "edk2-mm", NoIp),
    (304, "dect-nr-tap", Ip),
];

fn find(id: u16) -> Option<&'static (u16, &'static str, Carries)> {
    let at = UNREAD.binary_search_by_key(&id, |row| row.0).ok()?;
    UNREAD.get(at)
}

/// What is known of a link type that is not read.
pub(super) fn unread(id: u16) -> UnreadLinkType {
    match (find(id), id.checked_sub(PRIVATE)) {
        (Some((_, name, carries)), _) => carries(name),
        (None, Some(n @ ..PRIVATE_COUNT)) => Private(n),
        (None, _) => Unassigned(id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorted_named_and_told_apart() {
        assert!(UNREAD.is_sorted_by(|a, b| a.0 < b.0));
        let private = PRIVATE..PRIVATE + PRIVATE_COUNT;
        assert!(UNREAD.iter().all(|row| !private.contains(&row.0)));
        assert_eq!(unread(227), NoIp("can-socketcan"));
        assert_eq!(unread(195), Ip("ieee802-15-4"));
        assert_eq!(unread(150), Private(3));
        assert_eq!(unread(8224), Unassigned(8224));
        let named = [147, 162, 163, 8224, 187].map(|id| unread(id).name());
        let names = [
            "user0",
            "user15",
            "linktype-163",
            "linktype-8224",
            "bluetooth-hci-h4",
        ];
        assert_eq!(named, names);
    }
}
