//! `GET /v2/users/me` and its limits: whose account it is, on which plan, and how much of that is used.

use indexmap::IndexMap;
use serde::Serialize;
use serde_json::{Value, json};

use super::cycle::Cycle;
use super::decimal::Decimal;
use super::directory::MadeUpDirectory;
use super::options::demo_account;
use super::usage::CycleUsage;
use crate::serve::plan::{FEATURES, effective_features};

/// In a real account's answer this is a secret; here it shows that nothing of it is kept.
const PROXY_PASSWORD: &str = "apify_proxy_made_up_dem0Passw0rd";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AccountLimits {
    monthly_usage_cycle: Cycle,
    limits: Value,
    current: IndexMap<&'static str, Decimal>,
}

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
pub(super) fn limits(
    retention_days: u32,
    directory: &MadeUpDirectory,
    schedules: usize,
    active_runs: usize,
    usage: &CycleUsage,
) -> AccountLimits {
    let (own_actors, tasks) = directory.counts();
    let count = |number: usize| Decimal::new(number as u64, 0);
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
        current: IndexMap::from([
            ("monthlyUsageUsd", usage.after_discount),
            ("monthlyActorComputeUnits", usage.quantity("ACTOR_COMPUTE_UNITS")),
            (
                "monthlyExternalDataTransferGbytes",
                usage.quantity("DATA_TRANSFER_EXTERNAL_GBYTES"),
            ),
            ("monthlyProxySerps", usage.quantity("PROXY_SERPS")),
            (
                "monthlyResidentialProxyGbytes",
                usage.quantity("PROXY_RESIDENTIAL_TRANSFER_GBYTES"),
            ),
            // A gigabyte each.
            ("actorMemoryGbytes", count(active_runs)),
            ("actorCount", count(own_actors)),
            ("actorTaskCount", count(tasks)),
            ("activeActorJobCount", count(active_runs)),
            ("teamAccountSeatCount", count(1)),
            ("scheduleCount", count(schedules)),
        ]),
    }
}
