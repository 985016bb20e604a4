//! What stands at `--out`: replaced only by what knows at least as much, in one step, by one process at a time, and left
//! alone whenever something goes wrong.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Child;

use rustix::process::{Pid, Signal, kill_process};

use crate::support::command::{Place, done, export_args, names, under_umask, wait};
use crate::support::made_up::DEMO_DAY;
use crate::support::stand_in::{Account, Reply, Run, StandIn, ms, runs, user};

fn account(count: usize) -> Account {
    Account {
        runs: runs(count, ms("2025-09-01T00:00:00Z"), 60_000),
        ..Account::default()
    }
}

fn send(signal: Signal, child: &Child) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

#[test]
fn running_it_again_gives_the_same_data_files_byte_by_byte() {
    let server = StandIn::of(account(3000));
    let place = Place::new();
    place.export(&server.url(), &["--concurrency", "1"]).exits(0);
    let first = place.exported().bytes();
    let done = place.export(&server.url(), &["--concurrency", "16"]);
    done.exits(0)
        .shows(&["Replaced the export that was queried at 20", "with 3,000 runs"]);
    let second = place.exported().bytes();
    for name in [
        "runs.parquet",
        "runs.csv",
        "cost_by_actor.csv",
        "status_summary.csv",
        "cost_by_day.csv",
    ] {
        assert!(first[name] == second[name], "{name} differs");
    }
    let replaced = place.exported().json("manifest.json")["replaced"].clone();
    assert_eq!(
        (&replaced["runs"], &replaced["usage_total_usd"]),
        (&3000.into(), &"30".into())
    );
    assert_eq!(place.names(), ["out"]);
}

#[test]
fn an_export_is_not_replaced_by_one_that_lacks_runs_of_it() {
    let place = Place::new();
    let mut all = account(3000);
    all.runs[7].rest = all.runs[7].rest.replace("0.01", "12.35");
    place.export(&StandIn::of(all.clone()).url(), &[]).exits(0);
    let before = place.exported().bytes();
    all.runs.retain(|run| !run.id.ends_with("007"));
    let server = StandIn::of(all);
    let done = place.export(&server.url(), &[]);
    done.exits(6)
        .says(&["has 3 runs ($12.37) that the new one lacks", "--replace"]);
    assert!(place.exported().bytes() == before);
    assert_eq!(place.names(), ["out"]);
    place.export(&server.url(), &["--replace"]).exits(0);
    assert_eq!(place.exported().ids().len(), 2997);
}

#[test]
fn an_export_of_csv_alone_is_held_to_the_same() {
    let place = Place::new();
    let server = StandIn::of(account(50));
    place.export(&server.url(), &["--format", "csv"]).exits(0);
    assert!(!place.path("out/runs.parquet").exists());
    place.run(&["verify", "out"]).exits(0);
    place.export(&server.url(), &["--format", "parquet"]).exits(0);
    assert!(!place.path("out/runs.csv").exists());
    place.export(&server.url(), &["--format", "csv"]).exits(0);
    let done = place.export(&StandIn::of(account(49)).url(), &["--format", "csv"]);
    done.exits(6).says(&["has 1 run ($0.01)"]);
}

#[test]
fn an_export_of_something_else_is_not_replaced_unasked() {
    let place = Place::new();
    let server = StandIn::of(account(20));
    place.export(&server.url(), &[]).exits(0);
    let before = place.exported().bytes();
    place
        .export(&server.url(), &["--status", "SUCCEEDED"])
        .exits(6)
        .says(&["other filters", "--replace"]);
    let other_month = [
        "export",
        "--month",
        "2025-08",
        "--out",
        "out",
        "--api-url",
        &server.url(),
    ];
    place.run(&other_month).exits(6).says(&["another period"]);
    place
        .run(&[&DEMO_DAY[..], &["--out", "out"]].concat())
        .exits(6)
        .says(&["another source"]);
    let other_account = StandIn::start_raw(|request| match request.path.as_str() {
        "/v2/users/me" => Reply::json(user("somebody-else")),
        _ => Reply::json(account(20).list(request)),
    });
    place
        .export(&other_account.url(), &[])
        .exits(6)
        .says(&["another account"]);
    assert!(place.exported().bytes() == before);
}

