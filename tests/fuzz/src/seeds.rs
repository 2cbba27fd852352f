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
                put("two", &bytes)?;
            }
            _ => {}
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
    let rows = fs::read_to_string(root.join("src/judge/classify/hosts.tsv"))?;
    for part in rows.lines().collect::<Vec<_>>().chunks(30).take(20) {
        put("catalog", part.join("\n").as_bytes())?;
    }
    let database = fs::read(root.join("src/judge/locate/geo.mmdb"))?;
    put("database", &database[database.len() - 4000..])?;
    put(
        "keys",
        b"home:a passphrase\n0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n",
    )?;
    for target in ["segmentation", "blocks", "report", "forgery"] {
        put(target, &(0..=255).collect::<Vec<u8>>())?;
    }
    println!("{count} seeds");
    Ok(())
}
