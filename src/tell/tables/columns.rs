//! The columns of each table, one line each: name, kind, whether a cell is always there, what it says, and where
//! it comes from in a report.

use super::cell::{Cell, CellType};
use super::session::{Failed, Outcome, Session};
use super::{Column, Row};
use crate::judge::claim::Verdict;
use crate::tell::report::v1;

/// `columns!` makes of a list of lines the description of the columns and the function that fills a row.
macro_rules! columns {
    ($of:ident: $from:ty; $($name:literal $kind:ident $need:ident $about:literal => $cell:expr;)+) => {
        /// Its columns.
        pub fn columns() -> Vec<Column> {
            vec![
                Column {
                    name: "session",
                    kind: CellType::Text,
                    nullable: false,
                    about: "id of the session, by which tables join",
                },
                $(Column {
                    name: $name,
                    kind: CellType::$kind,
                    nullable: columns!(@ $need),
                    about: $about,
                },)+
            ]
        }

        fn row(session: &Session<'_>, $of: $from) -> Row {
            vec![Cell::Text(session.id.to_owned()), $($cell,)+]
        }
    };
    (@ always) => { false };
    (@ maybe) => { true };
}

fn words<T: ToString>(list: &[T]) -> Cell {
    Cell::Texts(list.iter().map(ToString::to_string).collect())
}

fn word(word: impl ToString) -> Cell {
    Cell::Text(word.to_string())
}

fn index(at: usize) -> Cell {
    Cell::Count(at as u64)
}

/// Table `sessions`.
pub mod sessions {
    use super::*;

    columns! { of: &Session<'_>;
        "app" Text maybe "app under audit, as it was declared" => Cell::text(of.labels.app.clone());
        "version" Text maybe "its version, as it was declared" => Cell::text(of.labels.version.clone());
        "device" Text maybe "device under audit, as it was declared" => Cell::text(of.labels.device.clone());
        "mode" Text maybe "state of the mode under test, as it was declared" => Cell::text(of.labels.mode.clone());
        "captures" Texts always "file names of its captures" => captures(of);
        "verdict" Text maybe "worst verdict over the claims: contradicted, inconclusive or consistent; null if it could not be audited" => Cell::text(of.report().map(|r| r.verdict.id()));
        "error" Text maybe "why it could not be audited: unreadable, timeout or internal; null if it was" => failure(of).map_or(Cell::Null, |f| word(f.0));
        "error_text" Text maybe "the same in words" => failure(of).map_or(Cell::Null, |f| word(f.1));
        "packets" Count maybe "packet records read" => sum(of, |i| i.packets);
        "local" Count maybe "packets that cannot leave the link or site" => sum(of, |i| i.accounting.local);
        "internet" Count maybe "packets to or from an address on the internet" => sum(of, |i| i.accounting.internet);
        "relayed" Count maybe "packets to a private address that carry internet use" => sum(of, |i| i.accounting.relayed);
        "not_ip" Count maybe "packets without IP" => sum(of, |i| i.accounting.not_ip);
        "unreadable" Count maybe "packets that could carry IP and cannot be read" => sum(of, |i| i.accounting.unreadable);
        "bytes" Count maybe "size of its captures" => bytes(of);
        "first" Time maybe "first packet" => Cell::time(edge(of, |i| i.first.as_deref(), Ord::min));
        "last" Time maybe "last packet" => Cell::time(edge(of, |i| i.last.as_deref(), Ord::max));
        "findings" Count maybe "number of findings" => Cell::count(of.report().map(|r| r.findings.len() as u64));
        "destinations" Count maybe "number of destinations" => Cell::count(of.report().map(|r| r.destinations.len() as u64));
        "blocking_gaps" Texts maybe "ids of the gaps that forbid a verdict of consistent, and that no other vantage covers" => blocking(of);
        "arguments" Texts always "options that it was audited with, captures left out" => words(of.arguments);
        "digest" Text maybe "digest of its report" => Cell::text(of.report().map(|r| r.digest.clone()));
        "program" Text always "version of the program" => word(&of.tool.version);
        "commit" Text maybe "commit that the program was built from" => Cell::text(of.tool.commit.clone());
        "catalog_sha256" Text always "SHA-256 of the host catalog" => word(&of.tool.catalog_sha256);
        "claims_sha256" Text always "SHA-256 of the claims that ship" => word(&of.tool.claims_sha256);
        "geo_sha256" Texts always "SHA-256 of each address database" => Cell::Texts(of.tool.geo.iter().map(|g| g.sha256.clone()).collect());
    }

