//! `GET /v2/actor-runs/{id}`: a run's row with all that only the detail says. Worked out when asked for, from the row, its
//! place and the seed, so that nothing of it is stored and an answer never changes.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

use super::cap::max_total_charge;
use super::decimal::Decimal;
use super::fate::resurrection;
use super::meters::{MeterValues, Meters};
use super::options::DEMO_NOW_MS;
use super::random::Random;
use super::row::MadeUpRun;
use super::runs::RUNS_USER_ID;
use super::spending::Spending;

const STATS: u64 = 9;

type RunStats = IndexMap<&'static str, Decimal>;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DetailMembers<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<&'static str>,
    status_message: &'static str,
    is_status_message_terminal: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pricing_info: Option<Value>,
    stats: RunStats,
    #[serde(skip_serializing_if = "Option::is_none")]
    charged_event_counts: Option<BTreeMap<&'static str, u64>>,
    options: RunDetailOptions,
    exit_code: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    general_access: Option<&'static str>,
    storage_ids: Value,
    container_url: String,
    is_container_server_ready: bool,
    git_branch_name: Option<&'static str>,
    usage: MeterValues<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage_total_usd: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage_usd: Option<MeterValues<'a>>,
    platform_usage_billing_model: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RunDetailOptions {
    build: &'static str,
    timeout_secs: u32,
    memory_mbytes: u64,
    disk_mbytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_total_charge_usd: Option<Decimal>,
}

/// A run's detail; until the account is `settled`, the costs of runs that have just ended read 0.
pub(super) fn detail(run: &MadeUpRun) -> String {
    let row = &run.row;
    let spending = Spending::of_run(run);
    let max_total_charge_usd = max_total_charge(run, &spending);
    let mut random = Random::of(run.seed, STATS, run.number as u64);
    let (stats, memory) = stats(run, &spending.meters, &mut random);
    let (message, exit_code) = ending(row.status);
    let raw = |total| RawValue::from_string(total).expect("costs are written as numbers");
    let timeout_secs = [0, 300, 3600, 86_400][random.below(4) as usize];
    let more = DetailMembers {
        user_id: (!row.has("userId")).then_some(RUNS_USER_ID),
        status_message: message,
        is_status_message_terminal: row.finished.is_some(),
        pricing_info: run.actor.pricing_info(),
        stats,
        charged_event_counts: spending.events,
        options: RunDetailOptions {
            build: "latest",
            timeout_secs,
            memory_mbytes: memory,
            disk_mbytes: memory * 2,
            max_total_charge_usd,
        },
        exit_code,
        general_access: (!row.has("generalAccess")).then_some("FOLLOW_USER_SETTING"),
        storage_ids: json!({
            "datasets": { "default": row.string("defaultDatasetId") },
            "keyValueStores": { "default": row.string("defaultKeyValueStoreId") },
            "requestQueues": { "default": row.string("defaultRequestQueueId") },
        }),
        container_url: format!("https://{}.runs.example.com", random.id().to_lowercase()),
        is_container_server_ready: row.status == "RUNNING",
        git_branch_name: run.actor.is_own.then_some("main"),
        usage: spending.meters.values(|used| used.quantity),
        usage_total_usd: spending.total.map(raw),
        usage_usd: spending.pays_usage.then_some(spending.meters.values(|used| used.usd)),
        platform_usage_billing_model: if spending.pays_usage { "USER" } else { "DEVELOPER" },
    };
    let more = to_raw_value(&more).expect("it is plain data");
    let has_end = row.has("finishedAt");
    let finished = if has_end { "" } else { r#","finishedAt":null"# };
    [&row.open(), finished, ",", &more.get()[1..]].concat()
}

/// Measurements, and the memory that makes the compute units likely: gigabytes times hours.
fn stats(run: &MadeUpRun, meters: &Meters, random: &mut Random) -> (RunStats, u64) {
    let (start, finished) = (run.start, run.row.finished);
    let again = resurrection(run.number, start, run.seed).filter(|again| Some(again.finished) == finished);
    let until_now = finished.unwrap_or(DEMO_NOW_MS) - start;
    let duration = again.as_ref().map_or(until_now, |again| again.duration).max(0);
    let units = meters.compute_units();
    let fits =
        |mbytes: &u64| i128::from(*mbytes) * i128::from(duration) / (1024 * 3600) >= units.0 / Decimal::new(1, 3).0;
    let memory = (7..15).map(|power| 1 << power).find(fits).unwrap_or(32_768);
    let max = (memory << 20) * (20 + random.below(80)) / 100;
    let count = |number: u64| Decimal::new(number, 0);
    let stats = IndexMap::from([
        ("inputBodyLen", count(20 + random.skewed(4000))),
        ("migrationCount", count(random.below(50) / 49)),
        ("rebootCount", Decimal::ZERO),
        ("restartCount", count(random.below(100) / 99)),
        ("resurrectCount", count(again.map_or(0, |again| again.count))),
        ("memAvgBytes", count(max / 100 * (40 + random.below(55)))),
        ("memMaxBytes", count(max)),
        ("memCurrentBytes", Decimal::ZERO),
        ("cpuAvgUsage", Decimal::new(random.below(6_000_000_000), 8)),
        (
            "cpuMaxUsage",
            Decimal::new(6_000_000_000 + random.below(20_000_000_000), 8),
        ),
        ("cpuCurrentUsage", Decimal::ZERO),
        ("netRxBytes", count(random.skewed(500_000_000))),
        ("netTxBytes", count(random.skewed(20_000_000))),
        ("durationMillis", count(duration as u64)),
        ("runTimeSecs", Decimal::new(duration as u64, 3)),
        ("metamorph", Decimal::ZERO),
        ("computeUnits", units),
    ]);
    (stats, memory)
}

fn ending(status: &str) -> (&'static str, Option<u8>) {
    match status {
        "SUCCEEDED" => ("Finished! \"All\" requests, done.", Some(0)),
        "FAILED" => ("The Actor process failed, exit code 1", Some(1)),
        "TIMED-OUT" => ("The Actor timed out.", None),
        "ABORTED" => ("The run was aborted by the user.", None),
        _ => ("Actor is running", None),
    }
}
