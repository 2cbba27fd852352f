//! DNS messages: what was asked and what was answered.
//!
//! RFC 1035 §4 (message), RFC 2181 (any byte in a label, rank of data), RFC 6891 (EDNS), RFC 9460 (HTTPS and SVCB),
//! RFC 6762 §5.4 and §10.2 (the top bit of the class in multicast DNS). One message, without the two-byte length that
//! TCP puts in front (RFC 7766 §8).
//!
//! The walk is lenient: a cut or broken record ends it, and all that came before is kept with [`Message::damaged`] set; record
//! data that breaks its own form costs only that record. [`fit`] is the strict side: it decides whether bytes are DNS at all.
//! An answer says what a resolver said. It does not prove that anyone went there.

pub(super) use crate::ground::record_type as rtype;
use std::net::IpAddr;

use crate::observe::dissect::wire::Reader;

mod fit;
mod foreign;
mod name;
mod resolved;
mod service_binding;

pub use fit::{fit, fit_stream};
pub use name::Name;
pub use resolved::Resolved;
pub use service_binding::ServiceBinding;

/// Fixed header (RFC 1035 §4.1.1).
pub const HEADER_LEN: usize = 12;
/// Questions and records kept of one message. Real messages hold a few dozen; 64 KiB of minimal records hold 5,900, each of which
/// can unfold to two names of 255 bytes.
pub const RECORDS_MAX: usize = 2048;

/// The Internet class.
const CLASS_IN: u16 = 1;
/// Top bit of the class: QU in a question, cache-flush in a record (RFC 6762).
const CLASS_TOP_BIT: u16 = 0x8000;

/// The bytes are too few for a DNS header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotDns;

/// Where in a message something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Section {
    /// The questions.
    Question,
    /// The answers.
    Answer,
    /// Servers that know more.
    Authority,
    /// What may be needed next.
    Additional,
}

/// Where the walk ended early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Damage {
    /// The section.
    pub section: Section,
    /// Offset in the message of the entry that could not be read.
    pub offset: usize,
}

/// One question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The name asked for.
    pub name: Name,
    /// Record type asked for, see [`rtype`].
    pub qtype: u16,
    /// Class, the top bit masked.
    pub class: u16,
    /// The top bit: in multicast DNS the wish for a unicast answer.
    pub unicast_response: bool,
}

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The section it stands in.
    pub section: Section,
    /// Whose record it is.
    pub owner: Name,
    /// Type, see [`rtype`].
    pub rtype: u16,
    /// Class, the top bit masked (for OPT: the sender's UDP size, unmasked).
    pub class: u16,
    /// The top bit: in multicast DNS "forget older records".
    pub cache_flush: bool,
    /// Seconds the record may be kept.
    pub ttl: u32,
    /// Bytes of its data.
    pub length: usize,
    /// Its data.
    pub data: Data,
}

/// Record data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Data {
    /// A or AAAA.
    Address(IpAddr),
    /// CNAME.
    Alias(Name),
    /// PTR.
    Pointer(Name),
    /// NS.
    NameServer(Name),
    /// SRV.
    Service {
        /// Lower comes first.
        priority: u16,
        /// Share among equals.
        weight: u16,
        /// Port.
        port: u16,
        /// Host.
        target: Name,
    },
    /// HTTPS or SVCB.
    Binding(ServiceBinding),
    /// OPT.
    Edns {
        /// It carries a client subnet (RFC 7871): a part of the asker's address goes on to the servers asked.
        client_subnet: bool,
        /// Bytes of options that no lookup needs.
        odd: usize,
    },
    /// Another type; the data is not looked at.
    Other,
    /// The data breaks the form of its type.
    Damaged,
}

