//! A small map: where the far ends stand, as far as a place is known.
//!
//! Two kinds of statements are drawn, and told apart: the country of an address that the address data agree on (or that
//! their only source gives), as a full disc; the cloud region that stands in a host name, which is the word of whoever
//! chose the name, as a ring. A country is one point in its largest part: the map cannot show where in it a server
//! stands. Places that the data are unsure of are not drawn but counted.
//!
//! Outlines and points: Natural Earth, public domain (`map/NOTICE`). Nothing is fetched.

use super::Part;
use super::markup::Page;
use super::timeline::groups::Whose;
use crate::judge::locate::Confidence;
use crate::judge::locate::cloud::cloud_of_name;
use crate::tell::report::v1::{Destination, Report};
use crate::tell::report::words;
use crate::tell::report::words::count;
use std::collections::{BTreeMap, BTreeSet};
use std::io;

/// Outlines of land, as paths of SVG in degrees.
const LAND: &str = include_str!("map/land.path");
/// Country, longitude, latitude.
const POINTS: &str = include_str!("map/points.tsv");
/// What the map shows, in degrees: the Bering Strait is its edge.
const FIELD: &str = "-170 -84 362 142";
/// Radius of a disc, in degrees: the number in it can be read at 340 pixels.
const RADIUS: f64 = 7.5;
/// Discs drawn: more would cover the land.
const DRAWN_MAX: usize = 24;
/// Steps in which a free place for a disc is looked for, and how far each goes, in degrees.
const STEPS_MAX: u32 = 600;
const STEP: f64 = 1.6;

/// A disc: a country, said in one of two ways.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    /// By whose traffic; the worst first.
    rank: usize,
    country: String,
    /// The cloud region by the name; `None` for the address.
    region: Option<String>,
}

/// What goes there.
#[derive(Debug, Default)]
struct Sum {
    destinations: usize,
    bytes_out: u64,
    whose: Option<Whose>,
}

/// A place with what goes there, and its point.
type Disc<'a> = (&'a (Place, Sum), (f64, f64));

/// Where a country is drawn.
fn point(country: &str) -> Option<(f64, f64)> {
    POINTS.lines().find_map(|line| {
        let mut cells = line.split('\t');
        if cells.next()? != country {
            return None;
        }
        let (east, north): (f64, f64) = (cells.next()?.parse().ok()?, cells.next()?.parse().ok()?);
        // The map begins at the Bering Strait.
        let east = if east < -170.0 { east + 360.0 } else { east };
        Some((east, -north))
    })
}

/// The country of an address, where the data are sure enough to be drawn.
fn sure(row: &Destination) -> Option<&str> {
    match row.country_confidence {
        Confidence::Agreed | Confidence::Single => row.country.as_deref(),
        Confidence::Conflict | Confidence::Anycast | Confidence::Unknown => None,
    }
}

/// The region that the name says, with its country.
fn said(row: &Destination) -> Option<(String, String)> {
    let cloud = row.cloud.as_ref()?;
    let region = cloud.region.clone()?;
    let country = cloud_of_name(row.host.as_deref()?)?.country?;
    Some((country, format!("{} {region}", cloud.provider)))
}

/// All places, what accuses first, and how many destinations have none.
fn places(report: &Report) -> (Vec<(Place, Sum)>, usize) {
    let mut sums: BTreeMap<(String, Option<String>), (usize, Sum)> = BTreeMap::new();
    let mut nowhere = 0usize;
    for row in &report.destinations {
        let rank = words::rank(row.attribution);
        let mut add = |country: &str, region: Option<String>| {
            let of = sums.entry((country.to_owned(), region)).or_default();
            if of.1.whose.is_none() || rank < of.0 {
                *of = (
                    rank,
                    Sum {
                        whose: Some(row.attribution.into()),
                        ..std::mem::take(&mut of.1)
                    },
                );
            }
            of.1.destinations = of.1.destinations.saturating_add(1);
            of.1.bytes_out = of.1.bytes_out.saturating_add(row.bytes_out);
        };
        let region = said(row);
        match sure(row) {
            Some(country) => add(country, None),
            None if region.is_none() => nowhere = nowhere.saturating_add(1),
            None => {}
        }
        if let Some((country, region)) = region {
            add(&country, Some(region));
        }
    }
    let mut all: Vec<(Place, Sum)> = sums
        .into_iter()
        .map(|((country, region), (rank, sum))| {
            let place = Place {
                rank,
                country,
                region,
            };
            (place, sum)
        })
        .collect();
    all.sort_by(|(a, s), (b, t)| {
        let key = |p: &Place, s: &Sum| (p.rank, u64::MAX - s.bytes_out);
        key(a, s).cmp(&key(b, t)).then_with(|| a.cmp(b))
    });
    (all, nowhere)
}

/// A place for a disc near a point, where it covers no other: along a spiral, the same for the same report.
fn free(at: (f64, f64), taken: &[(f64, f64)]) -> (f64, f64) {
    /// Turn of a sunflower's seeds: directions that never repeat.
    const TURN: f64 = 2.399_963;
    let clear = |(x, y): (f64, f64)| {
        let inside = (-162.0..=184.0).contains(&x) && (-76.0..=50.0).contains(&y);
        inside
            && taken
                .iter()
                .all(|(a, b)| (a - x).hypot(b - y) > 2.0 * RADIUS + 0.6)
    };
    let seed = |step: u32| {
        let (turn, far) = (TURN * f64::from(step), STEP * f64::from(step).sqrt());
        (at.0 + far * turn.cos(), at.1 + far * turn.sin())
    };
    let free = (0..STEPS_MAX).map(seed).find(|place| clear(*place));
    free.unwrap_or(at)
}

