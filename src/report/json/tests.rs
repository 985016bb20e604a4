//! The schema of `report.json`: its members by the type, its reports by the tables that every format shows.

use serde_json::{Value, json};

use crate::json_schema::{DECIMAL, closed, hold, nullable, of};
use crate::period::{Period, Zone};
use crate::provenance::{BuildsFacts, CountedFacts, GroupRule, UsageFacts};
use crate::report::account_usage::AccountUsage;
use crate::report::budget;
use crate::report::comparison::{ComparedPeriod, PeriodComparison, ReportedPeriod};
use crate::report::dimension::{By, Dimension, Dimensions};
use crate::report::figures::Figures;
use crate::report::groups::Groups;
use crate::report::summary::Summary;
use crate::report::table::{CellKind, Table, TableColumn};
use crate::runs::column_set::ColumnSet;

/// A breakdown by two dimensions.
const PAIR: &str = "^cost_by_[a-z]+_and_[a-z]+$";

fn figures() -> Figures {
    let groups = Groups::of(vec![GroupRule::default()]);
    let mut dimensions = Dimensions::of(&ColumnSet::all(true), Some(groups));
    for first in Dimension::ALL {
        let seconds = Dimension::ALL.into_iter().filter(|second| *second != first);
        dimensions.by.extend(seconds.map(|second| By {
            first,
            second: Some(second),
        }));
    }
    Summary::new(Zone::UTC, dimensions).finish()
}

/// As one cell of a column. What isn't known is null; a count always is.
fn cell(column: &TableColumn) -> Value {
    match column.kind {
        CellKind::Count => json!({"type": "integer", "minimum": 0}),
        CellKind::Instant => nullable(json!({"$ref": "#/$defs/Instant"})),
        CellKind::Usd => nullable(json!({"$ref": "#/$defs/Usd"})),
        CellKind::Key | CellKind::Name | CellKind::Date => nullable(json!({"type": "string"})),
        _ => nullable(json!({"type": "string", "pattern": DECIMAL})),
    }
}

/// The rows of a table; those columns are required that all tables of its kind have.
fn rows(description: &str, columns: &[TableColumn], required: &[TableColumn]) -> Value {
    let cells = columns.iter().map(|column| (column.name.into(), cell(column)));
    let required = required.iter().map(|column| column.name).collect();
    json!({
        "description": description,
        "type": "array",
        "items": closed(cells.collect(), required),
    })
}

/// Counted usage and builds, none of which there are.
fn counted_usage() -> AccountUsage {
    AccountUsage {
        facts: UsageFacts {
            counted: Some(CountedFacts {
                from: 0,
                to: 1,
                queried_at_ms: 0,
                cycles: Vec::new(),
                has_days: true,
                is_at_least: false,
                unknown: Vec::new(),
                notes: Vec::new(),
            }),
            counted_unknown: None,
            builds: Some(BuildsFacts::default()),
            builds_unknown: None,
        },
        by_day: Vec::new(),
        by_service: Vec::new(),
        builds: Vec::new(),
    }
}

fn is_pair(table: &Table) -> bool {
    table.name.contains("_and_")
}

fn schema() -> Value {
    let mut schema = of("ReportText", "report.json");
    // Cells refer to them.
    assert!(schema["$defs"]["Instant"].is_object() && schema["$defs"]["Usd"].is_object());
    let (figures, before, usage) = (figures(), figures(), counted_usage());
    let period = Period {
        from: 0,
        to: 1,
        requested_to: 1,
        timezone: Zone::UTC,
    };
    let against = PeriodComparison {
        before: Ok(ComparedPeriod {
            period: period.clone(),
            from: String::new(),
            lacks_runs: false,
            figures: before,
        }),
    };
    let mut tables = vec![budget::table(&[])];
    tables.extend(against.tables(ReportedPeriod {
        period: &period,
        lacks_runs: false,
        figures: &figures,
    }));
    tables.extend(figures.tables());
    tables.extend(usage.tables());
    for table in tables.iter().filter(|table| !is_pair(table)) {
        schema["properties"][&*table.name] = rows(&table.title, &table.columns, &table.columns);
    }
    let pairs: Vec<&Table> = tables.iter().filter(|table| is_pair(table)).collect();
    let mut all: Vec<TableColumn> = Vec::new();
    for column in pairs.iter().flat_map(|table| &table.columns) {
        if all.iter().all(|known| known.name != column.name) {
            all.push(*column);
        }
    }
    let is_in_each = |column: &TableColumn| {
        let mut pairs = pairs.iter();
        pairs.all(|table| table.columns.iter().any(|own| own.name == column.name))
    };
    let shared: Vec<TableColumn> = all.iter().copied().filter(is_in_each).collect();
    let title = "A breakdown by two dimensions: the columns of both, and the measures.";
    schema["patternProperties"] = json!({PAIR: rows(title, &all, &shared)});
    schema
}

#[test]
fn the_schema_of_reports_is_that_of_the_type_and_its_tables() {
    hold("report", &schema());
}
