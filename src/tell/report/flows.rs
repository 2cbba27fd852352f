//! The inventory without judgement: one JSON object a line, one line a flow; or the same fields as a
//! table for spreadsheets.

use super::blocks::Blocks;
use super::csv;
use super::format::Format;
use super::grounds;
use super::rows::RowSink;
use crate::evidence::counters::Counters;
use crate::evidence::flow::{NameSource, Pair, Side};
use crate::evidence::row::RowKey;
use crate::ground::protocol;
use crate::ground::translation::Translators;
use crate::judge::classify::labels::Labels;
use crate::judge::classify::reach::scope_of;
use crate::judge::classify::{Basis, Scope};
use crate::judge::identity::DeviceView;
use crate::judge::identity::topology::Topology;
use base64::Engine;
use serde::Serialize;
use serde_json::Value;
use sha1::{Digest, Sha1};
use std::io::{self, Write};
use std::net::IpAddr;

/// A flow, in the order of the contract's fields.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct FlowRow {
    /// Index of the input of the first packet, in the order of the report's inputs.
    pub input: u32,
    /// `tcp`, `udp`, …
    pub transport: String,
    /// Application protocol, if recognised.
    pub protocol: Option<String>,
    /// Who opened the flow.
    pub client_ip: String,
    /// Its port.
    pub client_port: Option<u16>,
    /// The other end.
    pub server_ip: String,
    /// Its port.
    pub server_port: Option<u16>,
    /// `local`, `relayed` or `internet`.
    pub scope: String,
    /// Best name of the server.
    pub host: Option<String>,
    /// Where it comes from.
    pub host_source: String,
    /// The app, by the capture's label.
    pub app: Option<String>,
    /// Country of the server's address.
    pub country: Option<String>,
    /// Autonomous system of the server's address.
    pub asn: Option<u32>,
    /// Packets from client to server.
    pub packets_out: u64,
    /// Packets from server to client.
    pub packets_in: u64,
    /// Payload from client to server.
    pub bytes_out: u64,
    /// Payload from server to client.
    pub bytes_in: u64,
    /// First packet.
    pub first: Option<String>,
    /// Last packet.
    pub last: Option<String>,
    /// Frame of the first packet.
    pub first_frame: u64,
    /// Community ID, version 1, seed 0.
    pub community_id: String,
}

/// All flows, by first packet.
pub fn rows(basis: &Basis<'_>) -> Vec<FlowRow> {
    let translators = basis.translators();
    let mut out = Vec::new();
    for series in &basis.evidence.series {
        let topology = Topology::new(series, &basis.evidence.series, basis.local);
        let device = DeviceView::new(basis.devices, series, &basis.evidence.series, &topology);
        let labels = Labels::new(series, basis);
        let row_of = |key: &RowKey, tally: &Counters, scope| {
            flow_row(key, tally, scope, &labels, basis, &translators)
        };
        for (key, row) in &series.rows {
            let Some(tally) = Counters::sum(row.spans.iter().map(|s| &s.total)) else {
                continue;
            };
            let (scope, _) = scope_of(key, &topology, &device);
            out.push((tally.first, row_of(key, &tally, scope)));
        }
    }
    out.sort_by(|a, b| {
        (a.0, &a.1.client_ip, a.1.client_port).cmp(&(b.0, &b.1.client_ip, b.1.client_port))
    });
    out.into_iter().map(|(_, row)| row).collect()
}

/// The formats of the inventory.
pub const FORMATS: &[Format] = &[Format::NDJSON, Format::CSV];

/// Writes the rows in one of [`FORMATS`].
///
/// # Errors
/// When the writer fails.
pub fn write_as(format: Format, rows: &[FlowRow], out: &mut dyn Write) -> io::Result<()> {
    if format == Format::CSV {
        write(rows, Cells(out))
    } else {
        write(rows, Lines(Blocks::new(out)))
    }
}

fn write(rows: &[FlowRow], mut sink: impl RowSink) -> io::Result<()> {
    sink.open("flow")?;
    rows.iter().try_for_each(|row| sink.row(None, row))?;
    sink.finish()
}

/// The fields of [`FlowRow`], in their order.
const COLUMNS: [&str; 21] = [
    "input",
    "transport",
    "protocol",
    "client_ip",
    "client_port",
    "server_ip",
    "server_port",
    "scope",
    "host",
    "host_source",
    "app",
    "country",
    "asn",
    "packets_out",
    "packets_in",
    "bytes_out",
    "bytes_in",
    "first",
    "last",
    "first_frame",
    "community_id",
];

/// The rows as a table; what it does to text is said in [`super::csv`].
struct Cells<'a>(&'a mut dyn Write);

