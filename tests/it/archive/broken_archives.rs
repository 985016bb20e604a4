//! What `verify` refuses about rows or manifest, no command takes for good: every command that reads an export or a lake runs
//! over a list of broken ones. Each ends with exit 5, prints nothing and publishes nothing; with the archive as it was before
//! it was broken, each passes. Another way to break one is another line of a list.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, TimestampMillisecondType};
use arrow_array::{ArrayRef, Decimal128Array, RecordBatch, StringArray, TimestampMillisecondArray};
use arrow_select::interleave::interleave_record_batch;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::properties::WriterProperties;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::account::Apify;
use crate::support::command::{Done, Exported, Place, copy_all, names, wait};
use crate::support::stand_in::{Reply, Run, StandIn, instant, ms};

/// A run of September that cost this much, or of which that isn't known.
fn run(id: &str, started: &str, cost: &str) -> Run {
    let finished = instant(ms(started) + 1000);
    Run::new(id, ms(started)).with(&format!(
        r#""actId":"actor","finishedAt":"{finished}","usageTotalUsd":{cost}"#
    ))
}

/// Three runs of September at $1, $2 and $4, and one without a cost; one of August, at $8, and one of October, at $16.
fn account() -> StandIn {
    let usage = |_: &crate::support::stand_in::Request| {
        Reply::json(
            r#"{"data":{"usageCycle":{"startAt":"2025-09-01T00:00:00.000Z","endAt":"2025-09-30T23:59:59.999Z"},
            "monthlyServiceUsage":{"ACTOR_COMPUTE_UNITS":{"quantity":1,"baseAmountUsd":7,"baseUnitPriceUsd":1,
            "amountAfterVolumeDiscountUsd":7,"priceTiers":[]}},"dailyServiceUsages":[],
            "totalUsageCreditsUsdBeforeVolumeDiscount":7,"totalUsageCreditsUsdAfterVolumeDiscount":7}}"#
                .into(),
        )
    };
    let runs = vec![
        run("aug1", "2025-08-20T00:00:00.000Z", "8"),
        run("r1", "2025-09-01T00:00:00.000Z", "1"),
        run("r2", "2025-09-10T12:00:00.000Z", "2"),
        run("r3", "2025-09-20T00:00:00.000Z", "4"),
        run("r4", "2025-09-30T23:59:59.999Z", "null"),
        run("oct1", "2025-10-02T00:00:00.000Z", "16"),
    ];
    Apify::of(runs)
        .dated("Wed, 05 Nov 2025 06:00:00 GMT")
        .keeps(90)
        .at("/v2/users/me/usage/monthly", usage)
        .start()
}

/// What reads an archive: a name for messages, and its arguments.
type Reader = (&'static str, Vec<String>);

fn reader(name: &'static str, args: &str) -> Reader {
    (name, args.split(' ').map(String::from).collect())
}

/// Runs a command that is to end; one that serves all the same is ended, and fails the test.
fn ends(place: &Place, args: &[String]) -> Done {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    if args[0] != "serve" {
        return place.run(&args);
    }
    let mut command = place.command(&args);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    if !line.is_empty() {
        child.kill().unwrap();
    }
    let mut done = wait(child);
    done.stdout = line;
    done
}

/// Every reader takes an archive that is whole.
#[track_caller]
fn all_pass(place: &Place, readers: &[Reader]) {
    for (name, args) in readers {
        let done = ends(place, args);
        if args[0] == "serve" {
            assert!(done.stdout.starts_with("http://"), "{name}\n{done}");
        } else {
            done.exits(0);
        }
        let _ = fs::remove_dir_all(place.path("made"));
    }
}

/// No reader takes it once it is broken, and none leaves anything.
#[track_caller]
fn none_passes(place: &Place, readers: &[Reader], how: &str) {
    let before = place.names();
    for (name, args) in readers {
        let done = ends(place, args);
        assert!(
            done.code == Some(5),
            "{name}, of an archive with {how}: expected exit 5\n{done}"
        );
        assert!(
            done.stdout.is_empty(),
            "{name}, of an archive with {how}, printed\n{done}"
        );
        assert_eq!(place.names(), before, "left by {name} of an archive with {how}\n{done}");
    }
}

// Exports.

fn export(place: &Place, url: &str, month: &str, out: &str, formats: &str) {
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
    ];
    let args = [&args[..], &["--quiet", "--details", "none", "--format", formats]].concat();
    place.run(&args).exits(0);
}

