//! Every cell of every table that people read, in five formats, against report.json of the same export. Readers are written apart
//! from the code that writes. Whether report.json itself is right is for other tests, by figures worked out by hand.

mod accounts;
mod amounts;
mod cell;
mod columns;
mod compare;
mod expected;
mod markdown;
mod other_figures;
mod page;
mod read;
mod text;
mod workbook;

use std::collections::BTreeSet;

use crate::support::account::Apify;
use crate::support::client::Served;
use crate::support::command::{Exported, Place, done, export_args};
use crate::support::stand_in::{Reply, Run, ms};
use compare::{Format, check};
use expected::Expected;

/// Sheets that are no tables of report.json.
const OTHER_SHEETS: [&str; 3] = ["About", "Charts", "Chart data"];
/// Sections of the page that are none either.
const OTHER_SECTIONS: [&str; 4] = ["replaced", "before", "how-to-read", "files"];

/// All formats of the export in `out`.
fn formats_agree(place: &Place) {
    formats_agree_of(place, &["report", "out"]);
}

/// All formats in `out`, whose figures this command makes.
fn formats_agree_of(place: &Place, report: &[&str]) {
    let out = place.exported();
    let by_two = [
        "--by",
        "actor,day",
        "--by",
        "actor,status",
        "--by",
        "group,status",
        "--format",
        "json",
    ];
    let by_two: serde_json::Value =
        serde_json::from_str(&place.run(&[report, &by_two].concat()).exits(0).stdout).unwrap();
    let expected = Expected::new(out.json("report.json"), &by_two);
    let all: BTreeSet<&str> = expected.names().collect();

    let sheets = workbook::sheets(&std::fs::read(out.out.join("report.xlsx")).unwrap());
    let tables = sheets.iter().filter(|(name, _)| !OTHER_SHEETS.contains(&name.as_str()));
    let seen: BTreeSet<&str> = tables
        .map(|(_, cells)| check(&expected, Format::Workbook, &workbook::table(cells)))
        .collect();
    assert_eq!(seen, all, "sheets");
    other_figures::chart_data(&expected, &sheets);

    let markdown = out.text("report.md");
    let seen: BTreeSet<&str> = markdown::tables(&markdown)
        .iter()
        .map(|table| check(&expected, Format::Markdown, table))
        .collect();
    let filled: BTreeSet<&str> = all
        .iter()
        .copied()
        .filter(|name| !expected.rows(name).is_empty())
        .collect();
    assert_eq!(seen, filled, "tables of report.md");

    page_agrees(&expected, &out);

    for name in ["summary.txt", "terminal"] {
        let shown = match name {
            "terminal" => place.run(report).exits(0).stdout.clone(),
            name => out.text(name),
        };
        let tables = text::tables(&shown);
        for table in &tables {
            check(&expected, Format::Text, table);
        }
        let has = |title: &str| tables.iter().any(|table| table.title == title);
        assert_eq!(
            has("Cost by Actor"),
            filled.contains("cost_by_actor"),
            "{name}:\n{shown}"
        );
        assert_eq!(
            has("Cost by group"),
            filled.contains("cost_by_group"),
            "{name}:\n{shown}"
        );
        other_figures::explained(&expected, &shown);
        other_figures::usage_line(&expected, &shown);
    }
}

fn page_agrees(expected: &Expected, out: &Exported) {
    let page = out.text("report.html");
    let mut seen = BTreeSet::new();
    for section in page::sections(&page) {
        if OTHER_SECTIONS.contains(&section.name) {
            continue;
        }
        seen.insert(section.name.to_string());
        match section.table() {
            Some(table) => assert_eq!(check(expected, Format::Page, &table), section.name),
            None if section.name == "budgets" => other_figures::budgets(expected, section.html),
            None => other_figures::instead(expected, &section),
        }
        if section.html.contains("<ol class=\"legend\">") {
            other_figures::legend(expected, section.html);
        }
    }
    let all: BTreeSet<String> = expected.names().map(String::from).collect();
    assert_eq!(seen, all, "sections of the page");
    other_figures::tiles(expected, &page);
}

