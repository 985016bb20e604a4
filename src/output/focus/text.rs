//! Cells as bytes of CSV, without an allocation each. Not which cells, which is `csv`'s.

use crate::money::{SCALE, Usd};
use crate::period::instant_bytes;

/// Without a branch a byte, so that many are looked at at a time.
pub(super) fn needs_quotes(bytes: &[u8]) -> bool {
    let special = |byte: &u8| (*byte == b',') | (*byte == b'"') | (*byte == b'\n') | (*byte == b'\r');
    bytes.iter().fold(false, |found, byte| found | special(byte))
}

/// A cell, in quotes where it needs them.
pub(super) fn push_text(to: &mut Vec<u8>, text: &str) {
    let quoted = needs_quotes(text.as_bytes());
    to.extend_from_slice(if quoted { b"\"" } else { b"" });
    push_inner(to, text, quoted);
}

/// The rest of a cell, with its closing quote if it has an opening one.
pub(super) fn push_inner(to: &mut Vec<u8>, text: &str, quoted: bool) {
    if !quoted {
        to.extend_from_slice(text.as_bytes());
        return;
    }
    for byte in text.bytes() {
        to.push(byte);
        if byte == b'"' {
            to.push(b'"');
        }
    }
    to.push(b'"');
}

/// `2025-09-01T00:00:00Z`; 'Date/Time Format'.
pub(super) fn push_second(to: &mut Vec<u8>, second: i64) {
    let bytes = instant_bytes(second * 1000).expect("only what can be written is placed");
    to.extend_from_slice(&bytes[..19]);
    to.push(b'Z');
}

/// The same text as `Usd`'s `Display`, in machine words where the amount has few enough digits.
pub(super) fn push_usd(to: &mut Vec<u8>, usd: Usd) {
    const ONE: u128 = 10_u128.pow(SCALE);
    let units = usd.0.unsigned_abs();
    let (whole, mut fraction) = match u64::try_from(units) {
        Ok(units) => (u128::from(units / ONE as u64), units % ONE as u64),
        Err(_) => (units / ONE, (units % ONE) as u64),
    };
    if usd.0 < 0 {
        to.push(b'-');
    }
    match u8::try_from(whole) {
        Ok(whole @ 0..10) => to.push(b'0' + whole),
        _ => to.extend_from_slice(whole.to_string().as_bytes()),
    }
    if fraction == 0 {
        return;
    }
    let mut digits = [b'0'; SCALE as usize];
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (fraction % 10) as u8;
        fraction /= 10;
    }
    let last = digits.iter().rposition(|digit| *digit != b'0').unwrap_or(0);
    to.push(b'.');
    to.extend_from_slice(&digits[..=last]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn usd(units: i128) -> String {
        let mut text = Vec::new();
        push_usd(&mut text, Usd(units));
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn amounts_have_no_exponent_and_no_trailing_zeros() {
        let cases = [
            (0, "0"),
            (1, "0.000000000000000001"),
            (-10, "-0.00000000000000001"),
            (120_000_000_000_000_000, "0.12"),
            (10_000_000_000_000_000_000, "10"),
            (18_446_744_073_709_551_616, "18.446744073709551616"),
            (
                99_999_999_999_999_999_999_999_999_999_999_999_999,
                "99999999999999999999.999999999999999999",
            ),
        ];
        for (units, text) in cases {
            assert_eq!(usd(units), text);
        }
    }

    proptest! {
        #[test]
        fn amounts_are_written_as_everywhere(units: i128, small in -2_000_000_000_000_000_000_i128..2_000_000_000_000_000_000) {
            prop_assert_eq!(usd(units), Usd(units).to_string());
            prop_assert_eq!(usd(small), Usd(small).to_string());
        }

        #[test]
        fn cells_are_read_back_as_they_were(text in "[a,\"\n\r ]{0,6}") {
            let mut cell = Vec::new();
            push_text(&mut cell, &text);
            cell.push(b'\n');
            let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(cell.as_slice());
            let read = reader.records().next().map(|record| record.unwrap()[0].to_string());
            prop_assert_eq!(read.unwrap_or_default(), text);
        }
    }
}
