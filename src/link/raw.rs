//! IP packets without a link header: LINKTYPE 101 and the DLT values 12 and 14 that some writers
//! put into files, 228 (IPv4) and 229 (IPv6).

use super::{Content, LinkType, Unwrapped};
use crate::capture::Frame;

pub(super) const RAW: LinkType = LinkType {
    ids: &[101, 12, 14],
    name: "raw",
    read,
};

pub(super) const IPV4: LinkType = LinkType {
    ids: &[228],
    name: "ipv4",
    read,
};

pub(super) const IPV6: LinkType = LinkType {
    ids: &[229],
    name: "ipv6",
    read,
};

fn read<'a>(frame: &Frame<'a>) -> Unwrapped<'a> {
    // The version field decides, whatever 228 or 229 promise.
    Unwrapped::bare(Content::Ip(frame.data))
}
