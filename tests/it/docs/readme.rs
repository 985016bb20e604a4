//! The README shows what the tool really does: its first command's output, its help texts, its columns, its limits.

use apify_runs::MAX_CONCURRENCY;
use apify_runs::schema::{COLUMNS, Kind};

use crate::support::command::{COMMANDS, Place};

fn readme() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap()
}

/// The fenced block after a marker, without its fences.
fn block_after(marker: &str) -> String {
    let readme = readme();
    let (_, rest) = readme
        .split_once(marker)
        .unwrap_or_else(|| panic!("README has no {marker}"));
    let (_, rest) = rest.split_once("```").unwrap();
    let (_, rest) = rest.split_once('\n').unwrap();
    rest.split_once("\n```").unwrap().0.to_string()
}

/// A text with the time that the export took left out: the one thing in it that differs from run to run.
fn timeless(text: &str) -> String {
    let (before, rest) = text.split_once(" in ").unwrap();
    let (_, after) = rest.split_once(" s: ").unwrap();
    format!("{before} in … s: {after}")
}

#[test]
fn the_first_command_prints_what_the_readme_shows() {
    let command = block_after("<!-- first command -->");
    let args: Vec<&str> = command
        .strip_prefix("cargo run --release -- ")
        .unwrap()
        .split(' ')
        .collect();
    let place = Place::new();
    let done = place.run(&args);
    let shown = block_after("<!-- its output -->");
    assert_eq!(timeless(done.exits(0).stdout.trim_end()), timeless(&shown));
}

#[test]
fn help_texts_stand_in_the_readme_word_by_word() {
    let place = Place::new();
    let readme = readme();
    for command in COMMANDS {
        let args: Vec<&str> = command.split(' ').chain(["--help-all"]).collect();
        let help = place.run(&args);
        let help = help.exits(0).stdout.trim_end();
        assert!(
            readme.contains(&format!("```text\n{help}\n```")),
            "README lacks this help of {command}:\n{help}"
        );
    }
}

#[test]
fn every_column_stands_in_the_readme_with_its_type_and_whether_it_may_be_null() {
    let readme = readme();
    let mut at = 0;
    for column in COLUMNS {
        let kind = match column.kind {
            Kind::Text => "text",
            Kind::Instant => "instant, UTC, milliseconds",
            Kind::Usd => "US dollars, Decimal(38,18)",
            Kind::Decimal => "number, Decimal(38,18)",
            Kind::Integer => "integer (int64)",
        };
        let nullable = if column.nullable { "yes" } else { "never" };
        let line = format!("| `{}` | {kind} | {nullable} | {} |", column.name, column.meaning);
        let found = readme[at..]
            .find(&line)
            .unwrap_or_else(|| panic!("README lacks, or has elsewhere: {line}"));
        at += found;
    }
}

#[test]
fn every_column_of_every_report_stands_in_the_readme() {
    let readme = readme();
    let place = Place::new();
    place
        .run(&["export", "--demo", "--out", "out", "--quiet", "--budget", "1"])
        .exits(0);
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
    let folders = ["out", "figures"].map(|folder| crate::support::command::Exported {
        out: place.path(folder),
    });
    for folder in folders {
        let reports = crate::support::command::names(&folder.out).into_iter();
        for name in reports.filter(|name| name.ends_with(".csv") && name != "runs.csv") {
            for column in folder.text(&name).lines().next().unwrap().split(',') {
                assert!(readme.contains(&format!("`{column}`")), "{name}: {column}");
            }
        }
    }
}

#[test]
fn exit_codes_and_limits_are_those_of_the_tool() {
    let readme = readme();
    for code in ["0", "1", "2", "3", "4", "5", "6", "7", "8", "129, 130, 143"] {
        assert!(readme.contains(&format!("\n| {code} | ")), "{code}");
    }
    assert!(readme.contains(&format!("`--concurrency` is at most {MAX_CONCURRENCY}")));
    let done = Place::new().run(&[
        "export",
        "--last-month",
        "--concurrency",
        &(MAX_CONCURRENCY + 1).to_string(),
    ]);
    done.exits(2).says(&[&format!("1..={MAX_CONCURRENCY}")]);
}

#[test]
fn the_files_that_an_export_holds_are_those_that_the_readme_lists() {
    let place = Place::new();
    place.run(&["export", "--demo", "--out", "out", "--quiet"]).exits(0);
    let listed = block_after("## What an export holds");
    for name in crate::support::command::names(&place.path("out")) {
        assert!(listed.contains(&format!("\n  {name} ")), "{name}");
    }
}
