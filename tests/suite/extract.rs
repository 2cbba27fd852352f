//! `extract`: from a report back to its packets.

use crate::support::craft::{PHONE, dns_question, ethernet, mac, udp};
use crate::support::{fixtures, ids, run};
use pcap_parser::{Block, PcapBlockOwned, PcapNGReader, traits::PcapReaderIterator};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// A packet of an excerpt, read by another reader than the program's.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Packet {
    data: Vec<u8>,
    original: u32,
    ticks: Option<u64>,
    interface: u32,
    options: Vec<(u16, Vec<u8>)>,
}

impl Packet {
    fn comment(&self) -> String {
        let mut comments = self.options.iter().filter(|(code, _)| *code == 1);
        let last = comments.next_back().expect("a comment");
        String::from_utf8(last.1.clone()).expect("comments are UTF-8")
    }

    /// Input and frame that it was.
    fn source(&self) -> (String, u64) {
        let comment = self.comment();
        let (_, place) = comment.rsplit_once("; ").expect("a place");
        let (input, frame) = place.split_once(", frame ").expect("a frame");
        (input.to_owned(), frame.parse().expect("a number"))
    }

    /// Findings whose packet it is.
    fn findings(&self) -> Vec<String> {
        let comment = self.comment();
        let own = comment.strip_prefix("finding ").unwrap_or_default();
        let (own, _) = own.split_once(';').unwrap_or_default();
        let ids = own.split(", ").filter(|id| !id.is_empty());
        ids.map(ToOwned::to_owned).collect()
    }
}

/// Link type, snap length and options of an interface.
type Described = (i32, u32, Vec<(u16, Vec<u8>)>);

/// What a pcapng holds: kinds of blocks in order, section options, packets.
#[derive(Debug, Default)]
struct Read {
    kinds: Vec<&'static str>,
    sections: Vec<Vec<(u16, Vec<u8>)>>,
    interfaces: Vec<Described>,
    packets: Vec<Packet>,
}

fn read(path: &Path) -> Read {
    let options = |list: &[pcap_parser::pcapng::PcapNGOption<'_>]| {
        let all = list.iter().filter(|o| o.code.0 != 0);
        all.map(|o| {
            let value = o.value.get(..usize::from(o.len)).unwrap_or(&o.value);
            (o.code.0, value.to_vec())
        })
        .collect::<Vec<_>>()
    };
    let mut out = Read::default();
    let file = File::open(path).expect("the excerpt");
    let mut reader = PcapNGReader::new(1 << 20, file).expect("a pcapng");
    loop {
        let used = match reader.next() {
            Ok((used, PcapBlockOwned::NG(block))) => {
                out.kinds.push(match &block {
                    Block::SectionHeader(shb) => {
                        out.sections.push(options(&shb.options));
                        "section"
                    }
                    Block::InterfaceDescription(idb) => {
                        let of = (idb.linktype.0, idb.snaplen, options(&idb.options));
                        out.interfaces.push(of);
                        "interface"
                    }
                    Block::EnhancedPacket(epb) => {
                        out.packets.push(Packet {
                            data: epb.data[..epb.caplen as usize].to_vec(),
                            original: epb.origlen,
                            ticks: Some(u64::from(epb.ts_high) << 32 | u64::from(epb.ts_low)),
                            interface: epb.if_id,
                            options: options(&epb.options),
                        });
                        "packet"
                    }
                    Block::SimplePacket(_) => "simple",
                    Block::DecryptionSecrets(_) => "secrets",
                    Block::InterfaceStatistics(_) => "statistics",
                    _ => "other",
                });
                used
            }
            Ok((used, _)) => used,
            Err(pcap_parser::PcapError::Eof) => return out,
            Err(pcap_parser::PcapError::Incomplete(_)) => {
                reader.refill().expect("the file can be read");
                continue;
            }
            Err(e) => panic!("{}: {e:?}", path.display()),
        };
        reader.consume(used);
    }
}

