//! Keys that the auditor gives: of Wi-Fi networks, by options, files and the environment, and of TLS connections, by key logs.
//!
//! No message quotes one, and a recorded command line holds a word in its place.

use crate::app::cli::{Keys, Secret};
use crate::ground::error::{Error, reason};
use crate::ground::file;
use crate::ground::hex::hex;
use crate::judge::case::Named;
use crate::observe::link::{KEYS_MAX, WifiKey};
use crate::observe::open::keylog::Keylog;
use crate::tell::report::v1::KeyFile;
use sha2::{Digest, Sha256};
use std::env;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Keys in the environment, a line each as in a file of `--wifi-keys`.
const VARIABLE: &str = "DRONE_AUDIT_WIFI_KEYS";
/// Bytes of a file of keys that are read: all keys that can be used, and room for remarks.
const FILE_MAX: u64 = 64 << 10;
/// What stands for a key in a recorded command line; it has no colon, so it is no key.
const WITHHELD: &str = "withheld";
/// Options whose value is a key.
const SECRET_OPTIONS: [&str; 2] = ["--wifi-key", "--wifi-psk"];

/// Keys, and what was wrong beside them.
#[derive(Clone, Default)]
pub(super) struct Given {
    pub(super) wifi: Arc<[WifiKey]>,
    pub(super) keylog: Arc<Keylog>,
    /// The key logs, by name and hash.
    pub(super) files: Vec<KeyFile>,
    /// Sentences about lines that are no keys.
    pub(super) notes: Vec<String>,
}

/// Everything that was given, the key logs that a case file names included.
///
/// # Errors
/// An option that holds no key, a file that cannot be read or holds none, more keys than are tried.
pub(super) fn given(options: &Keys, named: &[Named]) -> Result<Given, Error> {
    let mut out = Vec::new();
    let mut notes = Vec::new();
    let keys = options.wifi_keys.iter();
    for (secret, option) in keys
        .map(|key| (key, "--wifi-key"))
        .chain(options.wifi_psks.iter().map(|key| (key, "--wifi-psk")))
    {
        let read = match option {
            "--wifi-psk" => WifiKey::of_hex(secret.text()).map(|key| vec![key]),
            _ => WifiKey::of_passphrase(secret.text()),
        };
        match read {
            Ok(keys) => out.extend(keys),
            Err(_) if secret.text() == WITHHELD => {
                return Err(Error::at(option, "reports do not record keys")
                    .advise("give the key again, as SSID:PASSPHRASE or 64 hexadecimal digits"));
            }
            Err(why) => return Err(Error::at(option, format!("the value {why}"))),
        }
    }
    for path in &options.wifi_files {
        let place = path.display().to_string();
        let text = text(path).map_err(|e| {
            Error::at(&place, format!("cannot read the keys: {}", reason(&e)))
                .advise("check the path; the file has to be UTF-8 text of at most 64 KiB")
        })?;
        lines(&text, &place, &mut out, &mut notes)?;
    }
    if let Some(text) = variable() {
        lines(&text, VARIABLE, &mut out, &mut notes)?;
    }
    if out.len() > KEYS_MAX {
        let what = format!(
            "{} keys are given, and at most {KEYS_MAX} are tried",
            out.len()
        );
        return Err(Error::at("--wifi-key", what)
            .advise("give those of the networks in the captures; each colon in SSID:PASSPHRASE can be the one between"));
    }
    let mut keylog = Keylog::default();
    let mut files = Vec::new();
    let logs = options.keylogs.iter();
    for path in logs.chain(named.iter().map(|named| &named.path)) {
        let sha256 = secrets(path, &mut keylog, &mut notes)?;
        let name = path.file_name().unwrap_or(path.as_os_str());
        let path = name.to_string_lossy().into_owned();
        files.push(KeyFile { path, sha256 });
    }
    Ok(Given {
        wifi: out.into(),
        keylog: Arc::new(keylog),
        files,
        notes,
    })
}

