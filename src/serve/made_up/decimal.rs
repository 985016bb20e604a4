//! Exact decimals of what is served: dollars and quantities, never a float. The client's `Usd` is another, deliberately: an error
//! of one shows as a difference between what was served and what was exported.

use std::fmt;
use std::iter::Sum;
use std::ops::{AddAssign, Mul};

use serde::ser::Error;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// Places that are kept: three more than the longest cost has, and two for a discount in percent.
const PLACES: u32 = 24;

/// A number of 10^-24.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Decimal(pub(super) i128);

impl Decimal {
    pub(super) const ZERO: Decimal = Decimal(0);

    /// `number` times 10^`-places`.
    pub(super) const fn new(number: u64, places: u32) -> Decimal {
        Decimal(number as i128 * 10_i128.pow(PLACES - places))
    }

    /// A JSON number that is not negative; `None` for anything else, `null` too.
    pub(super) fn parse(text: &str) -> Option<Decimal> {
        let (digits, exponent) = match text.split_once('e') {
            Some((digits, exponent)) => (digits, exponent.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let number = [whole, fraction].concat().parse::<u64>().ok()?;
        let shift = PLACES as i32 + exponent - fraction.len() as i32;
        let power = 10_i128.checked_pow(u32::try_from(shift).ok()?)?;
        Some(Decimal(i128::from(number).checked_mul(power)?))
    }

    /// So many percent of it; exact for up to 22 places.
    pub(super) fn percent(self, percent: i128) -> Decimal {
        Decimal(self.0 * percent / 100)
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let one = 10_u128.pow(PLACES);
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, fraction) = (self.0.unsigned_abs() / one, self.0.unsigned_abs() % one);
        let fraction = format!("{fraction:024}");
        match fraction.trim_end_matches('0') {
            "" => write!(f, "{sign}{whole}"),
            fraction => write!(f, "{sign}{whole}.{fraction}"),
        }
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = RawValue::from_string(self.to_string()).map_err(S::Error::custom)?;
        text.serialize(serializer)
    }
}

impl AddAssign for Decimal {
    fn add_assign(&mut self, other: Decimal) {
        self.0 += other.0;
    }
}

impl Mul<u64> for Decimal {
    type Output = Decimal;
    fn mul(self, times: u64) -> Decimal {
        Decimal(self.0 * i128::from(times))
    }
}

impl Sum for Decimal {
    fn sum<I: Iterator<Item = Decimal>>(amounts: I) -> Decimal {
        Decimal(amounts.map(|amount| amount.0).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_and_written_to_the_last_digit() {
        for (text, plain) in [
            ("0", "0"),
            ("9", "9"),
            ("0.0012345678901234567", "0.0012345678901234567"),
            ("1.234567891e-7", "0.0000001234567891"),
            ("3e-10", "0.0000000003"),
            ("12.50", "12.5"),
        ] {
            assert_eq!(Decimal::parse(text).unwrap().to_string(), plain, "{text}");
        }
        assert_eq!(Decimal::parse("null"), None);
        assert_eq!(
            serde_json::to_string(&Decimal::new(1, 18)).unwrap(),
            "0.000000000000000001"
        );
        assert_eq!(Decimal::new(1, 19).percent(96).to_string(), "0.000000000000000000096");
    }
}