#[test]
fn a_folder_that_is_no_export_or_holds_a_stranger_s_file_is_left_alone() {
    let place = Place::new();
    let server = StandIn::of(account(20));
    fs::create_dir(place.path("out")).unwrap();
    fs::write(place.path("out/thesis.txt"), "years of work").unwrap();
    for more in [&[][..], &["--replace"]] {
        place
            .export(&server.url(), more)
            .exits(6)
            .says(&["manifest.json", "use another --out"]);
    }
    assert_eq!(server.requests().len(), 0, "it was found out before the first request");
    fs::remove_file(place.path("out/thesis.txt")).unwrap();
    place.export(&server.url(), &[]).exits(0);
    fs::write(place.path("out/notes.txt"), "mine").unwrap();
    for more in [&[][..], &["--replace"]] {
        place.export(&server.url(), more).exits(6).says(&["notes.txt"]);
    }
    assert_eq!(fs::read_to_string(place.path("out/notes.txt")).unwrap(), "mine");
}

#[test]
fn a_file_or_a_missing_permission_at_out_is_exit_6_before_the_first_request() {
    let place = Place::new();
    let server = StandIn::of(account(20));
    fs::write(place.path("out"), "a file").unwrap();
    place.export(&server.url(), &[]).exits(6).says(&["it is a file"]);
    fs::remove_file(place.path("out")).unwrap();
    fs::create_dir(place.path("locked")).unwrap();
    fs::set_permissions(place.path("locked"), fs::Permissions::from_mode(0o500)).unwrap();
    // Whoever may write everywhere can't be kept out by permissions.
    if fs::File::create(place.path("locked/probe")).is_err() {
        let args = [
            "export",
            "--month",
            "2025-09",
            "--out",
            "locked/out",
            "--api-url",
            &server.url(),
        ];
        place.run(&args).exits(6).says(&["locked"]);
        assert_eq!(server.requests().len(), 0);
    }
}

/// The mode of a folder, and the only one that its files have.
fn modes(folder: &Path) -> (u32, u32) {
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let files: BTreeSet<u32> = names(folder).iter().map(|name| mode(&folder.join(name))).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    (mode(folder), files.into_iter().next().unwrap())
}

#[test]
fn files_of_personal_data_are_their_owner_s_alone_unless_a_mode_is_chosen() {
    let place = Place::new();
    let url = StandIn::of(account(20));
    let url = url.url();
    let without = ["--exclude", "meta_client_ip,meta_user_agent", "--replace"];
    for (umask, more, expected) in [
        ("022", &[][..], (0o755, 0o600)),
        ("077", &["--mode", "640"], (0o750, 0o640)),
        ("077", &["--mode", "0644"], (0o755, 0o644)),
        ("027", &without, (0o750, 0o640)),
        ("077", &without, (0o700, 0o600)),
        ("022", &["--exclude", "meta_client_ip"], (0o755, 0o600)),
    ] {
        done(&mut under_umask(umask, &place.command(&export_args(&url, more)))).exits(0);
        assert_eq!(modes(&place.path("out")), expected, "{umask} {more:?}");
    }
    for (umask, args, expected) in [
        ("022", &["--format", "md", "--out", "made"][..], (0o755, 0o600)),
        (
            "077",
            &["--format", "md", "--out", "made", "--mode", "640"],
            (0o750, 0o640),
        ),
    ] {
        let args = [&["report", "out"], args].concat();
        done(&mut under_umask(umask, &place.command(&args))).exits(0);
        assert_eq!(modes(&place.path("made")), expected, "{args:?}");
        fs::remove_dir_all(place.path("made")).unwrap();
    }
    done(&mut under_umask("027", &place.command(&export_args(&url, &without)))).exits(0);
    let args = ["report", "out", "--format", "md", "--out", "made"];
    done(&mut under_umask("027", &place.command(&args))).exits(0);
    assert_eq!(modes(&place.path("made")), (0o750, 0o640));
    for wrong in ["440", "4640", "64", "u=rw", "888"] {
        place.export(&url, &["--mode", wrong]).exits(2).says(&["--mode"]);
    }
    fs::write(place.path("apify-runs.toml"), "[export]\nmode = 660\n").unwrap();
    place.export(&url, &[]).exits(0);
    assert_eq!(modes(&place.path("out")), (0o770, 0o660));
    let stored = [
        "export",
        "--month",
        "2025-09",
        "--out",
        "s3://bucket/x",
        "--mode",
        "640",
    ];
    place.run(&stored).exits(2).says(&["--mode works only with folders"]);
}

