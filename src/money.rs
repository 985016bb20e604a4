//! Exact dollars: from a JSON number's text to an integer of 10^-18 dollars and back to text.
//! Deliberately no floating point anywhere, and no currency but the dollar.

use std::fmt;

use arrow_buffer::i256;
use serde::de::{self, Deserialize, Deserializer, Unexpected};
use serde::{Serialize, Serializer};

use crate::text::thousands;

/// Digits after the point that are kept; Decimal128(38,18).
pub const SCALE: u32 = 18;

/// Digits that are kept before and after the point.
pub const PRECISION: u32 = 38;

const ONE: u128 = 10_u128.pow(SCALE);
const CENT: u128 = ONE / 100;
const LIMIT: u128 = 10_u128.pow(PRECISION);

/// An exact amount, in units of 10^-18 dollars; always within 38 digits when made here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Usd(pub i128);

/// Why a text is no amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    #[error("is not a number")]
    NotANumber,
    #[error("is too large: more than 20 digits before the point")]
    DoesNotFit,
}

/// A JSON number taken apart; digits are those before and after the point.
struct Parts<'a> {
    negative: bool,
    whole: &'a [u8],
    fraction: &'a [u8],
    exponent: i64,
}

impl Usd {
    /// The exact value of a JSON number's text, rounded half-even at the 18th place.
    pub fn from_json_number(text: &str) -> Result<Usd, MoneyError> {
        let parts = Parts::of(text.as_bytes()).ok_or(MoneyError::NotANumber)?;
        let units = parts.ordinary_units().map_or_else(|| parts.units(), Ok)?;
        // Less than 10^38, which an `i128` holds.
        let units = units as i128;
        Ok(Usd(if parts.negative { -units } else { units }))
    }

    /// Reads what `Display` writes: a decimal without exponent and with at most 18 places, hence never rounded.
    pub fn parse_plain(text: &str) -> Option<Usd> {
        let places = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
        if places > SCALE as usize || text.contains(['e', 'E']) {
            return None;
        }
        Usd::from_json_number(text).ok()
    }

    /// The exact sum; `None` where it has more than 38 digits.
    pub fn checked_add(self, other: Usd) -> Option<Usd> {
        let sum = self.0.checked_add(other.0)?;
        (sum.unsigned_abs() < LIMIT).then_some(Usd(sum))
    }

    /// For sums that are told and not relied on: the greatest amount instead of one beyond it.
    pub fn saturating_add(self, other: Usd) -> Usd {
        Usd(self.0.saturating_add(other.0))
    }

    /// For people: `$7,412.38`, half-even at the cent; what isn't zero never shows as it: `<$0.01`.
    pub fn dollars(self) -> String {
        let sign = if self.0 < 0 { "-" } else { "" };
        let cents = rounded(self.0.unsigned_abs(), CENT);
        if cents == 0 && self.0 != 0 {
            return format!("{sign}<$0.01");
        }
        format!("{sign}${}.{:02}", thousands(cents / 100), cents % 100)
    }

    /// The same with four places below a cent: `$0.0049`; what isn't zero never shows as it: `<$0.0001`.
    pub fn fine_dollars(self) -> String {
        let amount = self.0.unsigned_abs();
        if amount == 0 || amount >= CENT {
            return self.dollars();
        }
        let sign = if self.0 < 0 { "-" } else { "" };
        match rounded(amount, CENT / 100) {
            0 => format!("{sign}<$0.0001"),
            places => format!("{sign}$0.{places:04}"),
        }
    }

    /// For people where every digit matters: `$0.00125`.
    pub fn exact_dollars(self) -> String {
        let text = self.to_string();
        match text.strip_prefix('-') {
            Some(text) => format!("-${text}"),
            None => format!("${text}"),
        }
    }
}

impl fmt::Display for Usd {
    /// Plain, without exponent or trailing zeros.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = self.0.unsigned_abs();
        let sign = if self.0 < 0 { "-" } else { "" };
        let whole = units / ONE;
        let mut fraction = units % ONE;
        if fraction == 0 {
            return write!(f, "{sign}{whole}");
        }
        let mut places = SCALE as usize;
        while fraction.is_multiple_of(10) {
            fraction /= 10;
            places -= 1;
        }
        write!(f, "{sign}{whole}.{fraction:0places$}")
    }
}

