//! What a recorder wrote to standard error when it ended: the counters that its file cannot keep.
//!
//! Read: tcpdump (also what it says on a signal), dumpcap, tshark, and the `pkts_dropped` of
//! PCAPdroid's status. Classic pcap has no place for such counters, so that a text saved beside it is
//! the only word on lost packets. It is a claim of the same recorder that wrote the file, and nothing
//! ties it to the file but the number of packets captured: see [`Sidecar::fits`].

use crate::ground::cause::Counters;
use crate::ground::error::{Error, reason};
use crate::ground::file;
use std::io::Read;
use std::path::Path;

/// The longest text: a recorder says a few lines, and one line of progress a second.
const TEXT_MAX: u64 = 1 << 20;

/// Packets that a filter let through and a recorder did not write, in hundredths of what it wrote, and
/// at least so many: a recorder that is stopped leaves a few behind (contract, `kernel-drops`).
const LEFT_BEHIND_PERCENT: u64 = 1;
const LEFT_BEHIND: u64 = 100;

/// Packets that the counters of a recorder know of and a file of `packets` does not hold: all that were
/// handed to the recorder, and what its filter let through if that is far more.
pub(super) fn left_behind(accepted: u64, delivered: u64, packets: u64) -> u64 {
    let undelivered = accepted.saturating_sub(packets.max(delivered));
    let far = undelivered > LEFT_BEHIND
        && undelivered > packets.max(delivered).saturating_mul(LEFT_BEHIND_PERCENT) / 100;
    let missing = delivered.saturating_sub(packets);
    missing.saturating_add(if far { undelivered } else { 0 })
}

/// Why a text has no counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// No line says how many packets were lost.
    Nothing,
    /// More than one recording began while it was written.
    Several,
}

impl Counters {
    /// Reads the text of one recording. Counters that are said again count as said last.
    ///
    /// # Errors
    /// Nothing is said of lost packets, or of more than one recording.
    pub fn read(text: &str) -> Result<Self, Problem> {
        let mut told = Self::default();
        let mut began = 0u32;
        // Progress ends with a carriage return.
        for line in text.split(['\n', '\r']).map(str::trim) {
            let begins = line.contains("listening on ") || line.starts_with("Capturing on ");
            began = began.saturating_add(begins.into());
            match line.rsplit_once("Packets received/dropped on interface ") {
                Some((_, of)) => told.interface(of),
                None => line.split(", ").for_each(|part| told.part(part)),
            }
        }
        if began > 1 {
            return Err(Problem::Several);
        }
        told.lost().map(|_| told).ok_or(Problem::Nothing)
    }

    /// Packets lost, if anything is said of them.
    pub fn lost(&self) -> Option<u64> {
        [self.by_kernel, self.by_interface, self.by_recorder]
            .into_iter()
            .flatten()
            .reduce(u64::saturating_add)
    }

    /// `0 packets dropped by kernel`, `tcpdump: 10 packets captured`, `Packets captured: 10`.
    fn part(&mut self, part: &str) {
        if let Some((_, count)) = part.rsplit_once("Packets captured: ") {
            self.captured = number(count).or(self.captured);
        }
        let status = part.split_once("pkts_dropped=").map(|(_, rest)| rest);
        if let Some(count) = status.and_then(leading_number) {
            self.by_kernel = Some(count);
        }
        // A terminal shows the interrupt in front of the first number.
        let part = part.trim_start_matches("^C");
        let part = part.strip_prefix("tcpdump: ").unwrap_or(part);
        let Some((count, what)) = part.split_once(' ') else {
            return;
        };
        let Some(count) = number(count) else { return };
        let what = what
            .strip_prefix("packets ")
            .or_else(|| what.strip_prefix("packet "));
        let counter = match what {
            Some("captured") => &mut self.captured,
            Some("received by filter") => &mut self.received,
            Some("dropped by kernel" | "dropped") => &mut self.by_kernel,
            Some("dropped by interface") => &mut self.by_interface,
            Some(other) if other.starts_with("dropped from ") => {
                self.by_kernel = Some(self.by_kernel.unwrap_or(0).saturating_add(count));
                return;
            }
            _ => return,
        };
        *counter = Some(count);
    }

    /// `'wlan0': 123/4 (pcap:1/dumpcap:2/flushed:1/ps_ifdrop:0) (96.8%)`, one line an interface.
    fn interface(&mut self, of: &str) {
        // The name can hold anything; the counters follow its last quote.
        let Some((_, counts)) = of.rsplit_once("': ") else {
            return;
        };
        let Some((received, rest)) = counts.split_once('/') else {
            return;
        };
        let (Some(received), Some(all)) = (number(received), leading_number(rest)) else {
            return;
        };
        let part = |name: &str| {
            let (_, count) = rest.split_once(name)?;
            leading_number(count)
        };
        let kernel = part("(pcap:");
        let own = [part("/dumpcap:"), part("/flushed:")];
        let own = own.into_iter().flatten().fold(0, u64::saturating_add);
        let told = [
            (&mut self.received, Some(received)),
            // Older versions give the sum alone.
            (&mut self.by_kernel, kernel.or(Some(all))),
            (&mut self.by_recorder, kernel.map(|_| own)),
            (&mut self.by_interface, part("/ps_ifdrop:")),
        ];
        for (counter, more) in told {
            if let Some(more) = more {
                *counter = Some(counter.unwrap_or(0).saturating_add(more));
            }
        }
    }
}

