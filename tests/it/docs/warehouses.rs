//! The statements that declare the table of runs in warehouses, in `docs/data-engineers.md`, are made from the one table of columns:
//! this test makes them anew, and fails where the page differs. With `UPDATE_DOCS=1` it writes them. Whether an engine accepts them is
//! for `scripts/check engines` to say.

use apify_runs::schema::{COLUMNS, Column, Kind, USD_PRECISION, USD_SCALE};

use super::pages::{assert_made, between, text};

const PAGE: &str = "docs/data-engineers.md";
const START: &str = "<!-- made from the table of columns: UPDATE_DOCS=1 cargo test --test it warehouses -->\n";
const END: &str = "<!-- end of what is made -->\n";
/// Columns of text a line of declarations has at most.
const LINE: usize = 120;

/// How a type's column is declared where it is never NULL, and where it may be.
enum Nulls {
    /// The type, with `NOT NULL` behind it where it is never NULL.
    NotNull,
    /// The type, inside `Nullable(…)` where it may be NULL.
    Nullable,
    /// The type alone.
    Unsaid,
}

/// A warehouse: its names of our types, and the statements, in which `COLUMNS` stands for the declarations.
struct Warehouse {
    name: &'static str,
    tried: &'static str,
    text: &'static str,
    integer: &'static str,
    instant: &'static str,
    decimal: &'static str,
    nulls: Nulls,
    statements: &'static str,
}

const WAREHOUSES: [Warehouse; 7] = [
    Warehouse {
        name: "DuckDB",
        tried: "tried",
        text: "VARCHAR",
        integer: "BIGINT",
        instant: "TIMESTAMPTZ",
        decimal: "DECIMAL(P, S)",
        nulls: Nulls::NotNull,
        statements: "\
CREATE TABLE runs (
COLUMNS
);
INSERT INTO runs BY NAME SELECT * FROM read_parquet('september/runs.parquet');
-- By day: INSERT INTO runs BY NAME SELECT * FROM read_parquet('september/runs/*/runs.parquet', hive_partitioning = false);",
    },
    Warehouse {
        name: "ClickHouse",
        tried: "tried, as chdb",
        text: "String",
        integer: "Int64",
        instant: "DateTime64(3, 'UTC')",
        decimal: "Decimal(P, S)",
        nulls: Nulls::Nullable,
        statements: "\
CREATE TABLE runs (
COLUMNS
) ENGINE = MergeTree ORDER BY (started_at, id);
INSERT INTO runs FROM INFILE 'september/runs.parquet' FORMAT Parquet;
-- By day: INSERT INTO runs FROM INFILE 'september/runs/*/runs.parquet' FORMAT Parquet;",
    },
    Warehouse {
        name: "Databricks",
        tried: "tried on Spark 4.3.0 alone, with `USING PARQUET` after the columns",
        text: "STRING",
        integer: "BIGINT",
        instant: "TIMESTAMP",
        decimal: "DECIMAL(P, S)",
        nulls: Nulls::NotNull,
        statements: "\
CREATE TABLE runs (
COLUMNS
);
INSERT INTO runs BY NAME SELECT * FROM parquet.`s3://bucket/september/runs.parquet`;
-- By day: INSERT INTO runs BY NAME SELECT * EXCEPT (started_on) FROM parquet.`s3://bucket/september/runs`;",
    },
    Warehouse {
        name: "Snowflake",
        tried: "not tried",
        text: "VARCHAR",
        integer: "NUMBER(19, 0)",
        instant: "TIMESTAMP_LTZ(3)",
        decimal: "NUMBER(P, S)",
        nulls: Nulls::NotNull,
        statements: "\
CREATE TABLE runs (
COLUMNS
);
CREATE STAGE exports URL = 's3://bucket/' STORAGE_INTEGRATION = integration;
ALTER SESSION SET TIMEZONE = 'UTC';
COPY INTO runs FROM @exports/september/runs.parquet
    FILE_FORMAT = (TYPE = PARQUET USE_LOGICAL_TYPE = TRUE) MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE;