impl Serialize for Usd {
    /// As text, so that no reader takes it for a double.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Usd {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Usd, D::Error> {
        let text = String::deserialize(deserializer)?;
        Usd::parse_plain(&text).ok_or_else(|| {
            de::Error::invalid_value(
                Unexpected::Str(&text),
                &"an amount such as \"12.5\", with at most 18 decimal places",
            )
        })
    }
}

impl<'a> Parts<'a> {
    /// Exactly JSON's grammar, <https://www.rfc-editor.org/rfc/rfc8259#section-6>.
    fn of(text: &'a [u8]) -> Option<Parts<'a>> {
        let (negative, rest) = match text {
            [b'-', rest @ ..] => (true, rest),
            rest => (false, rest),
        };
        let (whole, rest) = split_digits(rest);
        if whole.is_empty() || (whole.len() > 1 && whole[0] == b'0') {
            return None;
        }
        let (fraction, rest) = match rest {
            [b'.', rest @ ..] => match split_digits(rest) {
                ([], _) => return None,
                found => found,
            },
            rest => (&[][..], rest),
        };
        let exponent = match rest {
            [] => 0,
            [b'e' | b'E', rest @ ..] => exponent(rest)?,
            _ => return None,
        };
        Some(Parts {
            negative,
            whole,
            fraction,
            exponent,
        })
    }

    /// The way of nearly every cost: no exponent, and few enough digits for machine words.
    fn ordinary_units(&self) -> Option<u128> {
        const WORD: usize = 18;
        if self.exponent != 0 || self.whole.len() > WORD || self.fraction.len() > WORD {
            return None;
        }
        let fraction = number(self.fraction) * 10_u64.pow(SCALE - self.fraction.len() as u32);
        Some(u128::from(number(self.whole)) * ONE + u128::from(fraction))
    }

    /// Any number: its digits up to the 18th place, rounded by the rest; time is linear in the text. `12.5e-18` has the digits
    /// 125, of which a shift of -18 + 18 - 1 = -1 keeps 3 - 1 = 2: 12, which the 5 behind it leaves, half-even.
    fn units(&self) -> Result<u128, MoneyError> {
        let zeros = self.digits().take_while(|digit| *digit == 0).count();
        let count = self.whole.len() + self.fraction.len() - zeros;
        if count == 0 {
            return Ok(0);
        }
        let shift = self
            .exponent
            .saturating_add(i64::from(SCALE))
            .saturating_sub(self.fraction.len() as i64);
        // The digits of the rounded integer; below zero, the number is less than a tenth of a unit.
        let kept = shift.saturating_add(count as i64);
        if kept > i64::from(PRECISION) {
            return Err(MoneyError::DoesNotFit);
        }
        let Ok(kept) = usize::try_from(kept) else {
            return Ok(0);
        };
        let mut digits = self.digits().skip(zeros);
        let units = digits
            .by_ref()
            .take(kept)
            .fold(0, |units, digit| units * 10 + u128::from(digit));
        if let Ok(missing) = u32::try_from(shift) {
            return Ok(units * 10_u128.pow(missing));
        }
        let first = digits.next().unwrap_or(0);
        let beyond = digits.any(|digit| digit != 0);
        let up = first > 5 || (first == 5 && (beyond || units % 2 == 1));
        let units = units + u128::from(up);
        if units < LIMIT {
            Ok(units)
        } else {
            Err(MoneyError::DoesNotFit)
        }
    }

    fn digits(&self) -> impl Iterator<Item = u8> {
        self.whole.iter().chain(self.fraction).map(|byte| byte - b'0')
    }
}

#[inline]
fn split_digits(text: &[u8]) -> (&[u8], &[u8]) {
    text.split_at(text.iter().take_while(|byte| byte.is_ascii_digit()).count())
}

/// What follows the `e`; one beyond any text's length is as good as another.
fn exponent(text: &[u8]) -> Option<i64> {
    let (negative, text) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let (digits, rest) = split_digits(text);
    if digits.is_empty() || !rest.is_empty() {
        return None;
    }
    let size = digits.iter().fold(0_i64, |size, byte| {
        size.saturating_mul(10).saturating_add(i64::from(byte - b'0'))
    });
    Some(if negative { -size } else { size })
}

/// At most 18 digits.
#[inline]
fn number(digits: &[u8]) -> u64 {
    digits
        .iter()
        .fold(0, |number, byte| number * 10 + u64::from(byte - b'0'))
}

/// `units / unit`, half-even.
fn rounded(units: u128, unit: u128) -> u128 {
    let (quotient, rest) = (units / unit, units % unit);
    let up = rest > unit - rest || (rest == unit - rest && quotient % 2 == 1);
    quotient + u128::from(up)
}

/// A number with six places, such as a share or a mean, counted in millionths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ratio(i256);

impl Ratio {
    /// So many dollars; `None` beyond 38 digits.
    pub fn usd(self) -> Option<Usd> {
        let units = self.0.to_i128()?.checked_mul(10_i128.pow(SCALE - 6))?;
        (units.unsigned_abs() < LIMIT).then_some(Usd(units))
    }