fn readers_of_exports(url: &str) -> Vec<Reader> {
    vec![
        reader("verify", "verify out"),
        reader("report", "report out"),
        reader(
            "report of a day",
            "report out --from 2025-09-10 --to 2025-09-11 --format json",
        ),
        reader(
            "report into a folder",
            "report out --format csv,xlsx,focus --with-runs --out made",
        ),
        reader("report --compare", "report october --compare out"),
        reader("diff with a broken old one", "diff out whole"),
        reader("diff with a broken new one", "diff whole out --csv"),
        reader("diff as JSON", "diff out whole --json"),
        reader(
            "reconcile",
            &format!("reconcile out --cycle 2025-09-15 --api-url {url}"),
        ),
        reader("serve", "serve out"),
    ]
}

/// A way to break the export in a folder.
type Break = fn(&Path);

/// How an export is broken: what it has then, by which change, and whether its rows are no longer what they were.
type Broken = (&'static str, Break, bool);

fn edit_manifest(out: &Path, change: impl Fn(&mut Value)) {
    let path = out.join("manifest.json");
    let mut manifest: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let before = manifest.clone();
    change(&mut manifest);
    assert_ne!(before, manifest, "nothing was changed");
    fs::write(path, manifest.to_string()).unwrap();
}

fn entry<'m>(manifest: &'m mut Value, name: &str) -> &'m mut Value {
    let files = manifest["files"].as_array_mut().unwrap();
    files.iter_mut().find(|file| file["path"] == name).unwrap()
}

/// Makes the manifest's size and hash of a file fit.
pub fn fit(out: &Path, name: &str) {
    let bytes = fs::read(out.join(name)).unwrap();
    let hash: String = Sha256::digest(&bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    edit_manifest(out, |manifest| {
        let file = entry(manifest, name);
        file["bytes"] = bytes.len().into();
        file["sha256"] = hash.as_str().into();
    });
}

fn edit_csv(out: &Path, from: &str, to: &str) {
    let path = out.join("runs.csv");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{from} stands nowhere in\n{text}");
    fs::write(path, text.replacen(from, to, 1)).unwrap();
    fit(out, "runs.csv");
}

/// Rewrites the few rows of a Parquet file.
fn edit_parquet(path: &Path, created_by: &str, change: impl Fn(&RecordBatch) -> RecordBatch) {
    let file = fs::File::open(path).unwrap();
    let mut reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
    let rows = change(&reader.next().expect("there are rows").unwrap());
    let properties = WriterProperties::builder().set_created_by(created_by.into()).build();
    let file = fs::File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, rows.schema(), Some(properties)).unwrap();
    writer.write(&rows).unwrap();
    writer.close().unwrap();
}

fn edit_rows(out: &Path, change: impl Fn(&RecordBatch) -> RecordBatch) {
    edit_parquet(&out.join("runs.parquet"), "apify-runs test", change);
    fit(out, "runs.parquet");
}

/// Some of the rows, in this order.
fn picked(rows: &RecordBatch, picks: &[usize]) -> RecordBatch {
    let picks: Vec<(usize, usize)> = picks.iter().map(|row| (0, *row)).collect();
    interleave_record_batch(&[rows], &picks).unwrap()
}

fn with_column(rows: &RecordBatch, name: &str, column: ArrayRef) -> RecordBatch {
    let mut columns = rows.columns().to_vec();
    columns[rows.schema().index_of(name).unwrap()] = column;
    RecordBatch::try_new(rows.schema(), columns).unwrap()
}

/// The rows with another text in a row's column.
fn with_text(rows: &RecordBatch, row: usize, name: &str, text: &str) -> RecordBatch {
    let column = rows.column_by_name(name).unwrap().as_string::<i32>();
    let texts = column.iter().enumerate();
    let texts: StringArray = texts
        .map(|(at, old)| if at == row { Some(text) } else { old })
        .collect();
    with_column(rows, name, Arc::new(texts))
}