/// A message, as far as it could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Transaction id.
    pub id: u16,
    /// An answer rather than a query (QR).
    pub is_response: bool,
    /// Kind of query; 0 is the usual one.
    pub opcode: u8,
    /// Cut to fit the transport (TC).
    pub truncated: bool,
    /// Recursion wished (RD).
    pub recursion_desired: bool,
    /// Recursion offered (RA): the answer comes from a resolver that asks others.
    pub recursion_available: bool,
    /// The reserved bit (Z), zero in all of today's messages.
    pub reserved: bool,
    /// Response code, with the upper bits of EDNS.
    pub rcode: u16,
    /// Counts in the header: questions, answers, authority, additional.
    pub counts: [u16; 4],
    /// The questions.
    pub questions: Vec<Question>,
    /// The records of all sections in order.
    pub records: Vec<Record>,
    /// Where the walk ended early, if it did.
    pub damaged: Option<Damage>,
    /// [`RECORDS_MAX`] was reached: more was there and was not looked at.
    pub capped: bool,
    /// Bytes behind the last record.
    pub trailing: usize,
}

/// Reads a message.
pub fn parse(bytes: &[u8]) -> Result<Message, NotDns> {
    let mut reader = Reader::new(bytes);
    let mut message = header(&mut reader).ok_or(NotDns)?;
    message.walk(&mut reader, bytes);
    Ok(message)
}

fn header(reader: &mut Reader<'_>) -> Option<Message> {
    let id = reader.u16()?;
    let flags = reader.u16()?;
    let counts = [reader.u16()?, reader.u16()?, reader.u16()?, reader.u16()?];
    Some(Message {
        id,
        is_response: flags & 0x8000 != 0,
        opcode: u8::try_from((flags >> 11) & 0x0f).unwrap_or_default(),
        truncated: flags & 0x0200 != 0,
        recursion_desired: flags & 0x0100 != 0,
        recursion_available: flags & 0x0080 != 0,
        reserved: flags & 0x0040 != 0,
        rcode: flags & 0x000f,
        counts,
        questions: Vec::new(),
        records: Vec::new(),
        damaged: None,
        capped: false,
        trailing: 0,
    })
}

impl Message {
    fn walk<'a>(&mut self, reader: &mut Reader<'a>, bytes: &'a [u8]) {
        let [questions, answers, authority, additional] = self.counts;
        for _ in 0..questions {
            let offset = reader.position();
            match question(reader, bytes) {
                Some(_) if self.questions.len() >= RECORDS_MAX => return self.capped = true,
                Some(read) => self.questions.push(read),
                None => {
                    return self.damaged = Some(Damage {
                        section: Section::Question,
                        offset,
                    });
                }
            }
        }
        let sections = [
            (Section::Answer, answers),
            (Section::Authority, authority),
            (Section::Additional, additional),
        ];
        for (section, count) in sections {
            for _ in 0..count {
                let offset = reader.position();
                match record(reader, bytes, section) {
                    Some(_) if self.records.len() >= RECORDS_MAX => return self.capped = true,
                    Some(read) => {
                        if read.rtype == rtype::OPT {
                            // The upper eight bits of the code (RFC 6891 §6.1.3).
                            self.rcode |= u16::try_from(read.ttl >> 24 << 4).unwrap_or_default();
                        }
                        self.records.push(read);
                    }
                    None => return self.damaged = Some(Damage { section, offset }),
                }
            }
        }
        self.trailing = reader.remaining();
    }

    /// The records of one section.
    pub fn section(&self, section: Section) -> impl Iterator<Item = &Record> {
        self.records
            .iter()
            .filter(move |record| record.section == section)
    }
}

fn question<'a>(reader: &mut Reader<'a>, message: &'a [u8]) -> Option<Question> {
    let name = Name::read(reader, message)?;
    let qtype = reader.u16()?;
    let class = reader.u16()?;
    Some(Question {
        name,
        qtype,
        class: class & !CLASS_TOP_BIT,
        unicast_response: class & CLASS_TOP_BIT != 0,
    })
}

