//! `report --out FILE`: one report in the file that a name says; and folders whose names look like a file's.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use crate::support::account::Apify;
use crate::support::command::{Done, Place, done, under_umask};
use crate::support::stand_in::{ms, runs};

/// An export of three runs of a cent each.
fn exported(more: &[&str]) -> Place {
    let server = Apify::of(runs(3, ms("2025-09-01T00:00:00Z"), 60_000))
        .dated("Fri, 03 Oct 2025 06:00:00 GMT")
        .start();
    let place = Place::new();
    place.export(&server.url(), more).exits(0);
    place
}

fn report(place: &Place, args: &[&str]) -> Done {
    place.run(&[&["report", "out"], args].concat())
}

#[test]
fn the_end_of_a_name_is_the_format() {
    let place = exported(&[]);
    for (file, of_export) in [
        ("x.html", "report.html"),
        ("x.JSON", "report.json"),
        ("x.md", "report.md"),
        ("x.txt", "summary.txt"),
    ] {
        let written = report(&place, &["--out", file]);
        assert_eq!(written.exits(0).stdout, format!("Wrote {file}\n"));
        if of_export != "report.html" {
            let bytes = fs::read(place.path(file)).unwrap();
            assert!(bytes == place.exported().bytes()[of_export], "{file}");
        }
    }
    assert!(
        fs::read_to_string(place.path("x.html"))
            .unwrap()
            .starts_with("<!DOCTYPE html>")
    );
    report(&place, &["--out", "new/x.xlsx", "--with-runs", "-q"]).exits(0);
    assert!(fs::read(place.path("new/x.xlsx")).unwrap().starts_with(b"PK\x03\x04"));
    report(&place, &["--out", "x.csv", "--only", "cost_by_day", "-q"]).exits(0);
    assert_eq!(
        fs::read_to_string(place.path("x.csv")).unwrap(),
        place.exported().text("cost_by_day.csv")
    );
    // The summary has no breakdowns: a text that has some is the terminal's.
    let by_status = report(&place, &["--by", "status"]).exits(0).stdout.clone();
    report(&place, &["--by", "status", "--out", "by.txt"]).exits(0);
    assert_eq!(fs::read_to_string(place.path("by.txt")).unwrap(), by_status);
    assert_eq!(
        place.names(),
        ["by.txt", "new", "out", "x.JSON", "x.csv", "x.html", "x.md", "x.txt"]
    );
}

#[test]
fn the_place_may_stand_in_the_configuration() {
    let place = exported(&[]);
    fs::write(place.path("apify-runs.toml"), "[report]\nout = \"figures.md\"\n").unwrap();
    report(&place, &[]).exits(0);
    assert_eq!(
        fs::read_to_string(place.path("figures.md")).unwrap(),
        place.exported().text("report.md")
    );
}

#[test]
fn a_file_of_the_name_is_replaced_where_it_is_such_a_report_and_only_then() {
    let place = exported(&[]);
    let (json, csv) = (["--out", "x.json"], ["--out", "x.csv", "--only", "cost_by_actor"]);
    report(&place, &json).exits(0);
    let whole = fs::read(place.path("x.json")).unwrap();
    report(
        &place,
        &[&json[..], &["--from", "2025-09-02", "--to", "2025-09-03"]].concat(),
    )
    .exits(0);
    assert!(fs::read(place.path("x.json")).unwrap() != whole);
    report(&place, &csv).exits(0);
    report(&place, &[&csv[..], &["--csv-style", "excel"]].concat()).exits(0);
    let in_excel = fs::read(place.path("x.csv")).unwrap();
    // Rules of groups, another report, a link.
    fs::write(place.path("groups.csv"), "actor,group\nactor,Ours\n").unwrap();
    symlink("groups.csv", place.path("link.csv")).unwrap();
    for (out, only) in [
        ("groups.csv", "cost_by_actor"),
        ("x.csv", "cost_by_day"),
        ("link.csv", "cost_by_actor"),
    ] {
        report(&place, &["--out", out, "--only", only])
            .exits(6)
            .says(&[&format!("--out {out} exists and is not such a report")]);
    }
    assert_eq!(fs::read(place.path("x.csv")).unwrap(), in_excel);
    assert_eq!(
        fs::read_to_string(place.path("groups.csv")).unwrap(),
        "actor,group\nactor,Ours\n"
    );
    assert_eq!(place.names(), ["groups.csv", "link.csv", "out", "x.csv", "x.json"]);
}