/// Secrets of a key log; its hash, which tells the file again and none of them: each has more bits than can be guessed. Of files with
/// passphrases no hash is kept, since it would let them be tried.
///
/// # Errors
/// It cannot be read, or holds no secret.
fn secrets(path: &Path, keylog: &mut Keylog, notes: &mut Vec<String>) -> Result<String, Error> {
    let place = path.display().to_string();
    let refuse = |e: &std::io::Error| {
        Error::at(&place, format!("cannot read the key log: {}", reason(e)))
            .advise("check the path and permissions")
    };
    let file = file::open(path).map_err(|e| refuse(&e))?;
    let mut lines = BufReader::new(Hashed {
        file,
        sha256: Sha256::new(),
    });
    let found = keylog.read(&mut lines).map_err(|e| refuse(&e))?;
    let sha256 = hex(&lines.into_inner().sha256.finalize());
    if found.kept == 0 {
        return Err(match found.bad.first() {
            Some((line, wrong)) => Error::at(format!("{place}: line {line}"), *wrong),
            None => Error::at(&place, "holds no secret of a TLS connection")
                .advise("give the file that the client wrote because of SSLKEYLOGFILE"),
        });
    }
    for (line, wrong) in &found.bad {
        notes.push(format!("{place}: line {line} {wrong}"));
    }
    let more = found.bad_lines.saturating_sub(found.bad.len() as u64);
    if more > 0 {
        notes.push(format!("{place}: {more} more lines are no secrets"));
    }
    if found.beyond > 0 {
        let beyond = found.beyond;
        notes.push(format!("{place}: {beyond} secrets are more than are kept"));
    }
    Ok(sha256)
}

/// A file that is hashed while it is read: it may be a pipe.
struct Hashed {
    file: File,
    sha256: Sha256,
}

impl Read for Hashed {
    fn read(&mut self, room: &mut [u8]) -> std::io::Result<usize> {
        let length = self.file.read(room)?;
        self.sha256.update(room.get(..length).unwrap_or_default());
        Ok(length)
    }
}

fn variable() -> Option<Zeroizing<String>> {
    let value = env::var(VARIABLE).ok().map(Zeroizing::new)?;
    (!value.trim().is_empty()).then_some(value)
}

fn text(path: &Path) -> std::io::Result<Zeroizing<String>> {
    use std::io::{Error, ErrorKind};
    let mut text = Zeroizing::new(String::new());
    let mut file = file::open(path)?.take(FILE_MAX + 1);
    let len = file.read_to_string(&mut text)?;
    match u64::try_from(len) {
        Ok(len) if len <= FILE_MAX => Ok(text),
        _ => Err(Error::new(ErrorKind::FileTooLarge, "it is too long")),
    }
}

/// Keys of a text, a line each; empty lines and those that begin with `#` hold none.
fn lines(
    text: &str,
    place: &str,
    out: &mut Vec<WifiKey>,
    notes: &mut Vec<String>,
) -> Result<(), Error> {
    let mut first = None;
    let mut some = false;
    for (line, number) in text.lines().zip(1..) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match WifiKey::of_line(line) {
            Ok(keys) => {
                some = true;
                out.extend(keys);
            }
            Err(why) => {
                let what = format!("{place}: line {number} {why}");
                notes.push(what);
                first.get_or_insert((number, why));
            }
        }
        if out.len() > KEYS_MAX {
            return Ok(());
        }
    }
    match first {
        _ if some => Ok(()),
        Some((number, why)) => Err(Error::at(format!("{place}: line {number}"), why)),
        None => Err(Error::at(place, "holds no key")
            .advise("write a line SSID:PASSPHRASE, or 64 hexadecimal digits")),
    }
}

