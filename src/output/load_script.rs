//! `runs.sql`: loads `runs.csv` into DuckDB with the type of every column, where DuckDB's own guesses would make a build number a
//! date and money inexact. Third parties' text is as the Parquet files have it, without the apostrophe.

use crate::output::names::RUNS_CSV;
use crate::runs::schema::{COLUMNS, Column, Kind};
use crate::text::ESCAPED_FORMULA;

/// The script for rows of these columns.
pub fn load_script<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let columns: Vec<&Column> = names
        .filter_map(|name| COLUMNS.iter().find(|column| column.name == name))
        .collect();
    let types: Vec<String> = columns
        .iter()
        .map(|column| format!("'{}': '{}'", column.name, duckdb_type(column.kind)))
        .collect();
    let undone: Vec<String> = columns
        .iter()
        .filter(|column| column.third_party)
        .map(|column| undone(column.name))
        .collect();
    let replaced = match undone.is_empty() {
        true => String::new(),
        false => format!(" REPLACE (\n  {}\n)", undone.join(",\n  ")),
    };
    format!(
        "-- Loads {RUNS_CSV} into DuckDB as the table runs, with the type of every column. In this folder:\n\
         --   duckdb runs.duckdb -c '.read runs.sql'\n\
         -- From elsewhere, name the folder first: SET file_search_path = '/path/to/the/export';\n\
         CREATE OR REPLACE TABLE runs AS\n\
         SELECT *{replaced} FROM read_csv(\n  \
           '{RUNS_CSV}',\n  \
           auto_detect = false, header = true, delim = ',', quote = '\"', escape = '\"', new_line = '\\n', nullstr = '',\n  \
           max_line_size = 67108864,\n  \
           columns = {{\n    {}\n  }}\n);\n",
        types.join(",\n    ")
    )
}

fn duckdb_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "VARCHAR",
        Kind::Instant => "TIMESTAMPTZ",
        Kind::Usd | Kind::Decimal => "DECIMAL(38,18)",
        Kind::Integer => "BIGINT",
    }
}

/// A column without the apostrophe that kept spreadsheets from running it.
fn undone(name: &str) -> String {
    let escaped = ESCAPED_FORMULA.replace('\'', "''");
    format!("CASE WHEN regexp_matches({name}, '{escaped}') THEN substr({name}, 2) ELSE {name} END AS {name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_has_its_type_and_third_parties_text_loses_its_apostrophe() {
        let script = load_script(["id", "started_at", "build_number", "usage_total_usd", "act_name"].into_iter());
        for part in [
            "'id': 'VARCHAR',",
            "'started_at': 'TIMESTAMPTZ',",
            "'build_number': 'VARCHAR',",
            "'usage_total_usd': 'DECIMAL(38,18)',",
            "'act_name': 'VARCHAR'\n",
            "SELECT * REPLACE (\n  CASE WHEN regexp_matches(act_name, '^''+(",
            "auto_detect = false",
        ] {
            assert!(script.contains(part), "{part}\n{script}");
        }
        assert!(!load_script(["id"].into_iter()).contains("REPLACE ("));
    }
}
