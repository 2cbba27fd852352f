//! The inventory without judgement: one JSON object a line, one line a flow; or the same fields as a
//! table for spreadsheets.

use super::blocks::Blocks;
use super::csv;
use super::format::Format;
use super::grounds;
use crate::evidence::counters::Counters;
use crate::evidence::flow::{NameSource, Pair, Side};
use crate::evidence::row::{Row, RowKey};
use crate::ground::moment::Moment;
use crate::ground::protocol;
use crate::ground::translation::Translators;
use crate::judge::classify::labels::Labels;
use crate::judge::classify::reach::scope_of;
use crate::judge::classify::{Basis, Scope};
use crate::judge::identity::DeviceView;
use crate::judge::identity::topology::Topology;
use base64::Engine;
use serde::Serialize;
use sha1::{Digest, Sha1};
use std::borrow::Cow;
use std::io::{self, Write};
use std::net::IpAddr;

/// A flow, in the order of the contract's fields.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct FlowRow {
    /// Index of the input of the first packet, in the order of the report's inputs.
    pub input: u32,
    /// `tcp`, `udp`, …
    pub transport: Cow<'static, str>,
    /// Application protocol, if recognised.
    pub protocol: Option<&'static str>,
    /// Who opened the flow.
    pub client_ip: IpAddr,
    /// Its port.
    pub client_port: Option<u16>,
    /// The other end.
    pub server_ip: IpAddr,
    /// Its port.
    pub server_port: Option<u16>,
    /// `local`, `relayed` or `internet`.
    pub scope: &'static str,
    /// Best name of the server.
    pub host: Option<String>,
    /// Where it comes from.
    pub host_source: &'static str,
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
    // They are put in order before they are written out: then each is long.
    let mut flows: Vec<Flow<'_>> = Vec::new();
    let mut labels = Vec::new();
    for (place, series) in basis.evidence.series.iter().enumerate() {
        let topology = Topology::new(series, &basis.evidence.series, basis.local);
        let device = DeviceView::new(basis.devices, series, &basis.evidence.series, &topology);
        labels.push(Labels::new(series, basis));
        for (key, row) in &series.rows {
            let Some(first) = row.spans.iter().map(|span| span.total.first).min() else {
                continue;
            };
            let (scope, ..) = scope_of(key, &topology, &device);
            flows.push(Flow {
                key,
                row,
                first,
                scope,
                place,
            });
        }
    }
    flows.sort_by(|a, b| {
        let client = |flow: &Flow<'_>| {
            let opener = flow.key.opener.0;
            (flow.key.key.ip(opener).to_string(), port(flow.key, opener))
        };
        let by_client = || client(a).cmp(&client(b));
        a.first.cmp(&b.first).then_with(by_client)
    });
    let rows = flows.iter().filter_map(|flow| {
        let labels = labels.get(flow.place)?;
        flow_row(flow, labels, basis, &translators)
    });
    rows.collect()
}

/// A flow in its order.
struct Flow<'a> {
    key: &'a RowKey,
    row: &'a Row,
    first: Moment,
    scope: Scope,
    /// Of its series.
    place: usize,
}

/// The port of a side, where the transport has ports.
fn port(key: &RowKey, side: Side) -> Option<u16> {
    let has = matches!(
        key.transport,
        protocol::TCP | protocol::UDP | protocol::UDP_LITE
    );
    has.then_some(key.key.port(side))
}

/// The formats of the inventory.
pub const FORMATS: &[Format] = &[Format::NDJSON, Format::CSV];

/// Writes the rows in one of [`FORMATS`].
///
/// # Errors
/// When the writer fails.
pub fn write_as(format: Format, rows: &[FlowRow], out: &mut dyn Write) -> io::Result<()> {
    if format == Format::CSV {
        table(rows, out)
    } else {
        lines(rows, out)
    }
}

/// The rows as a table; what it does to text is said in [`super::csv`].
fn table(rows: &[FlowRow], out: &mut dyn Write) -> io::Result<()> {
    csv::row(COLUMNS.iter().map(|name| (*name).to_owned()), out)?;
    for row in rows {
        let row = serde_json::to_value(row)?;
        let cells = COLUMNS.iter().map(|name| match row.get(name) {
            None | Some(serde_json::Value::Null) => String::new(),
            Some(serde_json::Value::String(text)) if *name == "host" => csv::host(text),
            Some(serde_json::Value::String(text)) => csv::cell(text),
            Some(other) => other.to_string(),
        });
        csv::row(cells, out)?;
    }
    Ok(())
}

/// One JSON object a line, as `serde_json` writes it. Of a million rows the names of the fields are most of the text: they are written as
/// they stand, and only what they hold is looked at.
fn lines(rows: &[FlowRow], out: &mut dyn Write) -> io::Result<()> {
    let mut out = Blocks::new(out);
    let mut line = Vec::new();
    for row in rows {
        line.clear();
        row.line(&mut line)?;
        out.write_all(&line)?;
    }
    out.finish()
}

macro_rules! fields {
    ($($before:literal $name:ident,)*) => {
        /// The fields of [`FlowRow`], in their order.
        const COLUMNS: &[&str] = &[$(stringify!($name)),*];

        impl FlowRow {
            fn line(&self, out: &mut Vec<u8>) -> io::Result<()> {
                $(
                    out.extend_from_slice(concat!($before, "\"", stringify!($name), "\":").as_bytes());
                    self.$name.value(out)?;
                )*
                out.extend_from_slice(b"}\n");
                Ok(())
            }
        }
    };
}

