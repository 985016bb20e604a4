//! What a job says of itself while nobody watches: log, outcome, metrics; and how long it may take.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::support::account::Apify;
use crate::support::client::Served;
use crate::support::command::{Done, Place, done, export_args, names, under_umask, wait};
use crate::support::made_up::{DEMO, DEMO_DAY, demo_export};
use crate::support::stand_in::{Reply, StandIn, TOKEN, ms, runs};

fn server() -> StandIn {
    Apify::of(runs(2500, ms("2025-09-01T00:00:00Z"), 60_000)).start()
}

fn outcome(place: &Place) -> Value {
    let text = fs::read_to_string(place.path("outcome.json")).unwrap();
    assert!(text.len() <= 4096 && text.ends_with("}\n"), "{text}");
    serde_json::from_str(&text).unwrap()
}

const OUTCOME: [&str; 2] = ["--outcome", "outcome.json"];

#[test]
fn a_good_job_is_silent_and_its_outcome_says_what_it_published() {
    let (server, place) = (server(), Place::new());
    let done = place.export(&server.url(), &["--quiet", OUTCOME[0], OUTCOME[1]]);
    assert_eq!((&*done.exits(0).stdout, &*done.stderr), ("", ""));
    let (told, manifest) = (outcome(&place), place.exported().json("manifest.json"));
    assert_eq!(
        (&told["exit_code"], &told["exit_name"], &told["error"]),
        (&0.into(), &"done".into(), &Value::Null)
    );
    assert_eq!(told["command"], "export");
    assert_eq!(told["period"], manifest["period"]);
    assert_eq!(
        (&told["totals"]["runs"], &told["totals"]["usage_total_usd"]),
        (&2500.into(), &"25".into())
    );
    assert_eq!(
        told["proof"],
        serde_json::json!({"proven": true, "counted": 2500, "fetched": 2500})
    );
    assert_eq!(told["requests"].as_u64().unwrap(), server.requests().len() as u64);
    assert_eq!((&told["retries"], &told["rate_limited"]), (&0.into(), &0.into()));
    assert_eq!(told["out"], "out");
    let files: Vec<&str> = told["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file["path"].as_str().unwrap())
        .collect();
    let listed = manifest["files"].as_array().unwrap();
    assert_eq!(
        files.len() + told["files_left_out"].as_u64().unwrap_or(0) as usize,
        listed.len()
    );
    assert_eq!(files[0], "runs.parquet");
    for stage in ["total", "asked", "read", "published"] {
        assert!(told["seconds"][stage].as_f64().is_some(), "{told}");
    }
}

#[test]
fn whatever_happens_the_outcome_says_so_and_nothing_of_an_earlier_one() {
    let place = Place::new();
    let earlier = r#"{"schema_version":1,"tool_version":"0.0.9","job":"x","exit_code":0}"#;
    fs::write(place.path("outcome.json"), earlier.to_string() + &" ".repeat(9000)).unwrap();
    let refused = StandIn::start(|_| Reply::error(401, "user-or-token-not-found", "No."));
    place.export(&refused.url(), &OUTCOME).exits(3);
    let told = outcome(&place);
    assert_eq!(
        (&told["exit_code"], &told["exit_name"]),
        (&3.into(), &"not_authorised".into())
    );
    assert!(told["error"].as_str().unwrap().contains("401") && told["totals"].is_null());
    assert!(!told.to_string().contains(TOKEN));
    place.run(&["export", OUTCOME[0], OUTCOME[1]]).exits(2);
    assert_eq!(outcome(&place)["exit_name"], "usage");
    // Even if the command line makes no sense.
    place
        .run(&["export", "--month", "2025-13", OUTCOME[0], OUTCOME[1]])
        .exits(2);
    assert!(outcome(&place)["error"].as_str().unwrap().contains("2025-13"));
    let mut command = place.command(&["export", "--formt", "csv"]);
    done(command.env("APIFY_RUNS_OUTCOME", "outcome.json")).exits(2);
    assert!(outcome(&place)["error"].as_str().unwrap().contains("--formt"));
}

#[test]
fn a_job_that_is_refused_leaves_no_earlier_success_in_the_outcome() {
    let place = Place::new();
    let export = |more: &[&str]| place.run(&[&DEMO_DAY[..], more].concat());
    let [option, file] = OUTCOME;
    for more in [
        &["--metrics-file", "m.txt"][..],
        &["--out", "out", "--metrics-file", "out/m.prom"],
        &["--jitter", "1h", "--deadline", "1h", "--metrics-file", "m.prom"],
    ] {
        export(&["--replace", "--out", "good", option, file]).exits(0);
        assert_eq!(outcome(&place)["exit_code"], 0);
        export(&[&[option, file], more].concat()).exits(2);
        assert_eq!(outcome(&place)["exit_name"], "usage", "{more:?}");
        // Nor a series of metrics that no later job ends.
        assert!(!place.path("m.prom").exists());
    }
    export(&[option, "one.prom", "--metrics-file", "./one.prom"])
        .exits(2)
        .says(&["have the same path"]);
}

#[test]
fn an_outcome_beside_the_exports_is_fine_and_in_one_it_is_not() {
    let place = Place::new();
    let export = |more: &[&str]| place.run(&[&["export", "--demo"], more].concat());
    let august = |more: &[&str]| export(&[&["--month", "2025-07"], more].concat());
    let [option, _] = OUTCOME;
    august(&["--out", "exports/{account}/{month}", option, "exports/outcome.json"]).exits(0);
    august(&["--out", "more/{month}", option, "more/outcome.json"]).exits(0);
    august(&["--out", "more/{month}", option, "more/2025-07/outcome.json"]).exits(2);
    // The folder that a period is named after is known late; an export that stands there is known at once.
    demo_export().copy_to(DEMO, &place, DEMO);
    export(&[option, "apify-runs-demo-2025-09/outcome.json"])
        .exits(2)
        .says(&["is inside an export"]);
    place.run(&["verify", "apify-runs-demo-2025-09"]).exits(0);
}

#[test]
fn an_outcome_that_goes_to_stdout_takes_nothing_from_it() {
    let place = Place::new();
    let stdout = fs::File::create(place.path("stdout")).unwrap();
    let mut command = place.command(&[&DEMO_DAY[..], &["--json", "--outcome", "/dev/stdout"]].concat());
    done(command.stdout(stdout)).exits(0);
    let text = fs::read_to_string(place.path("stdout")).unwrap();
    let (report, outcome) = text.trim_end().rsplit_once('\n').unwrap();
    let report: Value = serde_json::from_str(report).unwrap();
    let outcome: Value = serde_json::from_str(outcome).unwrap();
    assert_eq!(report["totals"]["runs"], outcome["totals"]["runs"]);
    place
        .run(&["export", "--demo", "--outcome", "-"])
        .exits(2)
        .says(&["/dev/stdout"]);
}

#[test]
fn a_signal_is_an_outcome() {
    let place = Place::new();
    let server = Served::demo(&["--latency", "60s", "--runs", "10"]);
    let mut command = place.command(&[
        "export", "--month", "2025-09", "--out", "out", "-v", OUTCOME[0], OUTCOME[1],
    ]);
    command
        .env("APIFY_TOKEN", "demo")
        .env("APIFY_API_BASE_URL", server.url());
    let mut child = command
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    // Its first words come once it listens.
    let mut stderr = std::io::BufReader::new(child.stderr.take().unwrap());
    std::io::BufRead::read_line(&mut stderr, &mut String::new()).unwrap();
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::TERM).unwrap();
    wait(child).exits(143);
    let told = outcome(&place);
    assert_eq!(
        (&told["exit_code"], &told["exit_name"]),
        (&143.into(), &"terminated".into())
    );
    assert!(
        told["error"].as_str().unwrap().contains("nothing was published"),
        "{told}"
    );
}

