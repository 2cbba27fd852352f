//! Text protocols that may go on in TLS: SMTP (RFC 3207), IMAP (RFC 9051 §6.2.1), POP3 (RFC 2595 §4) and FTP (RFC 4217 §4).
//!
//! Recognised by the client's first line. The commands are followed until the server agrees to TLS; the hello behind that names the server.
//! Of what is said in clear two things say where it goes, if the server is a relay on the site: the domains of the recipients that mail is
//! handed on for (`RCPT`, RFC 5321 §4.1.1.3), and the host that an FTP proxy is asked for (`USER name@host`, `OPEN`, `SITE`, as in RFC 1919
//! §4.2). Public servers are judged by their own addresses. Nothing else is taken for a name: `EHLO` names the client itself (RFC 5321
//! §4.1.1.1), `MAIL` names people, greetings and replies are the server's own word about itself, and `PORT` and `PASV` say addresses that
//! the data connections show themselves. `HOST` of FTP (RFC 7151), which hardly any client sends, is not read.

use super::host_name::HostName;
use super::http1::Authority;
use super::wire::Fit;
use super::{Protocol, Session, Sink, Step, tls_record};
use crate::evidence::flow::{NameSource, Side};
use crate::evidence::ledger::Ends;
use crate::ground::address::classify;
use crate::ground::public_name::is_public_name;
use crate::ground::work::looks_at;
use crate::observe::flow::{Carries, PayloadKind};

pub(super) const SMTP: Protocol = Protocol {
    id: "smtp",
    fit: |bytes, ends| Dialect::Smtp.fit(bytes, ends),
    names: true,
    until: None,
    payload: PayloadKind::Clear,
    open: || Box::new(Commands::new(Dialect::Smtp)),
};

pub(super) const IMAP: Protocol = Protocol {
    id: "imap",
    fit: |bytes, ends| Dialect::Imap.fit(bytes, ends),
    names: false,
    until: None,
    payload: PayloadKind::Clear,
    open: || Box::new(Commands::new(Dialect::Imap)),
};

pub(super) const POP3: Protocol = Protocol {
    id: "pop3",
    fit: |bytes, ends| Dialect::Pop3.fit(bytes, ends),
    names: false,
    until: None,
    payload: PayloadKind::Clear,
    open: || Box::new(Commands::new(Dialect::Pop3)),
};

pub(super) const FTP: Protocol = Protocol {
    id: "ftp",
    fit: |bytes, ends| Dialect::Ftp.fit(bytes, ends),
    names: true,
    until: None,
    payload: PayloadKind::Clear,
    open: || Box::new(Commands::new(Dialect::Ftp)),
};

/// Longest first line waited for; RFC 5321 §4.5.3.1.4 allows 512 bytes.
const LINE_MAX: usize = 512;
/// Longest IMAP tag: clients count with a letter and a few digits.
const TAG_MAX: usize = 16;
/// POP3 and FTP both begin with `USER`: on this port it is POP3.
const POP3_PORT: u16 = 110;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    Smtp,
    Imap,
    Pop3,
    Ftp,
}

