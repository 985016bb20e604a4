//! FOCUS rows to CSV, in the dialect of `runs.csv`: into one file, or into files of a bounded size.

use std::io::Write;

use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, TimestampMillisecondType};
use arrow_array::{ArrayRef, RecordBatch, StringArray};
use csv::Writer;

use crate::error::Result;
use crate::money::Usd;
use crate::output::csv::{CsvColumn, write_row, write_rows, writer};
use crate::output::focus::cannot_write;
use crate::output::focus::choices::FocusGrain;
use crate::output::focus::columns::FocusType;
use crate::output::focus::layout::FocusLayout;
use crate::output::focus::parts::{CsvParts, PartWriter, SplitSize};
use crate::output::names::FOCUS_CSV;

/// Where the rows of CSV go.
pub enum CsvOutput<W> {
    Whole(W),
    /// Into numbered files, none larger than this.
    Parts(SplitSize, Box<PartWriter>),
}

/// Writes CSV.
pub(super) enum FocusCsv<W: Write> {
    Whole(Box<Writer<W>>),
    Parts(CsvParts),
}

impl<W: Write> FocusCsv<W> {
    /// Begins with the header.
    pub(super) fn new(to: CsvOutput<W>, layout: &FocusLayout) -> Result<FocusCsv<W>> {
        let names = layout.columns.iter().map(|column| column.name);
        Ok(match to {
            CsvOutput::Whole(to) => {
                let mut csv = writer(to);
                csv.write_record(names).map_err(cannot_write(FOCUS_CSV))?;
                FocusCsv::Whole(Box::new(csv))
            }
            CsvOutput::Parts(size, write) => {
                let mut header = names.collect::<Vec<_>>().join(",").into_bytes();
                header.push(b'\n');
                FocusCsv::Parts(CsvParts::new(size, header, write))
            }
        })
    }

    /// Appends rows that have every column of the layout.
    pub(super) fn write(&mut self, rows: &RecordBatch, layout: &FocusLayout) -> Result<()> {
        let made = CellTexts::new(rows, layout);
        let columns = made.columns(rows, layout);
        match self {
            FocusCsv::Whole(csv) => write_rows(csv, &columns, rows.num_rows()).map_err(cannot_write(FOCUS_CSV)),
            FocusCsv::Parts(parts) => {
                let (mut csv, mut cell) = (writer(Vec::new()), String::new());
                let mut begin = 0;
                for row in 0..rows.num_rows() {
                    write_row(&mut csv, &columns, row, &mut cell).map_err(cannot_write(FOCUS_CSV))?;
                    csv.flush().map_err(cannot_write(FOCUS_CSV))?;
                    parts.add(&csv.get_ref()[begin..])?;
                    begin = csv.get_ref().len();
                }
                Ok(())
            }
        }
    }

    /// Completes the file, or the last of several; the number of parts, which is zero where there is one file.
    pub(super) fn finish(self) -> Result<u32> {
        match self {
            FocusCsv::Whole(mut csv) => {
                csv.flush().map_err(cannot_write(FOCUS_CSV))?;
                Ok(0)
            }
            FocusCsv::Parts(parts) => parts.finish(),
        }
    }
}

/// Texts of cells that are worked out once for several columns.
struct CellTexts {
    /// Four columns have the same cost.
    costs: StringArray,
    /// Two have the same quantity; none where it is one in every row.
    quantities: Option<StringArray>,
}

impl CellTexts {
    fn new(rows: &RecordBatch, layout: &FocusLayout) -> CellTexts {
        let decimals = |name: &str| {
            let column = rows.column_by_name(name).expect("it is a column of FOCUS");
            column.as_primitive::<Decimal128Type>().values().clone()
        };
        let texts = |name: &str, text: fn(i128) -> String| {
            StringArray::from_iter_values(decimals(name).iter().map(|value| text(*value)))
        };
        CellTexts {
            costs: texts("BilledCost", |cost| Usd(cost).to_string()),
            quantities: (layout.grain != FocusGrain::Run)
                .then(|| texts("PricingQuantity", |runs| format!("{}.0", Usd(runs)))),
        }
    }

    fn columns<'a>(&'a self, rows: &'a RecordBatch, layout: &FocusLayout) -> Vec<CsvColumn<'a>> {
        let columns = layout.columns.iter().zip(rows.columns());
        let column = |array: &'a ArrayRef, of: FocusType| match of {
            FocusType::Text => CsvColumn::Text(array.as_string()),
            FocusType::ThirdPartyText => CsvColumn::ThirdParty(array.as_string()),
            FocusType::Usd => CsvColumn::Text(&self.costs),
            // With a place, so that readers that guess types from text take the column for decimals, as its type is.
            FocusType::Quantity => match &self.quantities {
                Some(quantities) => CsvColumn::Text(quantities),
                None => CsvColumn::Constant("1.0"),
            },
            FocusType::Second => CsvColumn::Second(array.as_primitive::<TimestampMillisecondType>()),
            FocusType::Millisecond => CsvColumn::Millisecond(array.as_primitive::<TimestampMillisecondType>()),
        };
        columns
            .map(|(is, array)| column(array, is.cells.focus_type()))
            .collect()
    }
}