#[test]
fn an_outcome_that_cannot_be_written_is_said_and_nothing_else_changes() {
    let (server, place) = (server(), Place::new());
    let done = place.export(&server.url(), &["--outcome", "/dev/full"]);
    done.exits(0).says(&["warning: cannot write --outcome /dev/full"]);
    let done = place.export(&server.url(), &["--outcome", "absent/too/outcome.json"]);
    done.exits(0)
        .says(&["warning: cannot write --outcome absent/too/outcome.json: absent does not exist"]);
    place
        .export(&server.url(), &["--quiet", "--outcome", "made/outcome.json"])
        .exits(0);
    assert_eq!(names(&place.path("made")), ["outcome.json"]);
    assert_eq!(place.exported().json("manifest.json")["totals"]["runs"], 2500);
}

#[test]
fn a_deadline_ends_the_job_with_nothing_published() {
    let place = Place::new();
    let server = Served::demo(&["--latency", "60s", "--runs", "10"]);
    let mut command = place.command(&[
        "export",
        "--month",
        "2025-09",
        "--out",
        "out",
        "--deadline",
        "200ms",
        OUTCOME[0],
        OUTCOME[1],
    ]);
    command
        .env("APIFY_TOKEN", "demo")
        .env("APIFY_API_BASE_URL", server.url());
    done(&mut command).exits(4).says(&[
        "did not finish within 200ms (--deadline)",
        "nothing was published",
        "safe to run again",
    ]);
    assert_eq!(place.names(), ["outcome.json"]);
    assert_eq!(outcome(&place)["exit_name"], "unreachable");
    let done = place.run(&["export", "--demo", "--jitter", "10s", "--deadline", "10s"]);
    done.exits(2).says(&["--jitter can be as long as --deadline"]);
    place
        .run(
            &[
                &DEMO_DAY[..],
                &["--jitter", "1ms", "--deadline", "10m", "--quiet", "--out", "out"],
            ]
            .concat(),
        )
        .exits(0);
}