    /// The only row.
    pub fn rows(session: &Session<'_>) -> Vec<Row> {
        vec![row(session, session)]
    }

    fn captures(of: &Session<'_>) -> Cell {
        Cell::Texts(match of.outcome {
            Outcome::Audited(report) => report.inputs.iter().map(|i| i.path.clone()).collect(),
            Outcome::Failed(_, files) => files.iter().map(|f| f.name.clone()).collect(),
        })
    }

    fn failure<'a>(of: &Session<'a>) -> Option<(Failed, &'a str)> {
        match of.outcome {
            Outcome::Audited(_) => None,
            Outcome::Failed(failure, _) => Some((failure.kind, &failure.text)),
        }
    }

    fn sum(of: &Session<'_>, count: fn(&v1::Input) -> u64) -> Cell {
        let sum = |r: &v1::Report| r.inputs.iter().map(count).fold(0, u64::saturating_add);
        Cell::count(of.report().map(sum))
    }

    fn bytes(of: &Session<'_>) -> Cell {
        match of.outcome {
            Outcome::Audited(_) => sum(of, |i| i.bytes),
            Outcome::Failed(_, files) => {
                let known: Option<Vec<u64>> = files.iter().map(|f| f.bytes).collect();
                Cell::count(known.map(|all| all.into_iter().fold(0, u64::saturating_add)))
            }
        }
    }

    /// Times of the same precision compare as texts; of different ones by their seconds, which is what counts here.
    fn edge<'a>(
        of: &Session<'a>,
        time: fn(&v1::Input) -> Option<&str>,
        pick: fn(&'a str, &'a str) -> &'a str,
    ) -> Option<&'a str> {
        let inputs = of.report()?.inputs.iter();
        inputs.filter_map(time).reduce(pick)
    }

    fn blocking(of: &Session<'_>) -> Cell {
        let Some(report) = of.report() else {
            return Cell::Null;
        };
        let gaps = report.coverage.gaps.iter();
        let open = gaps.filter(|g| g.blocking && g.covered_by.is_none());
        let mut ids: Vec<String> = open.map(|g| g.id.to_string()).collect();
        ids.sort_unstable();
        ids.dedup();
        Cell::Texts(ids)
    }
}

/// Table `inputs`.
pub mod inputs {
    use super::*;

    columns! { of: (usize, &v1::Input);
        "input" Count always "index of the input in its session, from 0" => index(of.0);
        "path" Text always "file name" => word(&of.1.path);
        "sha256" Text maybe "SHA-256 of the file" => Cell::text(of.1.sha256.clone());
        "bytes" Count always "size of the file" => Cell::Count(of.1.bytes);
        "format" Text always "pcap, pcapng, … with its compression" => word(&of.1.format);
        "link_types" Texts always "names of the link types" => words(&of.1.link_types);
        "packets" Count always "packet records read" => Cell::Count(of.1.packets);
        "first" Time maybe "first packet" => Cell::time(of.1.first.as_deref());
        "last" Time maybe "last packet" => Cell::time(of.1.last.as_deref());
        "dropped" Count maybe "packets lost by the capture's own counters; null without any" => Cell::count(of.1.dropped);
        "truncated" Count always "packets captured only in part" => Cell::Count(of.1.truncated);
        "damaged" Flag always "records or blocks cannot be right" => Cell::Flag(of.1.damaged);
        "local" Count always "packets that cannot leave the link or site" => Cell::Count(of.1.accounting.local);
        "internet" Count always "packets to or from an address on the internet" => Cell::Count(of.1.accounting.internet);
        "relayed" Count always "packets to a private address that carry internet use" => Cell::Count(of.1.accounting.relayed);
        "not_ip" Count always "packets without IP" => Cell::Count(of.1.accounting.not_ip);
        "unreadable" Count always "packets that could carry IP and cannot be read" => Cell::Count(of.1.accounting.unreadable);
    }

