//! Amounts, held against decimals of any length.

use std::collections::HashMap;

use serde_json::value::RawValue;

use super::text_of;
use crate::money::{MoneyError, Usd};

/// The members of a JSON object as another reader splits it: of several with one name, the last.
pub(super) type RawMembers = HashMap<String, Box<RawValue>>;

/// Where rounding takes place.
const PLACES: i64 = 18;
/// The most digits of an amount in its smallest unit.
const MOST_DIGITS: i64 = 38;

/// A text is read as an amount exactly where it is a JSON number that fits. A refusal has no place: it is the whole text.
pub fn amount(bytes: &[u8]) {
    let Some(text) = text_of(bytes) else { return };
    agrees(text, Usd::from_json_number(text));
    let plain = Usd::parse_plain(text);
    let places = text.split_once('.').map_or(0, |(_, places)| places.len());
    let is_plain = !text.contains(['e', 'E']) && places <= 18;
    assert_eq!(plain, Usd::from_json_number(text).ok().filter(|_| is_plain), "{text}");
}

/// Holds an amount against the reference, and reads it back.
pub(super) fn agrees(text: &str, found: Result<Usd, MoneyError>) {
    match found {
        Ok(usd) => {
            assert_eq!(units(text), Some(Ok(usd.0.to_string())), "{text}");
            assert_eq!(Usd::parse_plain(&usd.to_string()), Some(usd), "{text}");
            let json = serde_json::to_string(&usd).expect("an amount is a text");
            assert_eq!(serde_json::from_str::<Usd>(&json).ok(), Some(usd), "{text}");
        }
        Err(MoneyError::NotANumber) => assert_eq!(units(text), None, "{text}"),
        Err(MoneyError::DoesNotFit) => assert_eq!(units(text), Some(Err(TooLarge)), "{text}"),
    }
}

/// The same of a field that is unknown where it can't be read.
pub(super) fn agrees_if_known(raw: Option<&RawValue>, found: Option<Usd>) {
    let raw = raw.map(RawValue::get).filter(|raw| *raw != "null");
    let expected = raw.and_then(units).and_then(Result::ok);
    assert_eq!(found.map(|usd| usd.0.to_string()), expected, "{raw:?}");
}

/// Of an amount of more than 38 digits.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLarge;

/// A JSON number in units of 10^-18, half-even: decimal digits as text, of any length; none where it is no number.
pub(super) fn units(text: &str) -> Option<Result<String, TooLarge>> {
    let is_json = serde_json::from_str::<&RawValue>(text).is_ok_and(|raw| raw.get() == text);
    if !is_json || !text.starts_with(|c: char| c == '-' || c.is_ascii_digit()) {
        return None;
    }
    let (sign, size) = text.strip_prefix('-').map_or(("", text), |size| ("-", size));
    let (mantissa, exponent) = size.split_once(['e', 'E']).unwrap_or((size, "0"));
    let (whole, places) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let beyond = if exponent.starts_with('-') {
        -1_000_000
    } else {
        1_000_000
    };
    let exponent = exponent
        .trim_start_matches('+')
        .parse()
        .unwrap_or(beyond)
        .clamp(-1_000_000, 1_000_000);
    let all = format!("{whole}{places}");
    let digits = all.trim_start_matches('0');
    // How many of the digits stand before the point.
    let before = whole.len() as i64 + exponent + PLACES - (all.len() - digits.len()) as i64;
    if digits.is_empty() || before < 0 {
        return Some(Ok("0".into()));
    }
    if before > MOST_DIGITS {
        return Some(Err(TooLarge));
    }
    let before = before as usize;
    let mut kept: Vec<u8> = digits.bytes().chain(std::iter::repeat(b'0')).take(before).collect();
    let rest = digits.get(before..).unwrap_or_default().trim_end_matches('0');
    let is_odd = kept.last().is_some_and(|digit| digit % 2 == 1);
    if rest > "5" || (rest == "5" && is_odd) {
        increment(&mut kept);
    }
    let kept = String::from_utf8(kept).expect("digits are ASCII");
    Some(match kept.trim_start_matches('0') {
        "" => Ok("0".into()),
        digits if digits.len() as i64 > MOST_DIGITS => Err(TooLarge),
        digits => Ok(format!("{sign}{digits}")),
    })
}

/// Adds one to a decimal number.
fn increment(digits: &mut Vec<u8>) {
    for digit in digits.iter_mut().rev() {
        if *digit < b'9' {
            *digit += 1;
            return;
        }
        *digit = b'0';
    }
    digits.insert(0, b'1');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_rounds_to_even_and_knows_its_bounds() {
        let ok = |text: &str| Some(Ok(text.to_string()));
        for (text, expected) in [
            ("1", ok("1000000000000000000")),
            ("-0.10", ok("-100000000000000000")),
            ("-0", ok("0")),
            ("0.5e-18", ok("0")),
            ("1.5e-18", ok("2")),
            ("2.5e-18", ok("2")),
            ("0.50000001e-18", ok("1")),
            ("9.5e-18", ok("10")),
            ("1e-400", ok("0")),
            ("0e999999999999999999999", ok("0")),
            ("1e999999999999999999999", Some(Err(TooLarge))),
            ("99999999999999999999.9999999999999999994", ok(&"9".repeat(38))),
            ("99999999999999999999.9999999999999999995", Some(Err(TooLarge))),
            ("100000000000000000000", Some(Err(TooLarge))),
            ("01", None),
            ("1.", None),
            ("+1", None),
            (" 1", None),
            ("\"1\"", None),
        ] {
            assert_eq!(units(text), expected, "{text}");
        }
    }
}