#[test]
fn every_line_of_the_log_has_the_job_and_each_request_its_figures() {
    let (server, place) = (server(), Place::new());
    let done = place.export(&server.url(), &["-vv", "--log-format", "json", OUTCOME[0], OUTCOME[1]]);
    let lines: Vec<Value> = done
        .exits(0)
        .stderr
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let job = outcome(&place)["job"].clone();
    assert!(
        lines
            .iter()
            .all(|line| line["job"] == job && line["timestamp"].is_string()),
        "{done}"
    );
    let requests: Vec<&Value> = lines.iter().filter(|line| line["message"] == "GET").collect();
    assert_eq!(requests.len(), server.requests().len());
    let lists: Vec<&&Value> = requests
        .iter()
        .filter(|line| line["path"] == "/v2/actor-runs")
        .collect();
    assert_eq!(lists.len(), server.list_requests().len());
    for line in lists {
        assert_eq!(line["level"], "debug");
        assert_eq!(line["attempt"], 1);
        assert!(
            line["from"].is_string() && line["to"].is_string() && line["ms"].is_u64(),
            "{line}"
        );
        assert!(line["bytes"].as_u64().unwrap() > 0, "{line}");
    }
    assert!(!done.stderr.contains(TOKEN), "{done}");
}

#[test]
fn v_tells_stages_without_requests_and_errors_are_lines_too() {
    let (server, place) = (server(), Place::new());
    let done = place.export(&server.url(), &["-v"]);
    assert!(
        done.exits(0).stderr.contains(" INFO ") && !done.stderr.contains("GET"),
        "{done}"
    );
    let stages = [
        "asking the API",
        "counted by the API: 2,500 runs from 2025-09-01T00:00:00.000Z to 2025-10-01T00:00:00.000Z",
        "reading the runs",
        "read 2,500 runs, wrote 2 files",
        "making the reports",
        "published ",
        "done: 2,500 runs, $25, in out",
    ];
    let lines: Vec<&str> = done.stderr.lines().collect();
    let at = |stage: &str| lines.iter().position(|line| line.contains(stage));
    let places: Vec<Option<usize>> = stages.iter().map(|stage| at(stage)).collect();
    assert!(
        places.iter().all(Option::is_some) && places.is_sorted(),
        "{places:?}\n{done}"
    );
    // How much it was: bytes and seconds of the stage that ended, files and bytes that were published, and no more after the sum.
    let read = lines[places[3].unwrap()];
    assert!(
        ["stage=read", "requests=", "bytes=", "seconds="]
            .iter()
            .all(|field| read.contains(field)),
        "{read}"
    );
    let files = place.exported().json("manifest.json")["files"]
        .as_array()
        .unwrap()
        .len();
    assert!(
        lines[places[5].unwrap()].contains(&format!("published {files} files, ")),
        "{done}"
    );
    assert_eq!(places[6], Some(lines.len() - 1));
    let done = place.run(&["verify", "absent", "--log-format", "json"]);
    let line: Value = serde_json::from_str(done.exits(2).stderr.trim_end()).unwrap();
    assert_eq!(line["level"], "error");
    assert!(line["message"].as_str().unwrap().contains("absent"), "{line}");
}

#[test]
fn the_log_of_a_retry_says_what_failed() {
    let good = runs(10, ms("2025-09-01T00:00:00Z"), 60_000);
    let account = crate::support::stand_in::Account {
        runs: good,
        ..Default::default()
    };
    let server = StandIn::start(move |request| match request.number {
        0 => Reply::error(503, "service-unavailable", "Later."),
        _ => Reply::json(account.list(request)),
    });
    let place = Place::new();
    let done = place.export(&server.url(), &["-vv", OUTCOME[0], OUTCOME[1]]);
    let failed = done
        .exits(0)
        .stderr
        .lines()
        .find(|line| line.contains("failure=503"))
        .unwrap();
    assert!(failed.contains("attempt=1"), "{failed}");
    assert!(done.stderr.contains("attempt=2"), "{done}");
    assert_eq!(outcome(&place)["retries"], 1);
}

