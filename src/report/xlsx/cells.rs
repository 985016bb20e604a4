//! What a cell can hold: numbers as doubles, dates as days since 1900, text within Excel's limits. Pure; writes nothing.

mod format;

pub use format::{CellFormat, TINY};

use std::borrow::Cow;

use chrono::NaiveDate;

use crate::money::Usd;
use crate::period::Millis;
use crate::text::{escape_control, width};

/// Most UTF-16 units of a cell's text, by Excel's own limit.
pub const MOST_UNITS: usize = 32_767;
pub const CUT: &str = "… (cut: too long for a cell)";

#[derive(Debug, Clone, PartialEq)]
pub enum Value<'v> {
    /// Nothing, or nothing that is known.
    Empty,
    Text(Cow<'v, str>),
    Number(f64),
}

impl<'v> Value<'v> {
    /// Anyone's text: what could steer a reader is shown as an escape, and what is too long is cut and marked.
    pub fn text(text: &str) -> Value<'v> {
        if text.is_empty() {
            return Value::Empty;
        }
        let text = escape_control(text);
        // No text has more units than bytes.
        if text.len() <= MOST_UNITS || text.encode_utf16().count() <= MOST_UNITS {
            return Value::Text(Cow::Owned(text));
        }
        let room = MOST_UNITS - CUT.encode_utf16().count();
        let mut units = 0;
        let fits = |c: &char| {
            units += c.len_utf16();
            units <= room
        };
        let kept: String = text.chars().take_while(fits).collect();
        Value::Text(Cow::Owned(kept + CUT))
    }

    /// The double that is nearest to an amount.
    pub fn usd(usd: Usd) -> Value<'v> {
        Value::decimal(&usd.to_string())
    }

    pub fn decimal(decimal: &str) -> Value<'v> {
        decimal.parse().map_or_else(|_| Value::text(decimal), Value::Number)
    }

    /// A day, from `YYYY-MM-DD`.
    pub fn date(day: &str) -> Value<'v> {
        let date = NaiveDate::parse_from_str(day, "%Y-%m-%d").ok();
        let serial = date.and_then(|date| serial(f64::from(date.signed_duration_since(EPOCH).num_days() as i32)));
        serial.map_or_else(|| Value::text(day), Value::Number)
    }

    pub fn instant(ms: Millis) -> Value<'v> {
        let serial = serial(ms as f64 / 86_400_000.0);
        serial.map_or_else(|| Value::text(&crate::period::format_instant(ms)), Value::Number)
    }

    pub fn width(&self, look: CellFormat) -> usize {
        match self {
            Value::Empty => 0,
            Value::Text(text) => width(text),
            Value::Number(number) => look.width(*number),
        }
    }
}

const EPOCH: NaiveDate = NaiveDate::from_ymd_opt(1970, 1, 1).expect("a date");

/// Excel's number of a time, from days since 1970; none before March 1900, whose February it gives a 29th.
fn serial(days: f64) -> Option<f64> {
    const EPOCH_SERIAL: f64 = 25_569.0;
    const MARCH_1900: f64 = 61.0;
    Some(days + EPOCH_SERIAL).filter(|serial| *serial >= MARCH_1900)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: Value) -> String {
        match value {
            Value::Text(text) => text.into_owned(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn texts_stay_what_they_are_but_harmless_and_within_a_cell() {
        for plain in ["=1+1", "+1", "-1", "@x", "<b>", "https://x", "'x"] {
            assert_eq!(text(Value::text(plain)), plain);
        }
        assert_eq!(text(Value::text("a\u{0}\u{202e}b\n")), "a\\u{0}\\u{202e}b\\u{a}");
        assert_eq!(Value::text(""), Value::Empty);
        let most = "x".repeat(MOST_UNITS);
        assert_eq!(text(Value::text(&most)), most);
        for long in ["x".repeat(40_000), "😀".repeat(20_000)] {
            let cut = text(Value::text(&long));
            assert!(cut.ends_with(CUT));
            let units = cut.encode_utf16().count();
            assert!((MOST_UNITS - 1..=MOST_UNITS).contains(&units), "{units}");
        }
    }

    #[test]
    fn dates_are_those_of_excel() {
        // As Excel shows them: DATEVALUE("2025-09-01") is 45901.
        assert_eq!(Value::date("2025-09-01"), Value::Number(45_901.0));
        assert_eq!(Value::date("1900-03-01"), Value::Number(61.0));
        assert_eq!(text(Value::date("1900-02-28")), "1900-02-28");
        assert_eq!(text(Value::date("-")), "-");
        assert_eq!(Value::instant(1_756_728_000_000), Value::Number(45_901.5));
    }

    #[test]
    fn numbers_are_the_nearest_doubles() {
        let usd = |text: &str| Value::usd(Usd::parse_plain(text).unwrap());
        assert_eq!(usd("0.1"), Value::Number(0.1));
        assert_eq!(usd("7412.380000000000000001"), Value::Number(7412.38));
        assert_eq!(usd("-0.000000000000000001"), Value::Number(-1e-18));
    }

    #[test]
    fn what_is_little_never_looks_like_nothing() {
        let shown = |number| CellFormat::Usd.num_format_of_little(number);
        assert_eq!((shown(0.0), shown(0.005), shown(-2.0)), (None, None, None));
        assert_eq!(
            (shown(0.0004), shown(-0.0004)),
            (Some("$#,##0.000000"), Some("$#,##0.000000"))
        );
        assert_eq!(
            (shown(1e-9), CellFormat::SmallUsd.num_format_of_little(1e-9)),
            (Some(TINY), Some(TINY))
        );
    }
}