-- By day: COPY INTO runs FROM @exports/september/runs/ and the rest as above",
    },
    Warehouse {
        name: "BigQuery",
        tried: "not tried",
        text: "STRING",
        integer: "INT64",
        instant: "TIMESTAMP",
        decimal: "BIGNUMERIC(P, S)",
        nulls: Nulls::NotNull,
        statements: "\
CREATE TABLE apify.runs (
COLUMNS
) PARTITION BY TIMESTAMP_TRUNC(started_at, MONTH);
-- bq load --source_format=PARQUET --decimal_target_types=BIGNUMERIC apify.runs gs://bucket/september/runs.parquet
-- By day: bq load … apify.runs 'gs://bucket/september/runs/*'",
    },
    Warehouse {
        name: "Athena",
        tried: "not tried",
        text: "STRING",
        integer: "BIGINT",
        instant: "TIMESTAMP",
        decimal: "DECIMAL(P, S)",
        nulls: Nulls::Unsaid,
        statements: "\
CREATE EXTERNAL TABLE apify.runs (
COLUMNS
) PARTITIONED BY (started_on DATE) STORED AS PARQUET LOCATION 's3://bucket/september/runs/';
MSCK REPAIR TABLE apify.runs;",
    },
    Warehouse {
        name: "Trino",
        tried: "not tried",
        text: "VARCHAR",
        integer: "BIGINT",
        instant: "TIMESTAMP(3)",
        decimal: "DECIMAL(P, S)",
        nulls: Nulls::Unsaid,
        statements: "\
CREATE TABLE hive.apify.runs (
COLUMNS,
    started_on DATE
) WITH (format = 'PARQUET', external_location = 's3://bucket/september/runs/', partitioned_by = ARRAY['started_on']);
CALL hive.system.sync_partition_metadata('apify', 'runs', 'ADD');",
    },
];

impl Warehouse {
    fn declaration(&self, column: &Column) -> String {
        let digits = format!("({USD_PRECISION}, {USD_SCALE})");
        let kind = match column.kind {
            Kind::Text => self.text.to_string(),
            Kind::Instant => self.instant.to_string(),
            Kind::Usd | Kind::Decimal => self.decimal.replace("(P, S)", &digits),
            Kind::Integer => self.integer.to_string(),
        };
        let name = column.name;
        match self.nulls {
            Nulls::NotNull if !column.nullable => format!("{name} {kind} NOT NULL"),
            Nulls::Nullable if column.nullable => format!("{name} Nullable({kind})"),
            _ => format!("{name} {kind}"),
        }
    }

    /// The declarations of all columns, several on a line.
    fn declarations(&self) -> String {
        let mut lines = vec![String::new()];
        for (at, column) in COLUMNS.iter().enumerate() {
            let comma = if at + 1 < COLUMNS.len() { "," } else { "" };
            let next = format!("{}{comma}", self.declaration(column));
            let last = lines.last_mut().unwrap();
            if last.is_empty() {
                *last = format!("    {next}");
            } else if last.len() + 1 + next.len() <= LINE {
                *last += &format!(" {next}");
            } else {
                lines.push(format!("    {next}"));
            }
        }
        lines.join("\n")
    }

    fn section(&self) -> String {
        let statements = self.statements.replace("COLUMNS", &self.declarations());
        format!("\n**{}** ({}):\n\n```sql\n{statements}\n```\n", self.name, self.tried)
    }
}

#[test]
fn the_statements_of_warehouses_are_those_of_the_table_of_columns() {
    let page = text(PAGE);
    let found = between(&page, START, END);
    let made: String = WAREHOUSES.iter().map(Warehouse::section).collect();
    let is = |part: &str| format!("{START}{part}{END}");
    assert_made(PAGE, &page.replace(&is(found), &is(&format!("{made}\n"))));
}
