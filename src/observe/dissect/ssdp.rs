//! SSDP over UDP (UPnP Device Architecture 2.0 §1): recognised, so that the protocol is named.
//!
//! Devices on the link look for each other by it. The addresses in it are those of the devices; nothing is taken from it.

use super::wire::Fit;
use super::{Protocol, Session, Sink, Step};
use crate::evidence::ledger::Ends;
use crate::observe::flow::{Carries, PayloadKind};

pub(super) const SSDP: Protocol = Protocol {
    id: "ssdp",
    fit,
    names: false,
    until: None,
    payload: PayloadKind::Clear,
    open: || Box::new(Ssdp),
};

const PORT: u16 = 1900;
/// Start lines of searches, announcements and answers.
const STARTS: [&[u8]; 3] = [
    b"M-SEARCH * HTTP/1.1\r\n",
    b"NOTIFY * HTTP/1.1\r\n",
    b"HTTP/1.1 200 OK\r\n",
];

fn fit(bytes: &[u8], ends: &Ends) -> Fit {
    let at_home = [ends.sender.1, ends.receiver.1].contains(&PORT);
    if at_home && STARTS.iter().any(|start| bytes.starts_with(start)) {
        Fit::Mine
    } else {
        Fit::NotMine
    }
}

struct Ssdp;

impl Session for Ssdp {
    fn read(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> Step {
        sink.carries(Carries::Application);
        Step::Consumed(bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use crate::observe::dissect::conversation::Conversation;

    #[test]
    fn a_search_on_its_port() {
        let search =
            "M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\n\r\n";
        let told = |server: &str| Conversation::udp(server).say(search).protocol();
        assert_eq!(told("239.255.255.250:1900"), Some("ssdp"));
        assert_eq!(told("239.255.255.250:1901"), None);
    }
}
