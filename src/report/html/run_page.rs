//! The page of one run: every column that is kept of it, as it is kept.

use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, Int64Type, TimestampMillisecondType};
use arrow_array::{Array, RecordBatch};
use serde::Serialize;

use crate::money::Usd;
use crate::period::format_instant;
use crate::provenance::Source;
use crate::report::console::run_url;
use crate::report::display_text::DisplayText;
use crate::report::html::{RUN_TEMPLATE, STYLE_PLACE, TEMPLATE, csp, filled};

#[derive(Serialize)]
struct RunPage {
    policy: String,
    notice: Option<&'static str>,
    id: DisplayText,
    href: Option<String>,
    values: Vec<ColumnValue>,
}

#[derive(Serialize)]
struct ColumnValue {
    column: String,
    text: String,
    /// Whether it is NULL.
    is_absent: bool,
}

/// A row of a batch as a page, and the page's policy.
pub fn render(id: &str, (batch, row): (&RecordBatch, usize), source: Source) -> (String, String) {
    let style = csp::style(TEMPLATE);
    let columns = batch.schema_ref().fields().iter().zip(batch.columns());
    let page = RunPage {
        policy: csp::policy(style, ""),
        notice: source.notice(),
        id: DisplayText::new(id),
        href: (source == Source::Api).then(|| run_url(id)),
        values: columns
            .map(|(field, column)| {
                let text = text(column, row);
                ColumnValue {
                    column: field.name().clone(),
                    is_absent: text.is_none(),
                    text: text.unwrap_or_default(),
                }
            })
            .collect(),
    };
    let html = filled(RUN_TEMPLATE, &page).expect("the template shows runs, as tests show");
    let html = html.replacen(STYLE_PLACE, &format!("<style>{style}</style>"), 1);
    (html, page.policy)
}

/// Money exactly, instants in UTC; none where the value is unknown.
fn text(column: &dyn Array, row: usize) -> Option<String> {
    if column.is_null(row) {
        return None;
    }
    if let Some(texts) = column.as_string_opt::<i32>() {
        return Some(texts.value(row).into());
    }
    if let Some(instants) = column.as_primitive_opt::<TimestampMillisecondType>() {
        return Some(format_instant(instants.value(row)));
    }
    if let Some(amounts) = column.as_primitive_opt::<Decimal128Type>() {
        return Some(Usd(amounts.value(row)).to_string());
    }
    column
        .as_primitive_opt::<Int64Type>()
        .map(|numbers| numbers.value(row).to_string())
}
