//! The rows of a catalog and the text they are read from: tab-separated columns, `#` comments, a header
//! line. Every cell is checked, because a row can accuse somebody.

use super::role::{RoleAttribution, role, roles};
use crate::ground::address::is_ip_literal;
use std::collections::HashMap;
use std::net::IpAddr;

/// Most rows of one file. Public block lists hold about a million names; a curated catalog with more is a
/// mistaken argument.
const MAX_ROWS: usize = 1_000_000;

/// Longest name in text form (RFC 1035 §3.1: 255 bytes on the wire).
const MAX_NAME: usize = 253;

/// Longest label (RFC 1035 §2.3.4).
const MAX_LABEL: usize = 63;

/// The columns of a catalog, in the order of the embedded one.
const COLUMNS: [&str; 10] = [
    "pattern",
    "match",
    "owner",
    "role",
    "jurisdiction",
    "region",
    "operators",
    "browsable",
    "evidence",
    "source",
];

/// How a pattern is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Matching {
    /// The name and everything below it.
    Suffix,
    /// The name only.
    Exact,
    /// An IP address.
    Address,
}

impl Matching {
    /// The name in the `match` column.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Suffix => "suffix",
            Self::Exact => "exact",
            Self::Address => "ip",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        [Self::Suffix, Self::Exact, Self::Address]
            .into_iter()
            .find(|matching| matching.as_str() == name)
    }
}

/// What a row rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Evidence {
    /// The owner's own documentation.
    Documented,
    /// Seen in the public source that is named.
    Cited,
    /// Attributed to the owner by the public list that is named.
    CheckedList,
    /// The user says so.
    Declared,
    /// Not verified: such a row describes, and neither accuses nor acquits whatever its role.
    GeneralKnowledge,
}

impl Evidence {
    /// The name in the `evidence` column.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Documented => "documented",
            Self::Cited => "cited",
            Self::CheckedList => "checked-list",
            Self::Declared => "declared",
            Self::GeneralKnowledge => "general-knowledge",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        [
            Self::Documented,
            Self::Cited,
            Self::CheckedList,
            Self::Declared,
            Self::GeneralKnowledge,
        ]
        .into_iter()
        .find(|evidence| evidence.as_str() == name)
    }
}

/// One row of the catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// The name in lower case without a trailing dot, or the address.
    pub pattern: String,
    /// How the pattern is compared.
    pub matching: Matching,
    /// Who stands behind the host. For a tenant of a shared cloud: the tenant.
    pub owner: String,
    /// What the host is for: a [`Role::id`].
    pub role: String,
    /// What traffic to it says. It follows from the role, except that a row of
    /// [`Evidence::GeneralKnowledge`] neither accuses nor acquits.
    pub attribution: RoleAttribution,
    /// ISO 3166 code of the owner's country, not of the server's.
    pub jurisdiction: Option<String>,
    /// What the name hints about placement; no evidence.
    pub region: Option<String>,
    /// Ids of the operators one of which must own the address before an [`RoleAttribution::Os`] row may
    /// acquit a connection. Empty: no network acquits.
    pub operators: Vec<String>,
    /// Whether people also open this host in browsers.
    pub browsable: bool,
    /// What the row rests on.
    pub evidence: Evidence,
    /// Where it was found.
    pub source: String,
}

/// One line of a catalog file that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Line number, from 1.
    pub line: usize,
    /// What is wrong and what to do.
    pub text: String,
}

/// Reads catalog text: the usable rows with their line numbers, and what is wrong with the other lines.
pub(super) fn parse(text: &str) -> (Vec<(usize, Host)>, Vec<Problem>) {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut columns = Columns::standard();
    let mut header_possible = true;
    let mut rows = Vec::new();
    let mut problems = Vec::new();
    let mut seen: HashMap<(String, Matching), usize> = HashMap::new();
    for (line, content) in (1usize..).zip(text.lines()) {
        if content.trim().is_empty() || content.starts_with('#') {
            continue;
        }
        if rows.len() >= MAX_ROWS {
            problems.push(Problem {
                line,
                text: format!("more than {MAX_ROWS} rows; split or shorten the file"),
            });
            break;
        }
        let first = std::mem::replace(&mut header_possible, false);
        let cells: Vec<&str> = content.split('\t').map(str::trim).collect();
        let read = if first && cells.contains(&"pattern") {
            Columns::from_header(&cells).map(|header| {
                columns = header;
                None
            })
        } else {
            columns.read(&cells).map(Some)
        };
        match read {
            Ok(None) => {}
            Ok(Some(host)) => {
                let key = (host.pattern.clone(), host.matching);
                match seen.get(&key) {
                    Some(before) => problems.push(Problem {
                        line,
                        text: format!(
                            "{:?} with match {} stands in line {before} already; keep one of the two",
                            host.pattern,
                            host.matching.as_str()
                        ),
                    }),
                    None => {
                        seen.insert(key, line);
                        rows.push((line, host));
                    }
                }
            }
            Err(text) => problems.push(Problem { line, text }),
        }
    }
    (rows, problems)
}

/// Which cell of a line holds which column of [`COLUMNS`].
struct Columns {
    places: [Option<usize>; COLUMNS.len()],
    count: usize,
}

impl Columns {
    fn standard() -> Self {
        Self {
            places: std::array::from_fn(Some),
            count: COLUMNS.len(),
        }
    }

