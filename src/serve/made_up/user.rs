//! `GET /v2/users/me` and its limits: whose account it is, on which plan, and how much of that is used.

use serde::Serialize;
use serde_json::{Value, json};

use super::cycle::Cycle;
use super::decimal::Decimal;
use super::options::demo_account;
use super::usage::CycleUsage;
use crate::serve::plan::{FEATURES, effective_features};

/// What looks like a secret, and is one in a real account's answer.
const PROXY_PASSWORD: &str = "apify_proxy_made_up_dem0Passw0rd";

/// What the account has now.
pub(super) struct CurrentCounts {
    pub(super) own_actors: usize,
    pub(super) tasks: usize,
    pub(super) active_runs: usize,
}

/// `data` of the limits.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AccountLimits {
    monthly_usage_cycle: Cycle,
    limits: Value,
    current: CurrentUsage,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CurrentUsage {
    monthly_usage_usd: Decimal,
    monthly_actor_compute_units: Decimal,
    monthly_external_data_transfer_gbytes: Decimal,
    monthly_proxy_serps: Decimal,
    monthly_residential_proxy_gbytes: Decimal,
    actor_memory_gbytes: usize,
    actor_count: usize,
    actor_task_count: usize,
    active_actor_job_count: usize,
    team_account_seat_count: usize,
    schedule_count: usize,
}

/// `data` of `GET /v2/users/me`.
pub(super) fn me(retention_days: u32) -> Value {
    let account = demo_account();
    json!({
        "id": account.id,
        "username": account.username,
        "profile": {
            "bio": "Nothing in this account is real.",
            "name": "Made-up Account",
            "pictureUrl": null,
            "githubUsername": null,
            "websiteUrl": "https://www.example.com",
            "twitterUsername": null,
        },
        "email": "made-up-account@example.com",
        "proxy": {
            "password": PROXY_PASSWORD,
            "groups": [{ "name": "RESIDENTIAL", "description": "Residential proxies", "availableCount": 1000 }],
        },
        "plan": {
            "id": "MADE_UP",
            "description": "A plan that is not for sale.",
            "isEnabled": true,
            "monthlyBasePriceUsd": 999,
            "monthlyUsageCreditsUsd": 999,
            "usageDiscountPercent": 0,
            "enabledPlatformFeatures": FEATURES,
            "maxMonthlyUsageUsd": 1_000_000,
            "dataRetentionDays": retention_days,
            "availableProxyGroups": { "RESIDENTIAL": 1000 },
            "supportLevel": "COMMUNITY",
            "availableAddOns": [],
            "tier": "GOLD",
        },
        "effectivePlatformFeatures": effective_features(true),
        "createdAt": "2019-01-01T08:30:00.000Z",
        "isPaying": true,
    })
}

/// `GET /v2/users/me/limits`, by the usage of the cycle that holds the clock.
pub(super) fn limits(retention_days: u32, current: &CurrentCounts, usage: &CycleUsage) -> AccountLimits {
    AccountLimits {
        monthly_usage_cycle: usage.usage_cycle,
        limits: json!({
            "maxMonthlyUsageUsd": 1_000_000,
            "maxMonthlyActorComputeUnits": 4_000_000,
            "maxMonthlyExternalDataTransferGbytes": 100_000,
            "maxMonthlyProxySerps": 10_000_000,
            "maxMonthlyResidentialProxyGbytes": 100_000,
            "maxActorMemoryGbytes": 4096,
            "maxActorCount": 100_000,
            "maxActorTaskCount": 500_000,
            "maxConcurrentActorJobs": 2000,
            "maxTeamAccountSeatCount": 9,
            "dataRetentionDays": retention_days,
            "maxScheduleCount": 100_000,
        }),
        current: CurrentUsage {
            monthly_usage_usd: usage.after_discount,
            monthly_actor_compute_units: usage.quantity("ACTOR_COMPUTE_UNITS"),
            monthly_external_data_transfer_gbytes: usage.quantity("DATA_TRANSFER_EXTERNAL_GBYTES"),
            monthly_proxy_serps: usage.quantity("PROXY_SERPS"),
            monthly_residential_proxy_gbytes: usage.quantity("PROXY_RESIDENTIAL_TRANSFER_GBYTES"),
            // A gigabyte each.
            actor_memory_gbytes: current.active_runs,
            actor_count: current.own_actors,
            actor_task_count: current.tasks,
            active_actor_job_count: current.active_runs,
            team_account_seat_count: 1,
            schedule_count: current.own_actors,
        },
    }
}