#[test]
fn one_missing_parent_is_created_and_of_more_the_first_is_named_before_any_request() {
    let place = Place::new();
    let server = StandIn::of(account(20));
    let url = server.url();
    let export = |out: &str| {
        let more = ["--api-url", &url, "--quiet"];
        place.run(&[&["export", "--month", "2025-09", "--out", out][..], &more].concat())
    };
    let refused = "cannot write nope/dir/x: nope does not exist, and only the last folder of a path is created: create it, or \
                   mount the disk that holds it";
    export("nope/dir/x").exits(6).says(&[refused]);
    place
        .run(&[
            "export",
            "--month",
            "2025-09",
            "--out",
            "nope/dir/x",
            "--dry-run",
            "--api-url",
            &url,
        ])
        .exits(6)
        .says(&["nope does not exist"]);
    place.run(&["check", "--out", "nope/dir/x", "--api-url", &url]).exits(6);
    assert_eq!(place.names(), [""; 0]);
    export("made/x").exits(0);
    // Folders of placeholders are the tool's own.
    export("by/{month}/{period}/x").exits(0);
    assert!(place.path("by/2025-09/2025-09/x/manifest.json").is_file());
    place
        .run(&["report", "made/x", "--format", "md", "--out", "nope/dir/x"])
        .exits(6)
        .says(&["nope does not exist"]);
    place
        .run(&["report", "made/x", "--format", "md", "--out", "figures/x"])
        .exits(0);
    assert_eq!(place.names(), ["by", "figures", "made"]);
}

/// A server that answers twice and then no more.
fn stalling() -> StandIn {
    let account = account(5000);
    StandIn::start(move |request| match request.number {
        0..2 => Reply::json(account.list(request)),
        _ => Reply::Stall,
    })
}

/// Whether the tests were started with hang-ups ignored, as `nohup` does; what they start inherits that, and heeds it.
fn hangups_are_ignored() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.is_some_and(|mask| u64::from_str_radix(mask.trim(), 16).unwrap() & 1 != 0)
}

#[test]
fn signals_stop_it_within_moments_and_nothing_is_visible() {
    for (signal, code) in [(Signal::HUP, 129), (Signal::INT, 130), (Signal::TERM, 143)] {
        if signal == Signal::HUP && hangups_are_ignored() {
            eprintln!("hang-ups are ignored here, so that they stop nothing");
            continue;
        }
        let server = stalling();
        let place = Place::new();
        let url = server.url();
        let child = place.start(&export_args(&url, &[]));
        // The account, the first pages, and the one that is never answered.
        (0..3).for_each(|_| server.wait_for("/v2/actor-runs"));
        let asked = std::time::Instant::now();
        send(signal, &child);
        wait(child).exits(code).says(&["nothing was published"]);
        // Two seconds are promised; unanswered requests would take sixty.
        assert!(asked.elapsed().as_secs() < 20, "{:?}", asked.elapsed());
        assert_eq!(place.names(), [""; 0]);
    }
}

