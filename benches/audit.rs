//! Whole audits of a synthetic capture, by what a packet costs.
//!
//! `cargo bench` prints packets and bytes per second of the stream part for five kinds of traffic:
//! bulk transfer, many short TLS connections, the same with ten thousand names, a flood of single
//! packets, small segments of a few connections. For comparing two builds in one sitting; the numbers
//! of a noisy machine mean little by themselves.
//!
//! Whole-process runs (hash included) are measured from outside: `cargo bench -- FOLDER PACKETS`
//! writes captures of the same traffic there, and measures nothing. `benches/cost` holds small ones
//! for the count of instructions in `.ci/run`.

use drone_audit::parts::Devices;
use drone_audit::parts::Source;
use drone_audit::parts::{Settings, read};
use std::io::Write;
use std::sync::Arc;
use std::time::Instant;

/// Packets per capture.
const PACKETS: u32 = 400_000;
/// Runs per capture; the fastest counts.
const RUNS: usize = 5;

/// The n-th packet of a kind of traffic.
type Packet = fn(u32) -> Vec<u8>;

/// Kinds of traffic.
const KINDS: [(&str, Packet); 5] = [
    ("bulk", bulk),
    ("hello", hello),
    ("hello-k", hello_k),
    ("flood", flood),
    ("few", few),
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Cargo says `--bench` too.
    let mut words = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with("--"));
    if let Some(folder) = words.next() {
        let packets = words.next().map_or(Ok(PACKETS), |number| number.parse())?;
        for (name, packet) in KINDS {
            let path = std::path::Path::new(&folder)
                .join(name)
                .with_extension("pcap");
            write(&mut std::fs::File::create(path)?, packet, packets)?;
        }
        return Ok(());
    }
    for (name, packet) in KINDS {
        let mut file = tempfile::NamedTempFile::new()?;
        let bytes = write(&mut file, packet, PACKETS)?;
        let mut best = f64::INFINITY;
        for _ in 0..RUNS {
            let began = Instant::now();
            let evidence = read(&[Source::File(file.path().to_owned())], &settings())
                .map_err(|e| e.to_string())?;
            let seconds = began.elapsed().as_secs_f64();
            if evidence.inputs.iter().map(|i| i.packets).sum::<u64>() != u64::from(PACKETS) {
                return Err("packets were lost".into());
            }
            best = best.min(seconds);
        }
        let mut out = std::io::stdout().lock();
        writeln!(
            out,
            "{name:8} {:8.2} million packets/s {:8.1} MB/s",
            f64::from(PACKETS) / best / 1e6,
            bytes as f64 / best / 1e6
        )?;
    }
    Ok(())
}

fn settings() -> Settings {
    Settings {
        schedule: drone_audit::parts::Schedule::default(),
        local: Vec::new(),
        devices: Devices::default(),
        time_gap: 60_000_000_000,
        hash: false,
        means: drone_audit::parts::Means::default(),
        sidecars: Default::default(),
        one_row_per_flow: None,
        content: drone_audit::parts::Policy::Off,
        observer: None,
        accuses: Arc::new(|_, _, _| false),
        names: Default::default(),
        wifi: Default::default(),
        keylog: Default::default(),
    }
}

fn write(out: &mut impl Write, packet: fn(u32) -> Vec<u8>, packets: u32) -> std::io::Result<u64> {
    let mut file = Vec::new();
    file.extend(0xa1b2_c3d4_u32.to_le_bytes());
    file.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    file.extend(65_535_u32.to_le_bytes());
    file.extend(1_u32.to_le_bytes());
    for n in 0..packets {
        let data = packet(n);
        let length = u32::try_from(data.len()).unwrap_or(0);
        file.extend((1_700_000_000 + n / 10_000).to_le_bytes());
        file.extend((n % 10_000 * 100).to_le_bytes());
        file.extend(length.to_le_bytes());
        file.extend(length.to_le_bytes());
        file.extend(data);
    }
    out.write_all(&file)?;
    Ok(file.len() as u64)
}

fn sum(words: impl Iterator<Item = u16>) -> u16 {
    let mut total: u32 = words.map(u32::from).sum();
    while total > 0xffff {
        total = (total & 0xffff) + (total >> 16);
    }
    !(total as u16)
}