/// The rows with another start of a row.
fn started(rows: &RecordBatch, row: usize, start: &str) -> RecordBatch {
    let column = rows.column_by_name("started_at").unwrap();
    let starts = column.as_primitive::<TimestampMillisecondType>().iter().enumerate();
    let starts = starts.map(|(at, old)| if at == row { Some(ms(start)) } else { old });
    let starts: TimestampMillisecondArray = starts.collect();
    with_column(rows, "started_at", Arc::new(starts.with_timezone("UTC")))
}

/// The rows with other dollars of a row.
fn costing(rows: &RecordBatch, row: usize, dollars: i128) -> RecordBatch {
    let column = rows.column_by_name("usage_total_usd").unwrap();
    let costs = column.as_primitive::<Decimal128Type>().iter().enumerate();
    let cost = dollars * 10_i128.pow(18);
    let costs: Decimal128Array = costs
        .map(|(at, old)| if at == row { Some(cost) } else { old })
        .collect();
    let costs = costs.with_precision_and_scale(38, 18).unwrap();
    with_column(rows, "usage_total_usd", Arc::new(costs))
}

/// Of exports with Parquet alone: nothing else tells what their rows were. The hash of each file fits.
const BROKEN_PARQUET: &[Broken] = &[
    (
        "a row less",
        |out| edit_rows(out, |rows| picked(rows, &[0, 1, 3])),
        true,
    ),
    (
        "a row twice",
        |out| edit_rows(out, |rows| picked(rows, &[0, 1, 1, 2, 3])),
        true,
    ),
    (
        "a run twice, at two starts",
        |out| edit_rows(out, |rows| with_text(rows, 2, "id", "r1")),
        true,
    ),
    (
        "rows out of order",
        |out| edit_rows(out, |rows| picked(rows, &[1, 0, 2, 3])),
        true,
    ),
    (
        "a row before its period",
        |out| edit_rows(out, |rows| started(rows, 0, "2025-08-31T23:59:59.999Z")),
        true,
    ),
    (
        "a row after its period",
        |out| edit_rows(out, |rows| started(rows, 3, "2025-10-01T00:00:00.000Z")),
        true,
    ),
    (
        "a run without an ID",
        |out| edit_rows(out, |rows| with_text(rows, 0, "id", "")),
        true,
    ),
    (
        "a run without an Actor",
        |out| edit_rows(out, |rows| with_text(rows, 1, "act_id", "")),
        true,
    ),
    (
        "a run without a status",
        |out| edit_rows(out, |rows| with_text(rows, 1, "status", "")),
        true,
    ),
    (
        "a known cost said to be unknown",
        |out| edit_rows(out, |rows| with_text(rows, 1, "cost_state", "unknown")),
        true,
    ),
    (
        "an unknown cost said to be settled",
        |out| edit_rows(out, |rows| with_text(rows, 3, "cost_state", "settled")),
        true,
    ),
    (
        "a cost_state that there is not",
        |out| edit_rows(out, |rows| with_text(rows, 1, "cost_state", "final")),
        true,
    ),
    ("another cost", |out| edit_rows(out, |rows| costing(rows, 1, 3)), true),
    (
        "a cost where none was known",
        |out| edit_rows(out, |rows| costing(rows, 3, 1)),
        true,
    ),
    (
        "a file of rows that is gone",
        |out| fs::remove_file(out.join("runs.parquet")).unwrap(),
        true,
    ),
    (
        "a link in the place of its rows",
        |out| {
            fs::rename(out.join("runs.parquet"), out.with_extension("parquet")).unwrap();
            std::os::unix::fs::symlink("../out.parquet", out.join("runs.parquet")).unwrap();
        },
        true,
    ),
    ("a file of rows cut off", |out| cut(&out.join("runs.parquet")), true),
    (
        "another hash of its rows",
        |out| edit_manifest(out, |all| entry(all, "runs.parquet")["sha256"] = "00".into()),
        true,
    ),
    (
        "another size of its rows",
        |out| edit_manifest(out, |all| entry(all, "runs.parquet")["bytes"] = 7.into()),
        true,
    ),
    (
        "another number of rows",
        |out| edit_manifest(out, |all| entry(all, "runs.parquet")["rows"] = 7.into()),
        true,
    ),
    (
        "another number of runs",
        |out| edit_manifest(out, |all| all["totals"]["runs"] = 5.into()),
        true,
    ),
    (
        "other dollars",
        |out| edit_manifest(out, |all| all["totals"]["usage_total_usd"] = "7.5".into()),
        true,
    ),
    (
        "no unknown costs",
        |out| edit_manifest(out, |all| all["totals"]["runs_cost_unknown"] = 0.into()),
        true,
    ),
    (
        "provisional costs",
        |out| edit_manifest(out, |all| all["totals"]["runs_provisional"] = 1.into()),
        true,
    ),
    (
        "other columns",
        |out| edit_manifest(out, |all| all["columns"][1] = "user_id".into()),
        true,
    ),
    (
        "a period of no length",
        |out| edit_manifest(out, |all| all["period"]["to"] = all["period"]["from"].clone()),
        true,
    ),
    (
        "another period",
        |out| edit_manifest(out, |all| all["period"]["from"] = "2025-08-31T00:00:00.000Z".into()),
        true,
    ),
    (
        "a time zone that there is not",
        |out| edit_manifest(out, |all| all["period"]["timezone"] = "Mars".into()),
        true,
    ),
    (
        "no time at which it was asked for",
        |out| edit_manifest(out, |all| all["queried_at"] = "soon".into()),
        true,
    ),
    (
        "a proof of fewer runs",
        |out| edit_manifest(out, |all| all["proof"]["fetched"] = 2.into()),
        false,
    ),
    (
        "another proof",
        |out| edit_manifest(out, |all| all["proof"]["proven"] = false.into()),
        false,
    ),
    (
        "rejected items that are nowhere",
        |out| edit_manifest(out, |all| all["runs_rejected"] = 9.into()),
        false,
    ),
    (
        "an account that its report lacks",
        |out| edit_manifest(out, |all| all["account"]["username"] = "x".into()),
        false,
    ),
    (
        "a retention that its report lacks",
        |out| edit_manifest(out, |all| all["retention"] = Value::Null),
        false,
    ),
    (
        "a caveat that its report lacks",
        |out| edit_manifest(out, |all| all["caveats"] = json!(["one"])),
        false,
    ),
    (
        "a report that is gone",
        |out| fs::remove_file(out.join("report.json")).unwrap(),
        false,
    ),
    ("half a manifest", |out| cut(&out.join("manifest.json")), true),
    (
        "a file beyond its folder",
        |out| edit_manifest(out, |all| entry(all, "runs.parquet")["path"] = "../out.parquet".into()),
        true,
    ),
];