#[test]
fn a_second_job_on_the_same_output_is_exit_8_and_the_first_goes_on() {
    let server = stalling();
    let place = Place::new();
    let url = server.url();
    let first = place.start(&export_args(&url, &[]));
    (0..3).for_each(|_| server.wait_for("/v2/actor-runs"));
    let other = StandIn::of(account(20));
    place
        .export(&other.url(), &[])
        .exits(8)
        .says(&["another apify-runs process"]);
    assert_eq!(other.requests().len(), 0);
    send(Signal::TERM, &first);
    wait(first).exits(143);
    place.export(&other.url(), &[]).exits(0);
}

#[test]
fn what_a_killed_job_left_is_cleared_away_by_the_next_and_the_old_export_stays_whole() {
    let place = Place::new();
    let good = StandIn::of(account(20));
    place.export(&good.url(), &[]).exits(0);
    let before = place.exported().bytes();
    let server = stalling();
    let url = server.url();
    let mut child = place.start(&export_args(&url, &[]));
    (0..3).for_each(|_| server.wait_for("/v2/actor-runs"));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(place.exported().bytes() == before);
    assert!(place.names().len() > 1, "it left something staged: {:?}", place.names());
    place.export(&good.url(), &[]).exits(0);
    assert_eq!(place.names(), ["out"]);
}

#[test]
fn a_full_disk_is_exit_6_and_the_old_export_stays_whole() {
    let place = Place::new();
    let small = StandIn::of(account(20));
    place.export(&small.url(), &[]).exits(0);
    let before = place.exported().bytes();
    let big = StandIn::of(account(9000));
    // A limit on the size of files stands in for the disk; its signal is ignored, so that writing fails instead.
    let script = format!(
        "trap '' XFSZ; ulimit -f 64; exec {} export --month 2025-09 --rate 0 --out out --api-url {}",
        crate::support::command::BINARY,
        big.url()
    );
    let mut command = place.command(&[]);
    let environment: Vec<_> = command
        .get_envs()
        .map(|(name, value)| (name.to_owned(), value.unwrap().to_owned()))
        .collect();
    command = std::process::Command::new("/bin/bash");
    command
        .args(["-c", &script])
        .current_dir(place.path(""))
        .env_clear()
        .envs(environment);
    let done = crate::support::command::done(&mut command);
    done.exits(6).says(&["cannot write", "was not changed"]);
    assert!(place.exported().bytes() == before);
    assert_eq!(place.names(), ["out"]);
}

#[test]
fn a_run_whose_cost_became_known_is_taken_over_without_asking() {
    let place = Place::new();
    let mut all = account(3);
    all.runs[1] = Run::new(&*all.runs[1].id, all.runs[1].started).with(r#""actId":"a""#);
    place
        .export(&StandIn::of(all.clone()).url(), &[])
        .exits(0)
        .shows(&["at least $0.02", "the cost of 1 run is unknown"]);
    all.runs[1] = Run::new(&*all.runs[1].id, all.runs[1].started);
    place
        .export(&StandIn::of(all).url(), &[])
        .exits(0)
        .shows(&["Usage $0.03, as priced by Apify"]);
}

#[test]
fn what_a_lost_run_cost_is_not_zero_where_it_is_unknown() {
    let place = Place::new();
    let mut all = account(5);
    all.runs[1].rest = r#""actId":"a""#.into();
    place.export(&StandIn::of(all.clone()).url(), &[]).exits(0);
    all.runs.drain(..2);
    let done = place.export(&StandIn::of(all).url(), &[]);
    done.exits(6)
        .says(&["has 2 runs ($0.01, and 1 of unknown cost) that the new one lacks"]);
}

#[test]
fn a_cost_that_is_known_no_more_is_said_when_the_export_that_knew_it_is_replaced() {
    let place = Place::new();
    let mut all = account(5);
    place.export(&StandIn::of(all.clone()).url(), &[]).exits(0);
    all.runs[1].rest = r#""actId":"a""#.into();
    let done = place.export(&StandIn::of(all).url(), &["--strict"]);
    done.exits(7)
        .says(&["Apify no longer gives 1 cost ($0.01) that the replaced export had"]);
    for file in ["manifest.json", "report.json", "report.md"] {
        assert!(
            place.exported().text(file).contains("that the replaced export had"),
            "{file}"
        );
    }
}
