//! The body of a short answer as a whole: by its length, or put together from its chunks (RFC 9112 §6.2, §7.1).
//!
//! Only what is small enough to be read at once is asked for here; the owner gives up beyond its bound. A body that runs to the end of the
//! connection has no end that can be waited for, and none is told.

use super::chunked::Chunked;
use super::{Parsed, Search, response_on};

/// Where the reading of an answer stands. It is given all bytes of the answer each time, and looks at each of them once.
#[derive(Debug, Default)]
pub struct WholeBody {
    framing: Framing,
}

#[derive(Debug, Default)]
enum Framing {
    /// The head is not whole yet.
    #[default]
    Head,
    /// From here to there.
    Length { from: usize, to: usize },
    /// The next byte of the answer, and the data before it.
    Chunks {
        at: usize,
        walk: Chunked,
        data: Vec<u8>,
    },
    /// No answer, a refusal, or one whose end nothing tells.
    Nothing,
}

impl WholeBody {
    /// The body in `bytes`, which begin with the head; `None` as long as more of them are needed. What has no body that can be known is
    /// empty.
    pub fn of<'b>(&'b mut self, bytes: &'b [u8], search: &mut Search) -> Option<&'b [u8]> {
        if let Framing::Head = self.framing {
            self.framing = match response_on(bytes, search) {
                Parsed::NeedMore => return None,
                Parsed::NotHttp => Framing::Nothing,
                Parsed::Head(head) if head.status != 200 => Framing::Nothing,
                Parsed::Head(head) if head.chunked => Framing::Chunks {
                    at: head.head_len,
                    walk: Chunked::new(),
                    data: Vec::new(),
                },
                Parsed::Head(head) => {
                    let length = head.content_length.map(usize::try_from);
                    match length {
                        Some(Ok(length)) => Framing::Length {
                            from: head.head_len,
                            to: head.head_len.saturating_add(length),
                        },
                        _ => Framing::Nothing,
                    }
                }
            };
        }
        match &mut self.framing {
            Framing::Head => None,
            Framing::Nothing => Some(&[]),
            Framing::Length { from, to } => bytes.get(*from..*to),
            Framing::Chunks { at, walk, data } => {
                let rest = bytes.get(*at..).unwrap_or_default();
                *at = at.saturating_add(walk.keep(rest, data));
                if walk.is_broken() {
                    return Some(&[]);
                }
                walk.is_done().then_some(data)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The body, and after how many bytes it was whole.
    fn read(answer: &str, segment: usize) -> Option<(String, usize)> {
        let (mut whole, mut search) = (WholeBody::default(), Search::default());
        (1..=answer.len().div_ceil(segment)).find_map(|n| {
            let there = answer.len().min(n * segment);
            let body = whole.of(&answer.as_bytes()[..there], &mut search)?;
            Some((String::from_utf8(body.to_vec()).unwrap(), there))
        })
    }

    #[test]
    fn a_body_is_whole_by_its_length_or_its_chunks_in_segments_of_any_length() {
        let of_length = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nbody rest";
        // Two chunks, an extension and a trailer (RFC 9112 §7.1).
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let chunks = format!("{head}4;a=b\r\nbody\r\n5\r\n rest\r\n0\r\nSum: 1\r\n\r\n");
        for segment in [1, 2, 7, 40, 1000] {
            for answer in [of_length, &chunks] {
                let expected = Some(("body rest".to_owned(), answer.len()));
                assert_eq!(read(answer, segment), expected, "{segment} {answer}");
            }
        }
        // What follows belongs to no body.
        let more = format!("{chunks}HTTP/1.1 200 OK\r\n");
        assert_eq!(read(&more, 1000).unwrap().0, "body rest");
    }

    #[test]
    fn what_has_no_body_that_can_be_known_is_empty() {
        for answer in [
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nbody",
            "HTTP/1.1 200 OK\r\n\r\nbody",
            "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nbody",
            "no answer at all\r\n\r\n",
        ] {
            assert_eq!(read(answer, 1000).unwrap().0, "", "{answer}");
        }
        let cut = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n";
        assert_eq!(read(cut, 1), None);
    }
}
