//! The Rust client `apify-client` as scripts/bench/bench peers times it: URL FILE IN_FLIGHT. Lists every run of September 2025 by offset, so many
//! pages at once, and writes them to one Parquet file by the arrow and parquet crates. Checks nothing.

use std::env;
use std::fs::File;
use std::sync::Arc;

use apify_client::models::ActorRun;
use apify_client::{ApifyClient, ApifyClientResult, ListOptions, PaginationList, RunListOptions};
use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMillisecondArray};
use futures::StreamExt;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use serde_json::Value;

const PAGE: i64 = 1000;

type Failure = Box<dyn std::error::Error>;

async fn page(client: &ApifyClient, offset: i64) -> ApifyClientResult<PaginationList<ActorRun>> {
    let options = ListOptions {
        offset: Some(offset),
        limit: Some(PAGE),
        ..Default::default()
    };
    let filter = RunListOptions {
        started_after: Some("2025-09-01T00:00:00.000Z".into()),
        started_before: Some("2025-09-30T23:59:59.999Z".into()),
        ..Default::default()
    };
    client.runs().list(options, filter).await
}

/// What the client's own type has no field for.
fn extra<'a>(run: &'a ActorRun, name: &str) -> Option<&'a Value> {
    run.extra.get(name)
}

fn meta<'a>(run: &'a ActorRun, name: &str) -> Option<&'a str> {
    extra(run, "meta")?.get(name)?.as_str()
}

fn batch(runs: &[ActorRun]) -> Result<RecordBatch, Failure> {
    fn text<'a>(runs: &'a [ActorRun], value: impl Fn(&'a ActorRun) -> Option<&'a str>) -> ArrayRef {
        Arc::new(runs.iter().map(value).collect::<StringArray>())
    }
    fn instant(runs: &[ActorRun], value: impl Fn(&ActorRun) -> Option<i64>) -> ArrayRef {
        let instants: TimestampMillisecondArray = runs.iter().map(value).collect();
        Arc::new(instants.with_timezone("UTC"))
    }
    let scheduled = |run: &ActorRun| {
        Some(
            meta(run, "scheduledAt")?
                .parse::<chrono::DateTime<chrono::Utc>>()
                .ok()?
                .timestamp_millis(),
        )
    };
    let builds: Int64Array = runs.iter().map(|run| extra(run, "buildNumberInt")?.as_i64()).collect();
    let costs: Float64Array = runs.iter().map(|run| extra(run, "usageTotalUsd")?.as_f64()).collect();
    let columns = [
        ("id", text(runs, |run| Some(&run.id))),
        ("act_id", text(runs, |run| run.act_id.as_deref())),
        ("user_id", text(runs, |run| run.user_id.as_deref())),
        ("actor_task_id", text(runs, |run| run.actor_task_id.as_deref())),
        ("status", text(runs, |run| run.status.as_deref())),
        (
            "started_at",
            instant(runs, |run| run.started_at.map(|at| at.timestamp_millis())),
        ),
        (
            "finished_at",
            instant(runs, |run| run.finished_at.map(|at| at.timestamp_millis())),
        ),
        ("build_id", text(runs, |run| run.build_id.as_deref())),
        ("build_number", text(runs, |run| extra(run, "buildNumber")?.as_str())),
        ("build_number_int", Arc::new(builds)),
        ("meta_origin", text(runs, |run| meta(run, "origin"))),
        ("meta_client_ip", text(runs, |run| meta(run, "clientIp"))),
        ("meta_user_agent", text(runs, |run| meta(run, "userAgent"))),
        ("meta_schedule_id", text(runs, |run| meta(run, "scheduleId"))),
        ("meta_scheduled_at", instant(runs, scheduled)),
        ("usage_total_usd", Arc::new(costs)),
        (
            "default_key_value_store_id",
            text(runs, |run| run.default_key_value_store_id.as_deref()),
        ),
        (
            "default_dataset_id",
            text(runs, |run| run.default_dataset_id.as_deref()),
        ),
        (
            "default_request_queue_id",
            text(runs, |run| run.default_request_queue_id.as_deref()),
        ),
    ];
    Ok(RecordBatch::try_from_iter_with_nullable(
        columns.map(|(name, column)| (name, column, true)),
    )?)
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = env::args().collect();
    let [_, url, path, in_flight] = arguments.as_slice() else {
        return Err("URL FILE IN_FLIGHT".into());
    };
    let client = ApifyClient::builder()
        .base_url(url)
        .token(env::var("APIFY_TOKEN")?)
        .build();

    let first = page(&client, 0).await?;
    let batch_of_first = batch(&first.items)?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
        .build();
    let mut writer = ArrowWriter::try_new(File::create(path)?, batch_of_first.schema(), Some(properties))?;
    writer.write(&batch_of_first)?;

    let offsets = (PAGE..first.total).step_by(PAGE as usize);
    let mut pages = futures::stream::iter(offsets.map(|offset| {
        let client = client.clone();
        // A task each, so that answers are read on every core.
        async move { tokio::spawn(async move { page(&client, offset).await }).await }
    }))
    .buffered(in_flight.parse()?);
    while let Some(page) = pages.next().await {
        writer.write(&batch(&page??.items)?)?;
    }
    writer.close()?;
    Ok(())
}
