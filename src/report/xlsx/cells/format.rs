//! How the values of a column look, in Excel's own formats.

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CellFormat {
    Text,
    Date,
    Instant,
    Count,
    /// US dollars and cents; of less than a cent, six places.
    Usd,
    /// US dollars of single runs and means: six places.
    SmallUsd,
    Share,
    Number,
}

impl CellFormat {
    /// Whether it is a quantity, which is aligned by its last digit.
    pub fn is_number(self) -> bool {
        !matches!(self, CellFormat::Text | CellFormat::Date | CellFormat::Instant)
    }

    /// How it is shown, in Excel's own words.
    pub fn num_format(self) -> &'static str {
        match self {
            CellFormat::Text | CellFormat::Number => "General",
            CellFormat::Date => "yyyy-mm-dd",
            CellFormat::Instant => "yyyy-mm-dd hh:mm:ss.000",
            CellFormat::Count => "#,##0",
            CellFormat::Usd => "$#,##0.00",
            CellFormat::SmallUsd => "$#,##0.000000",
            CellFormat::Share => "0.0%",
        }
    }

    /// How an amount is shown that would look like nothing otherwise.
    pub fn num_format_of_little(self, number: f64) -> Option<&'static str> {
        let little = number.abs();
        match self {
            CellFormat::Usd | CellFormat::SmallUsd if little > 0.0 && little < 0.000_000_5 => Some(TINY),
            CellFormat::Usd if little > 0.0 && little < 0.005 => Some(CellFormat::SmallUsd.num_format()),
            _ => None,
        }
    }

    /// How a total is shown that is `number` as long as nothing is filtered. Programs differ in the sign of an amount below zero where a
    /// format has conditions, so that such a total has none.
    pub fn num_format_of_total(self, number: f64) -> &'static str {
        match self {
            CellFormat::Usd if number < 0.0 => self.num_format_of_little(number).unwrap_or(self.num_format()),
            CellFormat::Usd => "[=0]$0.00;[<0.005]$0.000000;$#,##0.00",
            other => other.num_format(),
        }
    }

    pub fn width(self, number: f64) -> usize {
        let whole = (number.abs().max(1.0).log10() as usize) + 1;
        let sign = usize::from(number < 0.0);
        match self {
            CellFormat::Date => 10,
            CellFormat::Instant => 23,
            CellFormat::Count => whole + whole / 3 + sign,
            CellFormat::Usd if self.num_format_of_little(number).is_none() => whole + whole / 3 + sign + 4,
            CellFormat::Usd | CellFormat::SmallUsd => whole + whole / 3 + sign + 8,
            CellFormat::Share => whole + 5 + sign,
            CellFormat::Text | CellFormat::Number => 12,
        }
    }
}

/// The format of less than half a millionth of a dollar.
pub const TINY: &str = "\"<$0.000001\"";
