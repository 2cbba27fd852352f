//! Traffic in sum: by whose it is, by who owns the name, and by place.
//!
//! Owner and place are two tables on purpose: the seat of a company says nothing about where its
//! server stands.

use super::Part;
use super::folding::folded;
use super::icon::chip;
use super::markup::Page;
use crate::judge::classify::Stage;
use crate::judge::classify::attribution::Attribution;
use crate::tell::report::v1::Destination;
use crate::tell::report::words;
use crate::tell::report::words::Sense;
use std::collections::BTreeMap;
use std::io;

/// Sums over destinations.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    destinations: u64,
    bytes_out: u64,
    bytes_in: u64,
    /// The furthest; `None` before the first row.
    stage: Option<Stage>,
}

impl Sum {
    fn add(&mut self, row: &Destination) {
        self.destinations = self.destinations.saturating_add(1);
        self.bytes_out = self.bytes_out.saturating_add(row.bytes_out);
        self.bytes_in = self.bytes_in.saturating_add(row.bytes_in);
        self.stage = self.stage.max(Some(row.stage));
    }
}

/// A row of a table of sums: what it is about, and the sums.
type Row<K> = (K, Sum);

/// Sums by a key, the most bytes out first.
fn by<K: Ord>(rows: &[Destination], key: impl Fn(&Destination) -> K) -> Vec<Row<K>> {
    let mut sums: BTreeMap<K, Sum> = BTreeMap::new();
    for row in rows {
        sums.entry(key(row)).or_default().add(row);
    }
    let mut sums: Vec<Row<K>> = sums.into_iter().collect();
    // Stable: equal sums stay in the order of their names.
    sums.sort_by_key(|(_, sum)| u64::MAX - sum.bytes_out);
    sums
}

/// The section.
pub(super) fn summary(page: &mut Page<'_>, part: &Part<'_>) -> io::Result<()> {
    let rows = part.report.destinations.as_slice();
    part.section(page, "summary", "Traffic in sum", |page| {
        if rows.is_empty() {
            return page.p("No readable traffic beyond the local network was seen.");
        }
        page.p(
            "Internet and relayed traffic of the whole capture. Bytes are transport payload; out is away from our side.",
        )?;
        let mut whose = by(rows, |row| row.attribution);
        whose.sort_by_key(|(id, _)| words::rank(*id));
        let class = |id: &Attribution| Sense::from(*id).class();
        table(page, ("Attribution", "By whose it is"), &whose, attribution, class)?;
        let owners = by(rows, owner);
        folded(page, &owners, "owner", |page, rows, words| {
            let caption = format!("By who owns the name, with the owner's jurisdiction: {words}");
            table(page, ("Owner", &caption), rows, |page, name| page.text(name), |_| PLAIN)
        })?;
        super::map::map(page, part)?;
        let places = by(rows, words::place);
        folded(page, &places, "place", |page, rows, words| {
            let caption = format!("By place of the address: {words}");
            table(page, ("Place", &caption), rows, |page, name| page.text(name), |_| PLAIN)
        })
    })
}

/// Class of a bar without a meaning.
const PLAIN: &str = "plain";

fn attribution(page: &mut Page<'_>, id: &Attribution) -> io::Result<()> {
    chip(page, Sense::from(*id), id.id())?;
    page.small(words::because(*id))
}

fn owner(row: &Destination) -> String {
    match (&row.owner, &row.jurisdiction) {
        (Some(owner), Some(jurisdiction)) => format!("{owner} ({jurisdiction})"),
        (Some(owner), None) => owner.clone(),
        (None, _) => "not in the catalog".to_owned(),
    }
}

fn table<K>(
    page: &mut Page<'_>,
    (head, caption): (&str, &str),
    rows: &[Row<K>],
    name: impl Fn(&mut Page<'_>, &K) -> io::Result<()>,
    class: impl Fn(&K) -> &'static str,
) -> io::Result<()> {
    let most = rows.iter().map(|(_, sum)| sum.bytes_out).max().unwrap_or(0);
    let heads = [
        head,
        "Destinations",
        "Farthest stage",
        "Bytes out",
        "Bytes in",
    ];
    page.table("sums", caption, &heads, |page| {
        rows.iter().try_for_each(|(key, sum)| {
            page.row(&[], |page| {
                page.name(|page| name(page, key))?;
                page.cell_text(&sum.destinations.to_string())?;
                page.cell_text(sum.stage.map_or("", Stage::id))?;
                page.cell(|page| {
                    bytes(page, sum.bytes_out)?;
                    page.bar(class(key), sum.bytes_out, most)
                })?;
                page.cell(|page| bytes(page, sum.bytes_in))
            })
        })
    })
}

/// Bytes in a cell: rounded to be read, exact under the pointer and on paper.
pub(super) fn bytes(page: &mut Page<'_>, count: u64) -> io::Result<()> {
    let exact = format!("{count} B");
    match words::rounded(count) {
        None => page.text(&exact),
        Some(unit) => {
            let value = count.to_string();
            page.leaf("data", &[("value", &value), ("title", &exact)], &unit)
        }
    }
}
