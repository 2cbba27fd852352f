//! Puts seeds into `corpus/TARGET`: fixtures as they are for targets that take files, small attacks, and parts of fixtures for targets
//! that take what is inside. Nothing of it is kept in the repository.

use std::fs;
use std::path::{Path, PathBuf};

/// Larger files teach a fuzzer little, and slowly.
const LARGEST: u64 = 64 << 10;

fn files(folder: &Path, out: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files(&path, out)?;
        } else if path.metadata()?.len() <= LARGEST {
            out.push(path);
        }
    }
    Ok(())
}

/// The packets of a classic pcap of little-endian Ethernet.
fn packets(file: &[u8]) -> Vec<&[u8]> {
    let mut out = Vec::new();
    let mut rest = file.get(24..).unwrap_or_default();
    while let Some((head, behind)) = rest.split_first_chunk::<16>() {
        let length = u32::from_le_bytes([head[8], head[9], head[10], head[11]]) as usize;
        let Some((packet, behind)) = behind.split_at_checked(length) else {
            break;
        };
        out.push(packet);
        rest = behind;
    }
    out
}

/// A length as the structured targets read it.
fn sized(bytes: &[u8]) -> Vec<u8> {
    let length = bytes.len().min(0x7ff);
    let mut out = match u8::try_from(length) {
        Ok(short) if short < 0xc0 => vec![short],
        _ => vec![0xc0 | (length >> 8) as u8, length as u8],
    };
    out.extend(&bytes[..length]);
    out
}

/// The blocks of a little-endian pcapng behind its first two, as the target of blocks reads them.
fn blocks(file: &[u8]) -> Vec<u8> {
    let word = |at: usize| {
        let bytes = file.get(at..).and_then(|rest| rest.first_chunk());
        bytes.map_or(0, |bytes| u32::from_le_bytes(*bytes))
    };
    let mut out = vec![0];
    let mut at = 0;
    for number in 0.. {
        let length = word(at + 4) as usize;
        let Some(body) = file.get(at..at + length).and_then(|b| b.get(8..)) else {
            break;
        };
        let body = &body[..body.len().saturating_sub(4)];
        let kind = drone_audit_fuzz::KINDS.iter().position(|k| *k == word(at));
        if let Some(kind) = kind.filter(|_| number > 1) {
            out.push(kind as u8);
            out.extend(sized(body));
        }
        at += length.max(12);
    }
    out
}

