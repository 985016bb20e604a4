//! Whole rows as literals, what is declared as missing, and hostile input; what Parquet holds is `table`'s, and days are `days`'.

mod days;
mod not_attributed;
mod table;

use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;

use ::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, TimestampMillisecondType};
use arrow_array::{Array, ArrayRef, Decimal128Array, RecordBatch, StringArray, TimestampMillisecondArray};
use arrow_schema::{DataType, TimeUnit};

use super::*;
use crate::output::names::FOCUS_CSV;
use crate::period::parse_instant;
use crate::text::unescape_formula;

const HEADER: &str = "BilledCost,BillingAccountId,BillingAccountName,BillingCurrency,BillingPeriodEnd,BillingPeriodStart,ChargeCategory,ChargeClass,ChargeDescription,ChargeFrequency,ChargePeriodEnd,ChargePeriodStart,ConsumedQuantity,ConsumedUnit,ContractedCost,EffectiveCost,InvoiceId,InvoiceIssuerName,ListCost,PricingQuantity,PricingUnit,ProviderName,PublisherName,ResourceId,ResourceName,ResourceType,ServiceCategory,ServiceName,ServiceSubcategory,x_ActorId,x_ActorName,x_BillingPeriodBasis,x_CostBasis,x_CostState,x_Origin,x_QueriedAt,x_RowKind,x_StartedAt,x_Status,x_TaskId,x_TaskName,x_UserId";

const DOLLAR: i128 = 1_000_000_000_000_000_000;

#[derive(Clone, Copy)]
struct TestRun<'a> {
    id: &'a str,
    act_name: Option<&'a str>,
    actor_task_id: Option<&'a str>,
    actor_task_name: Option<&'a str>,
    status: &'a str,
    started_at: &'a str,
    finished_at: Option<&'a str>,
    usage: Option<i128>,
    cost_state: &'a str,
}

const RUN: TestRun = TestRun {
    id: "run1",
    act_name: Some("apify/web-scraper"),
    actor_task_id: None,
    actor_task_name: None,
    status: "SUCCEEDED",
    started_at: "2025-09-01T12:00:00.999Z",
    finished_at: Some("2025-09-01T12:03:00.001Z"),
    usage: Some(120_000_000_000_000_000),
    cost_state: "settled",
};

fn ms(text: &str) -> i64 {
    parse_instant(text).unwrap()
}

/// All columns that FOCUS takes something from, but those that are left out.
fn batch(runs: &[TestRun], without: &[&str]) -> RecordBatch {
    let text =
        |of: fn(&TestRun) -> Option<String>| -> ArrayRef { Arc::new(runs.iter().map(of).collect::<StringArray>()) };
    let instant = |of: fn(&TestRun) -> Option<i64>| -> ArrayRef {
        let instants = runs.iter().map(of).collect::<TimestampMillisecondArray>();
        Arc::new(instants.with_timezone("UTC"))
    };
    let costs = runs.iter().map(|run| run.usage).collect::<Decimal128Array>();
    let costs: ArrayRef = Arc::new(costs.with_precision_and_scale(38, 18).unwrap());
    let columns = [
        ("id", text(|run| Some(run.id.into())), false),
        ("act_id", text(|_| Some("act1".into())), false),
        ("user_id", text(|_| Some("user1".into())), true),
        ("actor_task_id", text(|run| run.actor_task_id.map(Into::into)), true),
        ("status", text(|run| Some(run.status.into())), false),
        ("started_at", instant(|run| Some(ms(run.started_at))), false),
        ("finished_at", instant(|run| run.finished_at.map(ms)), true),
        ("meta_origin", text(|_| Some("API".into())), true),
        ("usage_total_usd", costs, true),
        ("cost_state", text(|run| Some(run.cost_state.into())), false),
        ("act_name", text(|run| run.act_name.map(Into::into)), true),
        ("actor_task_name", text(|run| run.actor_task_name.map(Into::into)), true),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().filter(|(name, ..)| !without.contains(name))).unwrap()
}

fn context() -> FocusContext {
    FocusContext {
        grain: FocusGrain::Run,
        version: FocusVersion::V1_2,
        account: Some(Account {
            id: "acc1".into(),
            username: Some("somebody".into()),
        }),
        source: Source::Api,
        queried_at_ms: ms("2025-10-03T06:00:00.123Z"),
        billing_cycle: None,
        has_counted_usage: false,
    }
}

/// The three files of some batches.
#[derive(Default)]
struct Written {
    counts: FocusCounts,
    csv: Vec<u8>,
    parquet: Vec<u8>,
    missing: Vec<u8>,
}

