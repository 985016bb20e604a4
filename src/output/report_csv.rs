//! A report as a CSV file: its name, its form and its bytes. What is in its records is `report::csv`'s.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};

use crate::output::csv::separated_writer;
use crate::report::csv::{DecimalMark, records};
use crate::report::table::Table;

/// What Excel takes for a file in UTF-8; without it, it takes the machine's own code page.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// For whom reports in CSV are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CsvStyle {
    /// For programs: RFC 4180, no byte-order mark.
    #[default]
    Standard,
    /// For Excel: a byte-order mark, semicolons between cells.
    Excel,
}

/// The form of reports in CSV. Its default is the standard form, which is also that of every earlier version.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportCsvForm {
    /// For whom they are written.
    pub style: CsvStyle,
    /// What stands before the decimal places of amounts and shares.
    pub decimal: DecimalMark,
}

impl ReportCsvForm {
    pub fn is_standard(&self) -> bool {
        *self == ReportCsvForm::default()
    }

    /// What stands between two cells.
    pub fn separator(self) -> u8 {
        match self.style {
            CsvStyle::Standard => b',',
            CsvStyle::Excel => b';',
        }
    }
}

pub fn csv_name(table: &Table) -> String {
    format!("{}.csv", table.name)
}

/// Writes a report as it is made: it may be large.
pub fn write_csv<W: Write>(table: &Table, form: ReportCsvForm, mut into: W) -> io::Result<W> {
    if form.style == CsvStyle::Excel {
        into.write_all(BYTE_ORDER_MARK)?;
    }
    let mut csv = separated_writer(into, form.separator());
    records(table, form.decimal).try_for_each(|record| csv.write_record(record))?;
    csv.into_inner().map_err(|error| error.into_error())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::{Usd, ratio_6_places};
    use crate::report::table::{Cell, CellKind, column};

    fn written(style: CsvStyle, decimal: DecimalMark) -> String {
        let names = ["é;x", "=1+1", "a,b"];
        let row = |at: usize| {
            let usd = Usd::parse_plain("-1234.5").unwrap();
            let share = Cell::decimal(ratio_6_places(1, 4)).worded("a quarter");
            vec![
                Cell::text(Some(names[at])),
                Cell::Usd(usd),
                share,
                Cell::Instant(0),
                Cell::Absent,
            ]
        };
        let table = Table {
            name: "by_name".into(),
            title: String::new(),
            columns: vec![
                column("name", "name", CellKind::Name),
                column("usd", "usd", CellKind::Usd),
                column("share", "share", CellKind::Share),
                column("at", "at", CellKind::Instant),
                column("none", "none", CellKind::Usd),
            ],
            len: names.len(),
            row: Box::new(row),
            total: None,
            note: None,
        };
        let form = ReportCsvForm { style, decimal };
        String::from_utf8(write_csv(&table, form, Vec::new()).unwrap()).unwrap()
    }

    #[test]
    fn each_form_has_its_separator_its_decimal_mark_and_no_other_difference() {
        assert_eq!(
            written(CsvStyle::Standard, DecimalMark::Point),
            "name,usd,share,at,none\n\
             é;x,-1234.5,0.250000,1970-01-01T00:00:00.000Z,\n\
             '=1+1,-1234.5,0.250000,1970-01-01T00:00:00.000Z,\n\
             \"a,b\",-1234.5,0.250000,1970-01-01T00:00:00.000Z,\n"
        );
        assert_eq!(
            written(CsvStyle::Excel, DecimalMark::Point),
            "\u{feff}name;usd;share;at;none\n\
             \"é;x\";-1234.5;0.250000;1970-01-01T00:00:00.000Z;\n\
             '=1+1;-1234.5;0.250000;1970-01-01T00:00:00.000Z;\n\
             a,b;-1234.5;0.250000;1970-01-01T00:00:00.000Z;\n"
        );
        assert_eq!(
            written(CsvStyle::Excel, DecimalMark::Comma),
            written(CsvStyle::Excel, DecimalMark::Point)
                .replace("1234.5", "1234,5")
                .replace("0.25", "0,25")
        );
    }
}
