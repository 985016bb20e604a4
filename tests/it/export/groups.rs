//! Groups: rules of the user's own decide to whom a run's cost belongs, the rest is unassigned, and verify works it out
//! again.

use crate::support::account::{Apify, ended};
use crate::support::command::{Done, Place};
use crate::support::stand_in::{Reply, Run, StandIn, ms};

fn run(n: i64, rest: &str) -> Run {
    let at = ms("2025-09-01T00:00:00Z") + n * 60_000;
    let mut run = ended(&format!("r{n}"), at, "");
    run.rest = format!(r#""finishedAt":"2025-09-20T00:00:00.000Z",{rest}"#);
    run
}

/// Six runs whose costs are powers of two, so that each sum tells which runs are in it; one has no cost.
fn server() -> StandIn {
    let all = vec![
        run(
            1,
            r#""actId":"a1","userId":"u1","actorTaskId":"t1","usageTotalUsd":0.1"#,
        ),
        run(2, r#""actId":"a1","userId":"u2","usageTotalUsd":0.2"#),
        run(3, r#""actId":"b1","userId":"u1","usageTotalUsd":0.4"#),
        run(4, r#""actId":"c1","userId":"u3","usageTotalUsd":0.8"#),
        run(5, r#""actId":"d10","usageTotalUsd":1.6"#),
        run(6, r#""actId":"d10","actorTaskId":"t2""#),
    ];
    Apify::of(all)
        .actors(&[
            ("a1", "ann", "crawler"),
            ("b1", "apify", "web-scraper"),
            ("d10", "zed", "x"),
        ])
        .tasks(&[("t1", "nightly1"), ("t2", "nightly12")])
        .start()
}

/// Exports with these rules.
fn with(rules: &[u8], more: &[&str]) -> (Done, Place, StandIn) {
    let (place, server) = (Place::new(), server());
    std::fs::write(place.path("groups.csv"), rules).unwrap();
    let done = place.export(&server.url(), &[&["--groups", "groups.csv"], more].concat());
    (done, place, server)
}

/// Group, runs, dollars, runs without a cost, in the report's order.
fn groups(place: &Place) -> Vec<(String, String, String, String)> {
    let rows = place.exported().rows("cost_by_group.csv").into_iter();
    let row = |row: std::collections::BTreeMap<String, String>| {
        let [group, runs, usd, unknown] =
            ["group", "runs", "usage_total_usd", "runs_cost_unknown"].map(|name| row[name].clone());
        (group, runs, usd, unknown)
    };
    rows.map(row).collect()
}

#[track_caller]
fn assert_groups(place: &Place, expected: &[(&str, &str, &str, &str)]) {
    let found = groups(place);
    let found: Vec<_> = found
        .iter()
        .map(|(a, b, c, d)| (a.as_str(), b.as_str(), c.as_str(), d.as_str()))
        .collect();
    assert_eq!(found, expected);
    place.run(&["verify", "out"]).exits(0);
}

#[test]
fn the_first_rule_that_matches_by_name_id_task_or_user_takes_a_run_and_the_rest_is_unassigned() {
    let rules = "actor,task,user,group\n,nightly?,,Ops\napify/*,,u1,\"Research, EU\"\nann/crawler,,,Crawling\nc?,,,By ID\n*,,u9,Nobody\n";
    let (done, place, _) = with(rules.as_bytes(), &[]);
    done.exits(0);
    assert_groups(
        &place,
        &[
            ("unassigned", "2", "1.6", "1"),
            ("By ID", "1", "0.8", "0"),
            ("Research, EU", "1", "0.4", "0"),
            ("Crawling", "1", "0.2", "0"),
            ("Ops", "1", "0.1", "0"),
        ],
    );
    let report = place.exported().json("report.json");
    let first = &report["cost_by_group"][0];
    assert_eq!(
        (&first["group"], &first["usage_total_usd"], &first["runs"]),
        (&"unassigned".into(), &"1.6".into(), &2.into())
    );
    assert!(place.exported().text("report.md").contains("| Research, EU | 1 |"));
    let manifest = place.exported().json("manifest.json");
    assert_eq!(
        manifest["groups"][1],
        serde_json::json!({"actor": "apify/*", "task": null, "user": "u1", "group": "Research, EU"})
    );
}

#[test]
fn order_decides_and_all_patterns_of_a_rule_must_match() {
    let (done, place, _) = with(b"actor,group\n*,All\na1,Never\n", &[]);
    done.exits(0);
    assert_groups(&place, &[("All", "6", "3.1", "1")]);
    let (done, place, _) = with(b"user,actor,group\nu1,a1,Both\n,a1,One\nu1,,Other\n", &[]);
    done.exits(0);
    let expected = [
        ("unassigned", "3", "2.4", "1"),
        ("Other", "1", "0.4", "0"),
        ("One", "1", "0.2", "0"),
        ("Both", "1", "0.1", "0"),
    ];
    assert_groups(&place, &expected);
    // `?` is one character and `*` any number, also none; letters of another case are others.
    let (done, place, _) = with(b"actor,group\nA1,Case\nd1,Short\nd?,Two\nd??,Three\n", &[]);
    done.exits(0);
    assert_groups(&place, &[("Three", "2", "1.6", "1"), ("unassigned", "4", "1.5", "0")]);
    // Several rules may name one group, and a rule may name what takes no other.
    let (done, place, _) = with(b"actor,user,group\nann/*,,Web\n,u3,Web\n*,,unassigned\n", &[]);
    done.exits(0);
    assert_groups(&place, &[("unassigned", "3", "2", "1"), ("Web", "3", "1.1", "0")]);
}

#[test]
fn a_rule_about_users_leaves_runs_that_tell_none_and_without_names_rules_go_by_ids_alone() {
    let (done, place, _) = with(b"user,group\n*,Told\n", &[]);
    done.exits(0);
    assert_groups(&place, &[("unassigned", "2", "1.6", "1"), ("Told", "4", "1.5", "0")]);
    // Without names every rule by name would match nothing, unseen.
    let (done, _, _) = with(b"actor,group\nann/crawler,By name\n", &["--no-names"]);
    done.exits(2).says(&["--groups", "--no-names"]);
    let (done, place, _) = with(b"actor,group\nABCDEFGHIJKLMNOP7,By ID\n", &["--no-names"]);
    done.exits(0);
    assert_groups(&place, &[("unassigned", "6", "3.1", "1")]);
}

#[test]
fn a_group_s_name_is_people_s_text_wherever_it_is_shown() {
    let rules = "actor,group\na1,=1+1\nb1,\"pi|pe <i>\u{202e}\"\nc1,\u{1b}[31m\n";
    let (done, place, _) = with(rules.as_bytes(), &["--json"]);
    serde_json::from_str::<serde_json::Value>(&done.exits(0).stdout).unwrap();
    let names: Vec<String> = groups(&place).into_iter().map(|(name, ..)| name).collect();
    assert_eq!(names, ["unassigned", "\u{1b}[31m", "pi|pe <i>\u{202e}", "'=1+1"]);
    let text = place.exported().text("report.md");
    assert!(
        !text.contains(['\u{202e}', '\u{1b}']) && text.contains(r"pi\|pe \<i\>"),
        "{text}"
    );
    place.run(&["verify", "out"]).exits(0);
}

#[test]
fn spreadsheets_ways_of_writing_csv_are_understood() {
    let rules = "\u{feff}Group, Actor \r\n\"One\r\nand a half\",a1\r\n,\r\nTwo,b1\r\n";
    let (done, place, _) = with(rules.as_bytes(), &[]);
    done.exits(0);
    let names: Vec<String> = groups(&place).into_iter().map(|(name, ..)| name).collect();
    assert_eq!(names, ["unassigned", "Two", "One\r\nand a half"]);
    place.run(&["verify", "out"]).exits(0);
}

#[test]
fn rules_that_make_no_sense_are_exit_2_by_line_before_the_first_request() {
    let cases: [(&[u8], &str); 8] = [
        (b"", "group"),
        (b"actor\na1\n", "group"),
        (b"group\nOne\n", "actor"),
        (b"actor,team,group\na1,x,One\n", "\"team\""),
        (b"actor,group\na1,One\nb1,\n", "line 3"),
        (b"actor,group\na1,One\n,Two\n", "line 3"),
        (b"actor,group\n\na1,One,more\n", "line 3"),
        (b"actor,group\na1,\xff\xfe\n", "UTF-8"),
    ];
    for (rules, says) in cases {
        let (done, place, server) = with(rules, &[]);
        done.exits(2).says(&["--groups groups.csv", says]);
        assert_eq!(
            (place.names(), server.requests().len()),
            (vec!["groups.csv".to_string()], 0),
            "{done}"
        );
    }
    let (place, server) = (Place::new(), server());
    place
        .export(&server.url(), &["--groups", "nowhere.csv"])
        .exits(2)
        .says(&["--groups nowhere.csv"]);
    assert_eq!((place.names(), server.requests().len()), (vec![], 0));
}

#[test]
fn rules_about_what_is_left_out_of_the_rows_are_exit_2_naming_it() {
    for (rules, column) in [
        (&b"actor,group\na1,One\n"[..], "act_name"),
        (b"task,group\nt1,One\n", "actor_task_id"),
        (b"task,group\nt1,One\n", "actor_task_name"),
        (b"user,group\nu1,One\n", "user_id"),
    ] {
        let (done, place, _) = with(rules, &["--exclude", column]);
        done.exits(2).says(&[column]);
        assert_eq!(place.names(), ["groups.csv"]);
    }
    // What no rule is about may be left out.
    let (done, place, _) = with(b"actor,user,group\na1,,One\n", &["--exclude", "user_id,actor_task_id"]);
    done.exits(0);
    assert_groups(&place, &[("unassigned", "4", "2.8", "1"), ("One", "2", "0.3", "0")]);
}

#[test]
fn verify_works_out_the_groups_again_from_the_rules_in_the_manifest() {
    for format in ["parquet", "csv"] {
        let (done, place, _) = with(b"actor,group\na1,One\nb1,Two\n", &["--format", format]);
        done.exits(0);
        place.run(&["verify", "out"]).exits(0);
        let mut manifest = place.exported().json("manifest.json");
        manifest["groups"][1]["actor"] = "c1".into();
        std::fs::write(place.path("out/manifest.json"), manifest.to_string()).unwrap();
        place.run(&["verify", "out"]).exits(5).says(&["cost_by_group"]);
    }
}

#[test]
fn other_rules_replace_an_export_and_without_rules_there_is_no_such_report() {
    let (done, place, server) = with(b"actor,group\na1,One\n", &[]);
    done.exits(0);
    std::fs::write(place.path("groups.csv"), "actor,group\nb1,Two\n").unwrap();
    place.export(&server.url(), &["--groups", "groups.csv"]).exits(0);
    assert_groups(&place, &[("unassigned", "5", "2.7", "1"), ("Two", "1", "0.4", "0")]);
    place.export(&server.url(), &[]).exits(0);
    assert!(!place.exported().out.join("cost_by_group.csv").exists());
    assert_eq!(
        place.exported().json("report.json")["cost_by_group"],
        serde_json::Value::Null
    );
    place.run(&["verify", "out"]).exits(0);
}

#[test]
fn rules_by_name_without_all_names_are_a_caveat() {
    let place = Place::new();
    std::fs::write(place.path("groups.csv"), "actor,group\nann/*,Ann\n").unwrap();
    let server = Apify::of(vec![Run::new("r1", ms("2025-09-01T00:00:00Z"))])
        .at("/v2/actors", |_| Reply::error(403, "insufficient-permissions", "no"))
        .start();
    let options = ["--groups", "groups.csv", "--strict"];
    let done = place.export(&server.url(), &options);
    done.exits(7).says(&["some names could not be read"]);
    // Names alone are no reason.
    place.export(&server.url(), &["--strict", "--replace"]).exits(0);
}

#[test]
fn the_group_is_the_first_report_and_says_how_much_has_none() {
    // Of $3.1, $2.4 are of c1 and d10, of which no rule is; nobody is called lost.
    let (done, place, _server) = with(b"actor;group\nann/*;A\nb1;B\nlost*;C\nd10x;D\n", &[]);
    done.exits(0)
        .shows(&["no run of the period matches 2 rules of --groups: line 4 (actor lost*), line 5 (actor d10x)"]);
    assert_groups(
        &place,
        &[
            ("unassigned", "3", "2.4", "1"),
            ("B", "1", "0.4", "0"),
            ("A", "2", "0.3", "0"),
        ],
    );
    let exported = place.exported();
    let details = &exported.json("manifest.json")["caveat_details"];
    let codes: Vec<&str> = details
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["code"].as_str().unwrap())
        .collect();
    assert!(codes.contains(&"rules_unmatched"), "{codes:?}");
    let markdown = exported.text("report.md");
    let at = |title: &str| markdown.find(title).unwrap_or_else(|| panic!("{title}: {markdown}"));
    assert!(at("## Cost by group") < at("## Cost by Actor"));
    assert!(markdown.contains("77.4% of usage is unassigned"), "{markdown}");
    let page = exported.text("report.html");
    assert!(page.find("Cost by group").unwrap() < page.find("Cost by Actor").unwrap());
    assert!(page.contains("77.4% of usage is unassigned"));
    place.run(&["verify", "out"]).exits(0);
}

#[test]
fn budgets_are_read_from_a_file() {
    let (_, place, server) = with(b"actor,group\nann/*,A\n", &[]);
    std::fs::write(place.path("budgets.csv"), "group;actor;usd\n;;3,00\nA;;0,25\n;b1;1\n").unwrap();
    let url = server.url();
    let export = [
        "export",
        "--month",
        "2025-09",
        "--api-url",
        &url,
        "--rate",
        "0",
        "--out",
        "out",
    ];
    let budgets = [
        "--groups",
        "groups.csv",
        "--budgets",
        "budgets.csv",
        "--fail-over-budget",
    ];
    place
        .run(&[&export[..], &budgets].concat())
        .exits(7)
        .says(&["$3.10 of $3.00", "group A: $0.30 of $0.25"]);
    let report = [
        "report",
        "out",
        "--budgets",
        "budgets.csv",
        "--only",
        "budgets",
        "--format",
        "csv",
    ];
    let rows = place.run(&report).exits(0).stdout.lines().count();
    assert_eq!(rows, 4);
    std::fs::write(place.path("budgets.csv"), "group,usd\nA,much\n").unwrap();
    place
        .run(&[&export[..], &budgets].concat())
        .exits(2)
        .says(&["--budgets budgets.csv: line 2: \"much\" is not an amount in dollars"]);
}

#[test]
fn groups_are_compared_with_those_of_another_period() {
    let (done, place, _server) = with(b"actor,group\na1,A\nb1,B\n", &[]);
    done.exits(0);
    let later = vec![
        run(1, r#""actId":"a1","usageTotalUsd":0.9"#),
        run(3, r#""actId":"b1","usageTotalUsd":0.4"#),
    ];
    let server = Apify::of(later).start();
    let url = server.url();
    let export = [
        "export",
        "--month",
        "2025-09",
        "--api-url",
        &url,
        "--rate",
        "0",
        "--out",
        "later",
    ];
    let options = ["--groups", "groups.csv", "--compare", "out"];
    place.run(&[&export[..], &options].concat()).exits(0);
    let later = crate::support::command::Exported {
        out: place.path("later"),
    };
    let rows = later.rows("change_by_group.csv");
    let row = |row: &std::collections::BTreeMap<String, String>| {
        ["group", "change", "usage_before_usd", "usage_total_usd"].map(|name| row[name].clone())
    };
    let found: Vec<_> = rows.iter().map(row).collect();
    // A has $0.1 and $0.2 before; of c1 and d10 there is nothing now, and a cost of d10 was unknown.
    let expected = [["unassigned", "gone", "2.4", ""], ["A", "up", "0.3", "0.9"]];
    assert_eq!(found, expected.map(|row| row.map(String::from)));
    let page = later.text("report.html");
    assert!(page.find("Change by group").unwrap() < page.find("Change by Actor").unwrap());
}