fn written(context: &FocusContext, batches: &[RecordBatch]) -> Written {
    let schema = batches[0].schema();
    let mut to = Written::default();
    let mut files = FocusFiles::new(
        context,
        &schema,
        CsvOutput::Whole(&mut to.csv),
        &mut to.parquet,
        &mut to.missing,
    )
    .unwrap();
    batches.iter().for_each(|batch| files.write(batch).unwrap());
    to.counts = files.finish(&CountedUsage::default()).unwrap();
    to
}

/// The lines of focus.csv but its header.
fn lines(context: &FocusContext, runs: &[TestRun]) -> Vec<String> {
    let csv = String::from_utf8(written(context, &[batch(runs, &[])]).csv).unwrap();
    let mut lines = csv.lines().map(String::from);
    assert_eq!(lines.next().as_deref(), Some(HEADER));
    lines.collect()
}

/// Cells of the first row of focus.csv by their columns' names.
fn cells<const N: usize>(context: &FocusContext, run: TestRun, names: [&str; N]) -> [String; N] {
    let csv = written(context, &[batch(&[run], &[])]).csv;
    let mut reader = ::csv::Reader::from_reader(csv.as_slice());
    let header = reader.headers().unwrap().clone();
    let row = reader.records().next().unwrap().unwrap();
    names.map(|name| row[header.iter().position(|found| found == name).unwrap()].to_string())
}

fn read_back(parquet: &[u8]) -> (ParquetRecordBatchReaderBuilder<File>, Vec<RecordBatch>) {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(parquet).unwrap();
    let builder = || ParquetRecordBatchReaderBuilder::try_new(file.try_clone().unwrap()).unwrap();
    let batches = builder().build().unwrap().map(Result::unwrap).collect();
    (builder(), batches)
}

#[test]
fn a_run_is_this_line() {
    let run = TestRun {
        actor_task_id: Some("task1"),
        actor_task_name: Some("daily"),
        ..RUN
    };
    assert_eq!(
        lines(&context(), &[run]),
        [
            "0.12,acc1,somebody,USD,2025-10-01T00:00:00Z,2025-09-01T00:00:00Z,Usage,,Run of Actor apify/web-scraper,Usage-Based,2025-09-01T12:03:01Z,2025-09-01T12:00:00Z,1.0,Run,0.12,0.12,,Apify,0.12,1.0,Run,Apify,Apify,run1,,Actor run,Compute,Apify Actors,Serverless Compute,act1,apify/web-scraper,calendar-month,usage priced when queried; not the invoice; before or after discount undocumented,settled,API,2025-10-03T06:00:00.123Z,run,2025-09-01T12:00:00.999Z,SUCCEEDED,task1,daily,user1"
        ]
    );
}

#[test]
fn a_run_of_the_demo_with_as_little_as_an_export_may_hold_is_this_line() {
    let without = ["user_id", "actor_task_id", "meta_origin", "act_name", "actor_task_name"];
    let demo = FocusContext {
        source: Source::Demo,
        ..context()
    };
    let csv = String::from_utf8(written(&demo, &[batch(&[RUN], &without)]).csv).unwrap();
    assert_eq!(
        csv.lines().nth(1).unwrap(),
        "0.12,acc1,MADE-UP ACCOUNT (--demo),USD,2025-10-01T00:00:00Z,2025-09-01T00:00:00Z,Usage,,Run of Actor act1,Usage-Based,2025-09-01T12:03:01Z,2025-09-01T12:00:00Z,1.0,Run,0.12,0.12,,Apify,0.12,1.0,Run,Apify,Apify,run1,,Actor run,Compute,Apify Actors,Serverless Compute,act1,,calendar-month,usage priced when queried; not the invoice; before or after discount undocumented,settled,,2025-10-03T06:00:00.123Z,run,2025-09-01T12:00:00.999Z,SUCCEEDED,,,"
    );
}