/// Of exports with CSV alone.
const BROKEN_CSV: &[Broken] = &[
    ("a run twice", |out| edit_csv(out, "\nr3,", "\nr1,"), true),
    ("a run without an Actor", |out| edit_csv(out, ",actor,", ",,"), true),
    ("another cost", |out| edit_csv(out, ",2,", ",3,"), true),
    (
        "a known cost said to be unknown",
        |out| edit_csv(out, "settled", "unknown"),
        true,
    ),
    (
        "a row before its period",
        |out| edit_csv(out, "2025-09-01T00:00:00.000Z", "2025-08-01T00:00:00.000Z"),
        true,
    ),
    (
        "another hash of its rows",
        |out| edit_manifest(out, |all| entry(all, "runs.csv")["sha256"] = "00".into()),
        true,
    ),
];

/// Of exports with both, of which Parquet is read.
const BROKEN_BOTH: &[Broken] = &[
    (
        "other rows in the CSV",
        |out| edit_csv(out, ",actor,", ",other,"),
        false,
    ),
    (
        "a CSV that was changed",
        |out| fs::write(out.join("runs.csv"), "id\n").unwrap(),
        false,
    ),
];

fn cut(path: &Path) {
    let bytes = fs::read(path).unwrap();
    fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
}

/// Puts a copy of an export in the place of another.
fn copy(place: &Place, from: &str, to: &str) {
    let _ = fs::remove_dir_all(place.path(to));
    copy_all(&place.path(from), &place.path(to));
}

fn walk_exports(formats: &str, broken: &[Broken]) {
    let (place, server) = (Place::new(), account());
    let url = server.url();
    export(&place, &url, "2025-09", "whole", formats);
    export(&place, &url, "2025-10", "october", formats);
    copy(&place, "whole", "out");
    let readers = readers_of_exports(&url);
    all_pass(&place, &readers);
    for (how, broken, changes_rows) in broken {
        copy(&place, "whole", "out");
        broken(&place.path("out"));
        none_passes(&place, &readers, how);
        replaced(&place, &url, formats, how, *changes_rows);
        let _ = fs::remove_file(place.path("out.parquet"));
    }
}

