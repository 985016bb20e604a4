//! A whole number from its JSON text, however it is written: `2500`, `2500.0` and `2.5e3` are the same number, 2500.5 is none.

/// Digits of the largest number that is read; an exponent beyond says nothing else.
const MAX_DIGITS: i64 = 30;
/// Digits that 64 bits hold, whichever they are.
const PLAIN_DIGITS: usize = 19;

/// The number of a JSON text; none for what is no number, no whole one or too large.
pub(super) fn whole_number<N: TryFrom<i128>>(raw: &str) -> Option<N> {
    if let Some(number) = plain(raw) {
        return N::try_from(number).ok();
    }
    let (sign, digits) = match raw.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, raw),
    };
    let (mantissa, exponent) = digits.split_once(['e', 'E']).unwrap_or((digits, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_digits(whole) || !is_digits(fraction) {
        return None;
    }
    let all = format!("{whole}{fraction}");
    let all = all.trim_start_matches('0');
    let significant = all.trim_end_matches('0');
    if significant.is_empty() {
        return N::try_from(0).ok();
    }
    let zeros = (all.len() - significant.len()) as i64 - fraction.len() as i64;
    let zeros = exponent.parse::<i64>().ok()?.checked_add(zeros)?;
    if zeros < 0 || significant.len() as i64 + zeros > MAX_DIGITS {
        return None;
    }
    let number = significant.parse::<i128>().ok()? * 10_i128.pow(zeros as u32);
    N::try_from(sign * number).ok()
}

/// A number as nearly all are written: a few digits alone.
fn plain(raw: &str) -> Option<i128> {
    if raw.is_empty() || raw.len() > PLAIN_DIGITS {
        return None;
    }
    let number = raw.bytes().try_fold(0_u64, |number, byte| {
        byte.is_ascii_digit().then(|| number * 10 + u64::from(byte - b'0'))
    });
    number.map(i128::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_number_is_the_same_however_it_is_written() {
        for raw in [
            "2500",
            "2500.0",
            "2500.000",
            "2.5e3",
            "2.5E+3",
            "25e2",
            "25000e-1",
            "25000.00e-1",
        ] {
            assert_eq!(whole_number::<u64>(raw), Some(2500), "{raw}");
        }
        for raw in ["0", "0.0", "-0", "-0.0", "0e99", "0e-99"] {
            assert_eq!(whole_number::<u64>(raw), Some(0), "{raw}");
        }
        assert_eq!(whole_number::<i64>("-12.0"), Some(-12));
        assert_eq!(whole_number::<u64>("18446744073709551615"), Some(u64::MAX));
    }

    #[test]
    fn what_is_no_whole_number_or_too_large_is_none() {
        for raw in [
            "2500.5",
            "1e-1",
            "25e-1",
            "\"2500\"",
            "null",
            "true",
            "",
            "-",
            ".5",
            "1e",
            "1ee3",
            "NaN",
            "1e400",
            "1e99999999999999999999",
            "18446744073709551616",
            "-1",
            "[1]",
            "{}",
        ] {
            assert_eq!(whole_number::<u64>(raw), None, "{raw}");
        }
    }

    proptest! {
        #[test]
        fn it_reads_what_another_reader_reads(number in any::<i64>(), zeros in 0_usize..4) {
            let raw = format!("{number}.{}", "0".repeat(zeros + 1));
            prop_assert_eq!(whole_number::<i64>(&raw), Some(number));
        }

        #[test]
        fn digits_alone_are_read_as_another_reader_reads_them(number in any::<u64>(), shift in 0_u32..64) {
            let number: u64 = number >> shift;
            prop_assert_eq!(whole_number::<u64>(&number.to_string()), Some(number));
        }

        #[test]
        fn no_text_makes_it_panic(raw in "-?[0-9.eE+-]{0,50}") {
            let _ = whole_number::<u64>(&raw);
        }
    }
}