/// A whole number.
fn number(text: &str) -> Option<u64> {
    let text = text.trim();
    // `parse` also takes a sign.
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok())?
}

/// The number that a text begins with.
fn leading_number(text: &str) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit());
    number(text.get(..end.unwrap_or(text.len()))?)
}

/// The counters of a capture, and the file that they stand in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sidecar {
    /// The file name alone.
    pub name: String,
    /// What it says.
    pub counters: Counters,
}

impl Sidecar {
    /// Reads a text.
    ///
    /// # Errors
    /// It cannot be read, or has no counters of one recording.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let place = path.display().to_string();
        let refuse = |e: std::io::Error| {
            Error::at(&place, format!("cannot read the counters: {}", reason(&e)))
                .advise("check the path")
        };
        let mut bytes = Vec::new();
        let file = file::open(path).map_err(refuse)?;
        let read = file.take(TEXT_MAX + 1).read_to_end(&mut bytes);
        if read.map_err(refuse)? as u64 > TEXT_MAX {
            return Err(
                Error::at(&place, "is too long for the messages of a recorder")
                    .advise("give the text that the recorder wrote to standard error"),
            );
        }
        let counters = Counters::read(&String::from_utf8_lossy(&bytes));
        Ok(Self {
            name: path
                .file_name()
                .map_or_else(|| place.clone(), |name| name.to_string_lossy().into_owned()),
            counters: counters.map_err(|problem| match problem {
                Problem::Nothing => Error::at(&place, "says nothing of lost packets").advise(
                    "give the text that tcpdump or dumpcap wrote to standard error when it ended",
                ),
                Problem::Several => Error::at(&place, "is the text of several recordings")
                    .advise("keep the lines of one, that of the capture"),
            })?,
        })
    }

    /// True unless it counts another number of packets than the capture holds: then it belongs to
    /// another recording, or not all of the recording is there.
    pub fn fits(&self, packets: u64) -> bool {
        self.counters.captured.is_none_or(|count| count == packets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counters(text: &str) -> Result<[Option<u64>; 5], Problem> {
        Counters::read(text).map(|c| {
            [
                c.captured,
                c.received,
                c.by_kernel,
                c.by_interface,
                c.by_recorder,
            ]
        })
    }

    #[test]
    fn recorders_say_it_each_in_their_own_words() {
        let tcpdump = "tcpdump: listening on wlan0, link-type EN10MB (Ethernet), snapshot length 262144 bytes\n\
            ^C10 packets captured\n16 packets received by filter\n1 packet dropped by kernel\n109 packets dropped by interface\n";
        let all = [Some(10), Some(16), Some(1), Some(109), None];
        assert_eq!(counters(tcpdump), Ok(all));
        assert_eq!(counters(&tcpdump.replace("^C", "\r\n")), Ok(all));
        // On a signal, and then at the end.
        let signal = "tcpdump: 5 packets captured, 6 packets received by filter, 0 packets dropped by kernel\n\
            1 packet captured\n8 packets received by filter\n3 packets dropped by kernel\n";
        assert_eq!(
            counters(signal),
            Ok([Some(1), Some(8), Some(3), None, None])
        );
        let dumpcap = "Capturing on 'Wi-Fi: en0' and 'lo'\nFile: /tmp/x.pcapng\nPackets: 12 \rPackets captured: 923\n\
            Packets received/dropped on interface 'Wi-Fi: en0': 920/6 (pcap:3/dumpcap:2/flushed:1/ps_ifdrop:4) (99.3%)\n\
            Packets received/dropped on interface 'lo': 3/0 (pcap:0/dumpcap:0/flushed:0/ps_ifdrop:0) (100.0%)\n";
        assert_eq!(
            counters(dumpcap),
            Ok([Some(923), Some(923), Some(3), Some(4), Some(3)])
        );
        assert_eq!(Counters::read(dumpcap).unwrap().lost(), Some(10));
        let older = "Packets: 2 Packets: 8 Packets captured: 8\nPackets received/dropped on interface 'Loopback: lo': 8/2 (80.0%)\n";
        assert_eq!(counters(older), Ok([Some(8), Some(8), Some(2), None, None]));
        let tshark = "Capturing on 'wlan0'\n12 \n3 packets dropped from wlan0\n2 packets dropped from eth0\n";
        assert_eq!(counters(tshark), Ok([None, None, Some(5), None, None]));
        let status = "Bundle[{pkts_sent=10, pkts_dropped=7, pkts_rcvd=11}]";
        assert_eq!(counters(status), Ok([None, None, Some(7), None, None]));
    }

    #[test]
    fn what_says_nothing_of_losses_is_refused() {
        for text in [
            "",
            "10 packets captured\n11 packets received by filter\n",
            "packets dropped by kernel",
            "-1 packets dropped by kernel",
            "99999999999999999999 packets dropped by kernel",
            "Packets received/dropped on interface 'x': many/few",
            "Packets received/dropped on interface 'x: 8/0",
            "\u{0}\u{fffd} Packets captured: 3",
        ] {
            assert_eq!(counters(text), Err(Problem::Nothing), "{text}");
        }
        let run = "tcpdump: listening on wlan0\n0 packets dropped by kernel\n";
        assert_eq!(counters(&run.repeat(2)), Err(Problem::Several));
    }
}
