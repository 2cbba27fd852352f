//! Coverage alone, with what to change in the next recording.

use super::coverage::{gaps, limits};
use super::{Request, Times, drone_links, inputs, scope, tool};
use crate::ground::gaps::GapId;
use crate::judge::claim::Case;
use crate::judge::claim::coverage::WindowCoverage;
use crate::tell::explain::Library;
use crate::tell::report::fitness::{Fitness, Gap, SCHEMA, Share, Window};
use crate::tell::report::{causes, v1};

/// The claim that fitness is meant for: gaps forbid the others alike.
const CLAIM: &str = "local-data-mode";

/// Says whether the captures of a session could support `consistent`.
pub fn fitness(case: &Case<'_>, texts: &Library, request: Request<'_>) -> Fitness {
    let times = Times(&case.basis.evidence.inputs);
    let inputs = inputs(case.basis, case.judged);
    let windows: Vec<Window> = case.windows.iter().map(|w| window(w, &times)).collect();
    let of_windows: Vec<Vec<v1::Gap>> = case
        .windows
        .iter()
        .map(|window| causes::gaps(&window.gaps, case.needs))
        .collect();
    let gaps = gaps(case)
        .into_iter()
        .filter_map(|told| {
            let windows = bearing(&told, &of_windows);
            gap(told, windows, case, &inputs, texts)
        })
        .collect();
    Fitness {
        schema: SCHEMA.into(),
        tool: tool(case.basis.catalog, case.basis.locator),
        run: request.run,
        claim: CLAIM.into(),
        fit: windows.iter().all(|w| w.fit),
        scope: scope(
            case,
            request.declared,
            request.local,
            request.softened,
            request.devices,
            &times,
        ),
        inputs,
        windows,
        gaps,
        drone_links: drone_links(case),
        limits: limits(case),
    }
}

fn window(of: &WindowCoverage, times: &Times<'_>) -> Window {
    let mut blocked_by: Vec<GapId> = Vec::new();
    for gap in of.gaps.iter().filter(|g| g.blocks()) {
        if !blocked_by.contains(&gap.id) {
            blocked_by.push(gap.id);
        }
    }
    Window {
        start: of.window.and_then(|w| w.start.rfc3339(times.finest())),
        end: of.window.and_then(|w| w.end.rfc3339(times.finest())),
        first: of.extent.and_then(|(first, _)| times.show(first)),
        last: of.extent.and_then(|(_, last)| times.show(last)),
        seconds: of.seconds,
        fit: blocked_by.is_empty(),
        blocked_by,
    }
}

/// The windows that a gap bears on.
fn bearing(told: &v1::Gap, of_windows: &[Vec<v1::Gap>]) -> Vec<u32> {
    let key = |gap: &v1::Gap| (gap.id.clone(), gap.count, gap.input, gap.frame);
    let same = |gap: &v1::Gap| key(gap) == key(told) && gap.text == told.text;
    (0u32..)
        .zip(of_windows)
        .filter(|(_, gaps)| gaps.iter().any(same))
        .map(|(index, _)| index)
        .collect()
}

fn gap(
    told: v1::Gap,
    windows: Vec<u32>,
    case: &Case<'_>,
    inputs: &[v1::Input],
    texts: &Library,
) -> Option<Gap> {
    let id = told.id.known()?;
    let input = told.input.and_then(|index| inputs.get(index as usize));
    Some(Gap {
        blocking: told.blocking,
        count: told.count,
        windows,
        input: told.input,
        file: input.map(|i| i.path.clone()),
        frame: told.frame,
        share: told
            .input
            .zip(input)
            .and_then(|(index, input)| share(id, told.count, index, input, case)),
        next: texts.next(id).to_owned(),
        id,
        text: told.text,
    })
}

/// What part of its input a gap concerns, where its count is of packets or of connections.
fn share(id: GapId, part: u64, index: u32, input: &v1::Input, case: &Case<'_>) -> Option<Share> {
    let (whole, unit) = match id {
        GapId::SnaplenCut
        | GapId::EncryptedWifi
        | GapId::UnsupportedLink
        | GapId::UnreadablePackets
        | GapId::OpaqueTunnel => (input.packets, "packets"),
        // What was lost is not in the file.
        GapId::KernelDrops => (input.packets.saturating_add(input.dropped?), "packets"),
        GapId::StartedLate => (connections(index, case), "connections"),
        _ => return None,
    };
    // A count of something else than whole packets must not pass for a share of them.
    (part <= whole && whole > 0).then(|| Share {
        part,
        whole,
        unit: unit.to_owned(),
    })
}

/// Connections of the series that an input belongs to.
fn connections(input: u32, case: &Case<'_>) -> u64 {
    let series = &case.basis.evidence.series;
    let of_input = series.iter().filter(|s| s.inputs.contains(&input));
    of_input
        .flat_map(|s| &s.rows)
        .fold(0u64, |sum, (_, row)| sum.saturating_add(row.flows))
}
