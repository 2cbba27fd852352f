//! Bytes as hexadecimal digits, and the percent signs that stand in front of such (RFC 3986 §2.1).

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(out, "{byte:02x}");
    }
    out
}

/// The bytes with each `%` and two hexadecimal digits as the byte that they stand for; every other `%` as it is.
pub fn percent_decoded(bytes: &[u8]) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    loop {
        rest = match rest {
            [b'%', high, low, behind @ ..]
                if let (Some(high), Some(low)) = (digit(*high), digit(*low)) =>
            {
                out.extend(u8::try_from(high << 4 | low));
                behind
            }
            [byte, behind @ ..] => {
                out.push(*byte);
                behind
            }
            [] => return out,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_signs_without_two_digits_stay() {
        for (text, want) in [
            ("%64ji%2Ecom", "dji.com"),
            ("a%2", "a%2"),
            ("%+1%zz%", "%+1%zz%"),
            ("%2%35", "%25"),
            ("%2535", "%35"),
        ] {
            assert_eq!(percent_decoded(text.as_bytes()), want.as_bytes(), "{text}");
        }
    }
}