impl RowSink for Cells<'_> {
    fn open(&mut self, _: &'static str) -> io::Result<()> {
        csv::row(COLUMNS.iter().map(|name| (*name).to_owned()), self.0)
    }

    fn row(&mut self, _: Option<usize>, row: &impl Serialize) -> io::Result<()> {
        let row = serde_json::to_value(row)?;
        let cells = COLUMNS.iter().map(|name| match row.get(name) {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) if *name == "host" => csv::host(text),
            Some(Value::String(text)) => csv::cell(text),
            Some(other) => other.to_string(),
        });
        csv::row(cells, self.0)
    }

    fn finish(self) -> io::Result<()> {
        Ok(())
    }
}

/// One JSON object a line.
struct Lines<'a>(Blocks<'a>);

impl RowSink for Lines<'_> {
    fn open(&mut self, _: &'static str) -> io::Result<()> {
        Ok(())
    }

    fn row(&mut self, _: Option<usize>, row: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.0, row)?;
        self.0.write_all(b"\n")
    }

    fn finish(self) -> io::Result<()> {
        self.0.finish()
    }
}

fn flow_row(
    key: &RowKey,
    tally: &Counters,
    scope: Scope,
    labels: &Labels,
    basis: &Basis<'_>,
    translators: &Translators,
) -> FlowRow {
    let client = key.opener.0;
    let server = client.other();
    let port = |side| {
        let port = key.key.port(side);
        matches!(
            key.transport,
            protocol::TCP | protocol::UDP | protocol::UDP_LITE
        )
        .then_some(port)
    };
    let address = key.key.ip(server);
    let place = basis.place(address, translators);
    let digits = basis
        .evidence
        .inputs
        .get(tally.first.at.input as usize)
        .map_or(9, |i| i.digits);
    let host = best_name(key, server);
    FlowRow {
        input: tally.first.at.input,
        transport: protocol::name(key.transport).into_owned(),
        protocol: key.protocol.map(str::to_owned),
        client_ip: key.key.ip(client).to_string(),
        client_port: port(client),
        server_ip: address.to_string(),
        server_port: port(server),
        scope: scope.id().into(),
        host: host.as_ref().map(|(name, _)| name.clone()),
        host_source: host.map_or("none", |(_, source)| source.id()).into(),
        app: labels.of(&key.apps).map(|app| match (&app.name, app.uid) {
            (Some(name), _) => name.clone(),
            (None, Some(uid)) => format!("uid:{uid}"),
            (None, None) => grounds::app(&app),
        }),
        country: place.as_ref().and_then(|p| p.country.clone()),
        asn: place.and_then(|p| p.asn),
        packets_out: tally.sent.of(client).packets,
        packets_in: tally.sent.of(server).packets,
        bytes_out: tally.sent.of(client).bytes,
        bytes_in: tally.sent.of(server).bytes,
        first: tally.first.time.rfc3339(digits),
        last: tally.last.time.rfc3339(digits),
        first_frame: tally.first.at.frame,
        community_id: community_id(key),
    }
}

fn best_name(key: &RowKey, server: Side) -> Option<(String, NameSource)> {
    let said = |asserted: bool| {
        key.names
            .iter()
            .filter(move |n| {
                if asserted {
                    n.is_asserted_name()
                } else {
                    n.source == NameSource::Certificate
                }
            })
            .max_by_key(|n| (n.source, std::cmp::Reverse(&n.name)))
            .map(|n| (n.name.to_string(), n.source))
    };
    let asked = key.resolved.of(server).asked.as_ref();
    said(true)
        .or_else(|| asked.map(|n| (n.to_string(), NameSource::Dns)))
        .or_else(|| said(false))
}

/// Community ID version 1 (github.com/corelight/community-id-spec), seed 0.
///
/// The endpoints are ordered by address, then port, which is the order of the key; for ICMP the
/// key's ports are the type and its counterpart, as the specification has it.
fn community_id(key: &RowKey) -> String {
    let mut hash = Sha1::new();
    hash.update([0u8, 0]);
    let ports = Pair {
        a: key.key.port(Side::A),
        b: key.key.port(Side::B),
    };
    for side in Side::BOTH {
        match key.key.ip(side) {
            IpAddr::V4(v4) => hash.update(v4.octets()),
            IpAddr::V6(v6) => hash.update(v6.octets()),
        }
    }
    hash.update([key.transport, 0]);
    if matches!(
        key.transport,
        protocol::TCP | protocol::UDP | protocol::ICMP | protocol::ICMPV6 | 132
    ) {
        hash.update(ports.a.to_be_bytes());
        hash.update(ports.b.to_be_bytes());
    }
    let digest = base64::engine::general_purpose::STANDARD.encode(hash.finalize());
    format!("1:{digest}")
}
