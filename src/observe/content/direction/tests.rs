//! Bounds of a direction: what lies beyond is unread, and nothing before it is lost.

use super::super::Policy;
use super::super::hits::collected;
use super::*;
use crate::evidence::content::Kind;
use crate::observe::flow::part::{Coding, Place};

const REPORT: &[u8] = br#"{"email":"pilot.jones@example.org"}"#;

/// Kinds that are found, and bytes that count as read, while `work` lends bytes.
fn found(work: impl FnOnce(&mut Out<'_>)) -> (Vec<Kind>, u64) {
    let (hits, credits) = collected(Policy::Masked, work);
    let kinds = hits.iter().map(|hit| hit.kind).collect();
    (kinds, credits.iter().map(|credit| credit.bytes).sum())
}

fn body(from: usize, length: usize, stream: u32) -> Label {
    Label {
        from: u32::try_from(from).unwrap_or(u32::MAX),
        length: length as u64,
        part: Part::Body {
            place: Place::HttpBody,
            stream,
            coding: Coding::Plain,
            last: false,
        },
    }
}

#[test]
fn what_is_beyond_the_payload_that_is_looked_at_is_unread() {
    for (before, wanted) in [(0, vec![Kind::Email]), (DIRECTION_MAX, Vec::new())] {
        let mut direction = Direction::default();
        let told = Told::default();
        let (kinds, read) = found(|out| {
            direction.segment(0, Some(0), b"a=b&", told, out);
            *direction.seen() += before;
            direction.segment(4, Some(0), b"c=d&", told, out);
            direction.segment(8, Some(0), REPORT, told, out);
            direction.flush(told, out);
        });
        let all = 8 + REPORT.len() as u64;
        assert_eq!(kinds, wanted);
        assert_eq!(read, if before == 0 { all } else { 8 });
        assert_eq!(direction.is_done(), before > 0);
    }
}

#[test]
fn bodies_beyond_those_that_are_put_together_are_unread() {
    for (count, wanted) in [
        (STREAMS_MAX - 1, vec![Kind::Email]),
        (STREAMS_MAX, Vec::new()),
    ] {
        let mut direction = Direction::default();
        let told = Told::default();
        let labels = (0..count).map(|n| body(2 * n, 2, n as u32));
        let last = body(2 * count, REPORT.len(), count as u32);
        direction.label(labels.chain([last]).collect());
        let (kinds, read) = found(|out| {
            let bytes = [&b"a=".repeat(count), REPORT].concat();
            direction.segment(0, Some(0), &bytes, told, out);
            direction.flush(told, out);
        });
        let others = 2 * count as u64;
        let all = others + REPORT.len() as u64;
        assert_eq!(read, if wanted.is_empty() { others } else { all });
        assert_eq!(kinds, wanted);
    }
}

#[test]
fn labels_that_wait_are_bounded_and_bytes_without_one_are_looked_at() {
    let opened = |from: usize| Label {
        part: Part::Opened(Box::new(Opened {
            bytes: Vec::new(),
            front: 0,
            number: 0,
            torn: false,
            labels: Vec::new(),
            undecided: None,
        })),
        ..body(from, 1, 0)
    };
    let mut direction = Direction::default();
    direction.label((0..2 * OPENED_MAX).map(opened).collect());
    assert_eq!(direction.framed.labels.len(), OPENED_MAX);
    let mut direction = Direction::default();
    let labels = (0..2 * LABELS_MAX).map(|n| body(n, 1, 0));
    direction.label(labels.collect());
    assert_eq!(direction.framed.labels.len(), LABELS_MAX);
    let bytes = [b" ".repeat(2 * LABELS_MAX), REPORT.to_vec()].concat();
    let (kinds, read) = found(|out| {
        direction.segment(0, Some(0), &bytes, Told::default(), out);
        direction.flush(Told::default(), out);
    });
    assert_eq!((kinds, read), (vec![Kind::Email], bytes.len() as u64));
}
