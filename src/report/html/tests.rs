//! The page as a strict reader sees it: what names can't break, what the policy allows, and that every figure is there.

mod reader;

use serde_json::{Value, json};

use crate::report::html::tests::reader::text_of;

use crate::money::Usd;
use crate::period::parse_instant;
use crate::provenance::{Account, Replaced, Source};
use crate::report::budget::{Budget as Limit, BudgetStatus};
use crate::report::caveat::Caveat;
use crate::report::comparison::{ComparedPeriod, PeriodComparison};
use crate::report::html::*;
use crate::report::sample::{report, report_by, row};
use crate::runs::cost_state::PROVISIONAL;
use crate::runs::row::Row;

const HOSTILE: [&str; 8] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' style='color:red",
    "</style></title></svg><b>",
    "{{ 7*7 }}{% raw %}",
    "turned\u{202e}around",
    "bell\u{7}\u{1b}[31m",
    "\u{200b}\u{feff}",
];

const SEPTEMBER: [&str; 2] = ["2025-09-01", "2025-10-01"];

#[test]
fn names_break_nothing_and_are_shown_as_text() {
    let long = "x".repeat(10_000);
    let names: Vec<&str> = HOSTILE.iter().copied().chain([long.as_str()]).collect();
    let rows: Vec<Row> = names
        .iter()
        .map(|name| Row {
            user_id: Some(name),
            actor_task_id: Some(name),
            status: name,
            build_id: Some(name),
            build_number: Some(name),
            origin: Some(name),
            schedule_id: Some(name),
            act_name: Some(name),
            actor_task_name: Some(name),
            schedule_name: Some(name),
            ..row(name, name, "2025-09-02", Some("1.5"))
        })
        .collect();
    let mut report = report_by(&rows, SEPTEMBER, &["actor,status", "actor,origin"]);
    report.facts.account = Some(Account {
        id: "u".into(),
        username: Some(HOSTILE[1].into()),
    });
    report.facts.proof.notes = vec![HOSTILE[0].into()];
    report.facts.caveats = Caveat::of_manifest(&[HOSTILE[3].into()], &[]);
    report.facts.filters.actor = vec![HOSTILE[2].into()];
    let limits = [Limit::parse(&format!("actor:{}=1", HOSTILE[0])).unwrap()];
    report.budgets = limits
        .iter()
        .map(|limit| BudgetStatus::of(limit, &report.figures, &report.facts.period, false))
        .collect();
    let page = render(&report);
    assert_eq!(
        (page.matches("<script").count(), page.matches("</script").count()),
        (2, 2)
    );
    let data: Value = serde_json::from_str(data_of(&page)).unwrap();
    let mut in_data: Vec<&str> = data["actors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|actor| actor[1].as_str().unwrap())
        .collect();
    let mut given = names.clone();
    in_data.sort_unstable();
    given.sort_unstable();
    assert_eq!(in_data, given);
    let text = text_of(&page);
    // Keys are whole in the data and beside their rows.
    let page = without_keys(page.split_once("<script").unwrap().0);
    let all = text.join("\n");
    for plain in HOSTILE.iter().take(5) {
        assert!(text.iter().any(|piece| piece.contains(plain)), "{plain}");
    }
    for shown in ["turned\\u{202e}around", "bell\\u{7}\\u{1b}[31m", "\\u{200b}\\u{feff}"] {
        assert!(all.contains(shown), "{shown}");
    }
    let steers = |c: char| (c.is_control() && c != '\n') || "\u{202e}\u{200b}\u{feff}".contains(c);
    assert!(!page.contains(steers));
    assert!(!page.contains(&"x".repeat(301)));
    assert!(all.contains(&("x".repeat(79) + "…")));
}

#[test]
fn the_policy_allows_the_style_block_and_the_script_and_nothing_else() {
    let page = render(&report(&[row("r1", "a", "2025-09-02", Some("1"))], SEPTEMBER));
    let style = csp::style(&page);
    assert!(style.len() > 1000 && !style.contains('\r'));
    assert_eq!(page.matches("<style").count(), 1);
    let policy = csp::policy(style, &script())
        .replace('\'', "&#x27;")
        .replace('/', "&#x2f;");
    assert!(page.contains(&format!(
        "<meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">"
    )));
    assert!(page.contains(&format!("<script>{}</script>", script())));
    assert!(script().len() <= 30_000, "{}", script().len());
    for never in [
        " style=",
        "url(",
        "@import",
        "javascript:",
        "innerHTML",
        "eval(",
        "fetch(",
    ] {
        assert!(!page.contains(never), "{never}");
    }
    text_of(&page);
    let addresses: Vec<&str> = page.split_once("<script").unwrap().0.matches("http").collect();
    // The policy's own name, and the one run's link.
    assert_eq!(addresses.len(), 2, "{page}");
}

#[test]
fn an_empty_period_says_so_and_draws_nothing() {
    let text = text_of(&render(&report(&[], SEPTEMBER))).join("\n");
    for told in ["none", "yes: 0 runs fetched, 0 counted by the API", "None."] {
        assert!(text.contains(told), "{told}: {text}");
    }
    assert!(!text.contains("$0"), "{text}");
}

#[test]
fn costs_that_are_all_unknown_are_never_zero() {
    let rows = [row("r1", "a", "2025-09-02", None), row("r2", "b", "2025-09-03", None)];
    let page = render(&report(&rows, SEPTEMBER));
    let text = text_of(&page).join("\n");
    for told in [
        "unknown",
        "2 runs whose cost is unknown",
        "the cost of 2 runs is unknown: the total is a minimum",
    ] {
        assert!(text.contains(told), "{told}: {text}");
    }
    assert!(!text.contains("$0.00"), "{text}");
    // There is nothing to add up, and so nothing to ask for.
    assert!(!page.contains("<script") && !page.contains("filter-") && !page.contains("data-columns"));
    assert!(text.contains("has no scripts"), "{text}");
}

#[test]
fn its_data_holds_every_run_once() {
    let rows = [
        row("r1", "a", "2025-09-02", Some("1.25")),
        row("r2", "a", "2025-09-02", Some("0.000000000000000001")),
        Row {
            status: "FAILED",
            ..row("r3", "a", "2025-09-04", None)
        },
        Row {
            act_name: Some("ann/<b>"),
            cost_state: PROVISIONAL,
            ..row("r4", "b", "2025-09-04", Some("3"))
        },
    ];
    let page = render(&report(&rows, SEPTEMBER));
    let data: Value = serde_json::from_str(data_of(&page)).unwrap();
    assert!(data_of(&page).contains("ann/\\u003cb>"));
    let expected = json!({
        "from": "2025-09-01",
        "to": "2025-10-01",
        "lacks_runs": false,
        "runs_at": "https://console.apify.com/actors/runs/",
        "actors_at": "https://console.apify.com/actors/",
        "days": ["2025-09-02", "2025-09-04"],
        // The dearest first.
        "actors": [["b", "ann/<b>"], ["a", null]],
        "others": 0,
        "statuses": ["FAILED", "SUCCEEDED"],
        "groups": [],
        // ((actor * 2 days + day) * 2 statuses + status) * 2 + provisional: 7 for b's; 10 and 12 for a's.
        "steps": [7, 3, 2],
        "runs": [1, 2, 1],
        "unknown": [[2, 1]],
        "usd": "3000000000000000000 1250000000000000001 ",
        "dearest": [
            [["r4", 1, 1_756_987_200_000_i64, "3000000000000000000"]],
            [["r1", 1, 1_756_814_400_000_i64, "1250000000000000000"], ["r2", 1, 1_756_814_400_000_i64, "1"]],
        ],
    });
    assert_eq!(data, expected);
}

#[test]
fn exact_values_stand_beside_the_rounded_ones() {
    let rows = [
        row("r1", "a", "2025-09-02", Some("0.005000000000000001")),
        row("r2", "b", "2025-09-03", None),
    ];
    let page = render(&report(&rows, SEPTEMBER));
    for told in [
        "id=\"usage\" data-usd=\"0.005000000000000001\"",
        "id=\"runs\" data-runs=\"2\"",
        "<section id=\"cost_by_month\" data-columns=\"month runs ",
        "<section id=\"cost_by_user\" class=\"still\">",
        "<tr data-key=\"a\">",
        // Of no run, there is no table.
        "<section id=\"unsuccessful_by_actor\">",
        "data-usd=\"0.005000000000000001\">$0.01</td>",
        "data-usd=\"\"><i>unknown</i></td>",
    ] {
        assert!(page.contains(told), "{told}");
    }
}

/// The page's data as it stands there.
fn data_of(page: &str) -> &str {
    let data = page
        .split_once("<script type=\"application/json\" id=\"cube\">")
        .unwrap()
        .1;
    data.split_once("</script>").unwrap().0
}

fn without_keys(page: &str) -> String {
    let mut parts = page.split(" data-key=\"");
    let first = parts.next().unwrap_or_default().to_string();
    parts.fold(first, |page, part| {
        page + part.split_once('"').map_or("", |(_, rest)| rest)
    })
}

#[test]
fn three_hundred_actors_are_a_page_that_a_mail_can_carry() {
    let names: Vec<String> = (0..300)
        .map(|at| format!("somebody/an-actor-of-ordinary-length-{at}"))
        .collect();
    let ids: Vec<String> = (0..9000).map(|at| format!("HG7ML7M8z78Y{at:05}")).collect();
    let rows: Vec<Row> = (0..9000)
        .map(|at: usize| Row {
            act_name: Some(&names[at % 300]),
            user_id: Some(&ids[at % 50]),
            actor_task_id: Some(&ids[at % 700]),
            build_id: Some(&ids[at % 400]),
            schedule_id: Some(&ids[at % 60]),
            status: ["SUCCEEDED", "FAILED", "TIMED-OUT", "ABORTED"][at % 4],
            ..row(
                &ids[at],
                &ids[at % 300],
                &format!("2025-09-{:02}", at % 30 + 1),
                Some("0.123456789012345678"),
            )
        })
        .collect();
    let report = report(&rows, SEPTEMBER);
    let page = render(&report);
    assert!(page.len() < 400_000, "{}", page.len());
    let shown = page.split_once("<script").unwrap().0;
    assert!(shown.len() < 170_000, "{}", shown.len());
    let text = text_of(&page).join("\n");
    // 9,000 runs of an eighth or so; 300 Actors, 20 of them shown.
    for told in [
        "$1,111.11",
        "1111.111101111111102",
        "9,000",
        "280 others",
        "2,250 failed",
    ] {
        assert!(text.contains(told), "{told}");
    }
}

#[test]
fn every_day_has_its_place_and_long_periods_are_put_together() {
    let rows = [
        row("r1", "a", "2025-09-02", Some("1")),
        row("r2", "a", "2025-09-30", Some("3")),
    ];
    let page = render(&report(&rows, SEPTEMBER));
    let text = text_of(&page).join("\n");
    for told in [
        "2025-09-01",
        "2025-09-17",
        "2 of 30 days have runs, the most expensive is 2025-09-30 with $3.00",
    ] {
        assert!(text.contains(told), "{told}");
    }
    // The 30th of 30 places, within it in the middle.
    assert!(page.contains("x=\"97.033%\""), "{page}");
    let quarter = text_of(&render(&report(&rows, ["2025-07-01", "2025-10-01"]))).join("\n");
    assert!(quarter.contains("2 of 14 weeks have runs"), "{quarter}");
    let years = text_of(&render(&report(&rows, ["2024-01-01", "2025-10-01"]))).join("\n");
    assert!(years.contains("1 of 21 months have runs"), "{years}");
}

#[test]
fn comparison_budgets_and_what_was_replaced_stand_in_the_page() {
    let rows = [
        row("r1", "a", "2025-09-02", Some("10.005")),
        row("r2", "b", "2025-09-03", None),
    ];
    let mut now = report(&rows, SEPTEMBER);
    let before = report(&[row("r0", "a", "2025-08-02", Some("4"))], ["2025-08-01", "2025-09-01"]);
    now.against = Some(PeriodComparison {
        before: Ok(ComparedPeriod {
            period: before.facts.period,
            from: "./august".into(),
            lacks_runs: false,
            figures: before.figures,
        }),
    });
    let limits = ["8", "actor:a=100", "actor:b=5"].map(|text| Limit::parse(text).unwrap());
    now.budgets = limits
        .iter()
        .map(|limit| BudgetStatus::of(limit, &now.figures, &now.facts.period, false))
        .collect();
    now.replaced = Some(Replaced {
        queried_at_ms: parse_instant("2025-10-02T06:00:00.000Z").unwrap(),
        runs: 1,
        usage_total_usd: Usd::parse_plain("9.5"),
        changes: None,
    });
    let text = text_of(&render(&now)).join("\n");
    for told in [
        "This export replaced the one that was queried on 2025-10-02 06:00 UTC: 1 run, $9.50.",
        "$4.00; up at least $6.00 (150.1%); 1 run has no known cost",
        "per day: $0.13 before, at least $0.33 now (31 and 30 days)",
        "1–31 August 2025 (UTC), ./august",
        "+$6.00",
        "+150.1%",
        "OVER BUDGET",
        "within budget",
        "unknown",
        "(125.1%)",
        "up",
    ] {
        assert!(text.contains(told), "{told}: {text}");
    }
    // As in the terminal and the workbook; the ID is beneath the name.
    for table in now.tables().iter().filter(|table| table.name.starts_with("change_")) {
        let columns = table.reading_order().into_iter().map(|at| &table.columns[at]);
        let columns = columns.filter(|column| column.name != "act_id");
        let without_unit = |head: &'static str| head.trim_end_matches(", $");
        let heads: Vec<&str> = columns.map(|column| without_unit(column.head)).collect();
        let shown: Vec<&str> = Grid::of(table)
            .heads
            .iter()
            .map(|head| without_unit(head.text))
            .collect();
        assert_eq!(shown, heads, "{}", table.name);
    }
    now.against = Some(PeriodComparison {
        before: Err(anyhow::anyhow!("there is no export of it")),
    });
    let text = text_of(&render(&now)).join("\n");
    assert!(text.contains("no comparison: there is no export of it"), "{text}");
}

#[test]
fn only_what_was_chosen_is_shown_and_pairs_stand_at_the_end() {
    let rows = [
        row("r1", "a", "2025-09-02", Some("1")),
        row("r2", "b", "2025-09-03", Some("2")),
    ];
    let mut report = report_by(&rows, SEPTEMBER, &["actor,status"]);
    report.only = vec!["cost_by_actor_and_status".into(), "cost_by_user".into()];
    let page = render(&report);
    let ids: Vec<&str> = page
        .split("<section id=\"")
        .skip(1)
        .map(|section| section.split('"').next().unwrap())
        .collect();
    assert_eq!(ids, ["cost_by_user", "cost_by_actor_and_status", "how-to-read"]);
    let text = text_of(&page).join("\n");
    assert!(text.contains("Unknown for all runs."), "{text}");
    assert!(text.contains("Cost by Actor and status"), "{text}");
}

#[test]
fn the_made_up_account_is_told_first_and_its_runs_have_no_links() {
    let mut report = report(&[row("r1", "a", "2025-09-02", Some("1"))], SEPTEMBER);
    report.facts.source = Source::Demo;
    let page = render(&report);
    let text = text_of(&page);
    let body = text.iter().position(|piece| piece.contains("MADE-UP ACCOUNT")).unwrap();
    assert_eq!(body, 1, "{text:?}");
    assert!(!page.split_once("<script").unwrap().0.contains("console.apify.com"));
    assert!(data_of(&page).contains("\"runs_at\":null"));
}

#[test]
fn a_small_page_reads_like_this() {
    let rows = [
        Row {
            act_name: Some("ann/spider"),
            origin: Some("SCHEDULER"),
            finished_at_ms: parse_instant("2025-09-01T12:30:00Z"),
            ..row("r1", "a", "2025-09-01", Some("1.25"))
        },
        Row {
            status: "FAILED",
            cost_state: PROVISIONAL,
            ..row("r2", "b", "2025-09-02", Some("0.004"))
        },
        row("r3", "b", "2025-09-02", None),
    ];
    let mut report = report(&rows, ["2025-09-01", "2025-09-04"]);
    report.files = vec![FileEntry {
        path: "runs.csv".into(),
        sha256: "00ff".repeat(16),
        bytes: 1234,
        rows: Some(3),
    }];
    insta::assert_snapshot!(text_of(&render(&report)).join("\n"));
}