#[test]
fn every_cell_of_the_made_up_account_is_that_of_report_json() {
    let server = Served::demo(&["--runs", "2000", "--actors", "40"]);
    let place = Place::new();
    let groups = "actor,group\nmade-up-account/*,In-house\nsomebody/*,Bought in\n";
    std::fs::write(place.path("groups.csv"), groups).unwrap();
    let more = [
        "--groups",
        "groups.csv",
        "--compare",
        "previous",
        "--budget",
        "150",
        "--budget",
        "group:Bought in=1000",
        "--details",
        "all",
        "--detail-rate",
        "0",
    ];
    let url = server.url();
    done(place.command(&export_args(&url, &more)).env("APIFY_TOKEN", "demo")).exits(0);
    formats_agree(&place);
}

#[test]
fn every_cell_of_an_account_with_odd_names_and_amounts_is_that_of_report_json() {
    let (server, place) = (accounts::odd(accounts::MIXED), Place::new());
    std::fs::write(place.path("groups.csv"), accounts::GROUPS).unwrap();
    let more = [
        "--groups",
        "groups.csv",
        "--compare",
        "previous",
        "--budget",
        "500",
        "--budget",
        "actor:act3=0.5",
    ];
    place.export(&server.url(), &more).exits(0);
    formats_agree(&place);
}

#[test]
fn every_cell_of_an_account_whose_total_is_below_zero_is_that_of_report_json() {
    let (server, place) = (accounts::odd(accounts::BELOW_ZERO), Place::new());
    std::fs::write(place.path("groups.csv"), accounts::GROUPS).unwrap();
    place
        .export(
            &server.url(),
            &["--groups", "groups.csv", "--compare", "previous", "--budget", "1"],
        )
        .exits(0);
    formats_agree(&place);
}

#[test]
fn every_cell_of_an_account_without_runs_is_that_of_report_json() {
    let (server, place) = (accounts::empty(), Place::new());
    std::fs::write(place.path("groups.csv"), accounts::GROUPS).unwrap();
    place
        .export(
            &server.url(),
            &["--groups", "groups.csv", "--compare", "previous", "--budget", "1"],
        )
        .exits(0);
    formats_agree(&place);
}

#[test]
fn every_cell_of_a_report_of_two_accounts_is_that_of_report_json() {
    let place = Place::new();
    std::fs::write(place.path("groups.csv"), "account,actor,group\nacme,,Acme\n,one,Ones\n").unwrap();
    for (id, name, cents) in [("u-acme", "acme", 1), ("u-<b>eta", "be|ta", 700)] {
        let user = serde_json::json!({"data": {"id": id, "username": name}}).to_string();
        let run = |at: usize| {
            let (actor, usd) = (["one", "two"][at % 2], at * cents);
            let rest = format!(
                r#""actId":"{actor}","usageTotalUsd":{}.{:02},"meta":{{"origin":"API"}}"#,
                usd / 100,
                usd % 100
            );
            Run::new(
                format!("{name}{at:03}"),
                ms("2025-09-01T00:00:00Z") + at as i64 * 86_400_000,
            )
            .with(&rest)
        };
        let server = Apify::of((0..30).map(run).collect());
        let server = server.at("/v2/users/me", move |_| Reply::json(user.clone())).start();
        let args = [
            "export",
            "--month",
            "2025-09",
            "--out",
            &id[2..3],
            "--api-url",
            &server.url(),
            "--rate",
            "0",
            "-q",
        ];
        place.run(&args).exits(0);
    }
    let report = ["report", "a", "<", "--groups", "groups.csv", "--budget", "150"];
    let files = ["--format", "html,md,xlsx,json,summary", "--out", "out", "-q"];
    place.run(&[&report[..], &files].concat()).exits(0);
    formats_agree_of(&place, &report);
}
