//! `docs/schema.md` is made of the one table of columns: this test makes it anew, and fails where the file differs. With
//! `UPDATE_DOCS=1` it writes the file.

use std::env;
use std::fs;

use apify_runs::schema::{COLUMNS, Column, Kind, Values};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/schema.md");

const HEAD: &str = "\
# Columns of the rows

Made of the tool's table of columns by a test (`UPDATE_DOCS=1 cargo test --release --test it schema`); not written by hand. The
same columns, in this order, are in `runs.parquet` and `runs.csv`; an export has those of the detail with `--details all` alone,
and none that `--columns` or `--exclude` leave out. How files and lakes are laid out: [data-engineers.md](data-engineers.md).

Types: `text` is utf8; `instant` is timestamp(millisecond, UTC); `dollars` is US dollars in decimal(38, 18); `decimal` is
decimal(38, 18); `integer` is int64. In CSV an instant is `2025-09-01T00:00:00.000Z`, a decimal has no exponent and no trailing
zeros, and NULL is an empty cell. Repeats: `few` values have dictionaries in Parquet. Third-party text begins with an apostrophe
in CSV where a spreadsheet would run it.

| # | column | type | NULL | repeats | third-party | meaning |
|--:|---|---|---|---|---|---|
";

fn line((at, column): (usize, &Column)) -> String {
    let kind = match column.kind {
        Kind::Text => "text",
        Kind::Instant => "instant",
        Kind::Usd => "dollars",
        Kind::Decimal => "decimal",
        Kind::Integer => "integer",
    };
    let repeats = match column.values {
        Values::Repeated => "few",
        Values::Distinct => "",
    };
    let mark = |yes: bool, word: &'static str| if yes { word } else { "" };
    format!(
        "| {} | `{}` | {kind} | {} | {repeats} | {} | {} |\n",
        at + 1,
        column.name,
        if column.nullable { "may be" } else { "never" },
        mark(column.third_party, "yes"),
        column.meaning
    )
}

#[test]
fn the_schema_reference_is_that_of_the_table_of_columns() {
    let lines: String = COLUMNS.iter().enumerate().map(line).collect();
    let made = HEAD.to_string() + &lines;
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(FILE, &made).unwrap();
    }
    let found = fs::read_to_string(FILE).unwrap_or_default();
    assert!(found == made, "docs/schema.md is stale: UPDATE_DOCS=1 makes it anew");
}
