//! Which format a file has, at its start and where another one begins inside it.

use super::bytes::ByteStream;
use super::compressed::Compression;
use super::facts::Interfaces;
use super::newlines::Translation;
use super::{Source, foreign, newlines, pcap, pcapng};
use crate::ground::error::{Error, reason};
use std::io::ErrorKind;

pub(super) enum Format {
    Pcap(pcap::Pcap),
    Pcapng(Box<pcapng::Pcapng>),
}

impl Format {
    /// The name in a report's `format`.
    pub(super) fn id(&self) -> &'static str {
        match self {
            Self::Pcap(_) => "pcap",
            Self::Pcapng(_) => "pcapng",
        }
    }

    /// What the next unread bytes begin; a file header is consumed, a section header is not.
    ///
    /// # Errors
    /// When they begin no capture.
    pub(super) fn detect(
        source: &Source,
        stream: &mut ByteStream,
        interfaces: &mut Interfaces,
        compression: Option<Compression>,
    ) -> Result<Self, Error> {
        let short = |what: &str, have: usize| {
            Error::at(
                source.display(),
                format!("the {what} is cut short: the file ends after {have} bytes"),
            )
            .advise("the capture was not written completely; record or copy it again")
        };
        let translated = |translation: Translation| {
            let (what, todo) = translation.told();
            Error::at(source.display(), what).advise(todo)
        };
        match stream.need(4).first_chunk::<4>().copied() {
            Some(m) if pcap::Pcap::is(m) => {
                let have = stream.need(pcap::HEADER).len();
                if have < pcap::HEADER {
                    return Err(short("pcap file header", have));
                }
                if pcap::header_translated(stream.need(newlines::START)) {
                    return Err(translated(Translation::Inserted));
                }
                let header = stream.exact(pcap::HEADER).unwrap_or_default();
                match pcap::Pcap::open(header, interfaces) {
                    Some(format) => {
                        stream.consume(pcap::HEADER);
                        Ok(Self::Pcap(format))
                    }
                    None => Err(Error::at(
                        source.display(),
                        "the pcap file header names a version that does not exist",
                    )
                    .advise("only pcap 2.x is known")),
                }
            }
            Some(pcapng::SECTION_HEADER_BYTES) => {
                let have = stream.need(pcapng::SECTION_HEADER_MIN).len();
                if have < pcapng::SECTION_HEADER_MIN {
                    return Err(short("pcapng section header", have));
                }
                match pcapng::Pcapng::open(stream) {
                    Ok(format) => Ok(Self::Pcapng(Box::new(format))),
                    Err(pcapng::Refused::Short(have)) => Err(short("pcapng section header", have)),
                    Err(pcapng::Refused::Malformed(what)) => {
                        Err(Error::at(format!("{}: offset 0", source.display()), what)
                            .advise("the file is damaged at its very start"))
                    }
                }
            }
            _ => Err(Self::refuse(source, stream, compression, translated)),
        }
    }

    fn refuse(
        source: &Source,
        stream: &mut ByteStream,
        compression: Option<Compression>,
        translated: impl Fn(Translation) -> Error,
    ) -> Error {
        let start = stream.need(foreign::LOOK).to_vec();
        if let Some(e) = stream.failure() {
            return match (compression, e.kind()) {
                (Some(_), ErrorKind::OutOfMemory) => Error::at(
                    source.display(),
                    "needs more memory to be decompressed than this program gives",
                )
                .advise("decompress it first, or compress it with a smaller window"),
                (Some(_), ErrorKind::UnexpectedEof) => Error::at(
                    source.display(),
                    "the compressed file is cut short before a capture begins in it",
                )
                .advise("copy it again"),
                (Some(_), _) => Error::at(
                    source.display(),
                    format!("cannot be decompressed: {}", reason(&e)),
                )
                .advise("the compressed file is damaged at its start"),
                (None, _) => Error::at(source.display(), format!("cannot read: {}", reason(&e))),
            };
        }
        if start.is_empty() {
            return Error::at(
                source.display(),
                "holds nothing once decompressed, so it is no capture",
            );
        }
        if let Some(translation) = newlines::section_header(&start) {
            return translated(translation);
        }
        let name = source.name();
        // Inside a compressed file the name says nothing about what came out.
        let name = if compression.is_none() {
            name.as_str()
        } else {
            ""
        };
        match foreign::recognise(&start, name) {
            Some((what, todo)) => {
                let is = match compression {
                    None => "is",
                    Some(_) => "once decompressed it is",
                };
                Error::at(source.display(), format!("{is} {what}, not a capture")).advise(todo)
            }
            None => Error::at(
                source.display(),
                "is not a capture: neither pcap nor pcapng (plain, gzip, zstd, lz4 or xz)",
            )
            .advise("export it as pcapng, e.g. from Wireshark"),
        }
    }
}