    /// Columns by the names of a header line.
    fn from_header(cells: &[&str]) -> Result<Self, String> {
        const REQUIRED: [&str; 6] = ["pattern", "match", "owner", "role", "evidence", "source"];
        let names: Vec<&str> = cells
            .iter()
            .map(|name| match *name {
                "owner_jurisdiction" => "jurisdiction",
                "region_hint" => "region",
                other => other,
            })
            .collect();
        if let Some(name) = names.iter().find(|name| !COLUMNS.contains(name)) {
            return Err(format!(
                "unknown column {name:?}; the columns are {}",
                COLUMNS.join(", ")
            ));
        }
        if let Some(name) = REQUIRED.iter().find(|name| !names.contains(name)) {
            return Err(format!("the header lacks the column {name:?}; add it"));
        }
        Ok(Self {
            places: std::array::from_fn(|column| {
                let wanted = COLUMNS.get(column);
                names.iter().position(|name| Some(name) == wanted)
            }),
            count: names.len(),
        })
    }

    /// One row, or what is wrong with it.
    fn read(&self, cells: &[&str]) -> Result<Host, String> {
        if cells.len() != self.count {
            return Err(format!(
                "{} columns instead of {}; separate them by single tabs and leave an unknown value empty \
                 ({})",
                cells.len(),
                self.count,
                COLUMNS.join(", ")
            ));
        }
        let mut row = self
            .places
            .map(|place| place.and_then(|at| cells.get(at)).copied().unwrap_or(""))
            .into_iter();
        let mut next = || row.next().unwrap_or("");
        let (pattern, matching, owner, role_id) = (next(), next(), next(), next());
        let (jurisdiction, region, operators, browsable) = (next(), next(), next(), next());
        let (evidence, source) = (next(), next());

        let matching = Matching::from_name(matching)
            .ok_or_else(|| format!("match {matching:?}; use suffix, exact or ip"))?;
        let role = role(role_id).ok_or_else(|| {
            let known: Vec<&str> = roles().iter().map(|role| role.id).collect();
            format!("unknown role {role_id:?}; use one of {}", known.join(", "))
        })?;
        let evidence = Evidence::from_name(evidence).ok_or_else(|| {
            format!(
                "evidence {evidence:?}; use documented, cited, checked-list, declared or general-knowledge"
            )
        })?;
        let attribution = match (evidence, role.attribution) {
            (Evidence::GeneralKnowledge, RoleAttribution::Vendor | RoleAttribution::Os) => {
                RoleAttribution::None
            }
            (_, attribution) => attribution,
        };
        Ok(Host {
            pattern: parse_pattern(pattern, matching)?,
            matching,
            owner: words("owner", owner)?,
            role: role.id.to_owned(),
            attribution,
            jurisdiction: parse_jurisdiction(jurisdiction)?,
            region: (!region.is_empty())
                .then(|| words("region", region))
                .transpose()?,
            operators: parse_operators(operators)?,
            browsable: match browsable {
                "yes" => true,
                "" | "no" => false,
                other => return Err(format!("browsable {other:?}; use yes, no or nothing")),
            },
            evidence,
            source: words("source", source)?,
        })
    }
}

fn words(column: &str, text: &str) -> Result<String, String> {
    if text.is_empty() {
        Err(format!("no {column}; every row needs one"))
    } else if text.chars().any(char::is_control) {
        Err(format!(
            "control characters in {column} {text:?}; remove them"
        ))
    } else {
        Ok(text.to_owned())
    }
}

fn parse_jurisdiction(text: &str) -> Result<Option<String>, String> {
    match text.len() {
        0 => Ok(None),
        2 if text.bytes().all(|byte| byte.is_ascii_uppercase()) => Ok(Some(text.to_owned())),
        _ => Err(format!(
            "jurisdiction {text:?}; use the two capital letters of ISO 3166, or nothing"
        )),
    }
}

fn parse_operators(text: &str) -> Result<Vec<String>, String> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    text.split('|')
        .map(|id| {
            let valid =
                |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            if !id.is_empty() && id.bytes().all(valid) {
                Ok(id.to_owned())
            } else {
                Err(format!(
                    "operator {id:?}; use lower-case ids such as google, several joined by |"
                ))
            }
        })
        .collect()
}

/// The pattern in the form in which it is looked up.
fn parse_pattern(text: &str, matching: Matching) -> Result<String, String> {
    if matching == Matching::Address {
        return match text.parse::<IpAddr>() {
            Ok(ip) => Ok(ip.to_canonical().to_string()),
            Err(_) => Err(format!(
                "{text:?} is not an IP address; use suffix or exact for names"
            )),
        };
    }
    let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    if is_ip_literal(&name) {
        return Err(format!("{text:?} is an IP address; use match ip"));
    }
    let label_fits = |label: &str| {
        let valid = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        (1..=MAX_LABEL).contains(&label.len()) && label.bytes().all(valid)
    };
    if name.len() > MAX_NAME || !name.split('.').all(label_fits) {
        return Err(format!(
            "{text:?} is not a host name; write it without *, port or path, and in ASCII (xn--)"
        ));
    }
    let top = name.rsplit('.').next().unwrap_or("");
    if name == top {
        return Err(format!(
            "{text:?} has a single label and would cover a whole top-level domain; name the domain"
        ));
    }
    if top.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!(
            "{text:?} ends like an IP address; no host name does"
        ));
    }
    Ok(name)
}