    /// In percent with one place, half-even; `None` beyond 38 digits.
    pub fn percent(self) -> Option<String> {
        self.usd()?;
        let tenths = quotient(self.0.wrapping_abs(), i256::from_i128(1000), 0, self.0.is_negative())?;
        Some(fixed(tenths, 1) + "%")
    }

    pub fn is_positive(self) -> bool {
        self.0.is_positive()
    }

    /// Of a change relative to an amount: the factor from that amount to the new one, as a whole number, half-even; `None`
    /// below ten.
    pub fn tenfold_factor(self) -> Option<u128> {
        let one = i256::from_i128(1_000_000);
        let factor = self.0.checked_add(one)?;
        let is_tenfold = factor >= i256::from_i128(10_000_000);
        let whole = quotient(factor, one, 0, false).filter(|_| is_tenfold)?;
        whole.to_i128().map(i128::unsigned_abs)
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&fixed(self.0, 6))
    }
}

impl Serialize for Ratio {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// `numerator / denominator`, half-even; `None` for a denominator of zero. Of two amounts, it is a share; for a mean, give
/// the amount's units and the count times 10^18.
pub fn ratio_6_places(numerator: i128, denominator: i128) -> Option<Ratio> {
    ratio(numerator, denominator, 6).map(Ratio)
}

/// An amount times `numerator / denominator`, in dollars, half-even; `None` for a denominator of zero.
pub fn scaled_6_places(amount: Usd, numerator: i64, denominator: i64) -> Option<Ratio> {
    // 127 bits times 63 and 20, by 60 and 63: neither can leave 256.
    let scaled = wide(amount.0).wrapping_mul(wide(numerator.into()));
    let divisor = wide(10i128.pow(SCALE)).wrapping_mul(wide(denominator.into()));
    let negative = (amount.0 < 0) != ((numerator < 0) != (denominator < 0));
    quotient(scaled, divisor, 6, negative).map(Ratio)
}

/// An amount times `numerator / denominator`, half-even at the 18th place; `None` for a denominator of zero, and beyond 38 digits.
pub fn scaled(amount: Usd, numerator: i128, denominator: i128) -> Option<Usd> {
    // 127 bits each: the product can't leave 256.
    let product = wide(amount.0).wrapping_mul(wide(numerator));
    let negative = (amount.0 < 0) != ((numerator < 0) != (denominator < 0));
    let units = quotient(product, wide(denominator), 0, negative)?.to_i128()?;
    (units.unsigned_abs() < LIMIT).then_some(Usd(units))
}

/// The share of a part in a whole; `None` where the whole is nothing, or less than the part, as with amounts below zero.
pub fn share_6_places(part: Usd, all: Usd) -> Option<Ratio> {
    let is_part = 0 <= part.0 && part.0 <= all.0;
    ratio_6_places(part.0, all.0).filter(|_| is_part)
}

/// `part / all` in percent with one place, half-even; `None` where there is nothing to divide. It is rounded to six places first,
/// as files have it, so that all formats show the same.
pub fn percent(part: Usd, all: Usd) -> Option<String> {
    ratio_6_places(part.0, all.0)?.percent()
}

fn ratio(numerator: i128, denominator: i128, places: u32) -> Option<i256> {
    let negative = (numerator < 0) != (denominator < 0);
    quotient(wide(numerator), wide(denominator), places, negative)
}

/// A quotient of magnitudes in units of the last place, half-even.
fn quotient(dividend: i256, divisor: i256, places: u32, negative: bool) -> Option<i256> {
    // 190 bits at most, times 20, can't leave 256.
    let scaled = dividend.wrapping_mul(i256::from_i128(10i128.pow(places)));
    let quotient = scaled.checked_div(divisor)?;
    let rest = scaled.checked_rem(divisor)?;
    let half = rest.cmp(&divisor.wrapping_sub(rest));
    let odd = quotient.to_parts().0 % 2 == 1;
    let up = half.is_gt() || (half.is_eq() && odd);
    let rounded = quotient.wrapping_add(i256::from_i128(i128::from(up)));
    Some(if negative { rounded.wrapping_neg() } else { rounded })
}

/// A number of units of the last place, with its point.
fn fixed(units: i256, places: usize) -> String {
    let digits = format!("{:0>width$}", units.wrapping_abs().to_string(), width = places + 1);
    let (whole, fraction) = digits.split_at(digits.len() - places);
    let sign = if units.is_negative() { "-" } else { "" };
    format!("{sign}{whole}.{fraction}")
}

fn wide(number: i128) -> i256 {
    i256::from_parts(number.unsigned_abs(), 0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_amount_is_scaled_by_a_ratio_and_rounded_half_even() {
        let scaled =
            |units, numerator, denominator| scaled_6_places(Usd(units), numerator, denominator).unwrap().to_string();
        assert_eq!(scaled(10 * 10i128.pow(18), 30, 20), "15.000000");
        assert_eq!(scaled(-10i128.pow(18), 1, 3), "-0.333333");
        assert_eq!(scaled(5 * 10i128.pow(11), 1, 1), "0.000000");
        assert_eq!(scaled(15 * 10i128.pow(11), 1, 1), "0.000002");
        assert_eq!(scaled_6_places(Usd(1), 1, 0), None);
    }

    #[test]
    fn an_amount_is_scaled_to_the_18th_place_half_even() {
        let most = 10_i128.pow(38) - 1;
        // From Python: int((Decimal(a) * n / d).to_integral_value(ROUND_HALF_EVEN)).
        for (amount, numerator, denominator, expected) in [
            (10, 1, 4, Some(2)),
            (10, 3, 4, Some(8)),
            (-10, 3, 4, Some(-8)),
            (10, -1, 3, Some(-3)),
            (10, 2, -3, Some(-7)),
            (most, i128::MAX, i128::MAX, Some(most)),
            (most, 2, 1, None),
            (1, 1, 0, None),
        ] {
            let found = scaled(Usd(amount), numerator, denominator);
            assert_eq!(found, expected.map(Usd), "{amount} * {numerator} / {denominator}");
        }
    }

    #[test]
    fn a_change_of_tenfold_or_more_is_a_whole_factor() {
        let factor = |before, now| ratio_6_places(now - before, before).unwrap().tenfold_factor();
        assert_eq!((factor(1, 9), factor(100, 999)), (None, None));
        assert_eq!(
            (factor(1, 10), factor(1, 27), factor(10, 274)),
            (Some(10), Some(27), Some(27))
        );
        assert_eq!((factor(10, 0), factor(-1, 20)), (None, None));
        assert_eq!(factor(1, i128::MAX), Some(i128::MAX.unsigned_abs()));
    }

    #[test]
    fn a_whole_that_is_less_than_its_part_has_no_share() {
        let share = |part, all| share_6_places(Usd(part), Usd(all)).map(|share| share.to_string());
        assert_eq!(share(1, 8).as_deref(), Some("0.125000"));
        assert_eq!(share(8, 8).as_deref(), Some("1.000000"));
        for (part, all) in [(9, 8), (-1, 8), (-8, -8), (0, -8), (0, 0)] {
            assert_eq!(share(part, all), None, "{part} of {all}");
        }
    }

    #[test]
    fn a_percentage_is_that_of_the_six_places_that_files_have() {
        // 12.45000000…1 % is nearer to 12.5 %; files have 0.124500, which is shown as 12.4 %.
        assert_eq!(
            percent(Usd(1_245_000_001), Usd(10_000_000_000)).as_deref(),
            Some("12.4%")
        );
        assert_eq!(percent(Usd(-1_355), Usd(10_000)).as_deref(), Some("-13.6%"));
    }

    #[test]
    fn a_part_is_shown_in_percent() {
        let shown = |part, all| percent(Usd(part), Usd(all)).unwrap();
        assert_eq!(
            (shown(1, 3), shown(1, 1), shown(0, 5)),
            ("33.3%".into(), "100.0%".into(), "0.0%".into())
        );
        assert_eq!(
            (shown(1, 2000), shown(-1, 4), shown(25, 10_000)),
            ("0.0%".into(), "-25.0%".into(), "0.2%".into())
        );
        assert_eq!(percent(Usd(1), Usd(0)), None);
    }

    fn units(text: &str) -> i128 {
        Usd::from_json_number(text).unwrap().0
    }

    #[test]
    fn numbers_are_exact_and_rounded_half_even_at_the_18th_place() {
        // From Python: int((Decimal(text) * Decimal(10) ** 18).to_integral_value(ROUND_HALF_EVEN)).
        let cases = [
            ("0", 0),
            ("-0", 0),
            ("-0.0", 0),
            ("0.1", 100000000000000000),
            ("1e-18", 1),
            ("5e-19", 0),
            ("15e-19", 2),
            ("25e-19", 2),
            ("5.0000000000000000000000001e-19", 1),
            ("4.9e-19", 0),
            ("-15e-19", -2),
            ("1.5E+3", 1500000000000000000000),
            (
                "12345678901234567890.123456789012345678",
                12345678901234567890123456789012345678,
            ),
            (
                "99999999999999999999.999999999999999999",
                99999999999999999999999999999999999999,
            ),
            (
                "99999999999999999999.9999999999999999994",
                99999999999999999999999999999999999999,
            ),
            ("0.000000000000000000000000000001e30", 1000000000000000000),
            ("1000000000000000000000e-5", 10000000000000000000000000000000000),
            ("0.07142857142857142", 71428571428571420),
            ("1.4210854715202004e-14", 14211),
            ("2.220446049250313e-16", 222),
            ("0.30000000000000004", 300000000000000040),
            ("123456789.9999999999999999995", 123456790000000000000000000),
            ("0.0000000000000000005", 0),
            ("0.0000000000000000015", 2),
            ("1e19", 10000000000000000000000000000000000000),
            ("0.00000000000000000049999999999999999999999", 0),
            ("1E-19", 0),
            ("6e-19", 1),
        ];
        for (text, expected) in cases {
            assert_eq!(units(text), expected, "{text}");
        }
    }

    #[test]
    fn exponents_beyond_all_bounds_cost_no_time_and_no_panic() {
        let long = "9".repeat(1_000);
        assert_eq!(units("1e-999999999"), 0);
        assert_eq!(units("0e999999999999999999999"), 0);
        assert_eq!(units(&format!("1e-{long}")), 0);
        assert_eq!(units(&format!("0.000e{long}")), 0);
        assert_eq!(
            units(&format!("1{}e-1000", "0".repeat(1_000))),
            1_000_000_000_000_000_000
        );
        for text in [
            "1e400",
            "1e20",
            "-1e20",
            "1e999999999999999999999",
            "100000000000000000000",
        ] {
            assert_eq!(Usd::from_json_number(text), Err(MoneyError::DoesNotFit), "{text}");
        }
        for text in [
            format!("1e{long}"),
            format!("{long}.{long}"),
            "9.99999999999999999999999999999999999999999e19".into(),
        ] {
            assert_eq!(Usd::from_json_number(&text), Err(MoneyError::DoesNotFit), "{text}");
        }
    }

    #[test]
    fn whatever_json_calls_no_number_is_refused() {
        let refused = [
            "",
            "-",
            "+1",
            "01",
            "-01",
            "00",
            ".5",
            "1.",
            "-.5",
            "1.e5",
            "1e",
            "1e+",
            "1e-",
            "1e5.0",
            "1e5e5",
            "1 ",
            " 1",
            "NaN",
            "Infinity",
            "-Infinity",
            "\"abc\"",
            "\"1\"",
            "abc",
            "true",
            "null",
            "0x10",
            "1_000",
            "1,5",
            "--1",
            "١",
        ];
        for text in refused {
            assert_eq!(Usd::from_json_number(text), Err(MoneyError::NotANumber), "{text:?}");
        }
    }

    #[test]
    fn amounts_are_written_plainly() {
        let cases = [
            (0, "0"),
            (1, "0.000000000000000001"),
            (120_000_000_000_000_000, "0.12"),
            (-1_500_000_000_000_000_000, "-1.5"),
            (-10, "-0.00000000000000001"),
            (7_412_000_000_000_000_000_000, "7412"),
            (
                99_999_999_999_999_999_999_999_999_999_999_999_999,
                "99999999999999999999.999999999999999999",
            ),
        ];
        for (units, text) in cases {
            assert_eq!(Usd(units).to_string(), text);
            assert_eq!(Usd::parse_plain(text), Some(Usd(units)));
        }
        for text in [
            "1e2",
            "0.0000000000000000001",
            "0.",
            "",
            "$1",
            "1,000",
            "100000000000000000000",
        ] {
            assert_eq!(Usd::parse_plain(text), None, "{text}");
        }
    }

    #[test]
    fn dollars_for_people_never_show_something_as_nothing() {
        let cases = [
            ("0", "$0.00"),
            ("0.000000000000000001", "<$0.01"),
            ("0.004999", "<$0.01"),
            ("0.005", "<$0.01"),
            ("0.005000000000000001", "$0.01"),
            ("0.015", "$0.02"),
            ("0.025", "$0.02"),
            ("0.025000000000000001", "$0.03"),
            ("7412.375", "$7,412.38"),
            ("999.995", "$1,000.00"),
            ("999999.994", "$999,999.99"),
            ("1234567", "$1,234,567.00"),
            ("-1.5", "-$1.50"),
            ("-0.001", "-<$0.01"),
            ("99999999999999999999.99", "$99,999,999,999,999,999,999.99"),
        ];
        for (text, expected) in cases {
            assert_eq!(Usd::parse_plain(text).unwrap().dollars(), expected, "{text}");
        }
    }

    #[test]
    fn dollars_below_a_cent_have_four_places() {
        let cases = [
            ("0", "$0.00"),
            ("0.000000000000000001", "<$0.0001"),
            ("0.00005", "<$0.0001"),
            ("0.000050000000000001", "$0.0001"),
            ("0.0049", "$0.0049"),
            ("-0.0049", "-$0.0049"),
            ("-0.00001", "-<$0.0001"),
            ("0.00999", "$0.0100"),
            ("0.01", "$0.01"),
            ("7412.375", "$7,412.38"),
        ];
        for (text, expected) in cases {
            assert_eq!(Usd::parse_plain(text).unwrap().fine_dollars(), expected, "{text}");
        }
    }

    #[test]
    fn sums_stay_within_38_digits() {
        let most = Usd(99_999_999_999_999_999_999_999_999_999_999_999_999);
        assert_eq!(Usd(1).checked_add(Usd(-3)), Some(Usd(-2)));
        assert_eq!(most.checked_add(Usd::default()), Some(most));
        assert_eq!(most.checked_add(Usd(1)), None);
        assert_eq!(Usd(-most.0).checked_add(Usd(-1)), None);
        assert_eq!(most.checked_add(most), None);
        assert_eq!(Usd(i128::MIN).checked_add(Usd(-1)), None);
    }

    #[test]
    fn ratios_have_six_places_half_even_whatever_the_size() {
        let dollar = 1_000_000_000_000_000_000;
        // From Python: (Decimal(n) / Decimal(d)).quantize(Decimal('0.000001'), ROUND_HALF_EVEN).
        let cases = [
            (1, 3, "0.333333"),
            (2, 3, "0.666667"),
            (-1, 3, "-0.333333"),
            (1, -3, "-0.333333"),
            (-2, -3, "0.666667"),
            (1, 2_000_000, "0.000000"),
            (3, 2_000_000, "0.000002"),
            (-1, 2_000_000, "0.000000"),
            (-3, 2_000_000, "-0.000002"),
            (i128::MAX, 1, "170141183460469231731687303715884105727.000000"),
            (i128::MIN, 1, "-170141183460469231731687303715884105728.000000"),
            (i128::MAX, i128::MIN, "-1.000000"),
            (i128::MIN, i128::MIN, "1.000000"),
            (1, i128::MAX, "0.000000"),
            (0, -5, "0.000000"),
            (7_412_380 * (dollar / 1_000), 31_204 * dollar, "0.237546"),
            (10, 4, "2.500000"),
        ];
        for (numerator, denominator, expected) in cases {
            let ratio = ratio_6_places(numerator, denominator).unwrap().to_string();
            assert_eq!(ratio, expected, "{numerator}/{denominator}");
        }
        assert_eq!(ratio_6_places(1, 0), None);
    }

    /// Long-hand, on text alone: writes the number out without its exponent, pads it, cuts it, rounds by comparing.
    fn by_hand(negative: bool, whole: &str, fraction: &str, exponent: i32) -> Option<String> {
        let zeros = "0".repeat(120);
        let written = format!("{zeros}{whole}{fraction}{zeros}");
        let point = (zeros.len() + whole.len()) as i32 + exponent;
        let (kept, rest) = written.split_at((point + 18) as usize);
        let mut kept: Vec<u8> = kept.bytes().collect();
        let rest = rest.trim_end_matches('0');
        if rest > "5" || (rest == "5" && kept.last().unwrap() % 2 == 1) {
            let mut at = kept.len() - 1;
            while kept[at] == b'9' {
                kept[at] = b'0';
                at -= 1;
            }
            kept[at] += 1;
        }
        let kept = String::from_utf8(kept).unwrap();
        let kept = kept.trim_start_matches('0');
        match kept.len() {
            0 => Some("0".into()),
            1..=38 => Some(format!("{}{kept}", if negative { "-" } else { "" })),
            _ => None,
        }
    }

    proptest! {
        #[test]
        fn any_number_is_as_rounded_by_hand(
            negative: bool,
            whole in "0|[1-9][0-9]{0,24}",
            fraction in "[0-9]{0,40}|[0-9]{17}50{0,10}1?|9{18,20}",
            exponent in -60..60_i32,
        ) {
            let sign = if negative { "-" } else { "" };
            let point = if fraction.is_empty() { "" } else { "." };
            for exponent in [0, exponent] {
                let tail = if exponent == 0 { String::new() } else { format!("e{exponent}") };
                let text = format!("{sign}{whole}{point}{fraction}{tail}");
                let found = Usd::from_json_number(&text).ok().map(|usd| usd.0.to_string());
                prop_assert_eq!(found, by_hand(negative, &whole, &fraction, exponent), "{}", text);
            }
        }

        #[test]
        fn plain_text_comes_back_as_the_same_amount(units in -(10_i128.pow(38) - 1)..10_i128.pow(38)) {
            let text = Usd(units).to_string();
            prop_assert!(!text.contains(['e', 'E']));
            prop_assert!(!text.contains('.') || !text.ends_with('0'));
            prop_assert_eq!(Usd::parse_plain(&text), Some(Usd(units)));
        }

        #[test]
        fn no_text_at_all_makes_it_panic(text in "[-+0-9.eE ]{0,60}|\\PC{0,20}") {
            let _ = Usd::from_json_number(&text);
            let _ = Usd::parse_plain(&text);
        }

        #[test]
        fn only_what_serde_json_also_reads_as_a_number_is_one(text in "[-+]?[0-9]{0,3}[.]?[0-9]{0,3}([eE][-+]?[0-9]{0,2})?") {
            let json = serde_json::from_str::<serde_json::Number>(&text).is_ok();
            prop_assert_eq!(Usd::from_json_number(&text) != Err(MoneyError::NotANumber), json);
        }

        #[test]
        fn no_ratio_panics(numerator: i128, denominator: i128) {
            prop_assert_eq!(ratio_6_places(numerator, denominator).is_some(), denominator != 0);
        }
    }
}