#[test]
fn a_charge_period_is_whole_seconds_and_never_empty() {
    let period = |started_at, finished_at| {
        let run = TestRun {
            started_at,
            finished_at: Some(finished_at),
            ..RUN
        };
        cells(&context(), run, ["ChargePeriodStart", "ChargePeriodEnd"])
    };
    let cases = [
        (
            ("2025-12-31T23:59:59.999Z", "2025-12-31T23:59:59.999Z"),
            ["2025-12-31T23:59:59Z", "2026-01-01T00:00:00Z"],
        ),
        (
            ("2024-02-29T00:00:00.000Z", "2024-02-29T00:00:00.000Z"),
            ["2024-02-29T00:00:00Z", "2024-02-29T00:00:01Z"],
        ),
        (
            ("2025-09-01T00:00:00.000Z", "2025-09-01T00:00:01.000Z"),
            ["2025-09-01T00:00:00Z", "2025-09-01T00:00:01Z"],
        ),
        (
            ("2025-09-01T00:00:00.000Z", "2025-09-01T00:00:01.001Z"),
            ["2025-09-01T00:00:00Z", "2025-09-01T00:00:02Z"],
        ),
        (
            ("2025-09-01T00:00:10.500Z", "2025-09-01T00:00:01.000Z"),
            ["2025-09-01T00:00:10Z", "2025-09-01T00:00:11Z"],
        ),
    ];
    for ((started_at, finished_at), expected) in cases {
        assert_eq!(period(started_at, finished_at), expected);
    }
}

#[test]
fn a_billing_period_is_the_cycle_where_it_is_known() {
    let context = FocusContext {
        billing_cycle: Some((ms("2025-09-15T00:00:00.000Z"), ms("2025-10-15T00:00:00.000Z"))),
        ..context()
    };
    let names = ["BillingPeriodStart", "BillingPeriodEnd", "x_BillingPeriodBasis"];
    let of = |started_at| cells(&context, TestRun { started_at, ..RUN }, names);
    let cycle = ["2025-09-15T00:00:00Z", "2025-10-15T00:00:00Z", "billing-cycle"];
    assert_eq!(of("2025-09-15T00:00:00.000Z"), cycle);
    assert_eq!(of("2025-10-14T23:59:59.999Z"), cycle);
    assert_eq!(
        of("2025-10-15T00:00:00.000Z"),
        ["2025-10-01T00:00:00Z", "2025-11-01T00:00:00Z", "calendar-month"]
    );
    assert_eq!(
        of("2024-02-29T23:59:59.999Z"),
        ["2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z", "calendar-month"]
    );
    assert_eq!(
        of("2025-12-31T23:59:59.999Z"),
        ["2025-12-01T00:00:00Z", "2026-01-01T00:00:00Z", "calendar-month"]
    );
}

#[test]
fn what_focus_can_t_hold_is_declared() {
    let runs = [
        RUN,
        TestRun {
            id: "unknown",
            usage: None,
            cost_state: "unknown",
            act_name: Some("=1+1"),
            ..RUN
        },
        TestRun {
            id: "running",
            finished_at: None,
            usage: Some(5 * DOLLAR),
            status: "RUNNING",
            cost_state: "provisional",
            ..RUN
        },
        TestRun {
            id: "both",
            finished_at: None,
            usage: None,
            status: "RUNNING",
            cost_state: "unknown",
            act_name: None,
            ..RUN
        },
        TestRun {
            id: "provisional",
            usage: Some(1),
            cost_state: "provisional",
            ..RUN
        },
    ];
    let written = written(&context(), &[batch(&runs, &[])]);
    assert_eq!(
        String::from_utf8(written.missing).unwrap(),
        "reason,id,act_id,act_name,status,started_at,finished_at,usage_total_usd,cost_state\n\
         cost-unknown,unknown,act1,'=1+1,SUCCEEDED,2025-09-01T12:00:00.999Z,2025-09-01T12:03:00.001Z,,unknown\n\
         unfinished,running,act1,apify/web-scraper,RUNNING,2025-09-01T12:00:00.999Z,,5,provisional\n\
         cost-unknown-and-unfinished,both,act1,,RUNNING,2025-09-01T12:00:00.999Z,,,unknown\n"
    );
    let expected = FocusCounts {
        rows: 2,
        parts: 0,
        usage: Usd(120_000_000_000_000_001),
        missing_unknown: 2,
        missing_unfinished: 1,
        missing_usage: Usd(5 * DOLLAR),
    };
    assert_eq!(written.counts, expected);
    let csv = String::from_utf8(written.csv).unwrap();
    let provisional = csv.lines().nth(2).unwrap();
    assert!(provisional.starts_with("0.000000000000000001,acc1,"), "{provisional}");
    assert!(provisional.contains(",provisional,"), "{provisional}");
    let (_, batches) = read_back(&written.parquet);
    let ids = batches[0].column_by_name("ResourceId").unwrap().as_string::<i32>();
    assert_eq!(ids.iter().flatten().collect::<Vec<_>>(), ["run1", "provisional"]);
}

