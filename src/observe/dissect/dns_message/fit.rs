//! Is this DNS? The strict side: [`parse`] reads what it can of anything, this decides what may be called DNS.
//!
//! On the ports of DNS the first readable entry is enough; elsewhere a message must be such as programs really send, to the last
//! byte, so that another protocol is never taken for a lookup.

use super::{CLASS_IN, HEADER_LEN, Message, Question, header, parse};
use crate::observe::dissect::wire::{Fit, Reader};

impl Message {
    /// True if the message looks like what programs really send, so that bytes on any port may be called DNS:
    ///
    /// - a plain query (opcode 0), the reserved bit clear, a response code that is assigned;
    /// - exactly one question, of class IN, CH, HS or ANY and a type other than 0, about a name of printable bytes;
    /// - a query holds no answers and no error code;
    /// - every entry was read to the last byte, or the truncation bit explains why not.
    pub fn plausible(&self) -> bool {
        let [question] = self.questions.as_slice() else {
            return false;
        };
        header_plausible(self)
            && matches!(question.class, CLASS_IN | 3 | 4 | 255)
            && !question.unicast_response
            && question.qtype != 0
            && question.name.is_printable()
            && !self.capped
            && (self.truncated
                || (self.damaged.is_none() && self.trailing == 0)
                || self.is_question_and_more(question))
    }

    /// A query for a host name, and bytes behind its question that are no DNS: twelve bytes of header and six around the name that chance
    /// does not write.
    fn is_question_and_more(&self, question: &Question) -> bool {
        let name = question.name.as_str();
        let host = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        let [_, _, authority, _] = self.counts;
        !self.is_response
            && authority == 0
            && question.class == CLASS_IN
            && question.qtype < 256
            && name.contains('.')
            && name.bytes().all(host)
    }
}

/// What [`Message::plausible`] asks of the header alone, so that a stream can be refused after twelve bytes.
fn header_plausible(message: &Message) -> bool {
    /// BADCOOKIE (RFC 7873), the highest code assigned to plain queries.
    const RCODE_MAX: u16 = 23;
    let [questions, answers, _, additional] = message.counts;
    message.opcode == 0
        && !message.reserved
        && questions == 1
        && if message.is_response {
            message.rcode <= RCODE_MAX
        } else {
            // OPT and TSIG or SIG(0) are all that a query adds.
            !message.recursion_available
                && answers == 0
                && additional <= 2
                && message.rcode & 0x0f == 0
        }
}

/// True for ports on which DNS is at home: 53, multicast DNS 5353, LLMNR 5355 and the dnsmasq and test port 5354.
fn is_dns_port(port: u16) -> bool {
    matches!(port, 53 | 5353 | 5354 | 5355)
}

/// NetBIOS name service (RFC 1002 §4.2): the same form, other flags, and names of machines on the link in an encoding of its own.
const NETBIOS_PORT: u16 = 137;

/// NB and NBSTAT (RFC 1002 §4.2.1.3).
const NETBIOS_TYPES: [u16; 2] = [32, 33];

/// Whether the payload of a datagram is DNS. NetBIOS names are not.
///
/// Where either port is a DNS port it is enough that the opcode is assigned and the first entry reads (or that the message is
/// a bare header, as some errors are); on all other ports the message must be [plausible](Message::plausible).
pub fn fit(payload: &[u8], source_port: u16, destination_port: u16) -> Fit {
    let netbios = source_port == NETBIOS_PORT || destination_port == NETBIOS_PORT;
    let at_home = is_dns_port(source_port) || is_dns_port(destination_port);
    // Most datagrams of other protocols end here.
    let Some(head) = header(&mut Reader::new(payload)) else {
        return Fit::NotMine;
    };
    if !at_home && !header_plausible(&head) {
        return Fit::NotMine;
    }
    let Ok(message) = parse(payload) else {
        return Fit::NotMine;
    };
    // A question of DNS stays one on the NetBIOS port; only NetBIOS's own types are not.
    if netbios
        && message
            .questions
            .iter()
            .any(|q| NETBIOS_TYPES.contains(&q.qtype))
    {
        return Fit::NotMine;
    }
    if message.plausible() || (at_home && message.readable()) {
        Fit::Mine
    } else {
        Fit::NotMine
    }
}

