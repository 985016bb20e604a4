//! focus.parquet read back: types, values, row groups.

use super::*;

#[test]
fn parquet_has_these_types_and_the_same_values_in_every_row_group() {
    const ROWS: usize = 70_000;
    let runs: Vec<TestRun> = (0..ROWS)
        .map(|at| TestRun {
            usage: (at % 7 != 3).then_some(DOLLAR + at as i128),
            actor_task_name: [None, Some("t")][at % 2],
            ..RUN
        })
        .collect();
    let batches: Vec<_> = runs.chunks(8192).map(|runs| batch(runs, &[])).collect();
    let (builder, batches) = read_back(&written(&context(), &batches).parquet);
    let groups: Vec<i64> = builder
        .metadata()
        .row_groups()
        .iter()
        .map(|group| group.num_rows())
        .collect();
    // 70,000 rows without one in seven.
    assert_eq!(groups, [60_000]);
    assert_eq!(
        builder
            .schema()
            .fields()
            .iter()
            .map(|field| field.name().as_str())
            .collect::<Vec<_>>()
            .join(","),
        HEADER
    );
    let instant = DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()));
    for field in builder.schema().fields() {
        let expected = match field.name().as_str() {
            "BilledCost" | "EffectiveCost" | "ListCost" | "ContractedCost" => DataType::Decimal128(38, 18),
            "PricingQuantity" | "ConsumedQuantity" => DataType::Decimal128(38, 18),
            "BillingPeriodStart" | "BillingPeriodEnd" | "ChargePeriodStart" | "ChargePeriodEnd" => instant.clone(),
            "x_QueriedAt" | "x_StartedAt" => instant.clone(),
            _ => DataType::Utf8,
        };
        assert_eq!(field.data_type(), &expected, "{}", field.name());
    }
    let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
    assert_eq!(rows, 60_000);
    for cost in ["BilledCost", "EffectiveCost", "ListCost", "ContractedCost"] {
        let costs = batches.iter().flat_map(|batch| {
            let costs = batch.column_by_name(cost).unwrap().as_primitive::<Decimal128Type>();
            costs.iter().flatten().collect::<Vec<_>>()
        });
        let expected = (0..ROWS as i128).filter(|at| at % 7 != 3).map(|at| DOLLAR + at);
        assert!(costs.eq(expected), "{cost}");
    }
}

#[test]
fn a_second_row_group_is_as_the_first() {
    let runs: Vec<TestRun> = vec![RUN; 70_000];
    let (builder, batches) = read_back(&written(&context(), &[batch(&runs, &[])]).parquet);
    let groups: Vec<i64> = builder
        .metadata()
        .row_groups()
        .iter()
        .map(|group| group.num_rows())
        .collect();
    assert_eq!(groups, [65_536, 4_464]);
    for batch in &batches {
        let text = |name: &str| {
            let texts = batch.column_by_name(name).unwrap().as_string::<i32>();
            assert_eq!(texts.null_count(), 0);
            texts
                .iter()
                .flatten()
                .map(String::from)
                .collect::<std::collections::BTreeSet<_>>()
        };
        let one = |text: &str| std::collections::BTreeSet::from([text.to_string()]);
        assert_eq!(text("BillingCurrency"), one("USD"));
        assert_eq!(text("ChargeDescription"), one("Run of Actor apify/web-scraper"));
        assert_eq!(text("ServiceSubcategory"), one("Serverless Compute"));
        let null = batch.column_by_name("InvoiceId").unwrap();
        assert_eq!(null.null_count(), batch.num_rows());
        let ends = batch
            .column_by_name("ChargePeriodEnd")
            .unwrap()
            .as_primitive::<TimestampMillisecondType>();
        // From Python: calendar.timegm((2025, 9, 1, 12, 3, 1)).
        assert!(ends.iter().all(|end| end == Some(1_756_728_181_000)));
        let quantities = batch
            .column_by_name("PricingQuantity")
            .unwrap()
            .as_primitive::<Decimal128Type>();
        assert!(quantities.iter().all(|quantity| quantity == Some(DOLLAR)));
    }
}