/// What can't be told to hold no more than a new export isn't replaced, unless `--replace` says so; where the rows are what
/// they were, a new export mends the rest.
fn replaced(place: &Place, url: &str, formats: &str, how: &str, changes_rows: bool) {
    let out = Exported { out: place.path("out") };
    let args = [
        "export",
        "--month",
        "2025-09",
        "--out",
        "out",
        "--api-url",
        url,
        "--rate",
        "0",
    ];
    let args = [&args[..], &["--quiet", "--details", "none", "--format", formats]].concat();
    let before = out.bytes();
    let done = place.run(&args);
    let expected = if changes_rows { 6 } else { 0 };
    assert!(
        done.code == Some(expected),
        "replaced with {how}: expected exit {expected}\n{done}"
    );
    if changes_rows {
        assert!(out.bytes() == before, "{how}: the export was changed\n{done}");
    } else {
        place.run(&["verify", "out"]).exits(0);
    }
}

#[test]
fn no_command_takes_broken_parquet_for_good() {
    walk_exports("parquet", BROKEN_PARQUET);
}

#[test]
fn no_command_takes_broken_csv_for_good() {
    walk_exports("csv", BROKEN_CSV);
}

#[test]
fn no_command_takes_formats_that_differ_for_good() {
    walk_exports("parquet,csv", BROKEN_BOTH);
}

#[test]
fn a_changed_page_keeps_nobody_from_the_rows() {
    let (place, server) = (Place::new(), account());
    let url = server.url();
    export(&place, &url, "2025-09", "whole", "parquet,csv");
    copy(&place, "whole", "out");
    export(&place, &url, "2025-10", "october", "parquet,csv");
    for name in ["report.html", "report.md", "report.xlsx", "summary.txt"] {
        fs::write(place.path("out").join(name), "mine").unwrap();
    }
    fs::remove_file(place.path("out/cost_by_day.csv")).unwrap();
    place.run(&["verify", "out"]).exits(5).says(&[
        "report.html",
        "report.md",
        "report.xlsx",
        "summary.txt",
        "cost_by_day.csv",
    ]);
    let mut readers = readers_of_exports(&url);
    readers.retain(|(name, _)| *name != "verify");
    all_pass(&place, &readers);
    for (name, args) in readers {
        if name != "serve" {
            let done = ends(&place, &args);
            done.says(&["warning: out: ", "(and 4 more)", "apify-runs verify out"]);
            assert_eq!(done.stderr.matches("warning: out: ").count(), 1, "{done}");
            let _ = fs::remove_dir_all(place.path("made"));
        }
    }
}

#[test]
fn what_a_desktop_left_keeps_nobody_from_anything() {
    let (place, server) = (Place::new(), account());
    let url = server.url();
    export(&place, &url, "2025-09", "whole", "parquet,csv");
    copy(&place, "whole", "out");
    export(&place, &url, "2025-10", "october", "parquet,csv");
    let files = [
        "~$report.xlsx",
        ".~lock.report.xlsx#",
        ".DS_Store",
        "._report.html",
        "Thumbs.db",
        "desktop.ini",
        ".nfs000000000012abcd00000001",
        ".fuse_hidden0000000a00000001",
        "runs.csv~",
        ".runs.csv.swp",
        "#runs.csv#",
        ".syncthing.runs.csv.tmp",
        ".Trash-1000/info/thesis.txt",
        "@eaDir/report.html/SYNO",
        ".Spotlight-V100/store",
        ".snapshot/hourly/runs.csv",
    ];
    for name in files {
        let path = place.path("out").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "not ours").unwrap();
    }
    // As in the root of a volume, for whoever isn't root.
    fs::create_dir(place.path("out/lost+found")).unwrap();
    fs::set_permissions(place.path("out/lost+found"), fs::Permissions::from_mode(0o000)).unwrap();
    let readers = readers_of_exports(&url);
    all_pass(&place, &readers);
    let done = place.run(&["verify", "out"]);
    done.exits(0)
        .shows(&["Note: ignored", ".DS_Store", "~$report.xlsx", "lost+found", "@eaDir"]);
    let json = place.run(&["verify", "out", "--json"]);
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    assert!(
        json["holds"] == true && json["notes"][0].as_str().unwrap().contains("Thumbs.db"),
        "{json}"
    );
    // A stranger's file beside them is one still.
    fs::write(place.path("out/thesis.txt"), "").unwrap();
    place
        .run(&["verify", "out"])
        .exits(5)
        .says(&["thesis.txt: not in the manifest"]);
    fs::remove_file(place.path("out/thesis.txt")).unwrap();
    // Next month's cron, and --replace.
    export(&place, &url, "2025-09", "out", "parquet,csv");
    assert_eq!(names(&place.path("out")), names(&place.path("whole")));
}