fn words(bytes: &[u8]) -> impl Iterator<Item = u16> + '_ {
    bytes.chunks(2).map(|c| {
        u16::from_be_bytes([
            c.first().copied().unwrap_or(0),
            c.get(1).copied().unwrap_or(0),
        ])
    })
}

/// A TCP segment on Ethernet with right checksums.
fn tcp(
    from: [u8; 4],
    to: [u8; 4],
    ports: (u16, u16),
    sequence: u32,
    flags: u8,
    payload: &[u8],
) -> Vec<u8> {
    let mut segment = Vec::new();
    segment.extend(ports.0.to_be_bytes());
    segment.extend(ports.1.to_be_bytes());
    segment.extend(sequence.to_be_bytes());
    segment.extend(1_u32.to_be_bytes());
    segment.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    segment.extend(payload);
    let length = segment.len() as u16;
    let check = sum(words(&from)
        .chain(words(&to))
        .chain([6, length])
        .chain(words(&segment)));
    segment.splice(16..18, check.to_be_bytes());
    let mut header = vec![0x45, 0];
    header.extend((20 + length).to_be_bytes());
    header.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
    header.extend(from);
    header.extend(to);
    let check = sum(words(&header));
    header.splice(10..12, check.to_be_bytes());
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0];
    frame.extend(header);
    frame.extend(segment);
    frame
}

/// Eight connections that carry full segments of encrypted records.
fn bulk(n: u32) -> Vec<u8> {
    let flow = (n % 8) as u8;
    let mut payload = vec![0x5a; 1460];
    payload.splice(0..5, [23, 3, 3, 0x05, 0xaf]);
    tcp(
        [52, 85, 0, flow],
        [10, 0, 0, 2],
        (443, 40_000 + u16::from(flow)),
        n / 8 * 1460,
        0x10,
        &payload,
    )
}

/// A new connection with a ClientHello every second packet, of five thousand names.
fn hello(n: u32) -> Vec<u8> {
    connection(n, n / 2 % 5_000)
}

/// The same of ten thousand names.
fn hello_k(n: u32) -> Vec<u8> {
    connection(n, n / 2 % 10_000)
}

fn connection(n: u32, name: u32) -> Vec<u8> {
    let [_, a, b, c] = (n / 2).to_be_bytes();
    let ports = (1024 + (n / 2 % 60_000) as u16, 443);
    if n.is_multiple_of(2) {
        return tcp([10, 0, 0, 2], [52, a, b, c], ports, 0, 2, &[]);
    }
    let host = format!("h{name}.example.com");
    let name = host.as_bytes();
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.extend([0, 0, 2, 0x13, 0x01, 1, 0]);
    let extension = name.len() as u16 + 5;
    body.extend((extension + 4).to_be_bytes());
    body.extend([0, 0]);
    body.extend(extension.to_be_bytes());
    body.extend((extension - 2).to_be_bytes());
    body.push(0);
    body.extend((name.len() as u16).to_be_bytes());
    body.extend(name);
    let mut record = vec![22, 3, 1];
    record.extend((body.len() as u16 + 4).to_be_bytes());
    record.extend([1, 0]);
    record.extend((body.len() as u16).to_be_bytes());
    record.extend(body);
    tcp([10, 0, 0, 2], [52, a, b, c], ports, 1, 0x18, &record)
}

/// Single SYNs to ever new addresses.
fn flood(n: u32) -> Vec<u8> {
    let [a, b, c, d] = n.wrapping_mul(2_654_435_761).to_be_bytes();
    tcp(
        [10, 0, a, b],
        [51, b, c, d],
        (1024 + (n % 60_000) as u16, 443),
        0,
        2,
        &[],
    )
}

/// Eight connections, both ways in turn: frames of 64 bytes, each with a small encrypted record.
fn few(n: u32) -> Vec<u8> {
    let flow = (n / 2 % 8) as u8;
    let (phone, far) = ([10, 0, 0, 2], [52, 85, 0, flow]);
    let port = 40_000 + u16::from(flow);
    let record = [23, 3, 3, 0, 5, 1, 2, 3, 4, 5];
    let sequence = 1 + n / 16 * 10;
    match n % 2 {
        0 => tcp(phone, far, (port, 443), sequence, 0x18, &record),
        _ => tcp(far, phone, (443, port), sequence, 0x18, &record),
    }
}