/// A gauge's value by account and job.
fn gauge(text: &str, name: &str, account: &str, job: &str) -> Option<f64> {
    let series = format!("{name}{{account=\"{account}\",command=\"export\",job=\"{job}\"}} ");
    text.lines().find_map(|line| line.strip_prefix(&series)?.parse().ok())
}

#[test]
fn metrics_keep_the_last_success_across_failures() {
    let place = Place::new();
    let metrics = ["--quiet", "--metrics-file", "m/apify.prom"];
    // The collector is another user.
    let good_server = server();
    let url = good_server.url();
    let mut under_umask = under_umask("077", &place.command(&export_args(&url, &metrics)));
    done(&mut under_umask).exits(0);
    let read = || fs::read_to_string(place.path("m/apify.prom")).unwrap();
    let good = read();
    let of = |text: &str, name: &str| gauge(text, name, "default", "out").unwrap_or_else(|| panic!("{name}\n{text}"));
    assert_eq!(of(&good, "apify_runs_last_exit_code"), 0.0);
    assert_eq!(of(&good, "apify_runs_runs"), 2500.0);
    assert_eq!(of(&good, "apify_runs_usage_dollars"), 25.0);
    assert_eq!(of(&good, "apify_runs_cost_unknown_runs"), 0.0);
    assert_eq!(
        of(&good, "apify_runs_period_start_timestamp_seconds"),
        ms("2025-09-01T00:00:00Z") as f64 / 1000.0
    );
    let success = of(&good, "apify_runs_last_success_timestamp_seconds");
    assert!(success > 1.7e9 && success == of(&good, "apify_runs_last_run_timestamp_seconds"));
    // Somebody else's lines are theirs.
    fs::write(
        place.path("m/apify.prom"),
        good.replace(
            "# HELP apify_runs_requests",
            "apify_runs_runs{account=\"other\",command=\"export\",job=\"out\"} 7\n# HELP apify_runs_requests",
        ),
    )
    .unwrap();
    let refused = StandIn::start(|_| Reply::error(401, "user-or-token-not-found", "No."));
    place.export(&refused.url(), &metrics).exits(3);
    let bad = read();
    assert_eq!(of(&bad, "apify_runs_last_exit_code"), 3.0);
    assert_eq!(of(&bad, "apify_runs_last_success_timestamp_seconds"), success);
    assert_eq!(of(&bad, "apify_runs_runs"), 2500.0);
    assert_eq!(gauge(&bad, "apify_runs_runs", "other", "out"), Some(7.0));
    assert_eq!(names(&place.path("m")), ["apify.prom"]);
    assert_eq!(
        fs::metadata(place.path("m/apify.prom")).unwrap().permissions().mode() & 0o777,
        0o644
    );
}

#[test]
fn two_jobs_of_one_command_have_series_of_their_own_from_month_to_month() {
    let place = Place::new();
    let demo = |more: &[&str]| {
        let metrics = ["export", "--demo", "--quiet", "--metrics-file", "m.prom"];
        place.run(&[&metrics, more].concat()).exits(0);
    };
    demo(&["--month", "2025-06", "--out", "monthly/{month}"]);
    demo(&["--last", "1d", "--out", "daily/{from}_{to}"]);
    demo(&["--month", "2025-07", "--out", "monthly/2025-07"]);
    let named = [
        "export",
        "--demo",
        "--quiet",
        "--metrics-file",
        "m.prom",
        "--last",
        "1h",
        "--out",
        "hour",
    ];
    done(place.command(&named).env("APIFY_RUNS_JOB_NAME", "by \"name\"")).exits(0);
    let text = fs::read_to_string(place.path("m.prom")).unwrap();
    let jobs: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("apify_runs_runs"))
        .collect();
    let jobs: Vec<&str> = jobs
        .iter()
        .filter_map(|line| line.split_once(",job=\"")?.1.split_once("\"}").map(|(job, _)| job))
        .collect();
    assert_eq!(jobs, ["by \\\"name\\\"", "daily", "monthly"]);
}

#[test]
fn metrics_that_no_collector_would_read_are_refused_and_those_that_cannot_be_written_are_said() {
    let place = Place::new();
    place
        .run(&["export", "--demo", "--metrics-file", "m.txt"])
        .exits(2)
        .says(&["ends with .prom"]);
    assert_eq!(place.names(), [""; 0]);
    let metrics = ["--quiet", "--out", "out", "--metrics-file", "absent/too/m.prom"];
    let done = place.run(&[&DEMO_DAY[..], &metrics].concat());
    done.exits(0)
        .says(&["warning: cannot write --metrics-file absent/too/m.prom: absent does not exist"]);
}

