//! The static Huffman code of HPACK (RFC 7541 Appendix B).
//!
//! The code is canonical: among codes of one length the symbols ascend, and shorter codes come first. Its lengths are
//! therefore all there is to know.

use std::sync::OnceLock;

/// Bits of the code of each byte. The end-of-string symbol, 30 bits, follows behind the last of them.
const LENGTHS: [u8; 256] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, //
    28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28, //
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, //
    5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, //
    13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, //
    7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, //
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, //
    6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, //
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, //
    24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, //
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, //
    21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, //
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, //
    19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, //
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, //
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, //
];

/// Bits of the longest code.
const LENGTH_MAX: u8 = 30;

/// The codes of one length: the first of them, and the bytes they stand for in order.
#[derive(Default)]
struct Level {
    first: u32,
    symbols: Vec<u8>,
}

/// The levels, from codes of one bit on.
fn levels() -> &'static [Level] {
    static LEVELS: OnceLock<Vec<Level>> = OnceLock::new();
    LEVELS.get_or_init(|| {
        let mut next = 0u32;
        (1..=LENGTH_MAX)
            .map(|length| {
                let symbols: Vec<u8> = (0..=u8::MAX)
                    .zip(LENGTHS)
                    .filter(|(_, bits)| *bits == length)
                    .map(|(symbol, _)| symbol)
                    .collect();
                let first = next.wrapping_shl(1);
                let count = u32::try_from(symbols.len()).unwrap_or_default();
                next = first.saturating_add(count);
                Level { first, symbols }
            })
            .collect()
    })
}

/// The text behind the code; `None` if it does not end in fewer than eight one bits of padding, or holds the end-of-string
/// symbol (§5.2).
pub(super) fn decode(bytes: &[u8]) -> Option<Vec<u8>> {
    let levels = levels();
    // The shortest code has five bits.
    let mut text = Vec::with_capacity(bytes.len().saturating_mul(8) / 5);
    let mut code = 0u32;
    let mut length = 0usize;
    let bits = bytes
        .iter()
        .flat_map(|byte| (0..8).rev().map(move |at| u32::from(byte >> at & 1)));
    for bit in bits {
        code = code << 1 | bit;
        let level = levels.get(length)?;
        length = length.saturating_add(1);
        let symbol = code
            .checked_sub(level.first)
            .and_then(|at| level.symbols.get(usize::try_from(at).ok()?));
        if let Some(symbol) = symbol {
            text.push(*symbol);
            code = 0;
            length = 0;
        }
    }
    (length < 8 && code == (1u32 << length).wrapping_sub(1)).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Codes as Appendix B prints them, over its whole range of lengths.
    const PRINTED: [(u8, u32, usize); 14] = [
        (b'0', 0x0, 5),
        (b'a', 0x3, 5),
        (b't', 0x9, 5),
        (b' ', 0x14, 6),
        (b'_', 0x22, 6),
        (b'z', 0x7b, 7),
        (b'&', 0xf8, 8),
        (b'`', 0x7ffd, 15),
        (b'\\', 0x7_fff0, 19),
        (128, 0xf_ffe6, 20),
        (199, 0x1ff_ffec, 25),
        (255, 0x3ff_ffee, 26),
        (254, 0x7ff_fff0, 27),
        (249, 0xfff_fffe, 28),
    ];

    #[test]
    fn lengths_give_the_printed_codes() {
        for (symbol, code, bits) in PRINTED {
            let level = &levels().get(bits - 1).unwrap();
            let at = level.symbols.iter().position(|s| *s == symbol).unwrap();
            assert_eq!(level.first + u32::try_from(at).unwrap(), code, "{symbol}");
        }
        // The last three codes before the end-of-string symbol 3fffffff.
        let last = levels().last().unwrap();
        assert_eq!(
            (last.first, &*last.symbols),
            (0x3fff_fffc, &[10, 13, 22][..])
        );
    }
}
