//! The page as a strict reader sees it: what names can't break, what the policy allows, and that every figure is there.

use chrono_tz::UTC;

use super::*;
use crate::money::Usd;
use crate::period::{PeriodSpec, parse_edge, parse_instant};
use crate::report::against::{Against, Before};
use crate::report::budget::{Budget as Limit, Spent};
use crate::report::dimension::{By, Dimensions};
use crate::report::facts::{Doubts, Facts, caveats};
use crate::report::summary::Summary;
use crate::runs::chosen::Chosen;
use crate::runs::cost_state::{PROVISIONAL, SETTLED, UNKNOWN};
use crate::runs::row::Row;
use crate::statement::{Account, Filters, Proof, Replaced, Source};

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

fn usd(text: &str) -> Usd {
    Usd::parse_plain(text).unwrap()
}

fn row<'a>(id: &'a str, act_id: &'a str, day: &str, usage: Option<&str>) -> Row<'a> {
    Row {
        id,
        act_id,
        status: "SUCCEEDED",
        started_at_ms: parse_instant(&format!("{day}T12:00:00Z")).unwrap(),
        usage: usage.map(usd),
        cost_state: if usage.is_some() { SETTLED } else { UNKNOWN },
        ..Row::default()
    }
}

/// Of these rows, `--from` and `--to` given.
fn report(rows: &[Row], [from, to]: [&str; 2]) -> Report {
    report_by(rows, [from, to], &[])
}

fn report_by(rows: &[Row], [from, to]: [&str; 2], more: &[&str]) -> Report {
    let spec = PeriodSpec::FromTo {
        from: parse_edge(from).unwrap(),
        to: parse_edge(to).unwrap(),
    };
    let queried_at_ms = parse_instant("2026-01-01T06:00:00Z").unwrap();
    let mut dimensions = Dimensions::of(&Chosen::all(false), None);
    more.iter()
        .for_each(|by| dimensions.and(By::parse(by).unwrap()).unwrap());
    let mut summary = Summary::new(UTC, dimensions);
    rows.iter().for_each(|row| summary.add_row(row).unwrap());
    let figures = summary.finish();
    let doubts = Doubts {
        proven: true,
        ..Doubts::default()
    };
    Report {
        facts: Facts {
            account: Some(Account {
                id: "u1".into(),
                username: Some("ann".into()),
            }),
            source: Source::Api,
            period: spec.resolve(UTC, queried_at_ms).unwrap(),
            part_of: None,
            filters: Filters::default(),
            queried_at_ms,
            proof: Proof {
                proven: true,
                counted: rows.len() as u64,
                fetched: rows.len() as u64,
                notes: Vec::new(),
            },
            retention: None,
            caveats: caveats(&figures.totals, &doubts),
        },
        figures,
        against: None,
        budgets: Vec::new(),
        replaced: None,
        files: Vec::new(),
        only: Vec::new(),
    }
}

const SEPTEMBER: [&str; 2] = ["2025-09-01", "2025-10-01"];

/// The page's text, a line a piece, once it has been found to be sound: tags that close, attributes in quotes, none of its own
/// style, no address but the ones that are meant.
#[track_caller]
fn text_of(page: &str) -> Vec<String> {
    const EMPTY: [&str; 2] = ["!DOCTYPE", "meta"];
    let mut text = Vec::new();
    let mut open: Vec<&str> = Vec::new();
    let mut rest = page;
    while let Some((before, tag)) = rest.split_once('<') {
        let before = if open.last() == Some(&"style") { "" } else { before };
        assert!(!before.contains('>'), "a stray > in {before:?}");
        text.push(unescaped(before));
        let end = end_of_tag(tag);
        let (tag, after) = (&tag[..end], &tag[end + 1..]);
        rest = after;
        let name = tag.split([' ', '\n', '/']).find(|name| !name.is_empty()).unwrap();
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "closed in the wrong order");
        } else if !EMPTY.contains(&name) && !tag.ends_with('/') {
            open.push(name);
        }
        check_tag(name, tag);
        if name == "style" && !tag.starts_with('/') {
            let end = rest.find("</style>").unwrap();
            rest = &rest[end..];
        }
    }
    assert_eq!(open, Vec::<&str>::new(), "left open");
    text.retain(|piece| !piece.trim().is_empty());
    text.iter().map(|piece| piece.trim().to_string()).collect()
}

/// Where a tag ends: at the first `>` that isn't in quotes.
fn end_of_tag(tag: &str) -> usize {
    let mut quoted = false;
    for (at, byte) in tag.bytes().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b'>' if !quoted => return at,
            b'<' => panic!("a < within a tag: {}", &tag[..at]),
            _ => {}
        }
    }
    panic!("a tag without an end: {tag}");
}

