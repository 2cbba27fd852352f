//! TLS with logged secrets: suites as data, keys from secrets, records one by one.
mod chacha;
mod gcm;
pub mod opener;
pub mod protection;
pub mod schedule;
pub mod suite;

#[cfg(test)]
mod tests {
    use super::opener::{Agreed, Opener, Side, Why};
    use super::protection::Record;
    use crate::observe::open::keylog::Keylog;

    const SESSIONS: &str = include_str!(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/fixtures/open/tls.txt"
    ));

    fn hex(text: &str) -> Vec<u8> {
        let pair = |p: &[u8]| u8::from_str_radix(std::str::from_utf8(p).unwrap(), 16).unwrap();
        text.as_bytes().chunks(2).map(pair).collect()
    }

    struct Session {
        title: String,
        log: String,
        /// Streams of the client and the server.
        wire: [Vec<u8>; 2],
    }

    fn sessions() -> Vec<Session> {
        let mut out: Vec<Session> = Vec::new();
        for line in SESSIONS.lines() {
            let (word, rest) = line.split_once(' ').unwrap();
            match (word, out.last_mut()) {
                ("case", _) => out.push(Session {
                    title: rest.to_owned(),
                    log: String::new(),
                    wire: [Vec::new(), Vec::new()],
                }),
                ("c", Some(s)) => s.wire[0].extend(hex(rest)),
                ("s", Some(s)) => s.wire[1].extend(hex(rest)),
                (_, Some(s)) => s.log.push_str(&format!("{line}\n")),
                _ => panic!("no case"),
            }
        }
        out
    }

    fn records(stream: &[u8]) -> Vec<Record<'_>> {
        let mut out = Vec::new();
        let mut rest = stream;
        while let [kind, v0, v1, high, low, behind @ ..] = rest {
            let len = usize::from(u16::from_be_bytes([*high, *low]));
            out.push(Record {
                kind: *kind,
                version: [*v0, *v1],
                fragment: &behind[..len],
            });
            rest = &behind[len..];
        }
        out
    }

    /// What the hellos say; both are the first message of the first record.
    fn agreed(session: &Session) -> Agreed {
        let hello = |side: usize| records(&session.wire[side])[0].fragment.to_vec();
        let (client, server) = (hello(0), hello(1));
        let behind_id = 39 + usize::from(server[38]);
        let mut version = u16::from_be_bytes([server[4], server[5]]);
        let mut encrypt_then_mac = false;
        let mut rest = &server[behind_id + 5..];
        while let [a, b, high, low, behind @ ..] = rest {
            let len = usize::from(u16::from_be_bytes([*high, *low]));
            match u16::from_be_bytes([*a, *b]) {
                43 => version = u16::from_be_bytes([behind[0], behind[1]]),
                22 => encrypt_then_mac = true,
                _ => {}
            }
            match behind.get(len..) {
                // Other messages may follow the hello in its record.
                Some(behind) if rest.len() > 4 => rest = behind,
                _ => break,
            }
            if rest.len() < 4 || rest[0] != 0 && rest[0] != 0xff {
                break;
            }
        }
        Agreed {
            client: client[6..38].try_into().unwrap(),
            server: server[6..38].try_into().unwrap(),
            version,
            suite: u16::from_be_bytes([server[behind_id], server[behind_id + 1]]),
            encrypt_then_mac,
            compressed: server[behind_id + 2] != 0,
        }
    }

    fn log(text: &str) -> Keylog {
        let mut log = Keylog::default();
        assert_eq!(log.read(&mut text.as_bytes()).unwrap().bad_lines, 0);
        log
    }

    fn upload() -> Vec<u8> {
        (0..3)
            .flat_map(|n| format!("upload {n} ").repeat(n * 40 + 1).into_bytes())
            .collect()
    }

    fn answers() -> Vec<u8> {
        (0..3)
            .flat_map(|n| format!("answer {n}").repeat(9).into_bytes())
            .collect()
    }

    #[test]
    fn every_version_and_suite_gives_what_was_said() {
        let mut met = 0;
        for session in sessions() {
            let (log, agreed) = (log(&session.log), agreed(&session));
            for (side, at, said) in [(Side::Client, 0, upload()), (Side::Server, 1, answers())] {
                let mut opener = Opener::new(&log, &agreed, side);
                let mut got = Vec::new();
                let mut room = Vec::new();
                for record in records(&session.wire[at]) {
                    match opener.open(&record, &mut room) {
                        Ok(23) => got.extend_from_slice(&room),
                        Ok(_) => {}
                        Err(why) => panic!("{} {side:?}: {why:?} {agreed:x?}", session.title),
                    }
                }
                assert_eq!(got, said, "{} {side:?}", session.title);
            }
            met += 1;
        }
        assert_eq!(met, 23);
    }

    #[test]
    fn what_is_wrong_or_missing_is_said_and_gives_no_content() {
        for session in sessions() {
            let (log, agreed) = (log(&session.log), agreed(&session));
            let title = &session.title;
            let all = records(&session.wire[0]);
            let sealed = all.len() - 3;
            let content = |opener: &mut Opener, wire: &[Record<'_>]| -> (Vec<u8>, Vec<Why>) {
                let (mut got, mut whys, mut room) = (Vec::new(), Vec::new(), Vec::new());
                for record in wire {
                    match opener.open(record, &mut room) {
                        Ok(23) => got.extend_from_slice(&room),
                        Ok(_) => {}
                        Err(why) => {
                            assert!(room.is_empty());
                            whys.push(why);
                        }
                    }
                }
                (got, whys)
            };
            // No secret, and half of a log.
            let none = Keylog::default();
            let (got, whys) = content(&mut Opener::new(&none, &agreed, Side::Client), &all);
            assert!(
                got.is_empty() && whys.iter().all(|w| *w == Why::NoKey),
                "{title} {whys:?}"
            );
            assert!(whys.len() >= 3);
            let half: String = session
                .log
                .lines()
                .filter(|l| !l.starts_with("CLIENT_TRAFFIC"))
                .collect::<Vec<_>>()
                .join("\n");
            if half.lines().count() < session.log.lines().count() {
                let (got, whys) = content(
                    &mut Opener::new(&super::tests::log(&half), &agreed, Side::Client),
                    &all,
                );
                assert!(got.is_empty());
                assert_eq!(whys, [Why::NoKey; 3], "{title}");
            }
            // Another session's secret under this random.
            let wrong: String = session
                .log
                .lines()
                .map(|l| {
                    let mut words: Vec<String> = l.split(' ').map(str::to_owned).collect();
                    words[2] = "5a".repeat(words[2].len() / 2);
                    words.join(" ") + "\n"
                })
                .collect();
            let (got, whys) = content(
                &mut Opener::new(&super::tests::log(&wrong), &agreed, Side::Client),
                &all,
            );
            assert!(
                got.is_empty() && whys.iter().all(|w| matches!(w, Why::Tag | Why::Lost)),
                "{title} {whys:?}"
            );
            // The right one is found among both.
            let both = super::tests::log(&format!("{wrong}{}", session.log));
            let (got, whys) = content(&mut Opener::new(&both, &agreed, Side::Client), &all);
            assert_eq!((got, whys), (upload(), vec![]), "{title}");
            // Flipped bits: that record is sealed, the next ones are read.
            let fragment = all[sealed + 1].fragment;
            for at in (0..fragment.len()).step_by(37).chain([fragment.len() - 1]) {
                let mut bad = fragment.to_vec();
                bad[at] ^= 4;
                let mut wire = all.clone();
                wire[sealed + 1].fragment = &bad;
                let (got, whys) = content(&mut Opener::new(&log, &agreed, Side::Client), &wire);
                let whole = upload();
                assert_eq!(whys[0], Why::Tag, "{title} {at}");
                assert!(
                    got.starts_with(&whole[..9]) && whole.ends_with(&got[9..])
                        || agreed.version == 0x0301
                );
                // TLS 1.0 splits its records, and the vector of the next one is the changed block, if that is the last.
                if agreed.version != 0x0301 {
                    assert_eq!(got.len(), 9 + 9 * 81, "{title} {at} {whys:?}");
                }
                assert!(got.len() < whole.len() || agreed.version == 0x0301);
            }
            // A hole: unknown records are missing, the next ones are found again.
            let mut opener = Opener::new(&log, &agreed, Side::Client);
            let (mut got, _) = content(&mut opener, &all[..=sealed]);
            opener.lost();
            let (later, whys) = content(&mut opener, &all[sealed + 2..]);
            got.extend(&later);
            if agreed.version == 0x0301
                && matches!(
                    super::suite::suite_of(agreed.suite).unwrap().cipher,
                    super::suite::Cipher::Cbc(..)
                )
            {
                assert_eq!(whys[0], Why::Lost, "{title}");
            } else {
                assert_eq!(got.len(), 9 + 9 * 81, "{title} {whys:?}");
            }
        }
    }

    /// RFC 8448 §3: traffic secrets and the keys that follow from them.
    #[test]
    fn keys_of_a_secret_are_those_of_the_published_trace() {
        let secret = hex("9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5");
        let suite = super::suite::suite_of(0x1301).unwrap();
        let keys = super::schedule::of_secret(&suite, &secret).unwrap();
        assert_eq!(*keys.key, hex("17422dda596ed5d9acd890e3c63f5051"));
        assert_eq!(*keys.vector, hex("5b78923dee08579033e523d9"));
    }
}