/// Whether a TCP stream that begins with `prefix` is DNS: a two-byte length, then a message (RFC 7766 §8). The rules are those of
/// [`fit`]; on other ports than DNS ports the whole first message must be there. On DNS ports empty messages may stand before it.
pub fn fit_stream(prefix: &[u8], source_port: u16, destination_port: u16) -> Fit {
    /// Empty messages that are passed over.
    const EMPTY_MAX: usize = 64;
    let at_home = is_dns_port(source_port) || is_dns_port(destination_port);
    let empty = prefix.chunks_exact(2).take(EMPTY_MAX);
    let empty = empty
        .take_while(|length| at_home && *length == [0, 0])
        .count();
    let prefix = prefix.get(2 * empty..).unwrap_or_default();
    let mut reader = Reader::new(prefix);
    let Some(length) = reader.u16().map(usize::from) else {
        return Fit::NeedMore;
    };
    if length < HEADER_LEN {
        return Fit::NotMine;
    }
    let rest = reader.rest();
    let Some(message) = header(&mut Reader::new(rest)) else {
        return Fit::NeedMore;
    };
    if !message.counts_fit(length)
        || !(header_plausible(&message) || (at_home && message.opcode_assigned()))
    {
        return Fit::NotMine;
    }
    match rest.get(..length) {
        Some(whole) => fit(whole, source_port, destination_port),
        None => Fit::NeedMore,
    }
}

impl Message {
    /// Whether a message of `length` bytes has room for the entries its header counts: five bytes for the shortest question,
    /// eleven for the shortest record.
    fn counts_fit(&self, length: usize) -> bool {
        let [questions, records @ ..] = self.counts.map(usize::from);
        let records = records.iter().sum::<usize>();
        HEADER_LEN + questions * 5 + records * 11 <= length
    }

    fn opcode_assigned(&self) -> bool {
        matches!(self.opcode, 0..=2 | 4..=6)
    }

    fn readable(&self) -> bool {
        self.opcode_assigned()
            && !self.reserved
            && match self.damaged {
                None => true,
                Some(damage) => damage.offset > HEADER_LEN || self.truncated,
            }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{QUESTION, message};
    use super::*;

    #[test]
    fn a_stream_is_refused_after_its_header_and_accepted_after_one_message() {
        let body = message(0x0100, [1, 0, 0, 0], &[QUESTION]);
        let mut stream = u16::try_from(body.len()).unwrap().to_be_bytes().to_vec();
        stream.extend(&body);
        for cut in 0..stream.len() {
            assert_eq!(fit_stream(&stream[..cut], 40000, 8888), Fit::NeedMore);
        }
        stream.push(0);
        assert_eq!(fit_stream(&stream, 40000, 8888), Fit::Mine);
        let behind = [&[0; 4][..], &stream].concat();
        assert_eq!(fit_stream(&behind, 40000, 53), Fit::Mine);
        assert_eq!(fit_stream(&behind[..4], 40000, 53), Fit::NeedMore);
        assert_eq!(fit_stream(&behind, 40000, 8888), Fit::NotMine);
        assert_eq!(fit_stream(b"GET / HTTP/1.1\r\n", 40000, 53), Fit::NotMine);
        assert_eq!(
            fit_stream(
                b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x00\x00\x00",
                40000,
                8888
            ),
            Fit::NotMine
        );
    }

    #[test]
    fn other_protocols_are_not_dns() {
        // RFC 5769 §2.1 (STUN), NTP client, RTP, WireGuard initiation, SSDP, all zeros, QUIC long header
        let mut stun = vec![0x00, 0x01, 0x00, 0x58, 0x21, 0x12, 0xa4, 0x42];
        stun.resize(108, 0x41);
        let mut ntp = vec![0x23, 0, 6, 0x20];
        ntp.resize(48, 0);
        let mut rtp = vec![0x80, 0x60, 0, 1];
        rtp.resize(1200, 0x7c);
        let mut wireguard = vec![1, 0, 0, 0];
        wireguard.resize(148, 0x5a);
        let mut quic = vec![0xc3, 0, 0, 0, 1, 8];
        quic.resize(1200, 0x11);
        for other in [
            stun,
            ntp,
            rtp,
            wireguard,
            quic,
            vec![0; 64],
            b"M-SEARCH * HTTP/1.1\r\n".to_vec(),
        ] {
            assert_eq!(fit(&other, 40000, 40001), Fit::NotMine, "{other:02x?}");
        }
    }
}
