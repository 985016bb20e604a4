//! Options of the form that reports in CSV have: for programs or for Excel. `runs.csv` and FOCUS have one form.

use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};

use super::OUTPUT;
use crate::error::{Error, Result};
use crate::output::report_csv::{CsvStyle, ReportCsvForm};
use crate::report::csv::DecimalMark;

#[derive(Debug, Args)]
#[command(next_help_heading = OUTPUT)]
pub struct ReportCsvArgs {
    /// Style of CSV reports: standard, or excel (for reading; exact figures are in the standard style)
    #[arg(
        hide = true,
        long,
        value_name = "STYLE",
        default_value = "standard",
        hide_possible_values = true
    )]
    pub csv_style: CsvStyle,
    /// Decimal mark of --csv-style excel: point or comma
    #[arg(
        hide = true,
        long,
        value_name = "MARK",
        default_value = "point",
        hide_possible_values = true
    )]
    pub csv_decimal: DecimalMark,
}

impl ReportCsvArgs {
    /// The form; exit 2 where a comma would be both separator and decimal mark.
    pub fn form(&self) -> Result<ReportCsvForm> {
        let form = ReportCsvForm {
            style: self.csv_style,
            decimal: self.csv_decimal,
        };
        if form.style == CsvStyle::Standard && form.decimal == DecimalMark::Comma {
            return Err(Error::Usage(
                "--csv-decimal comma works only with --csv-style excel: in the standard style a comma separates cells; add \
                 --csv-style excel, or use --csv-decimal point"
                    .into(),
            ));
        }
        Ok(form)
    }
}

impl ValueEnum for CsvStyle {
    fn value_variants<'a>() -> &'a [CsvStyle] {
        &[CsvStyle::Standard, CsvStyle::Excel]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self {
            CsvStyle::Standard => PossibleValue::new("standard").help("For programs: RFC 4180, exact figures"),
            CsvStyle::Excel => {
                PossibleValue::new("excel").help("For reading in Excel: byte-order mark, semicolons between cells")
            }
        })
    }
}

impl ValueEnum for DecimalMark {
    fn value_variants<'a>() -> &'a [DecimalMark] {
        &[DecimalMark::Point, DecimalMark::Comma]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self {
            DecimalMark::Point => PossibleValue::new("point").help("As in 0.5"),
            DecimalMark::Comma => PossibleValue::new("comma").help("As in 0,5"),
        })
    }
}