#[test]
fn a_field_of_the_manifest_that_cannot_be_read_is_refused_by_its_name() {
    let (place, server) = (Place::new(), account());
    let url = server.url();
    export(&place, &url, "2025-09", "whole", "parquet,csv");
    let fields: [(&str, &str, &str); 5] = [
        ("/totals/usage_total_usd", "5 dollars", "totals.usage_total_usd"),
        ("/totals/usage_total_usd", "1e3", "an amount such as"),
        ("/period/from", "yesterday", "period.from"),
        ("/period/timezone", "Mars", "Mars"),
        ("/queried_at", "2025-13-01T00:00:00.000Z", "an instant such as"),
    ];
    for (pointer, text, named) in fields {
        copy(&place, "whole", "out");
        edit_manifest(&place.path("out"), |manifest| {
            *manifest.pointer_mut(pointer).unwrap() = json!(text);
        });
        for command in ["verify out", "report out", "diff whole out"] {
            let args: Vec<&str> = command.split(' ').collect();
            let done = place.run(&args);
            done.exits(5).says(&["out/manifest.json", named]);
            assert_eq!(done.stdout, "", "{done}");
        }
    }
}

#[test]
fn caveats_have_codes_and_counts_beside_their_sentences() {
    let (place, server) = (Place::new(), account());
    export(&place, &server.url(), "2025-09", "out", "parquet");
    let expected =
        json!([{"code": "cost_unknown", "runs": 1, "text": "the cost of 1 run is unknown: the total is a minimum"}]);
    for name in ["out/manifest.json", "out/report.json"] {
        let document: Value = serde_json::from_slice(&fs::read(place.path(name)).unwrap()).unwrap();
        assert_eq!(document["caveat_details"], expected, "{name}");
        assert_eq!(document["caveats"], json!([expected[0]["text"]]), "{name}");
    }
}

// Lakes.

#[cfg(feature = "lake")]
mod lakes {
    use std::path::PathBuf;

    use super::*;

    /// A way to break the lake in a folder.
    type BreakLake = fn(&Path);

    fn readers_of_lakes(url: &str) -> Vec<Reader> {
        vec![
            reader("verify", "verify lake"),
            reader("report", "report lake"),
            reader("report of the month", "report lake --month 2025-09 --format json"),
            reader(
                "report into a folder",
                "report lake --month 2025-09 --format xlsx,focus --with-runs --out made",
            ),
            reader("report --compare", "report october --compare lake"),
            reader("diff with a broken old one", "diff lake whole"),
            reader("diff with a broken new one", "diff whole lake --csv"),
            reader(
                "reconcile",
                &format!("reconcile lake --cycle 2025-09-15 --api-url {url}"),
            ),
            reader("serve", "serve lake"),
            reader("lake close", "lake close lake --month 2025-09 --out made"),
        ]
    }

    /// September's file.
    fn september(lake: &Path) -> PathBuf {
        let month = lake.join("started_month=2025-09");
        let names = crate::support::command::names(&month);
        let mut files = names.iter().filter(|name| name.ends_with(".parquet"));
        month.join(files.next().expect("September has a file"))
    }

    fn log(lake: &Path) -> Vec<PathBuf> {
        let names = crate::support::command::names(&lake.join("_delta_log"));
        let commits = names.iter().filter(|name| name.ends_with(".json"));
        commits.map(|name| lake.join("_delta_log").join(name)).collect()
    }

