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

/// The scope of a row's packets, which side is ours, and whether more than a port says so.
pub fn scope_of(key: &RowKey, topology: &Topology<'_>, device: &DeviceView) -> (Scope, Side, bool) {
    let stays = topology.stays(key);
    let by_link = |side| {
        stays
            || topology
                .local(&key.key, side, &key.link, key.asker())
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
    let (ours, sure) = our_side(key, local, device, topology);
    let theirs = ours.other();
    let scope = if local.a && local.b {
        let group = Side::BOTH.iter().any(|s| key.key.ip(*s).is_multicast());
        match (!group && !stays).then(|| asks_beyond(key, ours)).flatten() {
            // What another machine asks of the device is that one's use of the internet: the device
            // that answers is a server (contract, "Our side of a flow").
            Some(asker) if asker == theirs => return (Scope::Relayed, theirs, true),
            Some(_) => Scope::Relayed,
            None => Scope::Local,
        }
    } else if is_fake(key.key.ip(theirs))
        && (public_name_seen(key, theirs) || *key.public_lookup.of(ours))
    {
        Scope::Relayed
    } else {
        Scope::Internet
    };
    (scope, ours, sure)
}

/// Who asks the other end of a flow of the site for the internet: our side, if it did.
fn asks_beyond(key: &RowKey, ours: Side) -> Option<Side> {
    let theirs = ours.other();
    let asks = |side| names_beyond(key, side) || (*key.relays.of(side) && relayed(key, side));
    if asks(ours) {
        return Some(ours);
    }
    if asks(theirs) {
        return Some(theirs);
    }
    // Of packets in a tunnel nobody is known to have asked.
    let asker = if asked_us(key, theirs) { theirs } else { ours };
    relayed(key, asker).then_some(asker)
}

/// The request that an end made to a private address is internet use.
fn relayed(key: &RowKey, asker: Side) -> bool {
    match &key.relay {
        Some(Relay::Lookup) => {
            let public = *key.public_lookup.of(asker);
            if public || key.hidden.is_some() || key.folded.is_some() {
                return true;
            }
        }
        Some(Relay::Tunnel) => return true,
        Some(Relay::Proxy(Some(ip))) if !classify(*ip).is_local() => return true,
        Some(Relay::Proxy(_)) | None => {}
    }
    key.literal.is_some_and(|ip| !classify(ip).is_local())
}

/// An end asks the other one under a public name.
fn names_beyond(key: &RowKey, asker: Side) -> bool {
    let mut said = key.names.of(asker).iter();
    said.any(|n| n.is_asserted_name() && is_public_name(&n.name))
}

/// 198.18.0.0/15: VPN apps hand out addresses from it in place of real ones.
pub(super) fn is_fake(ip: IpAddr) -> bool {
    classify(ip).class == Class::Benchmark
}

fn public_name_seen(key: &RowKey, theirs: Side) -> bool {
    let said = |asker| key.names.of(asker).iter();
    let mut said = said(Side::A).chain(said(Side::B));
    said.any(|n| is_public_name(&n.name))
        || key
            .resolved
            .of(theirs)
            .asked
            .as_ref()
            .is_some_and(|n| is_public_name(n))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Devices;
    use crate::evidence::flow::{HiddenLookups, NameSource, Named, Opening};
    use crate::judge::by_hand::{End, flow, mac, series};
    use std::sync::Arc;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// A row to a server of the site, changed.
    fn with(change: impl FnOnce(&mut RowKey)) -> RowKey {
        let mut key = RowKey::by_hand((ip("192.168.1.9"), 4000), (ip("192.168.1.1"), 8080));
        change(&mut key);
        key
    }

    fn said(name: &str, source: NameSource) -> Vec<Named> {
        vec![Named {
            name: name.into(),
            source,
        }]
    }

    #[test]
    fn a_request_to_the_site_is_relayed_where_it_asks_for_the_internet() {
        let lookup = |change: fn(&mut RowKey)| {
            with(|key| {
                key.relay = Some(Relay::Lookup);
                change(key);
            })
        };
        let sni = NameSource::TlsSni;
        for (key, expected) in [
            (with(|_| {}), false),
            (lookup(|_| {}), false),
            (
                lookup(|key| *key.public_lookup.of_mut(key.opener.0) = true),
                true,
            ),
            (lookup(|key| key.hidden = Some(HiddenLookups::Https)), true),
            (lookup(|key| key.folded = Some(Folded::Local)), true),
            // Without a request that asks for it none of this says so.
            (
                with(|key| *key.public_lookup.of_mut(key.opener.0) = true),
                false,
            ),
            (with(|key| key.hidden = Some(HiddenLookups::Https)), false),
            (with(|key| key.relay = Some(Relay::Tunnel)), true),
            (with(|key| key.relay = Some(Relay::Proxy(None))), false),
            (
                with(|key| key.relay = Some(Relay::Proxy(Some(ip("203.0.113.7"))))),
                true,
            ),
            (
                with(|key| key.relay = Some(Relay::Proxy(Some(ip("10.0.0.7"))))),
                false,
            ),
            (with(|key| *key.said() = said("api.dji.com", sni)), true),
            (with(|key| *key.said() = said("camera.local", sni)), false),
            // What an answer says of itself is no request; an address is no name.
            (
                with(|key| *key.said() = said("api.dji.com", NameSource::Certificate)),
                false,
            ),
            (with(|key| *key.said() = said("203.0.113.7", sni)), false),
            (with(|key| key.literal = Some(ip("203.0.113.7"))), true),
            (with(|key| key.literal = Some(ip("10.0.0.7"))), false),
        ] {
            let asker = key.opener.0;
            let asks = expected.then_some(asker);
            assert_eq!(asks_beyond(&key, asker), asks, "{key:?}");
        }
    }

    #[test]
    fn of_two_that_ask_each_other_our_side_is_the_one_that_asks_beyond_the_site() {
        let named = |key: &mut RowKey, asker: Side| {
            *key.names.of_mut(asker) = said("api.dji.com", NameSource::TlsSni);
        };
        let proxy = |key: &mut RowKey, asker: Side| {
            key.relay = Some(Relay::Proxy(Some(ip("203.0.113.7"))));
            *key.relays.of_mut(asker) = true;
        };
        let lookup = |key: &mut RowKey, asker: Side| {
            key.relay = Some(Relay::Lookup);
            *key.relays.of_mut(asker) = true;
            *key.public_lookup.of_mut(asker) = true;
        };
        for says in [named, proxy, lookup] {
            // Whoever opened the flow, and whoever of the two is ours.
            for (opener, ours) in [(Side::A, Side::A), (Side::A, Side::B)] {
                let asks = |askers: &[Side]| {
                    let key = with(|key| {
                        key.opener = (opener, Opening::Request);
                        askers.iter().for_each(|asker| says(key, *asker));
                    });
                    asks_beyond(&key, ours)
                };
                assert_eq!(asks(&[]), None);
                assert_eq!(asks(&[ours]), Some(ours));
                assert_eq!(asks(&[ours.other()]), Some(ours.other()));
                assert_eq!(asks(&[ours.other(), ours]), Some(ours));
            }
        }
    }

    #[test]
    fn a_made_up_address_stands_for_the_name_that_was_asked_for() {
        for (address, fake) in [
            ("198.18.0.1", true),
            ("198.19.255.255", true),
            ("198.20.0.1", false),
            ("192.168.1.1", false),
        ] {
            assert_eq!(is_fake(ip(address)), fake, "{address}");
        }
        let theirs = with(|_| {}).opener.0.other();
        let resolved = |side: Side, name: &str| {
            with(|key| key.resolved.of_mut(side).asked = Some(Arc::from(name)))
        };
        for (key, seen) in [
            (with(|_| {}), false),
            (
                with(|key| *key.said() = said("api.dji.com", NameSource::TlsSni)),
                true,
            ),
            (
                with(|key| *key.said() = said("camera.local", NameSource::TlsSni)),
                false,
            ),
            (resolved(theirs, "api.dji.com"), true),
            (resolved(theirs, "camera.local"), false),
            (resolved(theirs.other(), "api.dji.com"), false),
        ] {
            assert_eq!(public_name_seen(&key, theirs), seen, "{key:?}");
        }
    }

    /// How far a flow goes, and whether our side is the opener; a network of groups is declared as local.
    fn reach(from: End<'_>, to: End<'_>, change: &dyn Fn(&mut RowKey)) -> (Scope, bool) {
        let declared = ["232.0.0.0/8".parse().unwrap()];
        let (mut key, _) = flow(from, to, (0, 1));
        change(&mut key);
        let mut of = series(Vec::new());
        of.ledger.stations.entry(mac(9)).or_default();
        let all = std::slice::from_ref(&of);
        let topology = Topology::new(&of, all, &declared);
        let device = DeviceView::new(&Devices::default(), &of, all, &topology);
        let (scope, ours, _) = scope_of(&key, &topology, &device);
        (scope, ours == key.opener.0)
    }

    #[test]
    fn a_flow_is_local_where_both_ends_are_and_nothing_is_asked_on() {
        use Scope::{Internet, Local, Relayed};
        let plain = |from, to| reach((from, None), (to, None), &|_| {});
        let asks = |from, to, change: &dyn Fn(&mut RowKey)| {
            reach((from, None), (to, None), &|key| {
                key.relay = Some(Relay::Proxy(Some(ip("9.9.9.9"))));
                change(key);
            })
        };
        let (phone, camera, server) = ("192.168.1.9", "192.168.1.1", "52.1.2.3");
        let nothing = |_: &mut RowKey| {};
        assert_eq!(plain(phone, camera), (Local, true));
        assert_eq!(plain(phone, server), (Internet, true));
        assert_eq!(plain(server, phone), (Internet, false));
        assert_eq!(asks(phone, camera, &nothing), (Relayed, true));
        assert_eq!(asks(phone, server, &nothing), (Internet, true));
        // Nobody asks a group for the internet, nor what stays on the link.
        assert_eq!(asks(phone, "224.0.0.251", &nothing), (Local, true));
        assert_eq!(asks(phone, "232.1.1.1", &nothing), (Local, true));
        assert_eq!(asks(phone, "233.1.1.1", &nothing), (Internet, true));
        assert_eq!(asks("224.0.0.251", phone, &nothing).0, Local);
        assert_eq!(
            asks(phone, camera, &|key| key.link_only = true),
            (Local, true)
        );
        // What a link-local address says to a host of the link goes no further.
        assert_eq!(plain("fe80::5", "2a00:9::9"), (Local, true));
        let station = |to| reach(("fe80::5", None), (to, Some(mac(9))), &|_| {});
        assert_eq!(station("2a00:9::9"), (Local, true));

        // Of rows that stand for many the near address was kept, or none.
        let folded = |from, to, kind: Folded| {
            reach((from, None), (to, None), &|key| key.folded = Some(kind))
        };
        assert_eq!(folded(phone, "0.0.0.0", Folded::Beyond), (Internet, true));
        assert_eq!(folded("0.0.0.0", phone, Folded::Beyond), (Internet, false));
        assert_eq!(folded(phone, "0.0.0.0", Folded::Local), (Local, true));
        let nobody = reach(("0.0.0.0", None), ("0.0.0.0", None), &|key| {
            key.folded = Some(Folded::Beyond);
            key.opener.0 = Side::A;
        });
        assert_eq!(nobody, (Internet, true));
        // Addresses of both ends say which one is ours by the first alone.
        assert_eq!(folded(server, phone, Folded::Beyond), (Internet, true));
        assert_eq!(folded(phone, server, Folded::Beyond), (Internet, false));
    }

    #[test]
    fn a_made_up_address_is_relayed_where_a_public_name_says_what_for() {
        let to = |address, change: &dyn Fn(&mut RowKey)| {
            reach(("192.168.1.9", None), (address, None), change).0
        };
        let named = |key: &mut RowKey| *key.said() = said("api.dji.com", NameSource::TlsSni);
        let asked = |key: &mut RowKey| *key.public_lookup.of_mut(key.opener.0) = true;
        let (fake, server) = ("198.18.0.1", "52.1.2.3");
        assert_eq!(to(fake, &|_| {}), Scope::Internet);
        assert_eq!(to(fake, &named), Scope::Relayed);
        assert_eq!(to(fake, &asked), Scope::Relayed);
        assert_eq!(to(server, &named), Scope::Internet);
        assert_eq!(to(server, &asked), Scope::Internet);
    }
}