impl Dialect {
    /// What a client's first line may begin with, a space or the end of the line behind it.
    fn openings(self) -> &'static [&'static str] {
        match self {
            Self::Smtp => &["EHLO", "HELO", "LHLO", "STARTTLS"],
            Self::Imap => &[
                "CAPABILITY",
                "STARTTLS",
                "LOGIN",
                "AUTHENTICATE",
                "ID",
                "NOOP",
            ],
            Self::Pop3 => &["CAPA", "STLS", "USER", "APOP"],
            Self::Ftp => &["AUTH TLS", "AUTH SSL", "FEAT", "USER"],
        }
    }

    /// The command that asks for TLS.
    fn upgrade(self) -> &'static [&'static str] {
        match self {
            Self::Smtp | Self::Imap => &["STARTTLS"],
            Self::Pop3 => &["STLS"],
            Self::Ftp => &["AUTH TLS", "AUTH SSL", "AUTH TLS-C", "AUTH TLS-P"],
        }
    }

    fn fit(self, bytes: &[u8], ends: &Ends) -> Fit {
        let Some(line) = first_line(bytes) else {
            let waits = bytes.len() < LINE_MAX && self.may_become(bytes);
            return if waits { Fit::NeedMore } else { Fit::NotMine };
        };
        // Both call a user; only the port tells whose.
        let shared = is_command(line, &["USER"]);
        let port = [ends.sender.1, ends.receiver.1].contains(&POP3_PORT);
        let mine = match self {
            Self::Imap => tagged(line).is_some_and(|line| is_command(line, self.openings())),
            Self::Pop3 if shared => port,
            Self::Ftp if shared => !port,
            _ => is_command(line, self.openings()),
        };
        if mine { Fit::Mine } else { Fit::NotMine }
    }

    /// Whether a line without its end may become a first line.
    fn may_become(self, bytes: &[u8]) -> bool {
        let printable = bytes.iter().all(|b| matches!(b, b' '..=b'~' | b'\r'));
        let command = match self {
            Self::Imap => match bytes.iter().position(|b| *b == b' ') {
                None => {
                    return bytes.len() <= TAG_MAX && bytes.iter().all(u8::is_ascii_alphanumeric);
                }
                Some(_) => match tagged(bytes) {
                    Some(command) => command,
                    None => return false,
                },
            },
            _ => bytes,
        };
        printable
            && self.openings().iter().any(|opening| {
                let common = opening.len().min(command.len());
                let (a, b) = (command.get(..common), opening.as_bytes().get(..common));
                matches!((a, b), (Some(a), Some(b)) if a.eq_ignore_ascii_case(b))
                    && matches!(command.get(opening.len()), None | Some(b' ' | b'\r'))
            })
    }

    /// Whether an answer agrees to TLS; `None` if it is not the answer yet.
    fn agrees(self, line: &[u8]) -> Option<bool> {
        match self {
            Self::Smtp => Some(line.starts_with(b"220")),
            Self::Ftp => Some(line.starts_with(b"234") || line.starts_with(b"334")),
            Self::Pop3 => Some(line.starts_with(b"+OK")),
            Self::Imap if line.starts_with(b"* ") => None,
            Self::Imap => Some(tagged(line).is_some_and(|line| is_command(line, &["OK"]))),
        }
    }
}

/// The first line without its line break.
fn first_line(bytes: &[u8]) -> Option<&[u8]> {
    let window = bytes.get(..LINE_MAX).unwrap_or(bytes);
    looks_at(window.len());
    let line = window.get(..memchr::memchr(b'\n', window)?)?;
    Some(line.strip_suffix(b"\r").unwrap_or(line))
}

/// Whether a line begins with one of these words.
fn is_command(line: &[u8], words: &[&str]) -> bool {
    words.iter().any(|word| {
        line.get(..word.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(word.as_bytes()))
            && matches!(line.get(word.len()), None | Some(b' '))
    })
}

/// What stands behind the tag of an IMAP line.
fn tagged(line: &[u8]) -> Option<&[u8]> {
    let at = line.iter().position(|b| *b == b' ')?;
    let (tag, rest) = line.split_at_checked(at)?;
    let sound = (1..=TAG_MAX).contains(&tag.len()) && tag.iter().all(u8::is_ascii_alphanumeric);
    sound.then(|| rest.get(1..)).flatten()
}

struct Commands {
    dialect: Dialect,
    client: Option<Side>,
    /// The client asked for TLS, and the server has not answered.
    upgrading: bool,
    /// A letter is being sent: its lines are no commands.
    letter: bool,
}

/// The host behind the last `@` of a word.
fn behind_at(word: &[u8]) -> Option<&[u8]> {
    let at = word.iter().rposition(|b| *b == b'@')?;
    word.get(at.checked_add(1)?..)
}

