//! The positive control: valid frames of a drone's control link show that the app was at work.
//!
//! See [`super::drone`] for the grammars. Frames are checked once per second of capture time, and
//! nothing in them is read further: what a frame talks about was never on the internet.

use super::drone::{DroneLink, recognise};
use super::wire::Fit;
use super::{Protocol, Session, Sink, Step};
use crate::evidence::ledger::Ends;
use crate::observe::flow::{Carries, PayloadKind};

pub(super) const STREAM: Protocol = Protocol {
    id: "drone-link",
    fit,
    names: false,
    until: None,
    payload: PayloadKind::DroneLink,
    open: || Box::new(Link),
};

pub(super) const DATAGRAM: Protocol = STREAM;

fn fit(bytes: &[u8], ends: &Ends) -> Fit {
    match recognise(bytes, ends.sender.1, ends.receiver.1) {
        Some(_) => Fit::Mine,
        None => Fit::NotMine,
    }
}

fn name(link: DroneLink) -> &'static str {
    match link {
        DroneLink::Duml => "duml",
        DroneLink::DjiWifi => "dji-wifi",
        DroneLink::Mavlink => "mavlink",
        DroneLink::Tello => "tello",
        DroneLink::TelloText => "tello-text",
        DroneLink::Arsdk => "arsdk",
    }
}

/// Looks at a payload unless this second is marked already.
///
/// Of other machines' drone links the name is noted; they say nothing of a declared device.
pub(super) fn watch(bytes: &[u8], sink: &mut Sink<'_>) {
    let ips = [sink.ends.sender.0, sink.ends.receiver.0];
    let concerns = sink.ledger.concerns_device(ips, &sink.flow.link);
    let named = || {
        let known = sink.flow.facts.protocol;
        known.is_some_and(|known| sink.ledger.drone_protocols.contains(known))
    };
    if sink.ledger.drone_link.knows(sink.interval, sink.at) || (!concerns && named()) {
        return;
    }
    if let Some(link) = recognise(bytes, sink.ends.sender.1, sink.ends.receiver.1) {
        sink.flow.facts.protocol = Some(name(link));
        sink.flow.payload = PayloadKind::DroneLink;
        sink.ledger.drone_protocols.insert(name(link));
        if concerns {
            sink.ledger.drone_link.mark(sink.interval, sink.at);
        }
    }
}

struct Link;

impl Session for Link {
    fn read(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> Step {
        watch(bytes, sink);
        sink.carries(Carries::Application);
        Step::Consumed(bytes.len())
    }

    fn lost(&mut self, _side: crate::evidence::flow::Side) -> bool {
        true
    }
}