fields! {
    "{" input,
    "," transport,
    "," protocol,
    "," client_ip,
    "," client_port,
    "," server_ip,
    "," server_port,
    "," scope,
    "," host,
    "," host_source,
    "," app,
    "," country,
    "," asn,
    "," packets_out,
    "," packets_in,
    "," bytes_out,
    "," bytes_in,
    "," first,
    "," last,
    "," first_frame,
    "," community_id,
}

/// The value of a field.
trait Value {
    fn value(&self, out: &mut Vec<u8>) -> io::Result<()>;
}

impl Value for str {
    fn value(&self, out: &mut Vec<u8>) -> io::Result<()> {
        let plain = |byte: u8| matches!(byte, b' '..=b'~') & (byte != b'"') & (byte != b'\\');
        // Without a way out, so that many bytes are looked at at once.
        if !self.bytes().fold(true, |all, byte| all & plain(byte)) {
            return Ok(serde_json::to_writer(out, self)?);
        }
        out.push(b'"');
        out.extend_from_slice(self.as_bytes());
        out.push(b'"');
        Ok(())
    }
}

impl<T: Value> Value for Option<T> {
    fn value(&self, out: &mut Vec<u8>) -> io::Result<()> {
        match self {
            Some(value) => value.value(out),
            None => {
                out.extend_from_slice(b"null");
                Ok(())
            }
        }
    }
}

macro_rules! values {
    ($($of:ty: $value:ident => $as:expr;)*) => {$(
        impl Value for $of {
            fn value(&self, out: &mut Vec<u8>) -> io::Result<()> {
                let $value = self;
                $as.value(out)
            }
        }
    )*};
}

values! {
    String: text => text.as_str();
    &'static str: text => **text;
    Cow<'static, str>: text => **text;
}

macro_rules! as_serde {
    ($($of:ty)*) => {$(
        impl Value for $of {
            fn value(&self, out: &mut Vec<u8>) -> io::Result<()> {
                Ok(serde_json::to_writer(out, self)?)
            }
        }
    )*};
}

as_serde! { u16 u32 u64 IpAddr }

fn flow_row(
    flow: &Flow<'_>,
    labels: &Labels,
    basis: &Basis<'_>,
    translators: &Translators,
) -> Option<FlowRow> {
    let Flow {
        key, row, scope, ..
    } = flow;
    let tally = Counters::sum(row.spans.iter().map(|span| &span.total))?;
    let client = key.opener.0;
    let server = client.other();
    let address = key.key.ip(server);
    let place = basis.place(address, translators);
    let (country, asn) = place.map_or((None, None), |place| (place.country, place.asn));
    let digits = basis
        .evidence
        .inputs
        .get(tally.first.at.input as usize)
        .map_or(9, |i| i.digits);
    let host = best_name(key, server);
    Some(FlowRow {
        input: tally.first.at.input,
        transport: protocol::name(key.transport),
        protocol: key.protocol,
        client_ip: key.key.ip(client),
        client_port: port(key, client),
        server_ip: address,
        server_port: port(key, server),
        scope: scope.id(),
        host_source: host.as_ref().map_or("none", |(_, source)| source.id()),
        host: host.map(|(name, _)| name),
        app: labels.of(&key.apps).map(|app| match (&app.name, app.uid) {
            (Some(name), _) => name.clone(),
            (None, Some(uid)) => format!("uid:{uid}"),
            (None, None) => grounds::app(&app),
        }),
        country,
        asn,
        packets_out: tally.sent.of(client).packets,
        packets_in: tally.sent.of(server).packets,
        bytes_out: tally.sent.of(client).bytes,
        bytes_in: tally.sent.of(server).bytes,
        first: tally.first.time.rfc3339(digits),
        last: tally.last.time.rfc3339(digits),
        first_frame: tally.first.at.frame,
        community_id: community_id(key),
    })
}

fn best_name(key: &RowKey, server: Side) -> Option<(String, NameSource)> {
    let said = |asserted: bool| {
        let said = key.names.of(server.other());
        said.iter()
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
    let mut id = String::with_capacity(30);
    id.push_str("1:");
    base64::engine::general_purpose::STANDARD.encode_string(hash.finalize(), &mut id);
    id
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// What is written by hand is what a serializer writes, and what a table has columns for.
        #[test]
        fn a_line_is_the_row_as_it_is_serialized(
            host in prop::option::of(any::<String>()),
            app in prop::option::of("[ -~]{0,9}"),
            ip in any::<(IpAddr, IpAddr)>(),
            port in any::<Option<u16>>(),
            count in any::<u64>(),
        ) {
            let row = FlowRow {
                input: 7,
                transport: Cow::Owned("ip-99".to_owned()),
                protocol: Some("tls"),
                client_ip: ip.0,
                client_port: port,
                server_ip: ip.1,
                server_port: None,
                scope: "internet",
                host,
                host_source: "tls-sni",
                app,
                country: Some("US".to_owned()),
                asn: Some(u32::MAX),
                packets_out: count,
                packets_in: 0,
                bytes_out: 1,
                bytes_in: u64::MAX,
                first: Some("2023-11-14T22:13:20.000000Z".to_owned()),
                last: None,
                first_frame: 9,
                community_id: "1:+/=".to_owned(),
            };
            let mut line = Vec::new();
            row.line(&mut line).unwrap();
            let line = String::from_utf8(line).unwrap();
            prop_assert_eq!(line.strip_suffix('\n'), Some(&*serde_json::to_string(&row).unwrap()));
            let serialized = serde_json::to_value(&row).unwrap();
            prop_assert_eq!(serialized.as_object().unwrap().len(), COLUMNS.len());
        }
    }
}