impl Commands {
    fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            client: None,
            upgrading: false,
            letter: false,
        }
    }

    /// A command that says where a relay on the site shall go.
    fn passes_on(&self, line: &[u8], sink: &mut Sink<'_>) {
        if !classify(sink.ends.receiver.0).is_local() {
            return;
        }
        let host = match self.dialect {
            // `RCPT TO:<user@host>`, old source routes (`<@relay:user@host>`) and parameters behind it.
            Dialect::Smtp if is_command(line, &["RCPT"]) => {
                let end = line.iter().position(|b| *b == b'>');
                behind_at(line.get(..end.unwrap_or(line.len())).unwrap_or(line))
                    .and_then(|host| host.split(|b| *b == b' ').next())
            }
            Dialect::Ftp if is_command(line, &["USER"]) => {
                // A name with its host, and of some proxies one more; a line of a log goes on.
                let few = line.split(|b| *b == b' ').count() <= 3;
                behind_at(line).filter(|_| few)
            }
            Dialect::Ftp if is_command(line, &["OPEN", "SITE"]) => {
                let word = line.split(|b| *b == b' ').nth(1).unwrap_or_default();
                behind_at(word).or(Some(word))
            }
            _ => None,
        };
        // `user@host port` and `user@host:port`; an address literal of mail stands in brackets (RFC 5321 §4.1.3).
        let Some(host) = host.and_then(|host| host.split(|b| *b == b' ').next()) else {
            return;
        };
        let bare = host
            .strip_prefix(b"[")
            .and_then(|host| host.strip_suffix(b"]"))
            .map(|host| host.strip_prefix(b"IPv6:").unwrap_or(host))
            .unwrap_or(host);
        let Authority { host, port } = Authority::read(bare);
        let outside = match &host {
            HostName::Name { text, .. } => is_public_name(text),
            HostName::Address(ip) => !classify(*ip).is_local(),
            HostName::Refused(_) => false,
        };
        if outside {
            let source = match self.dialect {
                Dialect::Smtp => NameSource::SmtpRecipient,
                _ => NameSource::FtpTarget,
            };
            sink.host(&host, source);
            sink.proxies(&host, port);
        }
    }

    fn client_says(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> Step {
        // The answer was missed, or is on its way: a hello says enough.
        let hello = bytes.first() == Some(&tls_record::content_type::HANDSHAKE);
        match tls_record::fit(bytes) {
            Fit::Mine if hello => return Step::Handover(0),
            Fit::NeedMore if hello => return Step::More,
            _ => {}
        }
        let Some(line) = first_line(bytes) else {
            // Letters and files in clear have long lines too.
            return if bytes.len() < LINE_MAX {
                Step::More
            } else {
                Step::Consumed(bytes.len())
            };
        };
        let command = match self.dialect {
            Dialect::Imap => tagged(line).unwrap_or_default(),
            _ => line,
        };
        if self.letter {
            self.letter = line != b".";
        } else {
            self.upgrading |= is_command(command, self.dialect.upgrade());
            self.letter = self.dialect == Dialect::Smtp && is_command(line, &["DATA", "BDAT"]);
            self.passes_on(line, sink);
        }
        let end = memchr::memchr(b'\n', bytes).unwrap_or(line.len());
        Step::Consumed(end.saturating_add(1))
    }

    fn server_says(&mut self, bytes: &[u8]) -> Step {
        if !self.upgrading {
            return Step::Consumed(bytes.len());
        }
        let Some(line) = first_line(bytes) else {
            return if bytes.len() < LINE_MAX {
                Step::More
            } else {
                Step::Consumed(bytes.len())
            };
        };
        let end = memchr::memchr(b'\n', bytes).unwrap_or(line.len());
        let used = end.saturating_add(1);
        match self.dialect.agrees(line) {
            Some(true) => Step::Handover(used),
            Some(false) => {
                self.upgrading = false;
                Step::Consumed(used)
            }
            None => Step::Consumed(used),
        }
    }
}