fn record<'a>(reader: &mut Reader<'a>, message: &'a [u8], section: Section) -> Option<Record> {
    let owner = Name::read(reader, message)?;
    let rtype = reader.u16()?;
    let class = reader.u16()?;
    let ttl = reader.u32()?;
    let length = usize::from(reader.u16()?);
    let start = *reader;
    reader.take(length)?;
    let end = reader.position();
    let is_opt = rtype == rtype::OPT;
    Some(Record {
        section,
        owner,
        rtype,
        class: if is_opt {
            class
        } else {
            class & !CLASS_TOP_BIT
        },
        cache_flush: !is_opt && class & CLASS_TOP_BIT != 0,
        ttl,
        length,
        data: data(rtype, start, end, message).unwrap_or(Data::Damaged),
    })
}

fn data<'a>(rtype: u16, start: Reader<'a>, end: usize, message: &'a [u8]) -> Option<Data> {
    // Names inside may point anywhere before them, so they need the message; nothing may run past the record.
    let message = message.get(..end)?;
    let mut reader = Reader::at(message, start.position())?;
    let read = match rtype {
        rtype::A => Data::Address(reader.array::<4>()?.into()),
        rtype::AAAA => Data::Address(reader.array::<16>()?.into()),
        rtype::CNAME => Data::Alias(Name::read(&mut reader, message)?),
        rtype::PTR => Data::Pointer(Name::read(&mut reader, message)?),
        rtype::NS => Data::NameServer(Name::read(&mut reader, message)?),
        rtype::SRV => Data::Service {
            priority: reader.u16()?,
            weight: reader.u16()?,
            port: reader.u16()?,
            target: Name::read(&mut reader, message)?,
        },
        rtype::SVCB | rtype::HTTPS => {
            return ServiceBinding::read(reader, end, message).map(Data::Binding);
        }
        rtype::OPT => return edns(reader),
        _ => return Some(Data::Other),
    };
    reader.is_empty().then_some(read)
}

