//! For tests: what requests look like to those who look into payloads, to be compared with what clients say that they sent.

use crate::observe::flow::part::{Fields, Part, Place};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

/// One request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Request {
    /// Its first lines, or the names and values of its header block.
    pub(crate) head: Vec<u8>,
    /// Bytes of its body.
    pub(crate) body: u64,
    /// It came out of something sealed.
    pub(crate) inside: bool,
}

#[derive(Default)]
struct Told {
    requests: Vec<Request>,
    /// The latest of each stream of a reader.
    open: BTreeMap<(usize, u32), usize>,
}

/// Who reads.
#[derive(Clone, Copy)]
pub(super) struct Id(usize);

impl Default for Id {
    fn default() -> Self {
        NEXT.set(NEXT.get() + 1);
        Self(NEXT.get())
    }
}

thread_local! {
    static NEXT: Cell<usize> = const { Cell::new(0) };
    static TOLD: RefCell<Option<Told>> = const { RefCell::new(None) };
}

/// What this thread reads within `work`.
pub(crate) fn requests(work: impl FnOnce()) -> Vec<Request> {
    TOLD.set(Some(Told::default()));
    work();
    TOLD.take().map(|told| told.requests).unwrap_or_default()
}

fn with(take: impl FnOnce(&mut Told)) {
    TOLD.with_borrow_mut(|told| told.as_mut().map(take));
}

/// A whole head or header block.
pub(super) fn head(Id(reader): Id, part: &Part, bytes: &[u8], inside: bool) {
    let (stream, head) = match part {
        Part::Head => (0, bytes.to_vec()),
        // A header table that is filled has no frame around it.
        Part::Fields(fields) if fields.marks > 0 => {
            let Fields { stream, text, .. } = &**fields;
            (*stream, text.clone())
        }
        _ => return,
    };
    with(|told| {
        told.open.insert((reader, stream), told.requests.len());
        told.requests.push(Request {
            head,
            body: 0,
            inside,
        });
    });
}

/// Some of a body.
pub(super) fn body(Id(reader): Id, place: Place, stream: u32, length: usize) {
    with(|told| {
        if place == Place::HttpBody
            && let Some(at) = told.open.get(&(reader, stream))
            && let Some(request) = told.requests.get_mut(*at)
        {
            request.body += length as u64;
        }
    });
}

mod tests {
    use super::*;
    use std::io::Write;

    /// The path of a head or header block, and its host.
    fn target(head: &[u8]) -> (String, String) {
        let text = String::from_utf8_lossy(head);
        let value = |name: &str| {
            let mut lines = text.lines();
            lines.find_map(|line| {
                let (key, value) = line.rsplit_once(": ")?;
                key.eq_ignore_ascii_case(name).then(|| value.to_owned())
            })
        };
        let line = text.lines().next().unwrap_or_default();
        let path = value(":path").or_else(|| line.split(' ').nth(1).map(str::to_owned));
        let host = value(":authority").or_else(|| value("host"));
        (path.unwrap_or_default(), host.unwrap_or_default())
    }

    /// For `fixtures/open/matrix.py` and `tshark.py`: of each line of standard input, a capture and key logs behind it, the requests that came
    /// out of sealed connections.
    #[test]
    #[ignore = "asks for captures on standard input"]
    fn requests_of_captures() {
        let mut out = std::io::stdout();
        for line in std::io::stdin().lines().map_while(Result::ok) {
            let mut words = line.split(' ');
            let capture = words.next().unwrap_or_default();
            let keys = words.map(|path| format!("--keylog={path}"));
            let options = ["--claim=no-personal-data".into(), "--threads=1".into()];
            let arguments: Vec<String> = options
                .into_iter()
                .chain(keys)
                .chain([capture.to_owned()])
                .collect();
            let found = requests(|| {
                if let Err(error) = crate::check(&arguments) {
                    writeln!(std::io::stdout(), "error {error}").unwrap();
                }
            });
            writeln!(out, "capture {capture}").unwrap();
            for request in found.iter().filter(|request| request.inside) {
                let (path, host) = target(&request.head);
                writeln!(out, "request {host} {} {}", path.len(), request.body).unwrap();
            }
        }
    }
}
