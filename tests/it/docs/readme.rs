//! README shows what the tool does: the first command's output, the files of an export, exit codes, limits. It is one page.

use std::fs;

use apify_runs::MAX_CONCURRENCY;

use super::pages::{block_after, is_update, path, text};
use crate::support::command::{Place, names};
use crate::support::made_up::{DEMO_DAY, demo_export};

/// What fits one sitting, and what a terminal or a diff shows whole.
const LINES: usize = 230;
const COLUMNS: usize = 130;

/// A text without the time that the export took, which differs from run to run.
fn timeless(text: &str) -> String {
    let (before, rest) = text.split_once(" in ").unwrap();
    let (_, after) = rest.split_once(" s: ").unwrap();
    format!("{before} in … s: {after}")
}

#[test]
fn the_readme_is_one_page() {
    let readme = text("README.md");
    let lines = readme.lines().count();
    assert!(lines <= LINES, "README has {lines} lines");
    for line in readme.lines() {
        assert!(line.chars().count() <= COLUMNS, "too long: {line}");
    }
}

#[test]
fn the_first_command_prints_what_the_readme_shows() {
    let readme = text("README.md");
    let command = block_after(&readme, "<!-- first command -->");
    let args: Vec<&str> = command
        .strip_prefix("cargo run --release -- ")
        .unwrap()
        .split(' ')
        .collect();
    assert_eq!(args, ["export", "--demo"]);
    let printed = demo_export().done.stdout.trim_end();
    let shown = block_after(&readme, "<!-- its output -->");
    if is_update() {
        if timeless(printed) != timeless(shown) {
            fs::write(path("README.md"), readme.replacen(shown, printed, 1)).unwrap();
        }
        return;
    }
    assert_eq!(timeless(printed), timeless(shown));
}

#[test]
fn exit_codes_and_limits_are_those_of_the_tool() {
    for document in ["README.md", "docs/operations.md"] {
        let text = text(document);
        for code in ["0", "1", "2", "3", "4", "5", "6", "7", "8", "129, 130, 143"] {
            assert!(text.contains(&format!("\n| {code} | ")), "{document}: {code}");
        }
    }
    let limit = format!("`--concurrency` is at most {MAX_CONCURRENCY}");
    assert!(text("docs/how-it-works.md").contains(&limit));
    let more = (MAX_CONCURRENCY + 1).to_string();
    let done = Place::new().run(&["export", "--last-month", "--concurrency", &more]);
    done.exits(2).says(&[&format!("1..={MAX_CONCURRENCY}")]);
}

#[test]
fn the_files_that_an_export_holds_are_those_that_the_readme_lists() {
    let place = Place::new();
    fs::write(place.path("groups.csv"), "actor,group\nmade-up-account/*,In-house\n").unwrap();
    let options = [
        "--budget",
        "8000",
        "--groups",
        "groups.csv",
        "--compare",
        "out",
        "--details",
        "all",
    ];
    let export = [&DEMO_DAY[..], &["--out", "out", "--quiet"]].concat();
    place.run(&export).exits(0);
    place.run(&[&export[..], &options].concat()).exits(0);
    let readme = text("README.md");
    let listed = block_after(&readme, "## What an export holds");
    for name in names(&place.path("out")) {
        assert!(listed.contains(&format!("\n  {name} ")), "{name}");
    }
    for line in listed
        .lines()
        .skip(1)
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
    {
        let name = line.split_whitespace().next().unwrap();
        let is_there = place.path("out").join(name).exists() || name == "rejected.jsonl";
        assert!(is_there, "an export has no {name}");
    }
}