    /// A row a capture.
    pub fn rows(session: &Session<'_>) -> Vec<Row> {
        let inputs = session.report().map_or(&[][..], |r| &r.inputs);
        let inputs = inputs.iter().enumerate();
        inputs.map(|of| row(session, of)).collect()
    }
}

/// Table `claims`.
pub mod claims {
    use super::*;

    columns! { of: &v1::Claim;
        "claim" Text always "id of the claim" => word(&of.id);
        "preset" Text maybe "wording that was judged; null for the claim's own" => Cell::text(of.preset.clone());
        "verdict" Text always "contradicted, inconclusive or consistent" => word(of.verdict);
        "reasons" Texts always "ids of the reasons, in their order" => Cell::Texts(of.reasons.iter().map(|r| r.id.clone()).collect());
        "findings" Texts always "ids of the findings that bear on it" => words(&of.findings);
        "statement" Text always "sentence that is tested" => word(&of.statement);
        "source" Text always "who said it, and when" => word(&of.source);
        "exposure_seconds" Number maybe "seconds with the subject seen at work; only of a consistent claim" => of.silence.as_ref().map_or(Cell::Null, |s| Cell::Number(s.exposure_seconds));
        "rate_upper_per_hour" Number maybe "contacts per hour that the silence still allows at 95 %; only of a consistent claim" => of.silence.as_ref().and_then(|s| s.rate_upper_per_hour).map_or(Cell::Null, Cell::Number);
    }

    /// A row a claim.
    pub fn rows(session: &Session<'_>) -> Vec<Row> {
        let claims = session.report().map_or(&[][..], |r| &r.claims);
        claims.iter().map(|of| row(session, of)).collect()
    }
}

/// Table `reasons`.
pub mod reasons {
    use super::*;

    columns! { of: (&v1::Claim, usize, &v1::Reason);
        "claim" Text always "id of the claim" => word(&of.0.id);
        "preset" Text maybe "wording that was judged; null for the claim's own" => Cell::text(of.0.preset.clone());
        "position" Count always "place among the reasons of the claim, from 0" => index(of.1);
        "reason" Text always "id of a rule or a gap" => word(&of.2.id);
        "text" Text always "in words" => word(&of.2.text);
    }

    /// A row a reason.
    pub fn rows(session: &Session<'_>) -> Vec<Row> {
        let claims = session.report().map_or(&[][..], |r| &r.claims);
        let reasons = claims.iter().flat_map(|claim| {
            claim
                .reasons
                .iter()
                .enumerate()
                .map(move |(at, r)| (claim, at, r))
        });
        reasons.map(|of| row(session, of)).collect()
    }
}

/// Table `findings`.
pub mod findings {
    use super::*;

