//! Files that are read whole: up to a bound, and none that never ends, whatever the user or a folder names as one.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::command::{Done, Place, done, wait};
use crate::support::stand_in::{Account, StandIn, TOKEN, ms, runs};

fn server() -> StandIn {
    StandIn::of(Account {
        runs: runs(3, ms("2025-09-01T00:00:00Z"), 60_000),
        ..Account::default()
    })
}

fn make_pipe(path: &Path) {
    rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
}

/// Runs a command that reads this text from a pipe.
fn piped(mut command: Command, text: &str) -> Done {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    wait(child)
}

#[test]
fn what_the_user_names_is_read_up_to_a_bound() {
    let place = Place::new();
    fs::create_dir(place.path("folder")).unwrap();
    for (name, bytes) in [("groups", 16 << 20), ("token-file", 64 << 10), ("config", 1 << 20)] {
        fs::write(place.path(name), vec![b' '; bytes + 1]).unwrap();
    }
    for (option, limit, code) in [
        ("--groups", "16,777,216", 2),
        ("--token-file", "65,536", 3),
        ("--config", "1,048,576", 2),
    ] {
        let given = |path: &str| place.run(&["export", "--month", "2025-09", "--out", "out", option, path]);
        let bound = format!("the limit is {limit} bytes");
        given("/dev/zero").exits(code).says(&["/dev/zero", &bound]);
        let name = &option[2..];
        given(name).exits(code).says(&[name, &bound, "it has"]);
        given("folder")
            .exits(code)
            .says(&["folder: it is a folder, not a regular file"]);
    }
}

#[test]
fn what_the_user_names_may_be_a_pipe() {
    let (place, server) = (Place::new(), server());
    let command = |more: &[&str]| place.command(&crate::support::command::export_args(&server.url(), more));
    let mut with_token = command(&["--token-file", "/dev/stdin"]);
    with_token.env_remove("APIFY_TOKEN");
    piped(with_token, TOKEN).exits(0);
    piped(command(&["--groups", "/dev/stdin"]), "actor,group\nactor,One\n").exits(0);
    assert_eq!(place.exported().rows("cost_by_group.csv")[0]["group"], "One");
    // Nothing but its folder's file names the month.
    let mut configured = place.command(&["export", "--config", "/dev/stdin", "--dry-run"]);
    configured.args(["--api-url", &server.url()]);
    piped(configured, "[export]\nmonth = \"2025-09\"\n").exits(0);
}

#[test]
fn a_login_that_is_no_file_is_not_waited_for() {
    let place = Place::new();
    fs::create_dir(place.path(".apify")).unwrap();
    make_pipe(&place.path(".apify/auth.json"));
    let mut export = place.command(&["export", "--month", "2025-09"]);
    done(export.env_remove("APIFY_TOKEN"))
        .exits(3)
        .says(&["auth.json: it is a named pipe, not a regular file", "--token-file"]);
}

#[test]
fn what_an_export_has_instead_of_files_is_not_waited_for() {
    let (place, server) = (Place::new(), server());
    let export = || {
        let _ = fs::remove_dir_all(place.path("out"));
        place.export(&server.url(), &[]).exits(0);
    };
    // Listed or not.
    for name in [
        "report.json",
        "cost_by_actor.csv",
        "runs.parquet",
        "runs.csv",
        "rejected.jsonl",
    ] {
        export();
        let path = place.path("out").join(name);
        let _ = fs::remove_file(&path);
        make_pipe(&path);
        place.run(&["verify", "out"]).exits(5).says(&[name]);
        // A report's own CSV is nothing that another report is made from.
        let code = if name == "cost_by_actor.csv" { 0 } else { 5 };
        place.run(&["report", "out"]).exits(code).says(&[name]);
    }
    export();
    let manifest = place.path("out/manifest.json");
    fs::remove_file(&manifest).unwrap();
    make_pipe(&manifest);
    let not_regular = "manifest.json: it is a named pipe, not a regular file";
    for command in [&["verify", "out"][..], &["report", "out"], &["diff", "out", "out"]] {
        place.run(command).exits(2).says(&[not_regular]);
    }
    place.export(&server.url(), &[]).exits(6);
    place.export(&server.url(), &["--outcome", "out/outcome.json"]).exits(2);
    fs::remove_file(&manifest).unwrap();
    std::os::unix::fs::symlink("/dev/zero", &manifest).unwrap();
    place
        .run(&["verify", "out"])
        .exits(2)
        .says(&["it is a device, not a regular file"]);
    fs::remove_file(&manifest).unwrap();
    crate::support::command::make_endless(&manifest);
    place
        .run(&["verify", "out"])
        .exits(2)
        .says(&["the limit is 268,435,456 bytes"]);
}

#[test]
fn the_first_of_very_many_rules_still_counts() {
    let (place, server) = (Place::new(), server());
    let mut rules = "actor,user,group\n".to_string();
    for at in 0..20_000 {
        rules += &match at % 4 {
            0 => format!("somebody/crawler-{at}*,,Wild\n"),
            1 => format!("actor{at},,Whole\n"),
            2 => format!("*{at}?,u{at},Both\n"),
            _ => format!("acto?,nobody-{at},User\n"),
        };
    }
    rules += "a?tor,,Mine\nactor,,Later\n";
    fs::write(place.path("groups.csv"), rules).unwrap();
    place.export(&server.url(), &["--groups", "groups.csv"]).exits(0);
    let rows = place.exported().rows("cost_by_group.csv");
    assert_eq!((rows.len(), &*rows[0]["group"], &*rows[0]["runs"]), (1, "Mine", "3"));
    place.run(&["verify", "out"]).exits(0);
    fs::write(
        place.path("groups.csv"),
        format!("actor,group\n{}", "a,b\n".repeat(100_001)),
    )
    .unwrap();
    place
        .export(&server.url(), &["--groups", "groups.csv"])
        .exits(2)
        .says(&["line 100002: too many rules; the limit is 100000"]);
}
