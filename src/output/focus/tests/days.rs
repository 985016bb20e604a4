//! One row per UTC day, Actor, task, status and user, and the columns of another version of FOCUS.

use super::*;

fn by_day(version: FocusVersion) -> FocusContext {
    FocusContext {
        grain: FocusGrain::Day,
        version,
        ..context()
    }
}

/// Rows of CSV as the cells of these columns, and the names of all columns.
pub(super) fn picked<const N: usize>(csv: &[u8], names: [&str; N]) -> (Vec<[String; N]>, Vec<String>) {
    let mut reader = ::csv::Reader::from_reader(csv);
    let header = reader.headers().unwrap().clone();
    let at = names.map(|name| header.iter().position(|found| found == name).unwrap());
    let rows = reader.records().map(|row| {
        let row = row.unwrap();
        at.map(|at| row[at].to_string())
    });
    (rows.collect(), header.iter().map(String::from).collect())
}

#[test]
fn the_runs_of_a_day_are_this_line() {
    let task = TestRun {
        actor_task_id: Some("task1"),
        actor_task_name: Some("daily"),
        ..RUN
    };
    let runs = [
        task,
        TestRun {
            id: "run2",
            started_at: "2025-09-01T23:59:59.999Z",
            finished_at: Some("2025-09-03T00:00:00.000Z"),
            usage: Some(1),
            cost_state: "provisional",
            ..task
        },
    ];
    let written = written(&by_day(FocusVersion::V1_2), &[batch(&runs, &[])]);
    assert_eq!(
        String::from_utf8(written.csv).unwrap().lines().collect::<Vec<_>>(),
        [
            HEADER,
            "0.120000000000000001,acc1,somebody,USD,2025-10-01T00:00:00Z,2025-09-01T00:00:00Z,Usage,,Runs of Actor apify/web-scraper,Usage-Based,2025-09-02T00:00:00Z,2025-09-01T00:00:00Z,2.0,Run,0.120000000000000001,0.120000000000000001,,Apify,0.120000000000000001,2.0,Run,Apify,Apify,,,,Compute,Apify Actors,Serverless Compute,act1,apify/web-scraper,calendar-month,usage priced when queried; not the invoice; before or after discount undocumented,provisional,API,2025-10-03T06:00:00.123Z,runs,,SUCCEEDED,task1,daily,user1"
        ]
    );
    let counts = FocusCounts {
        rows: 1,
        usage: Usd(120_000_000_000_000_001),
        ..FocusCounts::default()
    };
    assert_eq!(written.counts, counts);
}

#[test]
fn a_row_is_of_one_day_actor_task_status_and_user_and_what_is_missing_is_no_part_of_it() {
    let first = TestRun {
        started_at: "2025-09-30T23:59:59.999Z",
        ..RUN
    };
    let failed = TestRun {
        status: "FAILED",
        ..first
    };
    let next = TestRun {
        started_at: "2025-10-01T00:00:00.000Z",
        ..RUN
    };
    let task = TestRun {
        actor_task_id: Some("task1"),
        ..next
    };
    let unknown = TestRun {
        usage: None,
        cost_state: "unknown",
        ..next
    };
    let unfinished = TestRun {
        finished_at: None,
        cost_state: "provisional",
        ..next
    };
    // An empty text is no text, and a day goes on in another batch.
    let empty = TestRun {
        actor_task_id: Some(""),
        usage: Some(2 * DOLLAR),
        ..next
    };
    let batches = [
        batch(&[first, failed, first, next], &[]),
        batch(&[task, unknown, unfinished, empty, task], &[]),
    ];
    let written = written(&by_day(FocusVersion::V1_2), &batches);
    let names = [
        "ChargePeriodStart",
        "BillingPeriodStart",
        "x_Status",
        "x_TaskId",
        "ConsumedQuantity",
        "PricingQuantity",
        "BilledCost",
        "x_CostState",
    ];
    let (rows, _) = picked(&written.csv, names);
    let row = |day: &str, month: &str, rest: [&str; 6]| {
        let [day, month] = [day, month].map(|day| format!("{day}T00:00:00Z"));
        let [status, task, consumed, priced, cost, state] = rest.map(String::from);
        [day, month, status, task, consumed, priced, cost, state]
    };
    let september = |rest| row("2025-09-30", "2025-09-01", rest);
    let october = |rest| row("2025-10-01", "2025-10-01", rest);
    assert_eq!(
        rows,
        [
            september(["SUCCEEDED", "", "2.0", "2.0", "0.24", "settled"]),
            september(["FAILED", "", "1.0", "1.0", "0.12", "settled"]),
            october(["SUCCEEDED", "", "2.0", "2.0", "2.12", "settled"]),
            october(["SUCCEEDED", "task1", "2.0", "2.0", "0.24", "settled"]),
        ]
    );
    let expected = FocusCounts {
        rows: 4,
        parts: 0,
        usage: Usd(2_720_000_000_000_000_000),
        missing_unknown: 1,
        missing_unfinished: 1,
        missing_usage: Usd(120_000_000_000_000_000),
    };
    assert_eq!(written.counts, expected);
    assert_eq!(String::from_utf8(written.missing).unwrap().lines().count(), 3);
}

