//! `docs/schema.md` is made from the one table of columns and from the reports of a made-up account: this test makes it anew,
//! and fails where the file differs. With `UPDATE_DOCS=1` it writes the file.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;

use apify_runs::schema::{COLUMNS, Column, Kind, Values};

use super::pages::assert_made;
use crate::support::command::{Exported, Place, names};
use crate::support::made_up::DEMO_DAY;

const HEAD: &str = "\
# Columns

For people who load the files: every column of the rows and of the reports. A test makes this page from the program
(`UPDATE_DOCS=1 cargo test --test it schema`); do not edit it. The layout of files and lakes is in
[data-engineers.md](data-engineers.md).

## Columns of the rows

`runs.parquet` and `runs.csv` have the same columns, in this order. An export has columns 22 to 40 only with `--details all`,
and lacks the columns that `--columns` or `--exclude` leave out. A lake has three more: see [The table](lake.md#the-table).

| type | in Parquet | in CSV |
|---|---|---|
| text | utf8 | as it is; third-party text begins with an apostrophe where a spreadsheet would run it |
| instant | timestamp(millisecond, UTC) | `2025-09-01T00:00:00.000Z` |
| dollars | US dollars, decimal(38, 18) | plain: no exponent, no trailing zeros |
| decimal | decimal(38, 18) | the same |
| integer | int64 | plain |

NULL is an empty cell in CSV. A column with `few` distinct values has a dictionary in Parquet.

| # | column | type | NULL | values | third-party | meaning |
|--:|---|---|---|---|---|---|
";

const REPORTS: &str = "
## Columns of the reports

Every CSV report has these columns, in this order. *Measures* are the columns that all breakdowns share. `report --by` makes
breakdowns by other dimensions, or by two of them; they have one key column or two, the measures, and the names.

| report | columns |
|---|---|
";

const MEANINGS_HEAD: &str = "
`report.json` has the same reports with the same columns; an empty CSV cell is `null` there. The meaning of each column, unless
it is a column of the rows:

| column | unit | meaning |
|---|---|---|
";

const MEASURES: [&str; 11] = [
    "runs",
    "runs_succeeded",
    "runs_failed",
    "runs_timed_out",
    "runs_aborted",
    "runs_other",
    "usage_total_usd",
    "share",
    "mean_usd",
    "runs_cost_unknown",
    "runs_provisional",
];

/// Column, unit, meaning.
const MEANINGS: [(&str, &str, &str); 60] = [
    ("day", "", "`YYYY-MM-DD` in `--timezone`; in `usage_by_day`, in UTC"),
    ("week", "", "the date of the week's Monday, in `--timezone`"),
    ("month", "", "`YYYY-MM` in `--timezone`"),
    ("group", "", "the group of `--groups`; `unassigned` if no rule matches"),
    ("runs", "runs", "all runs"),
    ("runs_succeeded", "runs", "status `SUCCEEDED`"),
    ("runs_failed", "runs", "status `FAILED`"),
    ("runs_timed_out", "runs", "status `TIMED-OUT`"),
    ("runs_aborted", "runs", "status `ABORTED`"),
    (
        "runs_other",
        "runs",
        "runs that have not ended, or have a status that this version does not know",
    ),
    (
        "usage_total_usd",
        "US dollars",
        "the exact total of the known costs; empty if no cost is known",
    ),
    (
        "share",
        "0 to 1, 6 places",
        "the share of all usage; empty if the total is less than the part, as with amounts below zero",
    ),
    (
        "mean_usd",
        "US dollars, 6 places",
        "usage divided by the runs that have a known cost",
    ),
    (
        "runs_cost_unknown",
        "runs",
        "runs whose cost is unknown: not in the total",
    ),
    (
        "runs_provisional",
        "runs",
        "runs whose cost may still change: in the total, with the present cost",
    ),
    (
        "usage_failed_usd",
        "US dollars",
        "usage of failed runs; empty if there are none, or none has a known cost",
    ),
    ("usage_timed_out_usd", "US dollars", "usage of runs that timed out"),
    ("usage_aborted_usd", "US dollars", "usage of aborted runs"),
    (
        "usage_unsuccessful_usd",
        "US dollars",
        "the sum of the three columns before",
    ),
    (
        "share_of_actor_usage",
        "0 to 1, 6 places",
        "usage of unsuccessful runs divided by the Actor's usage",
    ),
    (
        "runs_unsuccessful_cost_unknown",
        "runs",
        "unsuccessful runs whose cost is unknown: not in the totals",
    ),
    (
        "usage_provisional_usd",
        "US dollars",
        "usage of the runs whose cost may still change, with the present costs",
    ),
    (
        "event",
        "",
        "the name of a charged event; empty in the Actor's own row, which has all of its runs and events",
    ),
    (
        "runs_left_out",
        "runs",
        "runs that are in no other column of `unit_costs`: cost, compute units or duration is unknown, or the counts of events cannot be \
         read; in the row of an event, those of them that charged it",
    ),
    (
        "usd_per_compute_unit",
        "US dollars, 6 places",
        "usage divided by compute units",
    ),
    ("run_hours", "hours, 6 places", "the total duration of the runs"),
    (
        "usd_per_hour",
        "US dollars, 6 places",
        "usage divided by the hours, before these are rounded",
    ),
    (
        "events",
        "events",
        "how often the event was charged; in the Actor's row, all events",
    ),
    (
        "events_usd",
        "US dollars",
        "usage of the runs that charged the event, without their platform usage (the meters); empty if one of them charged another \
         event too, since the API does not say what was paid for which",
    ),
    (
        "usd_per_1000_events",
        "US dollars, 6 places",
        "`events_usd` divided by events, times 1,000",
    ),
    ("scope", "", "what the budget is for: `all`, `actor` or `group`"),
    ("name", "", "the Actor or group of the budget"),
    (
        "standing",
        "",
        "`within`; `within, as far as known` (some costs are unknown, or runs may be missing); `heading over` (at this pace, more \
         than the budget by the end of the period); `OVER`; `not judged` (no cost is known)",
    ),
    ("budget_usd", "US dollars", "the budget"),
    (
        "share_of_budget",
        "1 is the whole budget, 6 places",
        "usage divided by the budget",
    ),
    (
        "projected_usd",
        "US dollars, 6 places",
        "while the period is not over: usage at its end if the pace stays the same",
    ),
    (
        "day_before",
        "",
        "the day of the earlier period that this day is compared with",
    ),
    (
        "change",
        "",
        "`new`, `gone`, `up`, `down`, `same`, `unclear` (unknown costs could reverse it) or `not judged` (one side has no known cost)",
    ),
    (
        "volume_usd",
        "US dollars",
        "the part of the change that comes from more or fewer runs, each at its earlier mean cost",
    ),
    (
        "cost_per_run_usd",
        "US dollars",
        "the part of the change that comes from the cost of a run",
    ),
    (
        "event_price_usd",
        "US dollars",
        "the part of `cost_per_run_usd` that comes from prices of events; empty if it cannot be told",
    ),
    (
        "event_quantity_usd",
        "US dollars",
        "the part that comes from events per run",
    ),
    ("other_usd", "US dollars", "the rest of `cost_per_run_usd`"),
    ("runs_before", "runs", "runs in the earlier period"),
    ("usage_before_usd", "US dollars", "usage in the earlier period"),
    (
        "change_usd",
        "US dollars",
        "usage minus usage in the earlier period; only known costs",
    ),
    (
        "change_share",
        "0.5 is 50 % more, 6 places",
        "the change divided by usage in the earlier period",
    ),
    (
        "runs_cost_unknown_before",
        "runs",
        "runs of the earlier period whose cost is unknown",
    ),
    (
        "item",
        "",
        "the item of the line: `counted` (by Apify), `runs`, `builds`, `storage`, `not_attributed` (counted minus these three; may \
         be negative), `volume_discount`",
    ),
    (
        "note",
        "",
        "the number of runs, builds or services, or the share of Apify's count",
    ),
    ("service", "", "Apify's key of the service"),
    (
        "service_name",
        "",
        "the name of the service; its key if this version does not know it",
    ),
    (
        "quantity",
        "the service's own",
        "the quantity that Apify counts; empty if it is unknown",
    ),
    (
        "usage_usd",
        "US dollars",
        "usage that Apify counts, before volume discount; empty if it is unknown",
    ),
    (
        "usage_after_discount_usd",
        "US dollars",
        "usage after volume discount; empty if Apify does not give it",
    ),
    ("builds", "builds", "all builds"),
    ("builds_succeeded", "builds", "status `SUCCEEDED`"),
    ("builds_other", "builds", "any other status"),
    (
        "builds_cost_unknown",
        "builds",
        "builds whose cost is unknown: not in the total",
    ),
    ("builds_provisional", "builds", "builds whose cost may still change"),
];

fn row_line((at, column): (usize, &Column)) -> String {
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

/// The columns of every report of the made-up account, by the report's name.
fn headers() -> BTreeMap<String, Vec<String>> {
    let place = Place::new();
    fs::write(place.path("groups.csv"), "actor,group\nmade-up-account/*,In-house\n").unwrap();
    let options = [
        "--out",
        "out",
        "--quiet",
        "--budget",
        "1",
        "--groups",
        "groups.csv",
        "--details",
        "all",
    ];
    let export = [&DEMO_DAY[..], &options].concat();
    place.run(&export).exits(0);
    let compared = [
        "report",
        "out",
        "--compare",
        "out",
        "--format",
        "csv",
        "--out",
        "figures",
        "--quiet",
    ];
    place.run(&compared).exits(0);
    let mut found = BTreeMap::new();
    for folder in ["out", "figures"].map(|folder| Exported {
        out: place.path(folder),
    }) {
        for name in names(&folder.out).iter().filter(|name| *name != "runs.csv") {
            let Some(report) = name.strip_suffix(".csv") else {
                continue;
            };
            let text = folder.text(name);
            let header = text.lines().next().unwrap();
            found.insert(report.to_string(), header.split(',').map(String::from).collect());
        }
    }
    found
}

fn report_line(report: &str, columns: &[String]) -> String {
    let quoted: Vec<_> = columns.iter().map(|name| format!("`{name}`")).collect();
    let measures = MEASURES.map(|name| format!("`{name}`")).join(", ");
    let listed = quoted.join(", ").replace(&measures, "*measures*");
    format!("| `{report}` | {listed} |\n")
}

#[test]
fn the_reference_of_columns_is_that_of_rows_and_reports() {
    let headers = headers();
    let mut made = HEAD.to_string();
    made.extend(COLUMNS.iter().enumerate().map(row_line));
    made += REPORTS;
    made.extend(headers.iter().map(|(report, columns)| report_line(report, columns)));
    writeln!(made, "\nThe measures are `{}`.", MEASURES.join("`, `")).unwrap();
    made += MEANINGS_HEAD;
    for (column, unit, meaning) in MEANINGS {
        writeln!(made, "| `{column}` | {unit} | {meaning} |").unwrap();
    }
    let used: BTreeSet<&str> = headers.values().flatten().map(String::as_str).collect();
    let explained: BTreeSet<&str> = MEANINGS.iter().map(|(column, ..)| *column).collect();
    let known: BTreeSet<&str> = COLUMNS
        .iter()
        .map(|column| column.name)
        .chain(explained.iter().copied())
        .collect();
    assert_eq!(
        used.difference(&known).collect::<Vec<_>>(),
        [&""; 0],
        "columns without a meaning"
    );
    assert_eq!(
        explained.difference(&used).collect::<Vec<_>>(),
        [&""; 0],
        "meanings without a column"
    );
    let details = COLUMNS
        .iter()
        .position(|column| column.name == "usage_usd_actor_compute_units")
        .unwrap();
    assert_eq!(
        (details, COLUMNS[39].name),
        (21, "max_total_charge_usd"),
        "the head says 22 to 40"
    );
    assert_made("docs/schema.md", &made);
}