    columns! { of: (&v1::Report, &v1::Finding);
        "finding" Text always "fingerprint of its meaning: the same in every session that shows it" => word(&of.1.id);
        "rule" Text always "id of the rule" => word(&of.1.rule);
        "claims" Texts always "claims that it bears on" => words(&of.1.claims);
        "attribution" Text always "whose traffic it is" => word(of.1.attribution);
        "stage" Text always "how far it went" => word(of.1.stage);
        "confidence" Text always "high, medium or low" => word(of.1.confidence);
        "destination" Text maybe "id of the destination in its session; null for a lookup" => Cell::text(of.1.destination.clone());
        "lookup" Text maybe "name that was looked up; null for a destination" => Cell::text(of.1.lookup.clone());
        "host" Text maybe "host of the destination, or the name that was looked up" => host(of);
        "grace" Flag always "it lies in the grace of a window only, and contradicts nothing alone" => Cell::Flag(of.1.grace);
        "allowed" Text maybe "id of the allowance that covers it: it then moves no verdict" => Cell::text(of.1.allowed.clone());
        "known" Flag maybe "with --against: true if the other report has it too; null without" => Cell::flag(of.1.known);
        "content" Texts always "kinds of personal data found in clear" => Cell::Texts(of.1.content.iter().map(|c| c.kind.to_string()).collect());
        "text" Text always "in words" => word(&of.1.text);
        "first" Time maybe "first packet" => Cell::time(of.1.first.as_deref());
        "frames" Texts always "exemplar frames, as input:frame" => Cell::Texts(of.1.frames.iter().map(|f| format!("{}:{}", f.input, f.frame)).collect());
        "filter" Text always "Wireshark display filter that selects its packets" => word(&of.1.filter);
    }

    /// A row a finding.
    pub fn rows(session: &Session<'_>) -> Vec<Row> {
        let Some(report) = session.report() else {
            return Vec::new();
        };
        let findings = report.findings.iter();
        findings.map(|of| row(session, (report, of))).collect()
    }

    fn host((report, finding): (&v1::Report, &v1::Finding)) -> Cell {
        let id = finding.destination.as_deref();
        let found = report
            .destinations
            .iter()
            .find(|d| Some(d.id.as_str()) == id);
        let host = found.and_then(|d| d.host.clone());
        Cell::text(host.or_else(|| finding.lookup.clone()))
    }
}

/// Table `destinations`.
pub mod destinations {
    use super::*;
    use crate::tell::report::v1::source_word;