impl Session for Commands {
    fn read(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> Step {
        sink.carries(Carries::Application);
        let side = sink.side();
        if *self.client.get_or_insert(side) == side {
            sink.client_speaks();
            self.client_says(bytes, sink)
        } else {
            self.server_says(bytes)
        }
    }

    fn lost(&mut self, side: Side) -> bool {
        self.client != Some(side)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::flow::NameSource;
    use crate::observe::dissect::conversation::Conversation;
    use crate::observe::dissect::http1;
    use crate::observe::dissect::tls::tests::{hello, server_flight};

    /// What client and server say in turn before the hello.
    type Talk = &'static [(&'static str, &'static str)];

    const TALKS: [(&str, &str, Talk); 5] = [
        (
            "smtp",
            "45.33.92.2:587",
            &[
                ("", "220 mx.banner.example ESMTP\r\n"),
                (
                    "EHLO phone.example\r\n",
                    "250-mx.banner.example\r\n250-PIPELINING\r\n250 STARTTLS\r\n",
                ),
                ("STARTTLS\r\n", "220 2.0.0 Ready\r\n"),
            ],
        ),
        (
            "imap",
            "45.33.92.2:143",
            &[
                (
                    "",
                    "* OK [CAPABILITY IMAP4rev1 STARTTLS] imap.banner.example\r\n",
                ),
                (
                    "a001 CAPABILITY\r\n",
                    "* CAPABILITY IMAP4rev1 STARTTLS\r\na001 OK done\r\n",
                ),
                ("a002 STARTTLS\r\n", "* OK wait\r\na002 OK Begin TLS\r\n"),
            ],
        ),
        (
            "pop3",
            "45.33.92.2:110",
            &[
                ("", "+OK pop.banner.example\r\n"),
                ("CAPA\r\n", "+OK\r\nSTLS\r\n.\r\n"),
                ("STLS\r\n", "+OK Begin\r\n"),
            ],
        ),
        (
            "ftp",
            "45.33.92.2:21",
            &[
                ("", "220-Welcome to\r\n220 ftp.banner.example\r\n"),
                ("FEAT\r\n", "211-Features:\r\n AUTH TLS\r\n211 End\r\n"),
                ("AUTH TLS\r\n", "234 AUTH TLS successful\r\n"),
            ],
        ),
        (
            "ftp",
            "45.33.92.2:2121",
            &[
                ("", "220 x\r\n"),
                ("USER pilot@ftp.proxied.example\r\n", "530 Use TLS\r\n"),
                ("auth tls\r\n", "234 ok\r\n"),
            ],
        ),
    ];

    #[test]
    fn the_hello_behind_the_agreement_is_the_only_name() {
        for (id, server, turns) in TALKS {
            for size in [1, 5, 1000] {
                let mut talk = Conversation::tcp(server);
                for (client, answer) in turns {
                    talk.say_in_pieces(client.as_bytes(), size);
                    talk.hear(answer);
                }
                talk.say_in_pieces(&hello("mail.example"), size);
                talk.hear(server_flight());
                let names = [
                    ("mail.example".to_owned(), NameSource::TlsSni),
                    ("flight.example".to_owned(), NameSource::Certificate),
                ];
                assert_eq!(talk.names(), names, "{id}, pieces of {size}");
                assert_eq!(talk.protocol(), Some(id));
                let client = talk.client();
                assert_eq!(*talk.flow().carries.of(client), Carries::Application);
            }
        }
    }

    #[test]
    fn a_hello_after_many_commands_and_without_the_servers_side() {
        let mut talk = Conversation::tcp("45.33.92.2:25");
        talk.say("EHLO phone.example\r\n");
        for number in 0..200 {
            talk.say(format!(
                "MAIL FROM:<{number}@people.example>\r\nRCPT TO:<x@people.example>\r\n"
            ));
        }
        talk.say("STARTTLS\r\n").say(hello("late.example"));
        assert_eq!(talk.names().len(), 1);
        let mut refused = Conversation::tcp("45.33.92.2:25");
        refused
            .say("EHLO a\r\n")
            .say("STARTTLS\r\n")
            .hear("454 not now\r\n");
        refused
            .say("MAIL FROM:<a@people.example>\r\n")
            .hear("250 ok\r\n");
        assert_eq!(
            (refused.names().len(), refused.protocol()),
            (0, Some("smtp"))
        );
    }

    #[test]
    fn a_proxy_on_the_site_is_told_where_to_go() {
        for (line, name) in [
            ("USER pilot@files.example", Some("files.example")),
            (
                "USER pilot@files.example firewall-user",
                Some("files.example"),
            ),
            ("USER pilot@files.example logged in at noon", None),
            ("USER pilot@nas.lan", None),
            ("USER pilot", None),
        ] {
            let mut talk = Conversation::tcp("192.168.2.60:21");
            talk.hear("220 ready\r\n").say(format!("{line}\r\n"));
            let names = talk.names().into_iter().map(|(name, _)| name);
            assert_eq!(names.collect::<Vec<_>>(), Vec::from_iter(name), "{line}");
        }
    }

    #[test]
    fn first_lines_belong_to_one_protocol() {
        let ends = |port| Ends {
            side: Side::A,
            sender: ([10, 0, 0, 2].into(), 50_000),
            receiver: ([45, 33, 92, 2].into(), port),
        };
        let all = [Dialect::Smtp, Dialect::Imap, Dialect::Pop3, Dialect::Ftp];
        let mine = |text: &str, port| -> Vec<Dialect> {
            let fits = all.into_iter();
            fits.filter(|d| d.fit(text.as_bytes(), &ends(port)) == Fit::Mine)
                .collect()
        };
        assert_eq!(mine("ehlo a\r\n", 80), [Dialect::Smtp]);
        assert_eq!(mine("A1 LOGIN me secret\r\n", 80), [Dialect::Imap]);
        assert_eq!(mine("USER me\r\n", 110), [Dialect::Pop3]);
        assert_eq!(mine("USER me\r\n", 2121), [Dialect::Ftp]);
        for other in [
            "EHLOX a\r\n",
            "GET / HTTP/1.1\r\n",
            "command\r\n",
            "LOGIN a\r\n",
            "\x16\x03\x01\n",
        ] {
            assert_eq!(mine(other, 25), [], "{other:?}");
        }
        for text in ["EHLO a\r\n", "AUTH TLS\r\n", "STLS\r\n", "A LOGIN x y\r\n"] {
            assert_eq!(http1::fit(text.as_bytes()), Fit::NotMine, "{text:?}");
        }
    }
}