#[test]
fn a_token_file_that_everybody_can_read_is_warned_of() {
    let (server, place) = (server(), Place::new());
    let token = place.path("token");
    fs::write(&token, TOKEN).unwrap();
    for (mode, warned) in [(0o644, true), (0o640, false), (0o600, false)] {
        fs::set_permissions(&token, fs::Permissions::from_mode(mode)).unwrap();
        let done = place.run(&["check", "--token-file", "token", "--api-url", &server.url()]);
        assert_eq!(
            done.exits(0).stderr.contains("every user of this machine can read"),
            warned,
            "{mode:o}\n{done}"
        );
    }
}

#[test]
fn a_metrics_file_of_somebody_else_stays_and_a_rehearsal_is_no_success() {
    let place = Place::new();
    fs::write(place.path("node.prom"), "node_load1 0.5\n").unwrap();
    let demo = [&DEMO_DAY[..], &["--quiet", "--out", "out", "--metrics-file"]].concat();
    let done = place.run(&[&demo[..], &["node.prom"]].concat());
    done.exits(0).says(&[
        "cannot write --metrics-file node.prom",
        "lines that apify-runs did not write",
    ]);
    assert_eq!(fs::read_to_string(place.path("node.prom")).unwrap(), "node_load1 0.5\n");
    place.run(&[&demo[..], &["m.prom", "--dry-run"]].concat()).exits(0);
    assert!(!place.path("m.prom").exists());
    place.run(&[&demo[..], &["m.prom", "--replace"]].concat()).exits(0);
    let text = fs::read_to_string(place.path("m.prom")).unwrap();
    assert!(
        gauge(&text, "apify_runs_runs", "demo", "out").is_some() && !text.contains("\"default\""),
        "{text}"
    );
}

#[test]
fn an_outcome_is_never_written_over_anything_else() {
    let (server, place) = (server(), Place::new());
    place.export(&server.url(), &["--quiet"]).exits(0);
    let before = place.exported().bytes();
    for inside in ["out/manifest.json", "./out/runs.csv", "out/outcome.json", "out"] {
        let done = place.export(&server.url(), &["--quiet", "--outcome", inside]);
        done.exits(2).says(&["--outcome", "is inside --out out"]);
    }
    assert_eq!(place.exported().bytes(), before);
    fs::write(place.path("token"), TOKEN).unwrap();
    let done = place.export(&server.url(), &["--token-file", "token", "--outcome", "token"]);
    done.exits(2)
        .says(&["--outcome token exists and is not an outcome file"]);
    place
        .run(&["export", "--month", "2025-13", "--outcome", "token"])
        .exits(2);
    assert_eq!(fs::read_to_string(place.path("token")).unwrap(), TOKEN);
}

#[test]
fn pipes_that_nobody_reads_hold_no_job_up() {
    let place = Place::new();
    for name in ["outcome", "metrics.prom"] {
        let path = place.path(name);
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    }
    let files = ["--outcome", "outcome", "--metrics-file", "metrics.prom"];
    let done = place.run(&[&DEMO_DAY[..], &["--quiet", "--out", "out"], &files].concat());
    done.exits(0).says(&[
        "cannot write --outcome outcome",
        "cannot write --metrics-file metrics.prom",
    ]);
}

#[test]
fn a_command_line_that_makes_no_sense_is_a_line_of_the_log_too() {
    let place = Place::new();
    let of_log = |done: &Done| {
        let lines = done.exits(2).stderr.lines();
        let mut lines = lines.map(|line| serde_json::from_str::<Value>(line).unwrap());
        assert!(
            lines.any(|line| line["level"] == "error" && line["job"].is_string()),
            "{done}"
        );
    };
    let wrong: [&[&str]; 4] = [
        &["export", "--mont", "2025-09", "--log-format", "json"],
        &["export", "--month", "2025-99", "--log-format=json"],
        &[
            "export",
            "--config",
            "absent.toml",
            "--last-month",
            "--log-format",
            "json",
        ],
        &["export", "--log-format", "json"],
    ];
    for args in wrong {
        of_log(&place.run(args));
    }
    // Nor can a file tell that makes no sense itself: the environment does.
    fs::write(place.path("apify-runs.toml"), "strikt = true\n").unwrap();
    for args in [&["export", "--demo"][..], &["nosuch"]] {
        of_log(&done(place.command(args).env("APIFY_RUNS_LOG_FORMAT", "json")));
    }
}
