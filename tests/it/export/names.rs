//! Names of Actors, tasks and schedules: asked in bulk, never at the cost of the export, and other people's text wherever they are shown.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use unicode_width::UnicodeWidthStr;

use crate::support::account::{Apify, Make, asked_below};
use crate::support::client::Served;
use crate::support::command::{Place, done};
use crate::support::stand_in::{Reply, Run, StandIn, envelope, ms};

/// A run of an Actor, maybe of a task, that cost a cent.
fn run_of(n: usize, actor: &str, task: Option<&str>) -> Run {
    let at = ms("2025-09-01T00:00:00Z") + n as i64 * 60_000;
    let task = task.map_or(String::new(), |task| format!(r#","actorTaskId":"{task}""#));
    let rest = format!(r#""finishedAt":"2025-09-20T00:00:00.000Z","actId":"{actor}","usageTotalUsd":0.01{task}"#);
    Run::new(format!("r{n:05}"), at).with(&rest)
}

/// The same, started by a schedule.
fn scheduled(run: Run, schedule: &str) -> Run {
    let meta = format!(r#","meta":{{"origin":"SCHEDULER","scheduleId":"{schedule}"}}"#);
    let rest = run.rest.clone() + &meta;
    run.with(&rest)
}

fn three() -> Vec<Run> {
    vec![
        run_of(0, "a1", Some("t1")),
        run_of(1, "a2", None),
        run_of(2, "a1", Some("t2")),
    ]
}

/// An item of a list that is found alone.
fn single(id: &str, username: &str, name: &str) -> Reply {
    let item = serde_json::json!({"data": {"id": id, "username": username, "name": name}});
    Reply::json(item.to_string())
}

/// How often each request for a name was sent.
fn attempts(server: &StandIn) -> BTreeMap<String, usize> {
    let mut attempts = BTreeMap::new();
    for request in server.requests() {
        let lists = ["/v2/actors", "/v2/actor-tasks", "/v2/schedules"];
        if lists.iter().any(|list| request.path.starts_with(list)) {
            *attempts
                .entry(request.head.lines().next().unwrap().to_string())
                .or_default() += 1;
        }
    }
    attempts
}

#[test]
fn five_thousand_actors_are_five_requests_and_none_of_its_own() {
    let items = (0..5000)
        .map(|n| format!(r#"{{"id":"a{n}","username":"ann","name":"actor-{n}"}}"#))
        .collect();
    let all: Vec<Run> = (0..5000).map(|n| run_of(n, &format!("a{n}"), None)).collect();
    let server = Apify::of(all).listed("/v2/actors", items).start();
    let place = Place::new();
    place.export(&server.url(), &[]).exits(0);
    let bulk = server
        .requests()
        .iter()
        .filter(|request| request.path == "/v2/actors")
        .count();
    assert_eq!(bulk, 5);
    assert_eq!(asked_below(&server, "/v2/actors/"), [""; 0]);
    let rows = place.exported().rows("runs.csv");
    assert_eq!(rows.len(), 5000);
    for row in rows {
        assert_eq!(row["act_name"], format!("ann/actor-{}", &row["act_id"][1..]));
    }
    let actors = place.exported().rows("cost_by_actor.csv");
    assert!(
        actors
            .iter()
            .all(|row| row["act_name"] == format!("ann/actor-{}", &row["act_id"][1..]))
    );
}

#[test]
fn what_no_list_has_is_looked_up_once_however_many_runs_point_at_it_and_only_for_runs_that_are_wanted() {
    let all: Vec<Run> = (0..2500)
        .map(|n| match n % 5 {
            0 => run_of(n, "found", Some("task-found")),
            1 => run_of(n, "gone", Some("task-gone")),
            2 => run_of(n, "private", None),
            3 => run_of(n, "..", Some("a/b")),
            _ => run_of(n, "listed", Some("task-listed")),
        })
        .collect();
    let server = || {
        Apify::of(all.clone())
            .actors(&[("listed", "ann", "crawler")])
            .tasks(&[("task-listed", "nightly")])
            .at("/v2/actors/", |request| match request.path.as_str() {
                "/v2/actors/found" => single("found", "bob", "shop"),
                "/v2/actors/private" => Reply::error(403, "insufficient-permissions", "No."),
                _ => Reply::error(404, "record-not-found", "No."),
            })
            .at("/v2/actor-tasks/", |request| match request.path.as_str() {
                "/v2/actor-tasks/task-found" => single("task-found", "bob", "weekly"),
                _ => Reply::error(404, "record-not-found", "No."),
            })
            .start()
    };
    let (place, whole) = (Place::new(), server());
    let done = place.export(&whole.url(), &["--concurrency", "1"]);
    done.exits(0)
        .shows(&["bob/shop 500", "ann/crawler 500", "gone 500", "private 500"]);
    assert_eq!(done.stderr, "", "{done}");
    assert_eq!(asked_below(&whole, "/v2/actors/"), ["found", "gone", "private"]);
    assert_eq!(asked_below(&whole, "/v2/actor-tasks/"), ["task-found", "task-gone"]);
    let mut pairs: Vec<_> = place.exported().rows("runs.csv");
    pairs.truncate(5);
    let names: Vec<_> = pairs
        .iter()
        .map(|row| (&*row["act_name"], &*row["actor_task_name"]))
        .collect();
    assert_eq!(
        names,
        [
            ("bob/shop", "weekly"),
            ("", ""),
            ("", ""),
            ("", ""),
            ("ann/crawler", "nightly")
        ]
    );
    assert_eq!(place.exported().json("manifest.json")["caveats"], serde_json::json!([]));
    place.run(&["verify", "out"]).exits(0);
    let (place, filtered) = (Place::new(), server());
    place.export(&filtered.url(), &["--actor", "listed"]).exits(0);
    assert_eq!(asked_below(&filtered, "/v2/actors/"), [""; 0]);
}

/// Answers without a name.
const NAMELESS: [(&str, Make); 6] = [
    ("403", || {
        Reply::error(403, "insufficient-permissions", "Not for this token.")
    }),
    ("401", || {
        Reply::error(401, "user-or-token-not-found", "Not for this token.")
    }),
    ("404", || Reply::error(404, "record-not-found", "Nothing.")),
    ("500", || Reply::error(500, "internal-error", "Oops.")),
    ("garbage", || {
        Reply::Answer(200, vec![("Retry-After", "0".into())], b"<html>".to_vec())
    }),
    ("other shape", || {
        Reply::Answer(
            200,
            vec![("Retry-After", "0".into())],
            br#"{"data":{"total":"many","items":7}}"#.to_vec(),
        )
    }),
];

#[test]
fn names_that_can_not_be_had_leave_null_show_the_id_and_never_change_the_exit_code() {
    for (name, reply) in NAMELESS {
        let mut server = Apify::of(three());
        for path in ["/v2/actors", "/v2/actor-tasks", "/v2/actors/", "/v2/actor-tasks/"] {
            server = server.at(path, move |_| reply());
        }
        let server = server.start();
        let place = Place::new();
        let done = place.export(&server.url(), &["--strict"]);
        done.exits(0).shows(&["a1 2 $0.02", "a2 1 $0.01"]);
        done.says(&[
            "some names of Actors are unknown: ",
            "some names of tasks are unknown: ",
        ]);
        let warnings = done.stderr.matches("are unknown").count();
        assert_eq!(warnings, 2, "once for each kind: {name}\n{done}");
        assert_eq!(place.exported().texts("act_name"), [None, None, None], "{name}");
        assert_eq!(place.exported().texts("actor_task_name"), [None, None, None], "{name}");
        assert_eq!(
            place.exported().json("report.json")["cost_by_actor"][0]["act_name"],
            serde_json::Value::Null
        );
        let attempts = attempts(&server);
        assert_eq!(attempts.len(), 2 + 2 + 2, "{name}: {attempts:?}");
        assert!(attempts.values().all(|count| *count <= 3), "{name}: {attempts:?}");
        place.run(&["verify", "out"]).exits(0);
    }
}

#[test]
fn schedules_are_named_by_their_list_which_is_asked_for_once_and_never_one_by_one() {
    let items = (0..2500)
        .map(|n| format!(r#"{{"id":"s{n}","name":"schedule-{n}","title":"A title","username":"ann"}}"#))
        .collect();
    let all: Vec<Run> = (0..3000)
        .map(|n| match n % 3 {
            0 => run_of(n, "a1", None),
            1 => scheduled(run_of(n, "a1", None), &format!("s{}", n % 2500)),
            _ => scheduled(run_of(n, "a1", Some("t1")), "gone"),
        })
        .collect();
    let server = Apify::of(all).listed("/v2/schedules", items).start();
    let place = Place::new();
    let done = place.export(&server.url(), &["--concurrency", "8"]);
    assert_eq!(done.exits(0).stderr, "", "{done}");
    let lists = server.requests();
    let lists = lists.iter().filter(|request| request.path == "/v2/schedules");
    assert_eq!(lists.count(), 3);
    assert_eq!(asked_below(&server, "/v2/schedules/"), [""; 0]);
    let named = |id: &str| match id.strip_prefix('s') {
        Some(number) => format!("schedule-{number}"),
        None => String::new(),
    };
    let rows = place.exported().rows("runs.csv");
    assert_eq!(rows.len(), 3000);
    for row in &rows {
        assert_eq!(row["meta_schedule_name"], named(&row["meta_schedule_id"]), "{row:?}");
    }
    let by_schedule = place.exported().rows("cost_by_schedule.csv");
    assert_eq!(by_schedule.len(), 1002, "a thousand, those that are gone, and none");
    for row in &by_schedule {
        assert_eq!(row["meta_schedule_name"], named(&row["meta_schedule_id"]), "{row:?}");
    }
    place.run(&["verify", "out"]).exits(0);
}

#[test]
fn a_token_that_may_not_read_schedules_is_told_once_and_only_where_a_run_has_one() {
    let with = || [three(), vec![scheduled(run_of(3, "a1", None), "s1")]].concat();
    for (name, reply) in NAMELESS {
        let server = |runs| {
            let named = Apify::of(runs).actors(&[("a1", "ann", "crawler"), ("a2", "ann", "spider")]);
            named.at("/v2/schedules", move |_| reply()).start()
        };
        let (place, of_none) = (Place::new(), server(three()));
        let done = place.export(&of_none.url(), &["--strict"]);
        assert_eq!(done.exits(0).stderr, "", "{name}: {done}");
        assert_eq!(asked_below(&of_none, "/v2/schedules"), [""; 0], "{name}");
        let (place, of_one) = (Place::new(), server(with()));
        let done = place.export(&of_one.url(), &["--strict"]);
        done.exits(0).says(&["warning: some names of schedules are unknown: "]);
        assert_eq!(done.stderr.lines().count(), 1, "{name}: {done}");
        assert_eq!(
            place.exported().texts("meta_schedule_name"),
            [const { None }; 4],
            "{name}"
        );
        assert_eq!(place.exported().json("manifest.json")["caveats"], serde_json::json!([]));
        let schedules = place.exported().rows("cost_by_schedule.csv");
        let ids: Vec<&str> = schedules.iter().map(|row| &*row["meta_schedule_id"]).collect();
        assert_eq!(ids, ["", "s1"], "{name}");
        place.run(&["verify", "out"]).exits(0);
    }
}

#[test]
fn names_of_schedules_can_be_left_out_of_rows_and_reports_show_ids_then() {
    let all = vec![scheduled(run_of(0, "a1", None), "s1")];
    let server = Apify::of(all).schedules(&[("s1", "every-night")]).start();
    let place = Place::new();
    place.export(&server.url(), &[]).exits(0);
    let page = place.exported().text("report.html");
    assert!(page.contains("<bdi>every-night</bdi><small><bdi>s1</bdi></small>"));
    place
        .export(&server.url(), &["--exclude", "meta_schedule_name"])
        .exits(0);
    place.run(&["verify", "out"]).exits(0);
    for (file, content) in place.exported().bytes() {
        let holds = content.windows(11).any(|part| part == b"every-night");
        assert!(!holds, "{file}");
    }
    let schedules = place.exported().rows("cost_by_schedule.csv");
    assert_eq!(
        (&*schedules[0]["meta_schedule_id"], &*schedules[0]["meta_schedule_name"]),
        ("s1", "")
    );
}

#[test]
fn the_made_up_account_s_schedules_are_named_as_its_list_has_them() {
    let demo = Served::demo(&["--runs", "4000"]);
    let (schedules, _) = demo.all("/v2/schedules");
    let text = |item: &serde_json::Value, name: &str| item[name].as_str().unwrap().to_string();
    let names: BTreeMap<String, String> = schedules
        .iter()
        .map(|schedule| (text(schedule, "id"), text(schedule, "name")))
        .collect();
    let place = Place::new();
    let url = demo.url();
    let args = [
        "export",
        "--month",
        "2025-09",
        "--out",
        "out",
        "--rate",
        "0",
        "--api-url",
        &url,
    ];
    done(place.command(&args).env("APIFY_TOKEN", "demo")).exits(0);
    let rows = place.exported().rows("runs.csv");
    let (mut named, mut gone) = (0, 0);
    for row in &rows {
        let expected = names.get(&row["meta_schedule_id"]);
        assert_eq!(
            row["meta_schedule_name"],
            expected.cloned().unwrap_or_default(),
            "{row:?}"
        );
        named += usize::from(expected.is_some());
        gone += usize::from(expected.is_none() && !row["meta_schedule_id"].is_empty());
    }
    assert!(
        named > 1000 && gone > 0,
        "{named} named, {gone} of schedules that are gone"
    );
}

#[test]
fn odd_items_of_a_list_cost_the_others_nothing() {
    let items = [
        r#"{"id":7,"name":"number"}"#,
        r#""text""#,
        "null",
        r#"{"id":"a1","name":null,"username":"ann"}"#,
        r#"{"id":"a2","name":"crawler","username":"ann","new":{"deep":[1]}}"#,
    ];
    let server = Apify::of(three())
        .listed("/v2/actors", items.map(String::from).to_vec())
        .start();
    let place = Place::new();
    place.export(&server.url(), &[]).exits(0);
    assert_eq!(
        place.exported().texts("act_name"),
        [None, Some("ann/crawler".into()), None]
    );
}

#[test]
fn a_list_that_lies_about_its_length_is_not_read_for_ever() {
    let empty = |_: &crate::support::stand_in::Request| Reply::json(envelope(5000, 0, 1000, &[]));
    let server = Apify::of(three()).at("/v2/actors", empty).start();
    let place = Place::new();
    place.export(&server.url(), &[]).exits(0);
    assert_eq!(
        server
            .requests()
            .iter()
            .filter(|request| request.path == "/v2/actors")
            .count(),
        1
    );
}

// Together, since each takes ten seconds in which nothing is done.
#[test]
fn names_and_limits_that_never_end_or_never_come_take_ten_seconds_in_all() {
    let endless = |request: &crate::support::stand_in::Request| {
        let item = format!(r#"{{"id":"x{}","name":"n","username":"u"}}"#, request.query["offset"]);
        Reply::json(envelope(usize::MAX >> 1, 0, 1000, &[item]))
    };
    let never_ending = Apify::of(three()).at("/v2/actors", endless).start();
    let mut never_coming = Apify::of(three());
    for path in [
        "/v2/actors",
        "/v2/actor-tasks",
        "/v2/actors/",
        "/v2/actor-tasks/",
        "/v2/users/me/limits",
    ] {
        never_coming = never_coming.at(path, |_| Reply::Stall);
    }
    let never_coming = never_coming.start();
    let (place, elsewhere) = (Place::new(), Place::new());
    let (endless, silent) = (never_ending.url(), never_coming.url());
    let timed = |place: &Place, url: &str, more: &[&str]| {
        let began = Instant::now();
        let done = place.export(url, more);
        (done, began.elapsed())
    };
    let ((ended, until_end), (done, took)) = std::thread::scope(|scope| {
        // Thirty requests a second, for the ten seconds that names may take.
        let ending = scope.spawn(|| timed(&elsewhere, &endless, &["--rate", "30"]));
        let came = timed(&place, &silent, &[]);
        (ending.join().unwrap(), came)
    });
    ended
        .exits(0)
        .says(&["some names of Actors are unknown: the API takes too long"]);
    assert!(until_end < Duration::from_secs(30), "{until_end:?}");
    done.exits(0).shows(&["a1 2 $0.02", "Apify's retention is unknown"]);
    done.says(&["some names of Actors are unknown", "some names of tasks are unknown"]);
    assert!(
        (Duration::from_secs(9)..Duration::from_secs(19)).contains(&took),
        "{took:?}\n{done}"
    );
    assert_eq!(place.exported().texts("act_name"), [None, None, None]);
}

/// Actors whose names do harm where they are not shown as text: ID, username, name.
const HOSTILE: [(&str, &str, &str); 9] = [
    ("h1", "=cmd|'/c calc'!A1", "x"),
    ("h2", "ann", "quoted \"so\", and\r\nbroken"),
    ("h3", "\u{202e}ann", "gnp\u{2066}.exe\u{200f}"),
    ("h4", "ann", "\u{1b}[31mred\u{1b}]0;title\u{7}"),
    (
        "h5",
        "ann",
        "pi|pe <b>bold</b> & *star* [link](javascript:1) `code` \\|",
    ),
    ("h6", "ann", "\u{1f577}\u{fe0f}\u{1f469}\u{200d}\u{1f680} rocket"),
    (
        "h7",
        "\u{738b}",
        "\u{722c}\u{866b}\u{722c}\u{866b}\u{722c}\u{866b}\u{722c}\u{866b}\u{722c}\u{866b}\u{722c}\u{866b}\u{722c}\u{866b}\u{722c}\u{866b}",
    ),
    ("h8", "@SUM(1)", "e\u{301}\u{301}\u{301}"),
    ("h9", "+1", "\u{0}nul\u{85}next\u{2028}line"),
];

fn hostile() -> Apify {
    let all = HOSTILE
        .iter()
        .enumerate()
        .map(|(n, (id, _, _))| scheduled(run_of(n, id, Some(&format!("t{id}"))), &format!("s{id}")))
        .collect();
    let tasks: Vec<(String, String)> = HOSTILE
        .iter()
        .map(|(id, user, name)| (format!("t{id}"), format!("{user}{name}")))
        .collect();
    let tasks: Vec<(&str, &str)> = tasks.iter().map(|(id, name)| (id.as_str(), name.as_str())).collect();
    let schedules = HOSTILE.map(|(id, user, name)| (format!("s{id}"), format!("{user} {name}")));
    let schedules: Vec<(&str, &str)> = schedules
        .iter()
        .map(|(id, name)| (id.as_str(), name.as_str()))
        .collect();
    Apify::of(all).actors(&HOSTILE).tasks(&tasks).schedules(&schedules)
}

/// Whether a text has what steers a terminal or turns a line around, line ends aside.
fn steers(text: &str) -> bool {
    let bidi = [
        '\u{200e}', '\u{200f}', '\u{61c}', '\u{202a}', '\u{202b}', '\u{202c}', '\u{202d}', '\u{202e}', '\u{2066}',
        '\u{2067}', '\u{2068}', '\u{2069}', '\u{2028}', '\u{2029}',
    ];
    text.chars().any(|c| c != '\n' && (c.is_control() || bidi.contains(&c)))
}

#[test]
fn hostile_names_are_raw_in_parquet_and_json_and_defused_in_every_csv() {
    let (server, place) = (hostile().start(), Place::new());
    place.export(&server.url(), &[]).exits(0);
    let exported = place.exported();
    let full = HOSTILE.map(|(_, user, name)| format!("{user}/{name}"));
    assert_eq!(exported.texts("act_name"), full.clone().map(Some));
    let tasks = HOSTILE.map(|(_, user, name)| format!("{user}{name}"));
    assert_eq!(exported.texts("actor_task_name"), tasks.clone().map(Some));
    let schedules = HOSTILE.map(|(_, user, name)| format!("{user} {name}"));
    assert_eq!(exported.texts("meta_schedule_name"), schedules.clone().map(Some));
    let expected = |name: &str| {
        if name.starts_with(['=', '+', '@']) {
            format!("'{name}")
        } else {
            name.to_string()
        }
    };
    for (row, (full, task)) in exported.rows("runs.csv").iter().zip(full.iter().zip(&tasks)) {
        assert_eq!(
            (&row["act_name"], &row["actor_task_name"]),
            (&expected(full), &expected(task))
        );
    }
    for (row, schedule) in exported.rows("runs.csv").iter().zip(&schedules) {
        assert_eq!(row["meta_schedule_name"], expected(schedule));
    }
    for row in exported.rows("cost_by_schedule.csv") {
        let at = HOSTILE
            .iter()
            .position(|(id, _, _)| row["meta_schedule_id"] == format!("s{id}"));
        assert_eq!(row["meta_schedule_name"], expected(&schedules[at.unwrap()]));
    }
    let report = exported.json("report.json");
    for row in exported.rows("cost_by_actor.csv") {
        let at = HOSTILE.iter().position(|(id, _, _)| *id == row["act_id"]).unwrap();
        assert_eq!(row["act_name"], expected(&full[at]));
        let actors = report["cost_by_actor"].as_array().unwrap();
        let told = actors.iter().find(|actor| actor["act_id"] == row["act_id"]).unwrap();
        assert_eq!(told["act_name"], full[at]);
    }
    place.run(&["verify", "out"]).exits(0);
    let printed: serde_json::Value =
        serde_json::from_str(&place.export(&server.url(), &["--json"]).exits(0).stdout).unwrap();
    assert_eq!(printed["cost_by_actor"], report["cost_by_actor"]);
}

#[test]
fn hostile_names_steer_neither_terminal_nor_markdown_and_the_table_stays_aligned_at_80_columns() {
    let (server, place) = (hostile().start(), Place::new());
    let done = place.export(&server.url(), &[]);
    assert!(!steers(&done.exits(0).stdout), "{:?}", done.stdout);
    assert_eq!(done.stderr, "");
    done.shows(&["=cmd|'/c calc'!A1/x", r"\u{202e}ann/gnp\u{2066}", r"ann/\u{1b}[31mred"]);
    let table: Vec<&str> = done
        .stdout
        .lines()
        .skip_while(|line| !line.starts_with("Actor"))
        .take(11)
        .collect();
    assert_eq!(table.len(), 11);
    for line in &table {
        assert_eq!(line.width(), 80, "{line}");
    }
    assert!(table[10].starts_with("Total"), "{table:?}");
    // A wide name is cut at a whole letter: three columns for the name and 25 or 26 for twelve wide letters and the mark.
    let wide = table.iter().find(|line| line.starts_with('\u{738b}')).unwrap();
    assert_eq!(
        wide.chars()
            .take_while(|c| *c != '…')
            .filter(|c| *c == '\u{722c}' || *c == '\u{866b}')
            .count(),
        15,
        "{wide}"
    );
    let text = place.exported().text("report.md");
    assert!(!steers(&text), "{text:?}");
    assert!(!text.contains("<b>") && !text.contains("[link]("), "{text}");
    assert!(
        text.contains(r"| ann/pi\|pe \<b\>bold\</b\> &amp; \*star\* \[link\](j… ("),
        "{text}"
    );
    let columns = |line: &str| line.replace(r"\\", "").replace(r"\|", "").matches('|').count();
    let lines: Vec<&str> = text
        .lines()
        .skip_while(|line| !line.starts_with("| Actor"))
        .take(12)
        .collect();
    assert!(lines[11].contains("**Total**"), "{lines:?}");
    for line in &lines {
        assert_eq!(columns(line), columns(lines[0]), "{line}");
    }
}

#[test]
fn exports_with_hostile_names_pass_verify_in_one_format_too_and_replace_each_other() {
    let (server, place) = (hostile().start(), Place::new());
    for format in ["parquet", "csv", "parquet,csv", "csv"] {
        place.export(&server.url(), &["--format", format]).exits(0);
        place.run(&["verify", "out"]).exits(0);
    }
}

#[test]
fn no_names_asks_for_none_and_leaves_the_columns_null() {
    let (server, place) = (hostile().start(), Place::new());
    place
        .export(&server.url(), &["--no-names"])
        .exits(0)
        .shows(&["h1 1 $0.01"]);
    assert_eq!(attempts(&server), BTreeMap::new());
    assert_eq!(place.exported().texts("act_name"), [const { None }; 9]);
    for column in ["actor_task_name", "meta_schedule_name"] {
        assert!(place.exported().by_id(column).values().all(String::is_empty));
    }
    place.run(&["verify", "out"]).exits(0);
}

#[test]
fn a_rename_is_no_change_and_the_new_name_is_taken_over() {
    let named = |name: &'static str| {
        Apify::of(three())
            .actors(&[("a1", "ann", name), ("a2", "ann", "other")])
            .start()
    };
    let place = Place::new();
    place
        .export(&named("before").url(), &["--actor", "ann/before"])
        .exits(0);
    let done = place.export(&named("after").url(), &["--actor", "after", "--strict"]);
    done.exits(0)
        .shows(&["ann/after 2", "Replaced the export that was queried at"]);
    assert_eq!(done.stderr, "", "{done}");
    assert_eq!(
        place.exported().texts("act_name"),
        [Some("ann/after".to_string()), Some("ann/after".into())]
    );
    place.run(&["verify", "out"]).exits(0);
}

/// Two crawlers of two people, one that is in no list, one that is deleted.
fn filterable() -> StandIn {
    let all = vec![
        run_of(0, "a1", Some("t1")),
        run_of(1, "b1", Some("t2")),
        run_of(2, "b2", Some("t3")),
        run_of(3, "shop", None),
        run_of(4, "deleted1", Some("t9")),
    ];
    Apify::of(all)
        .actors(&[
            ("a1", "ann", "crawler"),
            ("b1", "bob", "crawler"),
            ("b2", "bob", "other"),
        ])
        .tasks(&[("t1", "nightly"), ("t2", "weekly"), ("t3", "weekly")])
        .at("/v2/actors/pub~shop", |_| single("shop", "pub", "shop"))
        .start()
}

#[test]
fn actors_and_tasks_are_chosen_by_id_by_full_name_or_by_a_name_that_only_one_has() {
    let server = filterable();
    let cases: [(&[&str], &[&str]); 9] = [
        (&["--actor", "ann/crawler"], &["r00000"]),
        (&["--actor", "ann~crawler"], &["r00000"]),
        (&["--actor", "other"], &["r00002"]),
        (&["--actor", "b1"], &["r00001"]),
        (&["--actor", "deleted1"], &["r00004"]),
        (&["--actor", "pub/shop"], &["r00003"]),
        (
            &["--actor", "bob/crawler, a1,bob~other"],
            &["r00000", "r00001", "r00002"],
        ),
        (&["--task", "nightly"], &["r00000"]),
        (&["--task", "t9,nightly"], &["r00000", "r00004"]),
    ];
    for (args, ids) in cases {
        let place = Place::new();
        place.export(&server.url(), args).exits(0);
        assert_eq!(place.exported().ids(), ids, "{args:?}");
        place.run(&["verify", "out"]).exits(0);
    }
    let place = Place::new();
    place
        .export(&server.url(), &["--actor", "bob~crawler,ann/crawler"])
        .exits(0);
    // The manifest has IDs, which stay what they are.
    assert_eq!(
        place.exported().json("manifest.json")["filters"]["actor"],
        serde_json::json!(["a1", "b1"])
    );
}

#[test]
fn a_name_that_several_have_or_nobody_has_is_exit_2_and_nothing_is_written() {
    let server = filterable();
    let cases: [(&[&str], &[&str]); 5] = [
        (&["--actor", "crawler"], &["--actor crawler", "a1, b1"]),
        (&["--task", "weekly"], &["--task weekly", "t2, t3"]),
        (&["--actor", "zoe/crawler"], &["--actor zoe/crawler", "give the ID"]),
        (&["--actor", "a1,zoe~crawler"], &["--actor zoe~crawler"]),
        (&["--task", "ann/unknown"], &["--task ann/unknown", "give the ID"]),
    ];
    for (args, says) in cases {
        let place = Place::new();
        place.export(&server.url(), args).exits(2).says(says);
        assert_eq!(place.names(), [""; 0], "{args:?}");
    }
}

#[test]
fn what_a_filter_means_is_not_guessed_and_what_no_run_is_of_is_said() {
    let named = || Apify::of(three()).actors(&[("a1", "ann", "crawler"), ("a2", "bob", "other")]);
    let place = Place::new();
    // A name that was typed wrong may be the ID of something long gone: said, and a caveat.
    let done = place.export(&named().start().url(), &["--actor", "crawlerr"]);
    done.exits(0).says(&["warning", "--actor crawlerr"]);
    let done = place.export(&named().start().url(), &["--actor", "crawlerr", "--strict"]);
    done.exits(7).says(&["--actor crawlerr"]);
    let done = place.export(&named().start().url(), &["--task", "nightly-typo", "--replace"]);
    done.exits(0).says(&["--task nightly-typo"]);
    // From a list that could not be read, or not to its end, nothing is concluded; an ID needs none.
    let cut = || {
        named().at("/v2/actors", |request| {
            let item = r#"{"id":"a1","username":"ann","name":"crawler"}"#;
            match request.query["offset"].as_str() {
                "0" => Reply::json(envelope(2, 0, 1, &[item.into()])),
                _ => Reply::error(500, "internal-error", "second page"),
            }
        })
    };
    let done = place.export(&cut().start().url(), &["--actor", "crawler", "--replace"]);
    done.exits(4).says(&["--actor crawler", "give IDs"]);
    let mut runs = three();
    runs.push(run_of(9, "ABCDEFGHIJKLMNOP7", None));
    let server = Apify::of(runs)
        .at("/v2/actors", |_| Reply::error(403, "insufficient-permissions", "no"))
        .start();
    let done = place.export(
        &server.url(),
        &["--actor", "ABCDEFGHIJKLMNOP7", "--replace", "--strict"],
    );
    done.exits(0);
    assert_eq!(place.exported().ids(), ["r00009"]);
    let done = place.export(&server.url(), &["--no-names", "--actor", "ann/crawler", "--replace"]);
    done.exits(2).says(&["--no-names"]);
}