#[test]
fn a_row_has_the_origin_and_user_only_if_its_runs_share_them() {
    let origins = |origins: [Option<&str>; 2], users: [Option<&str>; 2]| {
        let runs = batch(&[RUN, RUN], &["meta_origin", "user_id"]);
        let mut columns: Vec<(String, ArrayRef)> = Vec::new();
        for (field, array) in runs.schema().fields().iter().zip(runs.columns()) {
            columns.push((field.name().clone(), array.clone()));
        }
        columns.push(("meta_origin".into(), Arc::new(StringArray::from(origins.to_vec()))));
        columns.push(("user_id".into(), Arc::new(StringArray::from(users.to_vec()))));
        let runs = RecordBatch::try_from_iter(columns).unwrap();
        let csv = written(&by_day(FocusVersion::V1_2), &[runs]).csv;
        let (rows, _) = picked(&csv, ["x_Origin", "x_UserId", "PricingQuantity"]);
        rows.iter().map(|row| row.join(",")).collect::<Vec<_>>()
    };
    let ann = [Some("ann"); 2];
    assert_eq!(origins([Some("API"), Some("API")], ann), ["API,ann,2.0"]);
    assert_eq!(origins([Some("API"), Some("WEB")], ann), [",ann,2.0"]);
    assert_eq!(origins([None, Some("WEB")], ann), [",ann,2.0"]);
    assert_eq!(
        origins([Some("API"), Some("API")], [Some("ann"), Some("bob")]),
        ["API,ann,1.0", "API,bob,1.0"]
    );
    assert_eq!(origins([Some("API"), Some("API")], [None, Some("")]), ["API,,2.0"]);
}

#[test]
fn a_day_that_comes_after_a_later_one_is_refused() {
    let earlier = TestRun {
        id: "late",
        started_at: "2025-08-31T23:59:59.999Z",
        ..RUN
    };
    let runs = batch(&[RUN, earlier], &[]);
    let csv = CsvOutput::Whole(Vec::new());
    let mut files = FocusFiles::new(&by_day(FocusVersion::V1_2), &runs.schema(), csv, Vec::new(), Vec::new()).unwrap();
    let error = files.write(&runs).unwrap_err();
    assert_eq!(error.exit_code(), 5);
    assert!(error.to_string().contains("run late is not in order"), "{error}");
}

#[test]
fn parquet_of_days_has_the_same_types_and_a_sum_to_the_last_digit() {
    // More groups than are written at once: a task for every two runs.
    const RUNS: usize = 20_000;
    let tasks: Vec<String> = (0..RUNS).map(|at| format!("task{}", at / 2)).collect();
    let runs: Vec<TestRun> = tasks
        .iter()
        .enumerate()
        .map(|(at, task)| TestRun {
            actor_task_id: Some(task),
            usage: Some(at as i128),
            ..RUN
        })
        .collect();
    let written = written(&by_day(FocusVersion::V1_4), &[batch(&runs, &[])]);
    let (builder, batches) = read_back(&written.parquet);
    let version = builder.metadata().file_metadata().key_value_metadata().unwrap();
    let version = version.iter().find(|pair| pair.key == "FocusVersion").unwrap();
    assert_eq!(version.value.as_deref(), Some("1.4"));
    let field = |name: &str| builder.schema().field_with_name(name).unwrap().clone();
    assert!(field("ResourceId").is_nullable() && field("ResourceType").is_nullable());
    assert!(matches!(
        field("x_StartedAt").data_type(),
        DataType::Timestamp(TimeUnit::Millisecond, _)
    ));
    let (mut rows, mut sum, mut runs) = (0, 0, 0);
    for batch in &batches {
        let decimals = |name: &str| {
            let column = batch.column_by_name(name).unwrap();
            column.as_primitive::<Decimal128Type>().values().iter().sum::<i128>()
        };
        rows += batch.num_rows();
        sum += decimals("BilledCost");
        runs += decimals("ConsumedQuantity");
        let nulls = |name: &str| batch.column_by_name(name).unwrap().null_count();
        assert_eq!(
            (nulls("ResourceId"), nulls("x_StartedAt")),
            (batch.num_rows(), batch.num_rows())
        );
    }
    // Gauss: 0 + 1 + … + 19,999.
    assert_eq!((rows, sum, runs), (RUNS / 2, 199_990_000, RUNS as i128 * DOLLAR));
}

#[test]
fn version_1_4_has_other_columns_for_who_provides_what() {
    let new = FocusContext {
        version: FocusVersion::V1_4,
        ..context()
    };
    let old_csv = written(&context(), &[batch(&[RUN], &[])]).csv;
    let new_csv = written(&new, &[batch(&[RUN], &[])]).csv;
    let (_, old_names) = picked(&old_csv, []);
    let names = [
        "HostProviderName",
        "ServiceProviderName",
        "InvoiceDetailId",
        "CommitmentProgramEligibilityDetails",
    ];
    let (rows, new_names) = picked(&new_csv, names);
    assert_eq!(rows, [["Apify", "Apify", "", ""].map(String::from)]);
    let only_in = |some: &[String], others: &[String]| -> Vec<String> {
        some.iter().filter(|name| !others.contains(name)).cloned().collect()
    };
    assert_eq!(only_in(&old_names, &new_names), ["ProviderName", "PublisherName"]);
    let mut added = only_in(&new_names, &old_names);
    added.sort_unstable();
    let mut expected = names.map(String::from);
    expected.sort_unstable();
    assert_eq!(added, expected);
    // FOCUS's columns in order of the alphabet, then ours.
    let ours: Vec<bool> = new_names.iter().map(|name| name.starts_with("x_")).collect();
    assert!(ours.is_sorted());
    for part in new_names.chunk_by(|one, other| one.starts_with("x_") == other.starts_with("x_")) {
        assert!(part.is_sorted(), "{part:?}");
    }
}
