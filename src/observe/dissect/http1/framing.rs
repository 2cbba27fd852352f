//! How long a body is (RFC 9112 §6.3).

use httparse::Header;

/// What the fields say of the body.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Framing {
    pub(super) content_length: Option<u64>,
    pub(super) chunked: bool,
    pub(super) bad: bool,
}

/// The values of all fields of that name, in order.
pub(super) fn values<'h>(
    fields: &'h [Header<'_>],
    name: &'static str,
) -> impl Iterator<Item = &'h [u8]> {
    fields
        .iter()
        .filter(move |field| field.name.eq_ignore_ascii_case(name))
        .map(|field| field.value)
}

fn items<'h>(fields: &'h [Header<'_>], name: &'static str) -> impl Iterator<Item = &'h [u8]> {
    values(fields, name)
        .flat_map(|value| value.split(|&b| b == b','))
        .map(<[u8]>::trim_ascii)
}

/// A request: without a usable length its body cannot be delimited.
pub(super) fn request(fields: &[Header<'_>]) -> Framing {
    match items(fields, "transfer-encoding").last() {
        Some(coding) if coding.eq_ignore_ascii_case(b"chunked") => Framing {
            chunked: true,
            ..Framing::default()
        },
        Some(_) => Framing {
            bad: true,
            ..Framing::default()
        },
        None => length(fields),
    }
}

/// A response: with another final coding than chunked the body runs to the end of the connection.
pub(super) fn response(fields: &[Header<'_>]) -> Framing {
    match items(fields, "transfer-encoding").last() {
        Some(coding) => Framing {
            chunked: coding.eq_ignore_ascii_case(b"chunked"),
            ..Framing::default()
        },
        None => length(fields),
    }
}

/// All values of Content-Length must be the same number.
fn length(fields: &[Header<'_>]) -> Framing {
    let mut found = None;
    for item in items(fields, "content-length") {
        match number(item) {
            Some(value) if found.is_none_or(|before| before == value) => found = Some(value),
            _ => {
                return Framing {
                    bad: true,
                    ..Framing::default()
                };
            }
        }
    }
    Framing {
        content_length: found,
        ..Framing::default()
    }
}

fn number(digits: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(digits).ok()?;
    // `parse` also takes a sign.
    text.bytes()
        .all(|b| b.is_ascii_digit())
        .then(|| text.parse().ok())?
}