/// Runs a command inside this process: exit code, or what stands on the one line of its error.
fn here<S: AsRef<str>>(arguments: &[S]) -> Result<u8, String> {
    let line = std::iter::once("drone-audit").chain(arguments.iter().map(AsRef::as_ref));
    let cli = drone_audit::parse(line).map_err(|e| format!("{e:?}"))?;
    drone_audit::run(&cli).map_err(|e| e.to_string())
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// Audits captures into `report`.
fn audit(options: &[&str], captures: &[PathBuf], report: &Path) -> Value {
    let mut line: Vec<String> = vec!["check".into(), "-q".into()];
    line.extend(options.iter().map(|o| (*o).to_owned()));
    line.push(format!("--output=json={}", text(report)));
    line.extend(captures.iter().map(|c| text(c)));
    here(&line).expect("the captures are audited");
    serde_json::from_slice(&fs::read(report).expect("a report")).expect("JSON")
}

fn finding_ids(report: &Value) -> BTreeSet<String> {
    let sessions = report["sessions"].as_array().into_iter().flatten();
    std::iter::once(report)
        .chain(sessions)
        .flat_map(|r| ids(&r["findings"]))
        .map(ToOwned::to_owned)
        .collect()
}

/// The options of an audit for its excerpt: windows by absolute time, one session.
fn for_excerpt(options: &[&str], report: &Value) -> Vec<String> {
    let mut out = Vec::new();
    let mut rest = options.iter();
    while let Some(option) = rest.next() {
        match *option {
            "--each" => {}
            "--window" => {
                rest.next();
            }
            other => out.push(other.to_owned()),
        }
    }
    for window in report["scope"]["windows"].as_array().expect("windows") {
        let at = |key: &str| window[key].as_str().expect("a time");
        out.push(format!("--window={}/{}", at("start"), at("end")));
    }
    out
}

/// Fixtures where a finding's frames are not the packets of one destination: pieces of datagrams
/// (Wireshark has ports only on the last), a window, two vantages, packet blocks without room for a comment,
/// several packets in a frame, two addresses under one name.
const COUNTED_OTHERWISE: [&str; 10] = [
    "ip-fragments-hello",
    "edge-fragments",
    "edge-fragments-reversed",
    "window-old-flow-new-payload",
    "edge-connection-of-before-comes-in-inside-the-window",
    "vantages-not-summed",
    "link-simple-packets",
    "link-radiotap-amsdu",
    "link-usbmon-ncm",
    "edge-6to4-and-mapped",
];

/// The records of a plain pcap: ticks, length on the wire, bytes. Of anything else nothing.
fn records(path: &Path) -> Vec<(u64, u32, Vec<u8>)> {
    let bytes = fs::read(path).expect("a capture");
    let (big, per_second) = match bytes[..4] {
        [0xa1, 0xb2, 0xc3, 0xd4] => (true, 1_000_000),
        [0xd4, 0xc3, 0xb2, 0xa1] => (false, 1_000_000),
        [0xa1, 0xb2, 0x3c, 0x4d] => (true, 1_000_000_000),
        [0x4d, 0x3c, 0xb2, 0xa1] => (false, 1_000_000_000),
        _ => return Vec::new(),
    };
    let mut out = Vec::new();
    let mut at = 24;
    while let Some(header) = bytes.get(at..at + 16) {
        let word = |n: usize| {
            let four: [u8; 4] = header[4 * n..4 * n + 4].try_into().unwrap();
            if big {
                u32::from_be_bytes(four)
            } else {
                u32::from_le_bytes(four)
            }
        };
        let Some(data) = bytes.get(at + 16..at + 16 + word(2) as usize) else {
            break;
        };
        let ticks = u64::from(word(0)) * per_second + u64::from(word(1));
        out.push((ticks, word(3), data.to_vec()));
        at += 16 + data.len();
    }
    out
}

/// From every contradicted fixture to its packets, and from these to the same findings.
#[test]
fn what_is_extracted_gives_the_same_findings() {
    let scratch = tempfile::tempdir().expect("a folder");
    let cases = fs::read_to_string(fixtures().join("cases.jsonl")).expect("the cases");
    let mut wrong = Vec::new();
    let (mut tried, mut compared) = (0, 0);
    for line in cases.lines() {
        let case: Value = serde_json::from_str(line).expect("a case");
        if case["expect"]["verdict"] != "contradicted" {
            continue;
        }
        tried += 1;
        let name = case["case"].as_str().expect("a name");
        let strings = |key: &str| -> Vec<&str> {
            let list = case[key].as_array().expect("a list").iter();
            list.map(|v| v.as_str().expect("text")).collect()
        };
        let options = strings("args");
        let captures: Vec<PathBuf> = strings("files")
            .iter()
            .map(|f| fixtures().join(f))
            .collect();
        let report = scratch.path().join("report.json");
        let value = audit(&options, &captures, &report);
        let excerpt = scratch.path().join("excerpt.pcapng");
        let root = captures[0].parent().expect("a folder");
        let line = [
            "extract",
            "-q",
            &text(&report),
            "--root",
            &text(root),
            "-o",
            &text(&excerpt),
        ];
        if let Err(e) = here(&line) {
            wrong.push(format!("{name}: {e}"));
            continue;
        }
        let read = read(&excerpt);
        if read.packets.is_empty() && !read.kinds.contains(&"simple") {
            wrong.push(format!("{name}: no packet"));
        }
        // Each packet is the one that its comment says, bit by bit and tick by tick.
        let sources: Vec<_> = captures.iter().map(|c| records(c)).collect();
        for packet in &read.packets {
            let (input, frame) = packet.source();
            let of = captures
                .iter()
                .position(|c| c.ends_with(&input))
                .expect("an input");
            // After damage frames are not counted as here.
            let Some(source) = sources[of]
                .get(frame as usize - 1)
                .filter(|_| !name.contains("damaged"))
            else {
                continue;
            };
            let (ticks, original, data) = source;
            if (packet.ticks, packet.original, &packet.data) != (Some(*ticks), *original, data) {
                wrong.push(format!("{name}: frame {frame} is another one"));
            }
            compared += 1;
        }
        let options = for_excerpt(&options, &value);
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        let again = audit(
            &options,
            std::slice::from_ref(&excerpt),
            &scratch.path().join("2.json"),
        );
        if again["verdict"] == "consistent" {
            wrong.push(format!("{name}: an excerpt is consistent with a claim"));
        }
        let (before, after) = (finding_ids(&value), finding_ids(&again));
        let missing: Vec<_> = before.difference(&after).collect();
        if !missing.is_empty() {
            wrong.push(format!("{name}: without {missing:?}"));
        }
        // The packets of a destination, by the audit's account of flows and by the filter.
        for finding in value["findings"].as_array().expect("findings") {
            let id = finding["id"].as_str().expect("an id");
            let Some(destination) = value["destinations"]
                .as_array()
                .expect("destinations")
                .iter()
                .find(|d| d["id"] == finding["destination"])
            else {
                continue;
            };
            let counted = ["packets_out", "packets_in"].map(|k| destination[k].as_u64().unwrap());
            let selected = read
                .packets
                .iter()
                .filter(|p| p.findings().iter().any(|of| of == id))
                .count() as u64;
            if counted.iter().sum::<u64>() != selected && !COUNTED_OTHERWISE.contains(&name) {
                wrong.push(format!(
                    "{name}: {id} has {counted:?} packets and {selected} selected: {}",
                    finding["filter"]
                ));
            }
        }
    }
    assert!(tried > 120 && compared > 2000, "{tried} {compared}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A block in big-endian order.
fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let mut padded = body.to_vec();
    padded.resize(body.len().next_multiple_of(4), 0);
    let length = (padded.len() as u32 + 12).to_be_bytes();
    [&kind.to_be_bytes()[..], &length, &padded, &length].concat()
}

fn option(code: u16, value: &[u8]) -> Vec<u8> {
    let mut out = [code.to_be_bytes(), (value.len() as u16).to_be_bytes()].concat();
    out.extend(value);
    out.resize(out.len().next_multiple_of(4), 0);
    out
}

/// A pcapng of PCAPdroid with everything beside its two packets: a lookup by the app, and one by another.
fn labelled(folder: &Path) -> PathBuf {
    let section = [
        &[0x1a, 0x2b, 0x3c, 0x4d, 0, 1, 0, 0][..],
        &[0xff; 8],
        &option(2, b"Pixel"),
        &option(3, b"Android 15"),
        &option(4, b"PCAPdroid v1.7.5"),
        &[0; 4],
    ]
    .concat();
    let interface = [
        &[0, 1, 0, 0, 0, 0, 0xff, 0xff][..],
        &option(2, b"wlan0"),
        &option(3, b"Wi-Fi"),
        &option(9, &[9]),
        &option(11, b"\0udp"),
        &[0; 4],
    ]
    .concat();
    let packet = |nanos: u64, (name, resolver): (&str, &str), uid: &[u8]| {
        let ip = udp(&format!("{PHONE}:40000"), resolver, &dns_question(7, name));
        let frame = ethernet(mac(PHONE.parse().unwrap()), [2, 0, 0, 0, 0, 0xfe], &ip);
        let ticks = 1_740_823_200_000_000_000 + nanos;
        let mut body = vec![0; 4];
        body.extend(ticks.to_be_bytes());
        body.extend((frame.len() as u32).to_be_bytes());
        body.extend((frame.len() as u32 + 2).to_be_bytes());
        body.extend(&frame);
        body.resize(body.len().next_multiple_of(4), 0);
        body.extend(option(1, uid));
        body.extend(option(2, &[0, 0, 0, 2]));
        body.extend(option(4, &[0, 0, 0, 0, 0, 0, 0, 5]));
        body.extend(option(0x4bac, &[0, 0, 0, 1, 1, 1, 1, 1]));
        block(6, &body)
    };
    let name = |uid: u32, package: &[u8]| {
        let head = [
            &62_652u32.to_be_bytes()[..],
            &[0, 1, 1, 0],
            &uid.to_be_bytes(),
        ]
        .concat();
        block(
            0xbad,
            &[&head[..], &[package.len() as u8, 0], package].concat(),
        )
    };
    let secrets = [&0x544c_534bu32.to_be_bytes()[..], &[0, 0, 0, 6], b"SECRET"].concat();
    let statistics = [&[0; 12][..], &option(5, &[0, 0, 0, 0, 0, 0, 0, 9])].concat();
    let file = [
        block(0x0a0d_0d0a, &section),
        block(1, &interface),
        block(10, &secrets),
        packet(1, ("www.example.com", "192.168.2.253:53"), b"u-10001"),
        packet(7, ("api.dji.com", "192.168.2.254:53"), b"u-10123"),
        name(10_123, b"dji.go.v5"),
        block(5, &statistics),
    ]
    .concat();
    let path = folder.join("phone.pcapng");
    fs::write(&path, file).expect("a capture");
    path
}

#[test]
fn a_packet_keeps_all_that_belongs_to_it() {
    let scratch = tempfile::tempdir().expect("a folder");
    let capture = labelled(scratch.path());
    let report = scratch.path().join("report.json");
    let value = audit(
        &["--app", "dji.go.v5"],
        std::slice::from_ref(&capture),
        &report,
    );
    assert_eq!(value["verdict"], "contradicted", "{value:#}");
    // The other app is asked about too, as nothing says who it is: its packet is another finding's.
    let id = value["findings"]
        .as_array()
        .expect("findings")
        .iter()
        .find(|f| f["lookup"] == "api.dji.com")
        .and_then(|f| f["id"].as_str())
        .expect("a finding");
    let line = ["extract", "-q", "--finding", id, &text(&report)];
    here(&line).expect("extracted");
    let excerpt = scratch.path().join("report.findings.pcapng");
    let read_back = read(&excerpt);
    assert_eq!(read_back.kinds, ["section", "interface", "packet", "other"]);
    let said = |list: &[(u16, Vec<u8>)], code: u16| -> Vec<String> {
        let of = list.iter().filter(|(c, _)| *c == code);
        of.map(|(_, v)| String::from_utf8_lossy(v).into_owned())
            .collect()
    };
    let section = &read_back.sections[0];
    assert_eq!(
        (said(section, 2), said(section, 3)),
        (vec!["Pixel".into()], vec!["Android 15".into()])
    );
    let program = concat!(
        "drone-audit ",
        env!("CARGO_PKG_VERSION"),
        ", from a file of PCAPdroid v1.7.5"
    );
    assert_eq!(said(section, 4), [program]);
    let note = &said(section, 1)[0];
    assert!(
        note.contains("phone.pcapng") && note.contains("secrets were not copied"),
        "{note}"
    );
    let (link, snaplen, options) = &read_back.interfaces[0];
    assert_eq!((*link, *snaplen), (1, 0xffff));
    assert_eq!(
        (said(options, 2), said(options, 3), said(options, 11)),
        (
            vec!["wlan0".into()],
            vec!["Wi-Fi".into()],
            vec!["\0udp".into()]
        )
    );
    let [packet] = read_back.packets.as_slice() else {
        panic!("{:?}", read_back.packets)
    };
    assert_eq!(
        (packet.ticks, packet.interface),
        (Some(1_740_823_200_000_000_007), 0)
    );
    assert_eq!(packet.original as usize, packet.data.len() + 2);
    assert_eq!(
        said(&packet.options, 1),
        [
            "u-10123".to_owned(),
            format!("finding {id}; phone.pcapng, frame 2")
        ]
    );
    let codes: Vec<u16> = packet.options.iter().map(|(code, _)| *code).collect();
    assert_eq!(
        codes,
        [1, 2, 1],
        "no drop count, and nothing that is not to be copied"
    );

    // The label still says whose it is, and that the file was cut is told.
    let again = audit(
        &["--app", "dji.go.v5"],
        std::slice::from_ref(&excerpt),
        &scratch.path().join("2.json"),
    );
    assert_eq!(finding_ids(&again), BTreeSet::from([id.to_owned()]));
    let gaps = ids(&again["coverage"]["gaps"]);
    assert!(
        gaps.contains(&"capture-filter") && gaps.contains(&"edited-file"),
        "{gaps:?}"
    );

    here(&[&line[..], &["--secrets"]].concat()).expect("extracted");
    let kinds = read(&excerpt).kinds;
    assert_eq!(
        kinds,
        ["section", "interface", "packet", "other"],
        "the secret is of no session that is here"
    );
}

#[test]
fn a_window_keeps_its_packets_apart_from_what_they_rest_on() {
    let scratch = tempfile::tempdir().expect("a folder");
    let capture = fixtures().join("labelled/window-old-flow-new-payload.pcap");
    let report = scratch.path().join("report.json");
    let value = audit(
        &["--window", "+60/+150"],
        std::slice::from_ref(&capture),
        &report,
    );
    let excerpt = scratch.path().join("excerpt.pcapng");
    let root = fixtures().join("labelled");
    here(&[
        "extract",
        "-q",
        &text(&report),
        "--root",
        &text(&root),
        "-o",
        &text(&excerpt),
    ])
    .expect("extracted");
    let window = &value["scope"]["windows"][0];
    let at = |key: &str| -> i128 {
        let time: jiff::Timestamp = window[key].as_str().unwrap().parse().unwrap();
        time.as_nanosecond()
    };
    let (mut inside, mut outside) = (0, 0);
    for packet in read(&excerpt).packets {
        let nanos = i128::from(packet.ticks.expect("a time")) * 1000;
        let within = (at("start")..at("end")).contains(&nanos);
        assert_eq!(
            !packet.findings().is_empty(),
            within,
            "{}",
            packet.comment()
        );
        inside += u32::from(within);
        outside += u32::from(packet.comment().contains("outside the window"));
    }
    assert!(inside > 0 && outside > 0, "{inside} {outside}");
}

#[test]
fn what_is_not_the_evidence_is_not_extracted() {
    let scratch = tempfile::tempdir().expect("a folder");
    let folder = scratch.path();
    let capture = folder.join("flight.pcap");
    fs::copy(fixtures().join("tls-vendor-session.pcap"), &capture).expect("copied");
    let at = |name: &str| text(&folder.join(name));
    let report = folder.join("report.json");
    audit(&[], std::slice::from_ref(&capture), &report);
    audit(
        &["--no-hash"],
        std::slice::from_ref(&capture),
        &folder.join("no-hash.json"),
    );
    audit(
        &["--redact"],
        std::slice::from_ref(&capture),
        &folder.join("redacted.json"),
    );
    audit(
        &[],
        &[fixtures().join("honest-flight.pcap")],
        &folder.join("honest.json"),
    );
    let before = fs::read(&capture).expect("the capture");
    let refused = |arguments: &[&str], said: &str| {
        let line: Vec<&str> = [&["extract", "-q"], arguments].concat();
        let error = here(&line).expect_err(said);
        assert!(error.contains(said), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    };
    let name = text(&report);
    refused(&[&at("no-hash.json")], "was made with --no-hash");
    refused(&[&at("redacted.json")], "is redacted");
    refused(&[&at("honest.json")], "has no finding");
    refused(&[&name, "--finding", "0123"], "no such finding");
    refused(&[&name, "-o", &text(&capture)], "is one of the inputs");
    refused(&[&name, "-o", &name], "is one of the inputs");
    refused(&[&name, "--bundle", &text(folder)], "is there already");
    refused(
        &[&name, "--root", &at("nowhere")],
        "the capture is not found",
    );
    assert_eq!(fs::read(&capture).expect("the capture"), before);

    let mut edited = before;
    *edited.last_mut().expect("a byte") ^= 1;
    fs::write(&capture, edited).expect("written");
    let bundle = at("bundle");
    refused(
        &[&name, "--bundle", &bundle],
        "flight.pcap: is not the capture of the report",
    );
    fs::remove_file(&capture).expect("removed");
    let mut left: Vec<String> = fs::read_dir(folder)
        .expect("the folder")
        .map(|e| {
            e.expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    left.sort();
    assert_eq!(
        left,
        [
            "honest.json",
            "no-hash.json",
            "redacted.json",
            "report.json"
        ]
    );
}

#[test]
fn a_bundle_holds_all_that_is_handed_on() {
    let scratch = tempfile::tempdir().expect("a folder");
    let report = scratch.path().join("report.json");
    let case = fixtures().join("examples/mode-on-leaking/case.toml");
    audit(&["--case", &text(&case)], &[], &report);
    let bundle = scratch.path().join("bundle");
    let root = case.parent().expect("a folder");
    let line = [
        "extract",
        "-q",
        &text(&report),
        "--root",
        &text(root),
        "--bundle",
        &text(&bundle),
    ];
    here(&line).expect("a bundle");
    let names = ["case.toml", "findings.pcapng", "report.html", "report.json"];
    let sums: Vec<String> = names
        .iter()
        .map(|name| {
            let bytes = fs::read(bundle.join(name)).expect("a file of the bundle");
            let digest = Sha256::digest(&bytes);
            let hex: String = digest.iter().map(|b| format!("{b:02x}")).collect();
            format!("{hex}  {name}")
        })
        .collect();
    let written = fs::read_to_string(bundle.join("SHA256SUMS")).expect("the sums");
    assert_eq!(written.lines().collect::<Vec<_>>(), sums);
    assert_eq!(fs::read_dir(&bundle).expect("the bundle").count(), 5);
    assert_eq!(
        fs::read(bundle.join("report.json")).unwrap(),
        fs::read(&report).unwrap()
    );
    assert!(!read(&bundle.join("findings.pcapng")).packets.is_empty());
    assert_eq!(fs::read_dir(scratch.path()).expect("the folder").count(), 2);

    // One finding alone, to standard output, the same every time.
    let value: Value = serde_json::from_slice(&fs::read(&report).unwrap()).unwrap();
    let id = &ids(&value["findings"])[0];
    let line = [
        "extract",
        &text(&report),
        "--root",
        &text(root),
        "--finding",
        id,
        "-o",
        "-",
    ];
    let (one, two) = (run(line), run(line));
    assert_eq!((one.code, &one.out), (0, &two.out));
    assert!(one.err.contains("packets of findings"), "{}", one.err);
    let only = scratch.path().join("only.pcapng");
    fs::write(&only, &one.out).expect("written");
    for packet in read(&only).packets {
        assert!(
            packet.findings().iter().all(|of| of == id),
            "{}",
            packet.comment()
        );
    }
}

/// Wireshark counts neither a segment of a routing header among the addresses, nor what extension headers name among the protocols.
#[test]
fn filters_ask_for_what_extension_headers_say_too() {
    let filters = |name: &str| -> Vec<String> {
        let scratch = tempfile::tempdir().expect("a folder");
        let report = scratch.path().join("report.json");
        let report = audit(&[], &[fixtures().join(name)], &report);
        let findings = report["findings"].as_array().unwrap().iter();
        findings
            .map(|f| f["filter"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(
        filters("edge/segment-routing.pcap"),
        [
            "(ipv6.addr == 2606:4700::1 || ipv6.routing.srh.addr == 2606:4700::1) && ipv6.addr == fd00::77 && tcp.port == 443"
        ]
    );
    assert!(
        filters("tunnel/ah.pcap")
            .iter()
            .any(|filter| { filter.ends_with("&& (ip.proto == 4 || ah.next_header == 4)") })
    );
}