fn edns(mut options: Reader<'_>) -> Option<Data> {
    /// EDNS client subnet (RFC 7871).
    const CLIENT_SUBNET: u16 = 8;
    let (mut client_subnet, mut odd) = (false, 0usize);
    while !options.is_empty() {
        let code = options.u16()?;
        client_subnet |= code == CLIENT_SUBNET;
        odd = odd.saturating_add(foreign::option(code, options.vector16()?));
    }
    Some(Data::Edns { client_subnet, odd })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::dissect::wire::Fit;
    use crate::observe::dissect::wire::test_bytes::Noise;

    /// Builds a message: header flags, counts, then the body as given.
    pub(super) fn message(flags: u16, counts: [u16; 4], body: &[&[u8]]) -> Vec<u8> {
        let mut bytes = vec![0x12, 0x34];
        bytes.extend(flags.to_be_bytes());
        bytes.extend(counts.iter().flat_map(|count| count.to_be_bytes()));
        bytes.extend(body.concat());
        bytes
    }

    pub(super) fn rr(owner: &[u8], rtype: u16, ttl: u32, data: &[u8]) -> Vec<u8> {
        let mut bytes = owner.to_vec();
        bytes.extend(rtype.to_be_bytes());
        bytes.extend(CLASS_IN.to_be_bytes());
        bytes.extend(ttl.to_be_bytes());
        bytes.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
        bytes.extend(data);
        bytes
    }

    pub(super) const QUESTION: &[u8] = b"\x03WWW\x07example\x00\x00\x01\x00\x01";
    /// Pointer to the name of the first question.
    pub(super) const ASKED: &[u8] = b"\xc0\x0c";

    pub(super) fn answer() -> Vec<u8> {
        // Aliases after the address they lead to, and one alias that loops back.
        message(
            0x8180,
            [1, 5, 0, 1],
            &[
                QUESTION,
                &rr(b"\x04edge\x03cdn\x00", rtype::A, 60, &[192, 0, 2, 9]),
                &rr(
                    b"\x03mid\x03cdn\x00",
                    rtype::CNAME,
                    30,
                    b"\x04EDGE\x03cdn\x00",
                ),
                &rr(ASKED, rtype::CNAME, 300, b"\x03mid\x03cdn\x00"),
                &rr(b"\x04edge\x03cdn\x00", rtype::CNAME, 300, ASKED),
                &rr(b"\x05other\x00", rtype::A, 60, &[192, 0, 2, 10]),
                &rr(
                    b"\x00",
                    rtype::OPT,
                    0,
                    b"\x00\x08\x00\x07\x00\x01\x18\x00\xc0\x00\x02",
                ),
            ],
        )
    }

    #[test]
    fn every_cut_keeps_what_came_before() {
        let bytes = answer();
        let whole = parse(&bytes).unwrap();
        for cut in 0..bytes.len() {
            let Ok(part) = parse(&bytes[..cut]) else {
                assert!(cut < HEADER_LEN);
                continue;
            };
            let damage = part.damaged.expect("a cut message says so");
            assert!(damage.offset <= cut);
            assert_eq!(
                part.records.as_slice(),
                &whole.records[..part.records.len()]
            );
            assert!(!part.plausible());
            assert_eq!(fit(&bytes[..cut], 40000, 40001), Fit::NotMine);
            assert_eq!(
                fit(&bytes[..cut], 53, 40000) == Fit::Mine,
                cut >= HEADER_LEN + QUESTION.len(),
                "cut at {cut}"
            );
        }
        // The second answer's address has three bytes: the record is lost, not its neighbours.
        let bytes = message(
            0x8180,
            [1, 3, 0, 0],
            &[
                QUESTION,
                &rr(ASKED, rtype::A, 9, &[192, 0, 2, 1]),
                &rr(ASKED, rtype::A, 9, &[192, 0, 2]),
                &rr(ASKED, rtype::A, 9, &[192, 0, 2, 3]),
            ],
        );
        let read = parse(&bytes).unwrap();
        assert_eq!(read.records[1].data, Data::Damaged);
        assert_eq!(
            read.resolved()
                .iter()
                .map(|r| r.address)
                .collect::<Vec<_>>(),
            [IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 3])]
        );
    }

    #[test]
    fn multicast_bits_are_masked_and_answers_need_no_question() {
        let mut cache_flush = rr(b"\x05drone\x05local\x00", rtype::A, 120, &[192, 168, 2, 1]);
        cache_flush[15] |= 0x80;
        let read = parse(&message(0x8400, [0, 1, 0, 0], &[&cache_flush])).unwrap();
        assert!(read.records[0].cache_flush && read.records[0].class == CLASS_IN);
        assert_eq!(read.resolved()[0].question.as_str(), "drone.local");
        let read = parse(&message(
            0,
            [1, 0, 0, 0],
            &[b"\x05drone\x05local\x00\x00\x01\x80\x01"],
        ))
        .unwrap();
        assert!(read.questions[0].unicast_response && read.questions[0].class == CLASS_IN);
    }

    #[test]
    fn hostile_counts_and_noise_cost_nothing() {
        let read = parse(&message(0x8180, [0xffff; 4], &[])).unwrap();
        assert_eq!(
            read.damaged,
            Some(Damage {
                section: Section::Question,
                offset: HEADER_LEN
            })
        );
        // 5,000 records that all point at one long name: capped, and said so.
        let name = [&[63u8; 64][..], &[63; 64], &[63; 64], &[0]].concat();
        let many = rr(ASKED, rtype::A, 1, &[192, 0, 2, 1]).repeat(3000);
        let read = parse(&message(
            0x8180,
            [1, 3000, 0, 0],
            &[&name, b"\0\x01\0\x01", &many],
        ))
        .unwrap();
        assert!(read.capped && read.records.len() == RECORDS_MAX);

        let mut noise = Noise(0x2545_f491_4f6c_dd1d);
        let good = answer();
        for _ in 0..20_000 {
            let bytes = noise.damage(&good);
            if let Ok(read) = parse(&bytes) {
                read.resolved();
            }
        }
    }
}
