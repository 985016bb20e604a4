//! Charges as rows of FOCUS: an Arrow array for each column of the table, from which both files are written.

use std::iter::repeat_n;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMillisecondType;
use arrow_array::{Array, ArrayRef, Decimal128Array, RecordBatch, StringArray, TimestampMillisecondArray};
use arrow_schema::ArrowError;

use crate::money::SCALE;
use crate::output::focus::FocusConstants;
use crate::output::focus::charge::Charge;
use crate::output::focus::choices::RowKind;
use crate::output::focus::columns::CellSource;
use crate::output::focus::layout::FocusLayout;
use crate::runs::schema::{USD_PRECISION, USD_SCALE};

/// What FOCUS rows are made from, row by row. Runs of a day together have neither `id` nor `started_at`; what is not attributed to
/// a run has a cost alone.
pub(super) struct ChargedRows<'a> {
    pub(super) kind: RowKind,
    /// Columns of an export.
    pub(super) batch: RecordBatch,
    pub(super) charges: &'a [Charge],
}

/// The charges as rows, in their order.
pub(super) fn rows_of(
    charged: &ChargedRows,
    layout: &FocusLayout,
    constants: &FocusConstants,
) -> Result<RecordBatch, ArrowError> {
    let columns = layout.columns.iter();
    let arrays = columns.map(|column| charged.array(column.cells, constants));
    RecordBatch::try_new(layout.schema.clone(), arrays.collect())
}

impl ChargedRows<'_> {
    fn array(&self, cells: CellSource, constants: &FocusConstants) -> ArrayRef {
        match cells {
            CellSource::Constant(text) => self.repeated(Some(text)),
            CellSource::ByKind(of_runs, other) => {
                self.repeated(Some(if self.kind.is_of_runs() { of_runs } else { other }))
            }
            CellSource::RunConstant(text) => self.repeated(self.text("id").map(|_| text)),
            CellSource::Null => self.repeated(None),
            CellSource::AccountId => self.repeated(Some(&constants.account_id)),
            CellSource::AccountName => self.repeated(constants.account_name.as_deref()),
            CellSource::QueriedAt => instants(repeat_n(constants.queried_at_ms, self.charges.len())),
            CellSource::Quantity => {
                let runs = self.charges.iter().map(|charge| i128::from(charge.runs));
                let runs = Decimal128Array::from_iter_values(runs.map(|runs| runs * 10_i128.pow(SCALE)));
                let runs = runs.with_precision_and_scale(USD_PRECISION, USD_SCALE);
                Arc::new(runs.expect("38 digits hold any number of runs and 18 places"))
            }
            CellSource::Cost => self.needed("usage_total_usd").clone(),
            CellSource::ChargeStart => self.seconds(|charge| charge.start_s),
            CellSource::ChargeEnd => self.seconds(|charge| charge.end_s),
            CellSource::PeriodStart => self.seconds(|charge| charge.period.start_s),
            CellSource::PeriodEnd => self.seconds(|charge| charge.period.end_s),
            CellSource::PeriodBasis => {
                let texts = self.charges.iter().map(|charge| charge.period.basis.text());
                Arc::new(StringArray::from_iter_values(texts))
            }
            CellSource::Description => self.descriptions(self.kind.description()),
            CellSource::RowKind => self.repeated(Some(self.kind.name())),
            CellSource::StartedAt => match self.batch.column_by_name("started_at") {
                Some(started) => {
                    let started = started.as_primitive::<TimestampMillisecondType>();
                    Arc::new(started.clone().with_timezone("UTC"))
                }
                None => {
                    let nulls = TimestampMillisecondArray::new_null(self.charges.len());
                    Arc::new(nulls.with_timezone("UTC"))
                }
            },
            CellSource::Export(name) => match self.text(name) {
                // FOCUS has no empty text ('Null Handling').
                Some(texts) => Arc::new(texts.iter().map(non_empty).collect::<StringArray>()),
                None => self.repeated(None),
            },
        }
    }

    fn repeated(&self, text: Option<&str>) -> ArrayRef {
        Arc::new(repeat_n(text, self.charges.len()).collect::<StringArray>())
    }

    fn seconds(&self, second: fn(&Charge) -> i64) -> ArrayRef {
        instants(self.charges.iter().map(|charge| second(charge) * 1000))
    }

    /// The name of each Actor, or its ID, after these words.
    fn descriptions(&self, words: &str) -> ArrayRef {
        if !self.kind.is_of_runs() {
            return self.repeated(Some(words));
        }
        let act_ids = self.needed("act_id").as_string::<i32>();
        let names = self.text("act_name");
        let actor = |row: usize| {
            let name = names.filter(|names| names.is_valid(row)).map(|names| names.value(row));
            non_empty(name).unwrap_or_else(|| act_ids.value(row))
        };
        let texts = (0..self.charges.len()).map(|row| format!("{words}{}", actor(row)));
        Arc::new(StringArray::from_iter_values(texts))
    }

    fn needed(&self, name: &str) -> &ArrayRef {
        let column = self.batch.column_by_name(name);
        column.expect("FocusFiles::new has checked that the export has it")
    }

    /// A column that the export may lack.
    fn text(&self, name: &str) -> Option<&StringArray> {
        self.batch.column_by_name(name).map(|column| column.as_string::<i32>())
    }
}

fn instants(ms: impl Iterator<Item = i64>) -> ArrayRef {
    Arc::new(TimestampMillisecondArray::from_iter_values(ms).with_timezone("UTC"))
}

pub(super) fn non_empty(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}