#[test]
fn hostile_names_break_neither_file() {
    let long = "x".repeat(10_000);
    let names = [
        "=HYPERLINK(\"http://x\",\"y\")",
        "a,b \"c\"",
        "one\ntwo\r\nthree",
        "@cmd",
        "'=already",
        "bell\u{7}escape\u{1b}[31m",
        "left\u{202e}right\u{2066}",
        "日本語",
        "",
        &long,
    ];
    let runs = names.map(|name| TestRun {
        act_name: Some(name),
        actor_task_name: Some(name),
        ..RUN
    });
    let written = written(&context(), &[batch(&runs, &[])]);
    let mut reader = ::csv::Reader::from_reader(written.csv.as_slice());
    let header = reader.headers().unwrap().clone();
    let at = |name: &str| header.iter().position(|found| found == name).unwrap();
    let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), names.len());
    for (row, name) in rows.iter().zip(names) {
        assert_eq!(
            (
                unescape_formula(&row[at("x_ActorName")]),
                unescape_formula(&row[at("x_TaskName")])
            ),
            (name, name)
        );
        let shown = if name.is_empty() { "act1" } else { name };
        assert_eq!(row[at("ChargeDescription")], format!("Run of Actor {shown}"));
        assert_eq!(
            (&row[at("x_UserId")], &row[at("x_StartedAt")]),
            ("user1", "2025-09-01T12:00:00.999Z")
        );
    }
    assert_eq!(&rows[0][at("x_ActorName")], "'=HYPERLINK(\"http://x\",\"y\")");
    let (_, batches) = read_back(&written.parquet);
    let found = batches[0].column_by_name("x_ActorName").unwrap().as_string::<i32>();
    let found: Vec<_> = found.iter().collect();
    let expected = names.map(|name| Some(name).filter(|name| !name.is_empty()));
    assert_eq!(found, expected);
}

#[test]
fn ids_that_look_like_numbers_stay_text() {
    let run = TestRun {
        id: "0012",
        actor_task_id: Some("1E5"),
        ..RUN
    };
    assert_eq!(cells(&context(), run, ["ResourceId", "x_TaskId"]), ["0012", "1E5"]);
    let (_, batches) = read_back(&written(&context(), &[batch(&[run], &[])]).parquet);
    let ids =
        ["ResourceId", "x_TaskId"].map(|name| batches[0].column_by_name(name).unwrap().as_string::<i32>().value(0));
    assert_eq!(ids, ["0012", "1E5"]);
}

#[test]
fn without_ends_or_an_account_nothing_is_written() {
    let refused = |context: &FocusContext, without: &[&str]| {
        let schema = batch(&[RUN], without).schema();
        let error = FocusFiles::new(context, &schema, CsvOutput::Whole(Vec::new()), Vec::new(), Vec::new()).err();
        let error = error.unwrap();
        assert_eq!(error.exit_code(), 2);
        error.to_string()
    };
    assert!(refused(&context(), &["finished_at"]).contains("finished_at"));
    let nobodys = FocusContext {
        account: None,
        ..context()
    };
    assert!(refused(&nobodys, &[]).contains("does not have its account"));
}

#[test]
fn no_runs_give_a_header_and_a_readable_table() {
    let written = written(&context(), &[batch(&[], &[])]);
    assert_eq!(String::from_utf8(written.csv).unwrap(), format!("{HEADER}\n"));
    let (builder, batches) = read_back(&written.parquet);
    assert_eq!((builder.schema().fields().len(), batches.len()), (42, 0));
    assert_eq!(written.counts, FocusCounts::default());
}

/// A disk that is full.
struct Full;

impl Write for Full {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::Error::other("no space left"))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn what_can_t_be_written_is_an_error_that_names_the_file() {
    let sink = |full: bool| -> Box<dyn Write + Send> { if full { Box::new(Full) } else { Box::new(io::sink()) } };
    for (csv, parquet, missing, named) in [
        (true, false, false, FOCUS_CSV),
        (false, true, false, FOCUS_PARQUET),
        (false, false, true, FOCUS_MISSING_CSV),
    ] {
        let runs = batch(&[RUN], &[]);
        let files = FocusFiles::new(
            &context(),
            &runs.schema(),
            CsvOutput::Whole(sink(csv)),
            sink(parquet),
            sink(missing),
        );
        let error = files.and_then(|mut files| {
            files.write(&runs)?;
            files.finish(&CountedUsage::default())
        });
        let error = error.err().unwrap();
        assert_eq!(error.exit_code(), 6);
        let text = error.to_string();
        assert!(
            text.starts_with(&format!("cannot write {named}: ")) && text.contains("no space left"),
            "{text}"
        );
    }
}