/// A command line as a report records it: without keys, and with a word where some were used.
pub(super) fn withheld(arguments: impl Iterator<Item = String>) -> Vec<String> {
    let mut out = Vec::new();
    let mut is_value = false;
    let mut ended = false;
    for argument in arguments {
        if std::mem::take(&mut is_value) {
            out.push(WITHHELD.to_owned());
            continue;
        }
        let option = argument.split('=').next().unwrap_or_default();
        if ended || !SECRET_OPTIONS.contains(&option) {
            ended |= argument == "--";
            out.push(argument);
        } else if option.len() == argument.len() {
            is_value = true;
            out.push(argument);
        } else {
            out.push(format!("{option}={WITHHELD}"));
        }
    }
    if variable().is_some() && out.first().is_some_and(|command| command != "--") {
        out.insert(1.min(out.len()), format!("--wifi-key={WITHHELD}"));
    }
    out
}

/// True if a recorded command line used keys.
pub(super) fn used(arguments: &[String]) -> bool {
    let before = arguments.iter().take_while(|a| *a != "--");
    before
        .filter_map(|a| a.split('=').next())
        .any(|option| option == "--wifi-keys" || SECRET_OPTIONS.contains(&option))
}

/// The options of a recorded command line with the keys that are given now in place of those
/// that it does not hold.
///
/// # Errors
/// None are given.
pub(super) fn again(recorded: Keys, now: &Keys, place: &str) -> Result<Keys, Error> {
    let lacks = |secrets: &[Secret]| secrets.iter().any(|s| s.text() == WITHHELD);
    let missing = lacks(&recorded.wifi_keys) || lacks(&recorded.wifi_psks);
    let files = match now.wifi_files.is_empty() {
        true => recorded.wifi_files,
        false => now.wifi_files.clone(),
    };
    if missing && now.is_empty() && variable().is_none() {
        return Err(needed(place));
    }
    let keylogs = match now.keylogs.is_empty() {
        true => recorded.keylogs,
        false => now.keylogs.clone(),
    };
    Ok(Keys {
        keylogs,
        wifi_keys: now.wifi_keys.clone(),
        wifi_psks: now.wifi_psks.clone(),
        wifi_files: files,
    })
}

/// The report was made with keys, which are not here.
pub(super) fn needed(place: &str) -> Error {
    Error::at(
        place,
        "was made with keys of Wi-Fi networks, which reports do not record",
    )
    .advise("give them again: --wifi-key, --wifi-psk or --wifi-keys")
}

/// True if no key is given in any way.
pub(super) fn none(options: &Keys) -> bool {
    options.is_empty() && variable().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recorded_command_lines_hold_no_key() {
        let line = |text: &str| -> Vec<String> { withheld(text.split(' ').map(str::to_owned)) };
        for (given, recorded) in [
            (
                "check --wifi-key net:secret123 x.pcap",
                "check --wifi-key withheld x.pcap",
            ),
            (
                "check --wifi-key=net:secret=123 --wifi-psk=00ff x.pcap",
                "check --wifi-key=withheld --wifi-psk=withheld x.pcap",
            ),
            ("check --wifi-psk", "check --wifi-psk"),
            ("check --wifi-keys keys.txt", "check --wifi-keys keys.txt"),
            ("check -- --wifi-key=a", "check -- --wifi-key=a"),
        ] {
            assert_eq!(line(given).join(" "), recorded);
            assert_eq!(used(&line(given)), !given.contains("-- "), "{given}");
        }
    }

    #[test]
    fn bad_lines_are_named_and_never_quoted() {
        let mut keys = Vec::new();
        let mut notes = Vec::new();
        let text = "# home\nnet:password\n\nsecret-and-wrong\n";
        lines(text, "keys.txt", &mut keys, &mut notes).unwrap();
        assert_eq!(keys.len(), 1);
        assert_eq!(notes.len(), 1);
        assert!(notes[0].starts_with("keys.txt: line 4 is neither"));
        assert!(!notes[0].contains("secret"));
        let error = lines("secret-and-wrong", "keys.txt", &mut keys, &mut notes).unwrap_err();
        assert!(!error.to_string().contains("secret-and"), "{error}");
        assert!(lines("# nothing\n", "keys.txt", &mut keys, &mut notes).is_err());
    }
}