fn check_tag(name: &str, tag: &str) {
    assert!(
        ![
            "script", "img", "iframe", "object", "embed", "link", "form", "base", "input"
        ]
        .contains(&name),
        "{tag}"
    );
    // What stands outside of quotes: names of attributes alone.
    let outside: String = tag.split('"').step_by(2).collect();
    assert!(!outside.contains('\''), "{tag}");
    for attribute in outside.split_whitespace().skip(1) {
        let attribute = attribute.trim_end_matches(['=', '/']);
        assert!(attribute != "style" && !attribute.starts_with("on"), "{tag}");
    }
    if let Some(href) = tag
        .split_once("href=\"")
        .map(|(_, href)| href.split('"').next().unwrap())
    {
        let href = unescaped(href);
        let id = href.strip_prefix("https://console.apify.com/actors/runs/");
        let is_address = |id: &str| {
            id.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"%-._~".contains(&byte))
        };
        assert!(href.starts_with('#') || id.is_some_and(is_address), "{href}");
    }
}

fn unescaped(text: &str) -> String {
    let entities = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#x27;", "'"),
        ("&#x2f;", "/"),
        ("&amp;", "&"),
    ];
    entities
        .iter()
        .fold(text.to_string(), |text, (entity, letter)| text.replace(entity, letter))
}

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
            ..row(name, name, "2025-09-02", Some("1.5"))
        })
        .collect();
    let mut report = report_by(&rows, SEPTEMBER, &["actor,status", "actor,origin"]);
    report.facts.account = Some(Account {
        id: "u".into(),
        username: Some(HOSTILE[1].into()),
    });
    report.facts.proof.notes = vec![HOSTILE[0].into()];
    report.facts.caveats = vec![HOSTILE[3].into()];
    report.facts.filters.actor = vec![HOSTILE[2].into()];
    let limits = [Limit::parse(&format!("actor:{}=1", HOSTILE[0])).unwrap()];
    report.budgets = limits
        .iter()
        .map(|limit| Spent::of(limit, &report.figures, &report.facts.period))
        .collect();
    let page = render(&report);
    let text = text_of(&page);
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
fn the_policy_allows_the_style_block_and_nothing_else() {
    let page = render(&report(&[row("r1", "a", "2025-09-02", Some("1"))], SEPTEMBER));
    let style = csp::style(&page);
    assert!(style.len() > 1000 && !style.contains('\r'));
    assert_eq!(page.matches("<style").count(), 1);
    let policy = csp::policy(style).replace('\'', "&#x27;").replace('/', "&#x2f;");
    assert!(page.contains(&format!(
        "<meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">"
    )));
    for never in [" style=", "<script", "url(", "@import", "javascript:"] {
        assert!(!page.contains(never), "{never}");
    }
    text_of(&page);
    let addresses: Vec<&str> = page.matches("http").collect();
    // The policy's own name, and the one run's link.
    assert_eq!(addresses.len(), 2, "{page}");
}

#[test]
fn an_empty_period_says_so_and_draws_nothing() {
    let text = text_of(&render(&report(&[], SEPTEMBER))).join("\n");
    for told in ["none", "yes: fetched 0 runs, the API counts 0", "None."] {
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
        "2 runs without a cost",
        "2 runs have no known cost: usage is 'at least'",
    ] {
        assert!(text.contains(told), "{told}: {text}");
    }
    assert!(!text.contains("$0.00"), "{text}");
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
    assert!(page.len() < 150_000, "{}", page.len());
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
        "2 of 30 days have runs, the dearest 2025-09-30: $3.00",
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
    now.against = Some(Against {
        before: Ok(Before {
            period: before.facts.period,
            from: "./august".into(),
            lacks_runs: false,
            figures: before.figures,
        }),
        min_change: Usd::default(),
    });
    let limits = ["8", "actor:a=100", "actor:b=5"].map(|text| Limit::parse(text).unwrap());
    now.budgets = limits
        .iter()
        .map(|limit| Spent::of(limit, &now.figures, &now.facts.period))
        .collect();
    now.replaced = Some(Replaced {
        queried_at: "2025-10-02T06:00:00.000Z".into(),
        runs: 1,
        usage_total_usd: Some("9.5".into()),
        changes: None,
    });
    let text = text_of(&render(&now)).join("\n");
    for told in [
        "asked for at 2025-10-02 06:00 UTC: 1 run, $9.50.",
        "$4.00 in 2025-08-01 to 2025-09-01",
        "+$6.00",
        "+150.1%",
        "OVER",
        "within",
        "not judged",
        "(125.1%)",
        "new",
    ] {
        assert!(text.contains(told), "{told}: {text}");
    }
    now.against = Some(Against {
        before: Err("there is no export of it".into()),
        min_change: Usd::default(),
    });
    let text = text_of(&render(&now)).join("\n");
    assert!(text.contains("not judged: there is no export of it"), "{text}");
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
    assert!(text.contains("None: all 2 runs stand under 'not told'."), "{text}");
    assert!(text.contains("What did each Actor cost, by status?"), "{text}");
}

#[test]
fn the_made_up_account_is_told_first_and_its_runs_have_no_links() {
    let mut report = report(&[row("r1", "a", "2025-09-02", Some("1"))], SEPTEMBER);
    report.facts.source = Source::Demo;
    let page = render(&report);
    let text = text_of(&page);
    let body = text.iter().position(|piece| piece.contains("MADE-UP ACCOUNT")).unwrap();
    assert_eq!(body, 1, "{text:?}");
    assert!(!page.contains("console.apify.com"));
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
