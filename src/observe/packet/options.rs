//! What options of an IP header hold beyond what they are for: bytes that a sender can choose.
//!
//! IPv4 (RFC 791 §3.1) and the hop-by-hop and destination options of IPv6 (RFC 8200 §4.2) are read for their lengths only. Padding
//! that is zero, router alerts (RFC 2113, RFC 2711) and jumbo lengths (RFC 2675) say nothing of the sender's; every other
//! option is counted whole. A route or a time stamp can be honest, so that the count is a sum to be bounded and no payload by itself.
//! Source routes are read elsewhere, and count here too.

/// End of list and no operation: one byte each, in IPv4.
const END: u8 = 0;
const NO_OPERATION: u8 = 1;
/// Router alert of IPv4: four bytes.
const ROUTER_ALERT: u8 = 148;
const ROUTER_ALERT_LEN: usize = 4;

/// One byte of padding, in IPv6; others of padding have a length.
const PAD_ONE: u8 = 0;
const PAD: u8 = 1;
const ROUTER_ALERT_V6: u8 = 5;
const ROUTER_ALERT_V6_LEN: usize = 2;
const JUMBO: u8 = 0xc2;
const JUMBO_LEN: usize = 4;

/// Bytes that the sender chose in the options of an IPv4 header.
pub(super) fn chosen_v4(mut options: &[u8]) -> usize {
    let mut chosen = 0usize;
    // Ends: each turn leaves fewer bytes.
    while let [kind, rest @ ..] = options {
        match *kind {
            // Behind the end of the list nothing but zeros is needed.
            END => return chosen.saturating_add(nonzero(rest)),
            NO_OPERATION => options = rest,
            kind => {
                let len = rest.first().map_or(0, |len| usize::from(*len));
                if len < 2 || len > options.len() {
                    return chosen.saturating_add(options.len());
                }
                if (kind, len) != (ROUTER_ALERT, ROUTER_ALERT_LEN) {
                    chosen = chosen.saturating_add(len);
                }
                options = options.get(len..).unwrap_or_default();
            }
        }
    }
    chosen
}

/// Bytes that the sender chose in a header of IPv6 options; `header` is the whole of it.
pub(super) fn chosen_v6(header: &[u8]) -> usize {
    let mut options = header.get(2..).unwrap_or_default();
    let mut chosen = 0usize;
    // Ends: each turn leaves fewer bytes.
    while let [kind, rest @ ..] = options {
        if *kind == PAD_ONE {
            options = rest;
            continue;
        }
        let Some((len, behind)) = rest.split_first() else {
            return chosen.saturating_add(options.len());
        };
        let len = usize::from(*len);
        let Some((data, next)) = behind.split_at_checked(len) else {
            return chosen.saturating_add(options.len());
        };
        chosen = chosen.saturating_add(match (*kind, len) {
            (PAD, _) => nonzero(data),
            (ROUTER_ALERT_V6, ROUTER_ALERT_V6_LEN) | (JUMBO, JUMBO_LEN) => 0,
            _ => len.saturating_add(2),
        });
        options = next;
    }
    chosen
}

/// All of it, if it is not zeros.
fn nonzero(bytes: &[u8]) -> usize {
    match bytes.iter().all(|byte| *byte == 0) {
        true => 0,
        false => bytes.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_sender_can_choose_is_counted() {
        for (options, chosen, why) in [
            (&[1, 1, 0, 0][..], 0, "padding"),
            (&[148, 4, 0, 0], 0, "a router alert"),
            (&[0, 7, 7, 7], 3, "bytes behind the end"),
            (&[68, 8, 5, 0, 9, 9, 9, 9], 8, "a time stamp"),
            (&[222, 6, 1, 2, 3, 4, 0, 0], 6, "an option of no registry"),
            (&[222, 60, 1, 2], 4, "a length beyond the header"),
            (&[222, 0, 1, 2], 4, "a length of nothing"),
        ] {
            assert_eq!(chosen_v4(options), chosen, "{why}");
        }
        for (header, chosen, why) in [
            (&[17, 0, 1, 4, 0, 0, 0, 0][..], 0, "padding"),
            (&[17, 0, 1, 4, 0, 7, 0, 0], 4, "padding that says something"),
            (&[58, 0, 5, 2, 0, 0, 1, 0], 0, "a router alert"),
            (&[17, 0, 0x1e, 4, 1, 2, 3, 4], 6, "an experimental option"),
            (
                &[17, 0, 0, 0, 0x1e, 9, 3, 4],
                4,
                "a length beyond the header",
            ),
        ] {
            assert_eq!(chosen_v6(header), chosen, "{why}");
        }
    }
}