    /// Replaces text in every commit of the log.
    fn forge(lake: &Path, from: &str, to: &str) {
        let mut found = false;
        for path in log(lake) {
            let text = fs::read_to_string(&path).unwrap();
            found |= text.contains(from);
            fs::write(&path, text.replace(from, to)).unwrap();
        }
        assert!(found, "{from} stands nowhere in the log");
    }

    /// The file's size as the log says it.
    fn size(path: &Path) -> String {
        format!(r#""size":{},"#, fs::metadata(path).unwrap().len())
    }

    /// Rewrites September's rows, as this tool does; the log's size of them fits.
    fn edit(lake: &Path, change: impl Fn(&RecordBatch) -> RecordBatch) {
        let path = september(lake);
        let before = size(&path);
        edit_parquet(&path, "apify-runs 0.1.0", change);
        let after = size(&path);
        if before != after {
            forge(lake, &before, &after);
        }
    }

    /// Another engine adds a file to a month, with rows of September made by a change, and no statistics.
    fn add(lake: &Path, month: &str, change: impl Fn(&RecordBatch) -> RecordBatch) {
        let name = format!("started_month={month}/another.parquet");
        fs::create_dir_all(lake.join(format!("started_month={month}"))).unwrap();
        fs::copy(september(lake), lake.join(&name)).unwrap();
        edit_parquet(&lake.join(&name), "another engine", change);
        let size = fs::metadata(lake.join(&name)).unwrap().len();
        let action = json!({"add": {"path": name, "partitionValues": {"started_month": month}, "size": size,
            "modificationTime": 1_759_500_000_000_i64, "dataChange": true}});
        let version = log(lake).len();
        fs::write(
            lake.join(format!("_delta_log/{version:020}.json")),
            format!("{action}\n"),
        )
        .unwrap();
    }

    fn started(rows: &RecordBatch, row: usize, start: &str) -> RecordBatch {
        let column = rows.column_by_name("started_at").unwrap();
        let starts = column
            .as_primitive::<arrow_array::types::TimestampMicrosecondType>()
            .iter();
        let starts = starts
            .enumerate()
            .map(|(at, old)| if at == row { Some(ms(start) * 1000) } else { old });
        let starts: arrow_array::TimestampMicrosecondArray = starts.collect();
        with_column(rows, "started_at", Arc::new(starts.with_timezone("UTC")))
    }

    const BROKEN: &[(&str, BreakLake)] = &[
        ("a file that is gone", |lake| fs::remove_file(september(lake)).unwrap()),
        ("a file cut off", |lake| cut(&september(lake))),
        ("another size of a file", |lake| {
            forge(lake, &size(&september(lake)), r#""size":777,"#)
        }),
        ("another number of rows", |lake| {
            forge(lake, r#"\"numRecords\":4"#, r#"\"numRecords\":5"#)
        }),
        ("a greater least ID", |lake| {
            forge(lake, r#"\"id\":\"r1\""#, r#"\"id\":\"r11\""#)
        }),
        ("a smaller greatest ID", |lake| {
            forge(lake, r#"\"id\":\"r4\""#, r#"\"id\":\"r3\""#)
        }),
        ("a later first start", |lake| {
            forge(lake, "2025-09-01T00:00:00.000Z", "2025-09-01T00:00:00.001Z")
        }),
        ("an earlier last start", |lake| {
            forge(lake, "2025-09-30T23:59:59.999Z", "2025-09-30T23:59:59.998Z")
        }),
        ("bounds in another month", |lake| {
            forge(lake, "2025-09-01T00:00:00.000Z", "2025-10-01T00:00:00.000Z");
            forge(lake, "2025-09-30T23:59:59.999Z", "2025-10-01T23:59:59.999Z");
        }),
        ("a run without an Actor", |lake| {
            edit(lake, |rows| with_text(rows, 1, "act_id", ""))
        }),
        ("a run without a status", |lake| {
            edit(lake, |rows| with_text(rows, 1, "status", ""))
        }),
        ("a known cost said to be unknown", |lake| {
            edit(lake, |rows| with_text(rows, 1, "cost_state", "unknown"))
        }),
        ("an unknown cost said to be settled", |lake| {
            edit(lake, |rows| with_text(rows, 3, "cost_state", "settled"))
        }),
        ("a row in another month", |lake| {
            edit(lake, |rows| started(rows, 1, "2025-10-01T00:00:00.000Z"))
        }),
        ("rows out of order", |lake| {
            edit(lake, |rows| picked(rows, &[0, 2, 1, 3]))
        }),
        ("a run twice in a file", |lake| {
            edit(lake, |rows| with_text(rows, 2, "id", "r2"))
        }),
        ("a row that another engine has doubled", |lake| {
            add(lake, "2025-09", |rows| picked(rows, &[1]))
        }),
        ("a run that another engine has at another start too", |lake| {
            add(lake, "2025-09", |rows| {
                started(&picked(rows, &[1]), 0, "2025-09-25T00:00:00.000Z")
            })
        }),
        ("a run without an ID by another engine", |lake| {
            add(lake, "2025-09", |rows| with_text(&picked(rows, &[1]), 0, "id", ""))
        }),
        ("a row of another month by another engine", |lake| {
            add(lake, "2025-09", |rows| {
                with_text(
                    &started(&picked(rows, &[1]), 0, "2025-08-25T00:00:00.000Z"),
                    0,
                    "id",
                    "new",
                )
            })
        }),
        ("a file of this tool's twice", |lake| {
            let file = september(lake);
            let name = file.file_name().unwrap().to_str().unwrap().to_string();
            fs::copy(&file, file.with_file_name("copy.parquet")).unwrap();
            let commits = log(lake);
            let texts = commits.iter().map(|commit| fs::read_to_string(commit).unwrap());
            let text: String = texts.collect();
            let add = text
                .lines()
                .find(|line| line.starts_with(r#"{"add""#) && line.contains(&name));
            let add = add.unwrap().replace(&name, "copy.parquet");
            fs::write(lake.join(format!("_delta_log/{:020}.json", commits.len())), add + "\n").unwrap();
        }),
    ];

    #[test]
    fn no_command_takes_a_broken_lake_for_good() {
        let (place, server) = (Place::new(), account());
        let url = server.url();
        let sync = [
            "sync",
            "--lake",
            "good",
            "--api-url",
            &url,
            "--rate",
            "0",
            "--quiet",
            "--details",
            "none",
        ];
        place.run(&sync).exits(0);
        export(&place, &url, "2025-09", "whole", "parquet");
        export(&place, &url, "2025-10", "october", "parquet");
        copy_all(&place.path("good"), &place.path("lake"));
        let readers = readers_of_lakes(&url);
        all_pass(&place, &readers);
        for (how, broken) in BROKEN {
            fs::remove_dir_all(place.path("lake")).unwrap();
            copy_all(&place.path("good"), &place.path("lake"));
            broken(&place.path("lake"));
            let commits = log(&place.path("lake"));
            none_passes(&place, &readers, how);
            assert_eq!(log(&place.path("lake")), commits, "{how}: something was committed");
        }
    }

    #[test]
    fn a_run_that_is_in_two_months_is_named_and_so_are_three_of_many() {
        let (place, server) = (Place::new(), account());
        let url = server.url();
        let sync = [
            "sync",
            "--lake",
            "lake",
            "--api-url",
            &url,
            "--rate",
            "0",
            "--quiet",
            "--details",
            "none",
        ];
        place.run(&sync).exits(0);
        // Within October alone it is there once.
        add(&place.path("lake"), "2025-10", |rows| {
            started(&picked(rows, &[0]), 0, "2025-10-02T12:00:00.000Z")
        });
        for command in [&["report", "lake"][..], &["verify", "lake"], &["serve", "lake"]] {
            let args: Vec<String> = command.iter().map(|arg| arg.to_string()).collect();
            ends(&place, &args).exits(5).says(&["run r1 is there more than once"]);
        }
        place.run(&["report", "lake", "--month", "2025-10"]).exits(0);
        fs::remove_dir_all(place.path("lake")).unwrap();
        place.run(&sync).exits(0);
        add(&place.path("lake"), "2025-09", |rows| picked(rows, &[0, 1, 2, 3]));
        for command in [&["report", "lake"][..], &["verify", "lake"], &["serve", "lake"]] {
            let args: Vec<String> = command.iter().map(|arg| arg.to_string()).collect();
            ends(&place, &args)
                .exits(5)
                .says(&["runs r1, r2, r3 and 1 more are there more than once"]);
        }
    }
}