/// A case file that audits the capture beside it.
const CASE: &[u8] = br#"
title = "A flight"
operator_country = "US"
[reported]
app = "DJI Fly"
[[captures]]
path = "capture"
clock_offset = "-250ms"
role = "session"
[subject]
apps = ["dji.pilot2", "DJI Pilot*"]
uids = [10_234]
devices = ["192.168.1.50", "AA-bb-00-01-02-03"]
local_networks = ["203.0.113.9/24"]
[[windows]]
name = "flight"
start = "+1s"
end = "+200s"
grace = "1.5s"
phases = [{ name = "fly", start = "+2s", end = "+100s" }]
[[events]]
at = "+60s"
for = "30s"
kind = "share"
text = "Synced"
[[beacons]]
host = "beacon.example.org"
at = "start"
[[claims]]
id = "local-data-mode"
[[claims]]
id = "us-storage"
parameters = { upload_min_bytes = 1_000_000, exempt_modules = ["RTK"] }
[[claims]]
id = "stays-in-eu"
statement = "No logs leave the EU."
source = "Vendor's page"
for_country = "DE"
needs = ["upload"]
exempt = { roles = ["maps"], owners = ["Mapbox"] }
at_most = "inconclusive"
[[claims.rule]]
id = { app = "app-abroad", vendor = "vendor-abroad" }
traffic = "content"
scopes = ["internet"]
places = { outside = ["DE", "FR"] }
hosts = { inside = ["*.example.com"] }
weight = "suspect"
[[allowances]]
id = "map-tiles"
claims = ["us-storage"]
hosts = ["tiles.example.org", "*.Map.example"]
addresses = ["198.51.100.0/24"]
apps = ["dji.*", "uid:10234"]
reason = "Map left on, as agreed"
expires = 2035-12-31
"#;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = here.join("../..");
    let mut all = Vec::new();
    files(&root.join("fixtures"), &mut all)?;
    all.sort();
    let mut count = 0;
    let mut put = |target: &str, bytes: &[u8]| -> std::io::Result<()> {
        let folder = here.join("corpus").join(target);
        fs::create_dir_all(&folder)?;
        count += 1;
        fs::write(folder.join(format!("seed-{count}")), bytes)
    };
    for path in &all {
        let bytes = fs::read(path)?;
        let ending = path
            .extension()
            .and_then(|e| e.to_str())
            .unwrap_or_default();
        match ending {
            "toml" => put("case", &bytes)?,
            "pcap" | "pcapng" | "cap" | "gz" | "zst" | "xz" | "lz4" => {
                put("file", &bytes)?;
                put("two", &[&[128], &bytes[..]].concat())?;
            }
            _ => {}
        }
        if ending == "pcapng" {
            put("blocks", &blocks(&bytes))?;
        }
        if ending != "pcap" {
            continue;
        }
        let (mut links, mut whole) = (vec![0, 1], Vec::new());
        let (mut datagrams, mut stream) = (Vec::new(), vec![0, 0]);
        for packet in packets(&bytes).into_iter().take(100) {
            links.extend(sized(packet));
            let Some(ip) = packet.get(14..).filter(|ip| ip.len() > 40) else {
                continue;
            };
            whole.push(1);
            whole.extend(sized(ip));
            match ip[9] {
                17 => {
                    datagrams.extend([datagrams.len() as u8, 0]);
                    datagrams.extend(sized(&ip[28..]));
                }
                6 => {
                    let head = 20 + usize::from(ip[32] >> 4) * 4;
                    let ours = u8::from(ip[12] != 192);
                    stream.push(ours);
                    stream.extend(sized(ip.get(head..).unwrap_or_default()));
                }
                _ => {}
            }
        }
        for (target, bytes) in [
            ("link", links),
            ("packets", whole),
            ("datagrams", datagrams),
            ("stream", stream),
        ] {
            put(target, &bytes)?;
        }
    }
    for (_, file) in drone_audit_fuzz::attacks(4000) {
        put("file", &file)?;
    }
    put("case", CASE)?;
    let rows = fs::read_to_string(root.join("src/judge/classify/hosts.tsv"))?;
    for part in rows.lines().collect::<Vec<_>>().chunks(30).take(20) {
        put("catalog", part.join("\n").as_bytes())?;
    }
    let database = fs::read(root.join("src/judge/locate/geo.mmdb"))?;
    put("database", &database[database.len() - 4000..])?;
    put("database", &drone_audit_fuzz::small_database())?;
    put("keys", b"\0drone-field:correct horse 7\n")?;
    put(
        "keys",
        b"\0home:a passphrase\n0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n",
    )?;
    for (which, log) in [(1, "keys.log"), (2, "keys.log"), (3, "quic.log")] {
        let log = fs::read(root.join("fixtures/open").join(log))?;
        put("keys", &[&[which], &log[..]].concat())?;
    }
    let (folder, report) = (std::env::temp_dir(), "drone-audit-seed.json");
    let target = folder.join(report);
    for name in [
        "tls-vendor-session.pcap",
        "honest-flight.pcap",
        "lab/mqtt.pcap",
    ] {
        let capture = root.join("fixtures").join(name).display().to_string();
        let output = format!("--output=json={}", target.display());
        let line = ["drone-audit", "check", "-q", &output, &capture].map(str::to_owned);
        let ran = drone_audit::parse(line).map(|cli| drone_audit::run(&cli));
        if let Ok(Ok(_)) = ran {
            put("report", &fs::read(&target)?)?;
            fs::remove_file(&target)?;
        }
    }
    for target in ["segmentation", "blocks", "report", "forgery"] {
        put(target, &(0..=255).collect::<Vec<u8>>())?;
    }
    println!("{count} seeds");
    Ok(())
}
