//! Sentences and rows of comparisons, held against figures worked out by hand.

use crate::money::Usd;
use crate::period::{Period, PeriodSpec, Zone, parse_edge, parse_instant};
use crate::report::comparison::{ComparedPeriod, PeriodComparison, ReportedPeriod};
use crate::report::csv::DecimalMark;
use crate::report::dimension::Dimensions;
use crate::report::figures::Figures;
use crate::report::summary::Summary;
use crate::report::table::{Cell, Table};
use crate::runs::column_set::ColumnSet;
use crate::runs::row::Row;

const AUGUST: [&str; 2] = ["2025-08-01", "2025-09-01"];
const SEPTEMBER: [&str; 2] = ["2025-09-01", "2025-10-01"];

fn period([from, to]: [&str; 2]) -> Period {
    let [from, to] = [from, to].map(|text| parse_edge(text).unwrap());
    let now = parse_instant("2026-01-01T06:00:00Z").unwrap();
    PeriodSpec::FromTo { from, to }.resolve(Zone::UTC, now).unwrap()
}

/// Runs of Actors, with their costs, on a period's first day.
fn figures(period: &Period, runs: &[(&str, Option<&str>)]) -> Figures {
    let mut summary = Summary::new(Zone::UTC, Dimensions::of(&ColumnSet::all(false), None));
    for (act_id, usage) in runs {
        let run = Row {
            id: "r",
            act_id,
            status: "SUCCEEDED",
            started_at_ms: period.from,
            usage: usage.map(|text| Usd::parse_plain(text).unwrap()),
            ..Row::default()
        };
        summary.add_row(&run).unwrap();
    }
    summary.finish()
}

/// One period's runs beside another's.
struct Case {
    against: PeriodComparison,
    period: Period,
    figures: Figures,
}

type Runs<'r> = &'r [(&'r str, Option<&'r str>)];

fn case((before, runs_before): ([&str; 2], Runs), (now, runs_now): ([&str; 2], Runs)) -> Case {
    let (before, now) = (period(before), period(now));
    Case {
        against: PeriodComparison {
            before: Ok(ComparedPeriod {
                figures: figures(&before, runs_before),
                period: before,
                from: "./other".into(),
                lacks_runs: false,
            }),
        },
        figures: figures(&now, runs_now),
        period: now,
    }
}

impl Case {
    fn now(&self) -> ReportedPeriod<'_> {
        ReportedPeriod {
            period: &self.period,
            lacks_runs: false,
            figures: &self.figures,
        }
    }

    fn sentences(&self) -> Vec<String> {
        self.against.sentences(self.now())
    }

    fn by_actor(&self) -> Table<'_> {
        self.against.tables(self.now()).remove(1)
    }
}

/// What people read in some of a row's cells, `-` where there is nothing.
fn read(table: &Table, names: &[&str]) -> Vec<String> {
    let cell = |cells: &[Cell], name: &str| {
        let at = table.columns.iter().position(|column| column.name == name).unwrap();
        match &cells[at] {
            Cell::Text(text) | Cell::Worded(_, text) => text.to_string(),
            Cell::Decimal(decimal) => decimal.to_string(),
            _ => "-".into(),
        }
    };
    let row = |cells: Vec<Cell>| {
        let shown: Vec<String> = names.iter().map(|name| cell(&cells, name)).collect();
        shown.join(" | ")
    };
    table.rows().map(row).collect()
}

#[test]
fn a_change_is_a_sentence_with_figures_and_what_could_turn_it() {
    let case = case(
        (AUGUST, &[("a", Some("100")), ("b", None)]),
        (SEPTEMBER, &[("a", Some("90.4")), ("c", None), ("c", None)]),
    );
    assert_eq!(
        case.sentences(),
        [
            "at least $100.00; down $9.60 (9.6%) among runs with a known cost; 3 runs have none and could change this",
            "per day: at least $3.23 before, at least $3.01 now (31 and 30 days)",
            "1–31 August 2025 (UTC), ./other",
            "excluded, cost unknown: 1 run before, 2 now",
        ]
    );
}

#[test]
fn usage_per_day_is_said_of_periods_of_unequal_length_alone() {
    let (few, more) = (&[("a", Some("3"))][..], &[("a", Some("12"))][..]);
    let per_day = |before, now| case((before, few), (now, more)).sentences().remove(1);
    assert_eq!(
        per_day(["2025-02-01", "2025-03-01"], ["2025-03-01", "2025-04-01"]),
        "per day: $0.11 before, $0.39 now (28 and 31 days)"
    );
    assert_eq!(
        per_day(["2025-07-01", "2025-08-01"], AUGUST),
        "1–31 July 2025 (UTC), ./other"
    );
    // A part of a day has no number of days.
    let hours = per_day(AUGUST, ["2025-09-01T06:00:00Z", "2025-09-03T00:00:00Z"]);
    assert_eq!(hours, "1–31 August 2025 (UTC), ./other");
}

#[test]
fn actors_that_cannot_be_judged_stand_last_and_a_leap_is_no_percentage() {
    let case = case(
        (
            AUGUST,
            &[
                ("dark", Some("500")),
                ("doubt", Some("1000")),
                ("falls", Some("4")),
                ("free", Some("0")),
                ("leaps", Some("1")),
                ("same", Some("1")),
                ("shift", Some("50")),
            ],
        ),
        (
            SEPTEMBER,
            &[
                ("comes", Some("5")),
                ("dark", None),
                ("doubt", Some("1")),
                ("doubt", None),
                ("falls", Some("1")),
                ("free", Some("2")),
                ("leaps", Some("26.6")),
                ("same", Some("1")),
                ("shift", Some("40")),
                ("shift", None),
                ("shift", None),
            ],
        ),
    );
    let table = case.by_actor();
    assert_eq!(
        read(&table, &["act_id", "change", "change_share"]),
        [
            "leaps | up | ×27",
            "comes | new | new",
            "falls | down | -0.750000",
            "free | up | new",
            "doubt | down; 1 run has no known cost | -0.999000",
            "shift | down; 2 runs have no known cost | -0.200000",
            "dark | unknown | -",
        ]
    );
    let note = "1 other Actor did not change. 3 Actors cannot be judged: costs are unknown, or runs may be missing.";
    assert_eq!(table.note.as_deref(), Some(note));
    let largest = case.against.largest_changes(case.now(), 2).unwrap();
    assert_eq!(read(&largest, &["act_id"]), ["leaps", "comes"]);
    assert_eq!(
        largest.note.as_deref(),
        Some("3 Actors cannot be judged: costs are unknown, or runs may be missing.")
    );
    // Files have codes and exact figures.
    let records: Vec<Vec<String>> = crate::report::csv::records(&table, DecimalMark::Point).collect();
    let in_file = |row: usize| [&*records[row][1], &*records[row][7]];
    assert_eq!(
        [1, 2, 5].map(in_file),
        [["up", "25.600000"], ["new", ""], ["unclear", "-0.999000"]]
    );
}