#[test]
fn nothing_is_written_where_the_place_the_format_or_the_report_is_wrong() {
    let place = exported(&[]);
    fs::create_dir(place.path("folder.md")).unwrap();
    for (args, code, says) in [
        (
            &["--out", "x.html", "--format", "md"][..],
            2,
            "--out x.html names one file of the format html, which is not what --format says",
        ),
        (
            &["--out", "x.html", "--format", "html,md"],
            2,
            "remove --format, or use --out x.html/ for a folder",
        ),
        (
            &["--out", "x.csv", "--format", "focus"],
            2,
            "format csv, which is not what --format says",
        ),
        (
            &["--out", "x.csv"],
            2,
            "can have only one report: select it with --only or --by",
        ),
        (
            &["--out", "x.parquet"],
            2,
            "--out x.parquet names a file, but no report is one such file",
        ),
        (&["--out", "x.md", "--with-runs"], 2, "add --format xlsx"),
        (
            &["--out", "x.txt", "--format", "summary", "--by", "status"],
            2,
            "--format summary has no reports",
        ),
        (&["--out", "new/x.csv", "--only", "nothing"], 2, "has no report"),
        (
            &["--out", "folder.md"],
            6,
            "cannot write folder.md: it is a folder; use --out folder.md/",
        ),
        (&["--out", "out/x.md"], 6, "out is an export or inside one"),
        (&["--out", "a/b/x.md"], 6, "cannot write a/b/x.md"),
    ] {
        report(&place, args).exits(code).says(&[says]);
        assert_eq!(place.names(), ["folder.md", "out"], "{args:?}");
    }
    place.run(&["verify", "out"]).exits(0);
    // With a slash it is a folder, as is one that is there.
    report(&place, &["--out", "folder.md/", "--format", "md", "-q"]).exits(0);
    assert_eq!(crate::support::command::names(&place.path("folder.md")), ["report.md"]);
}

#[test]
fn its_mode_is_that_of_a_file_in_a_folder() {
    let personal = exported(&[]);
    let others = exported(&["--exclude", "meta_client_ip,meta_user_agent"]);
    let mode = |place: &Place, more: &[&str]| {
        let args = [&["report", "out", "--out", "x.md", "-q"], more].concat();
        done(&mut under_umask("022", &place.command(&args))).exits(0);
        fs::metadata(place.path("x.md")).unwrap().permissions().mode() & 0o777
    };
    assert_eq!(mode(&personal, &[]), 0o600);
    assert_eq!(mode(&personal, &["--mode", "640"]), 0o640);
    assert_eq!(mode(&others, &[]), 0o644);
}

#[test]
fn folders_of_other_commands_are_not_named_as_files() {
    let place = exported(&[]);
    for (line, says) in [
        (
            "export --demo --out x.xlsx",
            "--out x.xlsx names a file, but an export is a folder, with report.xlsx in it: use --out x,",
        ),
        (
            "export --demo --out exports/{month}.CSV",
            "with runs.csv in it: use --out exports/{month},",
        ),
        (
            "export --last-month --out s3://bucket/runs.parquet",
            "with runs.parquet in it",
        ),
        (
            "reconcile out --cycle 2025-09-15 --out x.html",
            "a reconciliation is written as page, workbook, JSON and text: use --out x,",
        ),
    ] {
        let args: Vec<&str> = line.split(' ').collect();
        place.run(&args).exits(2).says(&[says]);
    }
    let checked = place.run(&["check", "--demo", "--out", "x.md"]);
    checked
        .exits(2)
        .shows(&["--out x.md names a file, but an export is a folder"]);
    assert_eq!(place.names(), ["out"]);
    let small = ["--from", "2025-09-01", "--to", "2025-09-01T01:00:00Z", "-q"];
    place
        .run(&[&["export", "--demo", "--out", "x.md/"], &small[..]].concat())
        .exits(0);
    place.run(&["verify", "x.md"]).exits(0);
}
