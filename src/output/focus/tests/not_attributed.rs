//! Rows of what Apify counts and no run has: one a day, negative too, so that all rows add up to what is counted.

use super::days::picked;
use super::*;

const DAY: i64 = 86_400;

fn counted(day: &str, usage: i128) -> CountedSpan {
    let start_s = ms(day) / 1000;
    CountedSpan {
        start_s,
        end_s: start_s + DAY,
        usage: Usd(usage),
    }
}

fn written_beside(grain: FocusGrain, runs: &[TestRun], spans: &[CountedSpan]) -> Written {
    let context = FocusContext {
        grain,
        has_counted_usage: true,
        ..context()
    };
    let mut to = Written::default();
    let csv = CsvOutput::Whole(&mut to.csv);
    let batch = batch(runs, &[]);
    let mut files = FocusFiles::new(&context, &batch.schema(), csv, &mut to.parquet, &mut to.missing).unwrap();
    files.write(&batch).unwrap();
    to.counts = files
        .finish(&CountedUsage {
            queried_at_ms: ms("2025-10-04T00:00:00.000Z"),
            spans: spans.to_vec(),
        })
        .unwrap();
    to
}

#[test]
fn a_day_has_one_row_more_and_all_rows_add_up_to_what_is_counted() {
    let runs = [
        RUN,
        TestRun {
            id: "run2",
            started_at: "2025-09-01T23:59:59.999Z",
            usage: Some(5 * DOLLAR),
            ..RUN
        },
        // Without a cost it is no row, and what it used is not attributed.
        TestRun {
            id: "run3",
            started_at: "2025-09-02T00:00:00.000Z",
            usage: None,
            ..RUN
        },
    ];
    let days = [
        counted("2025-09-01T00:00:00.000Z", 4 * DOLLAR),
        counted("2025-09-02T00:00:00.000Z", 3 * DOLLAR),
    ];
    for grain in [FocusGrain::Run, FocusGrain::Day] {
        let written = written_beside(grain, &runs, &days);
        let columns = [
            "x_RowKind",
            "BilledCost",
            "ChargePeriodStart",
            "ChargePeriodEnd",
            "ConsumedQuantity",
            "ConsumedUnit",
            "ServiceCategory",
            "ResourceId",
            "x_ActorId",
            "x_CostState",
        ];
        let (rows, _) = picked(&written.csv, columns);
        let others: Vec<_> = rows.iter().filter(|row| row[0] == "not-attributed").collect();
        let row = |cost: &str, start: &str, end: &str| {
            ["not-attributed", cost, start, end, "1.0", "Day", "Other", "", "", ""].map(String::from)
        };
        // $4 less $0.12 and $5.
        let expected = [
            row("-1.12", "2025-09-01T00:00:00Z", "2025-09-02T00:00:00Z"),
            row("3", "2025-09-02T00:00:00Z", "2025-09-03T00:00:00Z"),
        ];
        assert_eq!(others, expected.iter().collect::<Vec<_>>());
        let (_, batches) = read_back(&written.parquet);
        let sum: i128 = batches
            .iter()
            .flat_map(|batch| {
                batch
                    .column_by_name("BilledCost")
                    .unwrap()
                    .as_primitive::<Decimal128Type>()
                    .values()
                    .to_vec()
            })
            .sum();
        assert_eq!(sum, 7 * DOLLAR);
        assert_eq!(written.counts.rows as usize, rows.len());
    }
}

#[test]
fn usage_without_days_is_one_row_and_its_period_is_all_of_them() {
    let span = CountedSpan {
        end_s: ms("2025-10-01T00:00:00.000Z") / 1000,
        ..counted("2025-09-01T00:00:00.000Z", 10 * DOLLAR)
    };
    let written = written_beside(FocusGrain::Run, &[RUN], &[span]);
    let (rows, _) = picked(
        &written.csv,
        ["x_RowKind", "BilledCost", "ChargePeriodEnd", "x_QueriedAt"],
    );
    assert_eq!(rows[0][3], "2025-10-03T06:00:00.123Z");
    assert_eq!(
        rows[1],
        [
            "not-attributed",
            "9.88",
            "2025-10-01T00:00:00Z",
            "2025-10-04T00:00:00.000Z"
        ]
        .map(String::from)
    );
}
