//! A lake whose log is damaged: what its entries still tell is read without the checkpoints that only repeat them, and what they
//! don't is an error that names the file.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::account::Apify;
use crate::support::command::{Done, Place, names};
use crate::support::stand_in::{Run, instant, ms};

const HOUR: i64 = 3_600_000;
/// Words that nobody but the libraries' authors knows.
const INTERNALS: [&str; 8] = [
    "LogSegment",
    "kernel",
    "Kernel",
    "Generic",
    "DeltaTable",
    "Parquet error",
    "Arrow",
    "panicked",
];

/// The first runs of the account, one an hour, each at $1.
fn runs(count: i64) -> Vec<Run> {
    let began = ms("2025-10-01T00:00:00.000Z");
    let run = |n: i64| {
        let started = began + n * HOUR;
        let finished = instant(started + 1000);
        let rest = format!(r#""actId":"actor","finishedAt":"{finished}","usageTotalUsd":1"#);
        Run::new(format!("run{n}"), started).with(&rest)
    };
    (0..count).map(run).collect()
}

fn sync(place: &Place, count: i64) -> Done {
    let server = Apify::of(runs(count))
        .dated("Fri, 03 Oct 2025 06:00:00 GMT")
        .keeps(90)
        .start();
    let url = server.url();
    let args = ["sync", "--lake", "lake", "--api-url", &url, "--rate", "0", "--quiet"];
    place.run(&args)
}

/// A lake of so many commits, the first of which is version 0; each has brought a run.
fn lake(commits: i64) -> Place {
    let place = Place::new();
    for count in 1..=commits {
        sync(&place, count).exits(0);
    }
    place
}

fn log(place: &Place) -> PathBuf {
    place.path("lake/_delta_log")
}

fn entry(place: &Place, version: u64) -> PathBuf {
    log(place).join(format!("{version:020}.json"))
}

fn checkpoint(place: &Place) -> PathBuf {
    log(place).join(format!("{:020}.checkpoint.parquet", 10))
}

/// The log as it was, to be damaged once more.
struct Saved(Vec<(PathBuf, Vec<u8>)>);

impl Saved {
    fn of(place: &Place) -> Saved {
        let folder = log(place);
        // With the record of the last commit, which belongs to it.
        let head = place.path("lake/_apify_runs/head.json");
        let files = names(&folder).into_iter().map(|name| folder.join(name)).chain([head]);
        Saved(files.map(|path| (path.clone(), fs::read(path).unwrap())).collect())
    }

    fn restore(&self, place: &Place) {
        fs::remove_dir_all(log(place)).unwrap();
        fs::create_dir(log(place)).unwrap();
        self.0.iter().for_each(|(path, bytes)| fs::write(path, bytes).unwrap());
    }
}

fn report(place: &Place, more: &[&str]) -> Done {
    place.run(&[&["report", "lake", "--format", "json"][..], more].concat())
}

/// What the report's runs cost.
#[track_caller]
fn total(done: &Done) -> String {
    let report: Value = serde_json::from_str(&done.exits(0).stdout).unwrap();
    report["totals"]["usage_total_usd"].as_str().unwrap().into()
}

#[track_caller]
fn is_plain(done: &Done) {
    for word in INTERNALS {
        assert!(!done.stderr.contains(word), "{word} is a library's word\n{done}");
    }
}

/// Everything goes on without what is broken; a sync that commits replaces it.
#[track_caller]
fn is_passed_over(place: &Place, what: &str, warning: Option<&str>) {
    let done = report(place, &[]);
    assert_eq!(total(&done), "13", "{what}");
    is_plain(&done);
    match warning {
        Some(warning) => {
            done.says(&[warning, "it is ignored, because the log is complete without it"]);
            assert_eq!(done.stderr.matches("it is ignored").count(), 1, "{what}\n{done}");
        }
        None => assert_eq!(done.stderr, "", "{what}"),
    }
    assert_eq!(total(&report(place, &["--as-of", "11"])), "12", "{what}");
    assert_eq!(total(&report(place, &["--as-of", "4"])), "5", "{what}");
    assert_eq!(total(&report(place, &["--as-of", "2999-01-01"])), "13", "{what}");
    place.run(&["verify", "lake"]).exits(0);
    let done = sync(place, 14);
    done.exits(0);
    is_plain(&done);
    let after = report(place, &[]);
    assert_eq!(total(&after), "14", "{what}");
    assert_eq!(after.stderr, "", "{what}: replaced by the sync");
}

fn newest_checkpoint(place: &Place) -> String {
    let names = names(&log(place));
    names.into_iter().rfind(|name| name.contains(".checkpoint.")).unwrap()
}

#[test]
fn a_pointer_to_no_checkpoint_is_passed_over() {
    let place = lake(13);
    let saved = Saved::of(&place);
    let nowhere = Some("_delta_log/_last_checkpoint names a checkpoint that does not exist");
    for (pointer, warning) in [
        (r#"{"version":99,"size":1}"#, nowhere),
        (r#"{"version":10,"size":1,"parts":3}"#, None),
        (r#"{"version":5,"size":1}"#, None),
        ("", None),
        ("rubbish", None),
        (r#"{"version":"ten"}"#, None),
    ] {
        saved.restore(&place);
        fs::write(log(&place).join("_last_checkpoint"), pointer).unwrap();
        is_passed_over(&place, pointer, warning);
        if warning.is_some() {
            let pointer = fs::read_to_string(log(&place).join("_last_checkpoint")).unwrap();
            let pointer: Value = serde_json::from_str(&pointer).unwrap();
            assert_eq!(pointer["version"], 13);
        }
    }
}

#[test]
fn a_broken_checkpoint_is_passed_over_while_the_log_is_whole() {
    let place = lake(13);
    let saved = Saved::of(&place);
    let whole = fs::read(checkpoint(&place)).unwrap();
    let flipped = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        bytes
    };
    let broken = Some("00000000000000000010.checkpoint.parquet is broken");
    for (what, bytes, warning) in [
        ("cut", whole[..whole.len() / 2].to_vec(), broken),
        ("rubbish", b"rubbish, and no Parquet at all".to_vec(), broken),
        ("zeros", vec![0; whole.len()], broken),
        ("its end flipped", flipped(whole.len() - 3), broken),
        ("its footer's length flipped", flipped(whole.len() - 8), broken),
        (
            "empty",
            Vec::new(),
            Some("_last_checkpoint names a checkpoint that does not exist"),
        ),
    ] {
        saved.restore(&place);
        fs::write(checkpoint(&place), bytes).unwrap();
        is_passed_over(&place, what, warning);
        assert_eq!(
            newest_checkpoint(&place),
            "00000000000000000013.checkpoint.parquet",
            "{what}"
        );
    }
}

#[test]
fn a_checkpoint_with_a_flipped_bit_never_makes_a_wrong_report() {
    let place = lake(13);
    let whole = fs::read(checkpoint(&place)).unwrap();
    // Every so often, in another bit each time.
    for at in (4..whole.len()).step_by(whole.len() / 100) {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        fs::write(checkpoint(&place), bytes).unwrap();
        let done = report(&place, &[]);
        is_plain(&done);
        if done.code != Some(5) {
            assert_eq!(total(&done), "13", "byte {at}");
        }
    }
}

#[test]
fn an_entry_that_is_missing_empty_or_no_json_is_named() {
    let place = lake(13);
    let saved = Saved::of(&place);
    let name = |version: u64| format!("_delta_log/{version:020}.json");
    let fail = |what: &str, place: &Place| {
        for done in [
            report(place, &[]),
            place.run(&["verify", "lake"]),
            sync(place, 14),
            place.run(&["lake", "optimize", "lake"]),
            place.run(&["lake", "vacuum", "lake"]),
        ] {
            done.exits(5)
                .says(&["lake: its log cannot be read", what, "restore the file"]);
            assert_eq!(done.stderr.lines().count(), 1, "{done}");
            is_plain(&done);
        }
    };
    // The last one is no less an entry than those before it.
    for version in [11, 12] {
        fs::write(entry(&place, version), "").unwrap();
        fail(&format!("{} is empty", name(version)), &place);
        fs::write(entry(&place, version), "\n").unwrap();
        fail(&format!("{} is empty", name(version)), &place);
        saved.restore(&place);
        let text = fs::read_to_string(entry(&place, version)).unwrap();
        let second = text.find('\n').unwrap() + 1;
        fs::write(entry(&place, version), &text[..second + 9]).unwrap();
        fail(&format!("line 2 of {} is not a JSON object", name(version)), &place);
        fs::write(entry(&place, version), vec![0; text.len()]).unwrap();
        fail(&format!("line 1 of {} is not a JSON object", name(version)), &place);
        saved.restore(&place);
    }
    fs::remove_file(entry(&place, 11)).unwrap();
    fail(&format!("{} is missing", name(11)), &place);
    // What the checkpoint repeats is needed for the past alone.
    saved.restore(&place);
    fs::write(entry(&place, 7), "").unwrap();
    assert_eq!(total(&report(&place, &[])), "13");
    let past = report(&place, &["--as-of", "8"]);
    past.exits(5).says(&[&format!("{} is empty", name(7))]);
    assert_eq!(total(&report(&place, &["--as-of", "6"])), "7");
    // But it is all there is where the checkpoint is broken.
    fs::write(checkpoint(&place), "rubbish").unwrap();
    let both = format!(
        "the checkpoint 00000000000000000010.checkpoint.parquet is broken, and {} is empty",
        name(7)
    );
    fail(&both, &place);
}

#[test]
fn a_version_that_the_log_lacks_is_a_wrong_question() {
    let place = lake(13);
    let ends = report(&place, &["--as-of", "13"]);
    ends.exits(2)
        .says(&["its log has no version 13: the newest version is 12"]);
    is_plain(&ends);
    for version in 0..10 {
        fs::remove_file(entry(&place, version)).unwrap();
    }
    let begins = report(&place, &["--as-of", "9"]);
    begins
        .exits(2)
        .says(&["its log no longer has version 9: it begins with version 10"]);
    assert_eq!(total(&report(&place, &["--as-of", "10"])), "11");
}

#[test]
fn what_is_left_in_a_lake_s_own_folder_is_no_other_s_file() {
    let place = Place::new();
    let own: &Path = &place.path("lake/_apify_runs");
    fs::create_dir_all(own).unwrap();
    fs::write(own.join("probe-1"), "left").unwrap();
    sync(&place, 1).exits(0);
    assert_eq!(total(&report(&place, &[])), "1");
}