    columns! { of: &v1::Destination;
        "destination" Text always "id in its session" => word(&of.id);
        "scope" Text always "internet or relayed" => word(of.scope);
        "ip" Text maybe "address; null behind a relay that was not given one" => Cell::text(of.ip.clone());
        "ip_bytes" Address maybe "the same as 16 bytes, IPv4 mapped" => Cell::address(of.ip.as_deref());
        "port" Count maybe "port" => Cell::count(of.port);
        "via_ip" Text maybe "local relay" => Cell::text(of.via.as_ref().map(|v| v.ip.clone()));
        "via_port" Count maybe "its port" => Cell::count(of.via.as_ref().and_then(|v| v.port));
        "transport" Text always "tcp, udp, …" => word(&of.transport);
        "protocol" Text maybe "application protocol" => Cell::text(of.protocol.clone());
        "host" Text maybe "best name" => Cell::text(of.host.clone());
        "host_source" Text always "where it comes from; none without one" => word(source_word(of.host_source.as_ref()));
        "names" Texts always "all names" => names(of);
        "owner" Text maybe "who owns the name, by the catalog" => Cell::text(of.owner.clone());
        "role" Text maybe "what the host is for, by the catalog" => Cell::text(of.role.clone());
        "jurisdiction" Text maybe "the owner's jurisdiction, by the catalog" => Cell::text(of.jurisdiction.clone());
        "attribution" Text always "whose traffic it is" => word(of.attribution);
        "country" Text maybe "country of the address" => Cell::text(of.country.clone());
        "country_confidence" Text always "agreed, conflict, anycast, single or unknown" => word(of.country_confidence);
        "country_candidates" Texts always "all answers" => words(&of.country_candidates);
        "asn" Count maybe "autonomous system of the address" => Cell::count(of.asn);
        "organisation" Text maybe "its organisation" => Cell::text(of.organisation.clone());
        "cloud" Text maybe "cloud provider, by the host name" => Cell::text(of.cloud.as_ref().map(|c| c.provider.clone()));
        "cloud_region" Text maybe "its region, by the host name" => Cell::text(of.cloud.as_ref().and_then(|c| c.region.clone()));
        "app" Text maybe "app, by the capture's label" => Cell::text(of.app.as_ref().and_then(|a| a.name.clone()));
        "app_uid" Count maybe "its user id" => Cell::count(of.app.as_ref().and_then(|a| a.uid));
        "stage" Text always "how far it went" => word(of.stage);
        "flows" Count always "number of flows" => Cell::Count(of.flows);
        "packets_out" Count always "packets away from our side" => Cell::Count(of.packets_out);
        "packets_in" Count always "packets towards our side" => Cell::Count(of.packets_in);
        "bytes_out" Count always "transport payload away from our side" => Cell::Count(of.bytes_out);
        "bytes_in" Count always "transport payload towards our side" => Cell::Count(of.bytes_in);
        "bytes_opened_out" Count always "payload away from our side that was opened with keys" => Cell::Count(of.bytes_opened_out);
        "bytes_opened_in" Count always "payload towards our side that was opened with keys" => Cell::Count(of.bytes_opened_in);
        "bytes_sealed" Count always "payload of both directions that stayed sealed" => Cell::Count(of.sealed.iter().fold(0, |sum, s| s.bytes.saturating_add(sum)));
        "sealed" Texts always "why it stayed sealed" => Cell::Texts(of.sealed.iter().map(|s| s.reason.to_string()).collect());
        "first" Time maybe "first packet" => Cell::time(of.first.as_deref());
        "last" Time maybe "last packet" => Cell::time(of.last.as_deref());
        "clients" Texts always "addresses of our side" => words(&of.clients);
        "ja4" Texts always "fingerprints of the clients' hellos" => words(&of.ja4);
        "inputs" Texts always "inputs that show it" => words(&of.inputs);
    }

    /// A row a destination.
    pub fn rows(session: &Session<'_>) -> Vec<Row> {
        let all = session.report().map_or(&[][..], |r| &r.destinations);
        all.iter().map(|of| row(session, of)).collect()
    }

    fn names(of: &v1::Destination) -> Cell {
        let mut names: Vec<String> = of.names.iter().map(|n| n.name.clone()).collect();
        names.sort_unstable();
        names.dedup();
        Cell::Texts(names)
    }
}

/// Table `lookups`.
pub mod lookups {
    use super::*;

    columns! { of: (usize, &v1::Lookup);
        "position" Count always "place in its session, from 0" => index(of.0);
        "name" Text always "name" => word(&of.1.name);
        "types" Texts always "record types" => words(&of.1.types);
        "resolver" Text always "who was asked" => word(&of.1.resolver);
        "clients" Texts always "who asked" => words(&of.1.clients);
        "scope" Text always "local, relayed or internet" => word(of.1.scope);
        "answers" Texts always "addresses answered" => words(&of.1.answers);
        "owner" Text maybe "who owns the name, by the catalog" => Cell::text(of.1.owner.clone());
        "role" Text maybe "what the host is for, by the catalog" => Cell::text(of.1.role.clone());
        "attribution" Text always "whose lookup it is" => word(of.1.attribution);
        "app" Text maybe "app, by the capture's label" => Cell::text(of.1.app.as_ref().and_then(|a| a.name.clone()));
        "count" Count always "times asked" => Cell::Count(of.1.count);
        "first" Time maybe "first time" => Cell::time(of.1.first.as_deref());
        "input" Count always "index of the input" => Cell::Count(of.1.input.into());
        "frame" Count always "first frame" => Cell::Count(of.1.frame);
    }

