//! How far a row goes: local, relayed or internet, by address and path and never by protocol (contract, "Scope of a packet").

use super::Scope;
use super::group::asked_us;
use crate::evidence::flow::{Pair, Relay, Side};
use crate::evidence::row::{Folded, RowKey};
use crate::ground::address::{Class, classify};
use crate::ground::public_name::is_public_name;
use crate::judge::identity::topology::Topology;
use crate::judge::identity::{DeviceView, our_side};
use std::net::IpAddr;

/// The scope of a row's packets, and which side is ours.
pub fn scope_of(key: &RowKey, topology: &Topology<'_>, device: &DeviceView) -> (Scope, Side) {
    let stays = topology.stays(key);
    let by_link = |side| {
        stays
            || topology
                .local(&key.key, side, &key.link, key.opener.0)
                .is_some()
    };
    let local = match key.folded {
        None => Pair {
            a: by_link(Side::A),
            b: by_link(Side::B),
        },
        Some(Folded::Local) => Pair { a: true, b: true },
        // The near address was kept, the far one was not.
        Some(Folded::Beyond) => Pair {
            a: !key.key.ip(Side::A).is_unspecified(),
            b: !key.key.ip(Side::B).is_unspecified() && key.key.ip(Side::A).is_unspecified(),
        },
    };
    let ours = our_side(key, local, device, topology);
    let theirs = ours.other();
    let scope = if local.a && local.b {
        let group = Side::BOTH.iter().any(|s| key.key.ip(*s).is_multicast());
        if !group && !stays && relayed(key) {
            // What another machine asks of the device is that one's use of the internet: the device
            // that answers is a server (contract, "Our side of a flow").
            if asked_us(key, theirs) {
                return (Scope::Relayed, theirs);
            }
            Scope::Relayed
        } else {
            Scope::Local
        }
    } else if is_fake(key.key.ip(theirs)) && (public_name_seen(key, theirs) || key.public_lookup) {
        Scope::Relayed
    } else {
        Scope::Internet
    };
    (scope, ours)
}

/// The request made to a private address is internet use.
fn relayed(key: &RowKey) -> bool {
    match &key.relay {
        Some(Relay::Lookup) => {
            if key.public_lookup || key.hidden.is_some() || key.folded.is_some() {
                return true;
            }
        }
        Some(Relay::Tunnel) => return true,
        Some(Relay::Proxy(Some(ip))) if !classify(*ip).is_local() => return true,
        Some(Relay::Proxy(_)) | None => {}
    }
    let said_public = key
        .names
        .iter()
        .any(|n| n.is_asserted_name() && is_public_name(&n.name));
    said_public || key.literal.is_some_and(|ip| !classify(ip).is_local())
}

/// 198.18.0.0/15: VPN apps hand out addresses from it in place of real ones.
pub(super) fn is_fake(ip: IpAddr) -> bool {
    classify(ip).class == Class::Benchmark
}

fn public_name_seen(key: &RowKey, theirs: Side) -> bool {
    key.names.iter().any(|n| is_public_name(&n.name))
        || key
            .resolved
            .of(theirs)
            .asked
            .as_ref()
            .is_some_and(|n| is_public_name(n))
}
