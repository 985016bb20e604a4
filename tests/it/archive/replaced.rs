//! An export that is read while another takes its place: what is told is of the one or of the other, never of both, and no
//! good export is called broken. Exports are exchanged as fast as it goes, beside every command that reads one.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::support::account::Apify;
use crate::support::client::Served;
use crate::support::command::{Done, Place};
use crate::support::made_up::DEMO_DAY;
use crate::support::stand_in::{Reply, Run, StandIn, instant, ms};

/// How often each command runs beside the exchanges.
const TIMES: usize = 12;

fn run(number: i64) -> Run {
    let started = ms("2025-09-01T00:00:00.000Z") + number * 3_600_000;
    let finished = instant(started + 1000);
    Run::new(format!("run{number:04}"), started).with(&format!(
        r#""actId":"actor","finishedAt":"{finished}","usageTotalUsd":{number}.25"#
    ))
}

/// An account of so many runs, with a billing cycle that is September.
fn account(runs: i64) -> StandIn {
    let usage = |_: &crate::support::stand_in::Request| {
        Reply::json(
            r#"{"data":{"usageCycle":{"startAt":"2025-09-01T00:00:00.000Z","endAt":"2025-09-30T23:59:59.999Z"},
            "monthlyServiceUsage":{"ACTOR_COMPUTE_UNITS":{"quantity":1,"baseAmountUsd":7,"baseUnitPriceUsd":1,
            "amountAfterVolumeDiscountUsd":7,"priceTiers":[]}},"dailyServiceUsages":[],
            "totalUsageCreditsUsdBeforeVolumeDiscount":7,"totalUsageCreditsUsdAfterVolumeDiscount":7}}"#
                .into(),
        )
    };
    Apify::of((0..runs).map(run).collect())
        .dated("Wed, 05 Nov 2025 06:00:00 GMT")
        .keeps(90)
        .at("/v2/users/me/usage/monthly", usage)
        .start()
}

fn export(place: &Place, url: &str, month: &str, out: &str) {
    let args = [
        "export",
        "--month",
        month,
        "--out",
        out,
        "--api-url",
        url,
        "--rate",
        "0",
        "--quiet",
    ];
    place.run(&args).exits(0);
}

/// The commands that read the export in `out`, beside one in `fixed` and one of October.
fn commands(url: &str) -> Vec<String> {
    vec![
        "verify out".into(),
        "report out --format json".into(),
        "report out --from 2025-09-13 --to 2025-09-14 --format csv --only cost_by_day".into(),
        "report october --compare out --format json".into(),
        "diff out fixed --json".into(),
        "diff fixed out --csv".into(),
        format!("reconcile out --cycle 2025-09-15 --json --api-url {url}"),
    ]
}

fn ran(place: &Place, command: &str) -> Done {
    place.run(&command.split(' ').collect::<Vec<_>>())
}

fn exchange(one: &Path, other: &Path) {
    renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE).unwrap();
}

/// Does something again and again on a thread of its own, until the rest is done.
fn beside(mut again: impl FnMut() + Send, work: impl FnOnce()) {
    let done = AtomicBool::new(false);
    /// Ends the thread also where the work panics.
    struct End<'d>(&'d AtomicBool);
    impl Drop for End<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    thread::scope(|scope| {
        let done = &done;
        scope.spawn(move || {
            while !done.load(Ordering::Relaxed) {
                again();
            }
        });
        let _end = End(done);
        work();
    });
}

/// Exports of 300 and of 301 runs in `out` and `other`; in `fixed`, one of 300.
fn two_exports() -> (Place, StandIn) {
    let (place, server) = (Place::new(), account(301));
    export(&place, &account(300).url(), "2025-09", "out");
    export(&place, &account(300).url(), "2025-09", "fixed");
    export(&place, &server.url(), "2025-09", "other");
    export(&place, &server.url(), "2025-10", "october");
    (place, server)
}

#[test]
fn what_is_told_is_of_one_export_however_fast_they_are_exchanged() {
    let (place, server) = two_exports();
    let (out, other) = (place.path("out"), place.path("other"));
    for command in commands(&server.url()) {
        let told = || ran(&place, &command).exits(0).stdout.clone();
        let of_one = told();
        exchange(&out, &other);
        let of_other = told();
        assert_ne!(of_one, of_other, "{command} doesn't tell the two apart");
        beside(
            || exchange(&out, &other),
            || {
                for _ in 0..TIMES {
                    let done = ran(&place, &command);
                    let told = &done.exits(0).stdout;
                    assert!(*told == of_one || *told == of_other, "of neither export:\n{done}");
                }
            },
        );
    }
}

#[test]
fn what_is_served_is_one_export_however_fast_they_are_exchanged() {
    let (place, _) = two_exports();
    let (out, other) = (place.path("out"), place.path("other"));
    beside(
        || exchange(&out, &other),
        || {
            for _ in 0..TIMES {
                let served = Served::start(&place, &["out", "--refresh", "0s"], None);
                let total = served.list("limit=1000")["total"].as_u64().unwrap();
                assert!([300, 301].contains(&total), "{total} runs");
                let (runs, _) = served.all("/v2/actor-runs");
                assert_eq!(runs.len() as u64, total);
            }
        },
    );
}

#[test]
fn exports_that_replace_each_other_disturb_nobody_who_reads_them() {
    let (place, server) = two_exports();
    let url = server.url();
    beside(
        || export(&place, &url, "2025-09", "out"),
        || {
            for command in commands(&url) {
                let mut times = 0;
                for _ in 0..TIMES {
                    let done = ran(&place, &command);
                    // On a machine so busy that three readings were overtaken by exports it says so; it never takes them for damage.
                    assert!(matches!(done.code, Some(0 | 4)), "{command}: {done}");
                    times += u32::from(done.code == Some(0));
                }
                assert!(times > 0, "{command}");
            }
        },
    );
}

#[test]
fn an_export_whose_files_never_come_to_rest_is_exit_4() {
    let place = Place::new();
    // A day: so much to read that the manifest changes many times meanwhile.
    for out in ["busy", "calm"] {
        place
            .run(&[&DEMO_DAY[..], &["--quiet", "--out", out]].concat())
            .exits(0);
    }
    let (manifest, next) = (place.path("busy/manifest.json"), place.path("next.json"));
    let text = fs::read_to_string(&manifest).unwrap();
    let mut lines = 0;
    let again = move || {
        // The same manifest with one more empty line at its end, and none after a thousand.
        lines = (lines + 1) % 1000;
        fs::write(&next, text.clone() + &"\n".repeat(lines)).unwrap();
        fs::rename(&next, &manifest).unwrap();
    };
    let commands = [
        "verify busy".to_string(),
        "report busy".into(),
        "report busy --format xlsx --out made".into(),
        "report calm --compare busy".into(),
        "diff busy calm --csv".into(),
        "diff calm busy".into(),
        "serve busy".into(),
    ];
    beside(again, || {
        for command in &commands {
            let done = ran(&place, command);
            done.exits(4)
                .says(&["busy was replaced while it was read", "it is safe to run again"]);
            assert_eq!(done.stdout, "", "{done}");
        }
    });
    assert!(!place.path("made").exists());
    for command in &commands[..6] {
        ran(&place, command).exits(0);
    }
}