/// The map with its list; nothing where no place is known.
pub(super) fn map(page: &mut Page<'_>, part: &Part<'_>) -> io::Result<()> {
    let (all, nowhere) = places(part.report);
    let drawn: Vec<Disc<'_>> = all
        .iter()
        .filter_map(|one| Some((one, point(&one.0.country)?)))
        .take(DRAWN_MAX)
        .collect();
    if drawn.is_empty() {
        return Ok(());
    }
    part.heading(page, "Places")?;
    page.tag("figure", &[("class", "places")], |page| {
        svg(page, &drawn)?;
        page.tag("ol", &[("class", "quiet")], |page| {
            drawn.iter().try_for_each(|((place, sum), _)| {
                page.leaf("li", &[], &words(place, sum))
            })
        })?;
        let shown: BTreeSet<&Place> = drawn.iter().map(|((place, _), _)| place).collect();
        let left = all.iter().filter(|(place, _)| !shown.contains(place));
        let left = left.count();
        let mut caption = "A disc stands for a country by the address data, a ring for the region that a host name says. Colours are those of the time line. A point cannot show where in a country a server stands.".to_owned();
        if nowhere > 0 {
            caption.push_str(&format!(
                " Not drawn: {} without a sure place.",
                count(nowhere, "destination")
            ));
        }
        if left > 0 {
            caption.push_str(&format!(" Not drawn: {}.", count(left, "more place")));
        }
        page.tag("figcaption", &[], |page| {
            page.text(&caption)?;
            page.text(" Outlines: Natural Earth. ")?;
            match part.report.tool.geo.iter().any(|geo| geo.source == "embedded") {
                true => page.outward("https://db-ip.com", "IP Geolocation by DB-IP"),
                false => Ok(()),
            }
        })
    })
}

fn words(place: &Place, sum: &Sum) -> String {
    let what = format!(
        "{}, {} out",
        count(sum.destinations, "destination"),
        words::amount(sum.bytes_out)
    );
    let whose = sum.whose.map_or("", Whose::words);
    match &place.region {
        None => format!("{}: {what} ({whose})", place.country),
        Some(region) => format!(
            "{}, region {region} by the name: {what} ({whose})",
            place.country
        ),
    }
}

fn svg(page: &mut Page<'_>, drawn: &[Disc<'_>]) -> io::Result<()> {
    let attributes = [
        ("class", "map"),
        ("viewBox", FIELD),
        ("aria-hidden", "true"),
        ("focusable", "false"),
    ];
    page.tag("svg", &attributes, |page| {
        // An attribute is one line.
        let land = LAND.lines().collect::<Vec<_>>().join(" ");
        page.leaf("path", &[("class", "land"), ("d", &land)], "")?;
        let degrees = |value: f64| format!("{value:.1}");
        let mut taken: Vec<(f64, f64)> = Vec::with_capacity(drawn.len());
        // Lines to where discs belong, below all discs.
        for (_, at) in drawn {
            let (x, y) = free(*at, &taken);
            taken.push((x, y));
            if (x - at.0).hypot(y - at.1) > 1.0 {
                let ends = [at.0, at.1, x, y].map(degrees);
                let [x1, y1, x2, y2] = ends.each_ref().map(String::as_str);
                let line = [
                    ("class", "lead"),
                    ("x1", x1),
                    ("y1", y1),
                    ("x2", x2),
                    ("y2", y2),
                ];
                page.leaf("line", &line, "")?;
            }
        }
        for (index, (((place, sum), _), (x, y))) in drawn.iter().zip(&taken).enumerate() {
            let (x, y) = (*x, *y);
            let (cx, cy) = (degrees(x), degrees(y));
            let whose = sum.whose.map_or("unknown", Whose::class);
            let class = match place.region {
                None => whose.to_owned(),
                Some(_) => format!("ring {whose}"),
            };
            let (radius, number) = (degrees(RADIUS), index.saturating_add(1).to_string());
            let disc = [
                ("class", class.as_str()),
                ("cx", cx.as_str()),
                ("cy", cy.as_str()),
                ("r", radius.as_str()),
            ];
            page.leaf("circle", &disc, "")?;
            let foot = degrees(y + 3.2);
            let class = match place.region {
                None => "number",
                Some(_) => "number said",
            };
            let text = [
                ("class", class),
                ("x", cx.as_str()),
                ("y", foot.as_str()),
                ("text-anchor", "middle"),
            ];
            page.leaf("text", &text, &number)?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn countries_have_points_on_the_map_and_discs_cover_no_other() {
        for country in ["US", "CN", "HK", "TW", "SG", "DE", "RU", "FJ", "NZ"] {
            let (x, y) = point(country).expect(country);
            assert!(
                (-170.0..=192.0).contains(&x) && (-84.0..=58.0).contains(&y),
                "{country}"
            );
        }
        assert_eq!(point("XX"), None);
        let crowd = [
            "DE", "NL", "FR", "GB", "IE", "BE", "LU", "CH", "AT", "CZ", "PL", "DK",
        ];
        let mut taken = Vec::new();
        for country in crowd {
            let at = free(point(country).unwrap(), &taken);
            taken.push(at);
        }
        for (index, (x, y)) in taken.iter().enumerate() {
            for (a, b) in &taken[..index] {
                assert!((a - x).hypot(b - y) > 2.0 * RADIUS, "{index}");
            }
        }
        // Nothing but what a path may hold.
        assert!(
            LAND.chars()
                .all(|c| c.is_ascii_digit() || "Mlz- \n".contains(c))
        );
    }
}