    /// A row a name.
    pub fn rows(session: &Session<'_>) -> Vec<Row> {
        let all = session.report().map_or(&[][..], |r| &r.lookups);
        all.iter().enumerate().map(|of| row(session, of)).collect()
    }
}

/// Table `gaps`.
pub mod gaps {
    use super::*;

    columns! { of: (usize, &v1::Gap);
        "position" Count always "place in its session, from 0" => index(of.0);
        "gap" Text always "id of the gap" => word(&of.1.id);
        "count" Count always "how often" => Cell::Count(of.1.count);
        "text" Text always "in words" => word(&of.1.text);
        "input" Count maybe "index of the input; null if it holds for all" => Cell::count(of.1.input);
        "frame" Count maybe "first frame that shows it" => Cell::count(of.1.frame);
        "blocking" Flag always "it forbids a verdict of consistent" => Cell::Flag(of.1.blocking);
        "covered_by" Count maybe "index of the input of another vantage that makes up for it" => Cell::count(of.1.covered_by);
    }

    /// A row a gap.
    pub fn rows(session: &Session<'_>) -> Vec<Row> {
        let all = session.report().map_or(&[][..], |r| &r.coverage.gaps);
        all.iter().enumerate().map(|of| row(session, of)).collect()
    }
}

/// Table `flows`.
pub mod flows {
    use super::*;
    use crate::tell::report::flows::FlowRow;

    columns! { of: (usize, &FlowRow);
        "position" Count always "place in its session, from 0" => index(of.0);
        "input" Count always "index of the input" => Cell::Count(of.1.input.into());
        "transport" Text always "tcp, udp, …" => word(&of.1.transport);
        "protocol" Text maybe "application protocol" => Cell::text(of.1.protocol);
        "client_ip" Text always "who opened it" => word(of.1.client_ip);
        "client_ip_bytes" Address maybe "the same as 16 bytes, IPv4 mapped" => Cell::address(Some(&of.1.client_ip.to_string()));
        "client_port" Count maybe "its port" => Cell::count(of.1.client_port);
        "server_ip" Text always "the other end" => word(of.1.server_ip);
        "server_ip_bytes" Address maybe "the same as 16 bytes, IPv4 mapped" => Cell::address(Some(&of.1.server_ip.to_string()));
        "server_port" Count maybe "its port" => Cell::count(of.1.server_port);
        "scope" Text always "local, relayed or internet" => word(of.1.scope);
        "host" Text maybe "best name of the server" => Cell::text(of.1.host.clone());
        "host_source" Text always "where it comes from" => word(of.1.host_source);
        "app" Text maybe "app, by the capture's label" => Cell::text(of.1.app.clone());
        "country" Text maybe "country of the server's address" => Cell::text(of.1.country.clone());
        "asn" Count maybe "its autonomous system" => Cell::count(of.1.asn);
        "packets_out" Count always "packets from client to server" => Cell::Count(of.1.packets_out);
        "packets_in" Count always "packets from server to client" => Cell::Count(of.1.packets_in);
        "bytes_out" Count always "payload from client to server" => Cell::Count(of.1.bytes_out);
        "bytes_in" Count always "payload from server to client" => Cell::Count(of.1.bytes_in);
        "first" Time maybe "first packet" => Cell::time(of.1.first.as_deref());
        "last" Time maybe "last packet" => Cell::time(of.1.last.as_deref());
        "first_frame" Count always "frame of the first packet" => Cell::Count(of.1.first_frame);
        "community_id" Text always "Community ID, version 1, seed 0" => word(&of.1.community_id);
    }

    /// A row a flow.
    pub fn rows(session: &Session<'_>) -> Vec<Row> {
        let all = session.flows.unwrap_or_default();
        all.iter().enumerate().map(|of| row(session, of)).collect()
    }
}

/// The verdict of a session, by the word in its table.
pub fn verdict(word: &str) -> Option<Verdict> {
    Verdict::ALL.iter().copied().find(|v| v.id() == word)
}
