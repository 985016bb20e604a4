//! What is put into mails, wikis and pull requests is small, whatever the account has.

use std::fs;

use unicode_width::UnicodeWidthStr;

use crate::support::command::Place;

#[test]
fn the_texts_of_a_whole_month_with_groups_budget_and_comparison_fit_a_mail_and_a_wiki() {
    let place = Place::new();
    fs::write(
        place.path("groups.csv"),
        "actor,group\nmade-up-account/*,In-house\nsomebody/*,Bought in\n",
    )
    .unwrap();
    let export = [
        "export",
        "--demo",
        "--out",
        "out",
        "--quiet",
        "--groups",
        "groups.csv",
        "--compare",
        "previous",
        "--budget",
        "8000",
        "--budget",
        "group:Bought in=1000",
    ];
    place.run(&export).exits(0);
    let summary = place.exported().text("summary.txt");
    let lines: Vec<&str> = summary.lines().collect();
    assert!(lines.len() <= 45, "{} lines:\n{summary}", lines.len());
    for line in &lines {
        assert!(line.width() <= 78, "{line}");
    }
    assert!(summary.is_ascii() && summary.ends_with('\n'), "{summary}");
    for part in [
        "MADE-UP ACCOUNT",
        "\nPrevious  ",
        "\nBudget    ",
        "\nActor  ",
        " other Actors  ",
        "\nGroup  ",
        "\nUsage that Apify counts, ",
        "\nLargest changes since the previous period\n",
    ] {
        assert!(summary.contains(part), "{part:?} is not in\n{summary}");
    }
    let markdown = place.exported().text("report.md");
    assert!(markdown.len() < 40_000, "{} bytes", markdown.len());
    // All days are there, and of the longest table 20 rows and the sum of the others.
    let table = |title: &str| {
        let (_, rest) = markdown.split_once(&format!("\n## {title}\n\n")).unwrap();
        rest.lines()
            .take_while(|line| line.starts_with('|'))
            .skip(2)
            .collect::<Vec<_>>()
    };
    assert_eq!(table("Cost by day").len(), 31);
    let actors = table("Cost by Actor");
    assert_eq!(actors.len(), 22);
    assert!(actors[20].starts_with("| and 320 others | "), "{}", actors[20]);
    assert!(!markdown.replace("\\$", "").contains('$'), "{markdown}");
}
