//! Counted usage and builds that an archive keeps, as the API answers with them. What isn't known is left out.

use serde::Serialize;
use serde_json::json;
use serde_json::value::RawValue;

use crate::money::Usd;
use crate::period::{Millis, format_instant};
use crate::serve::envelope::{ApiAnswer, object, page};
use crate::serve::query::Paging;
use crate::serve::refusal::Refusal;

/// What an archive keeps beside runs; none of what it doesn't.
#[derive(Debug, Default)]
pub struct ArchivedUsage {
    /// Billing cycles in order, each with the days that the archive has of it.
    pub cycles: Vec<ArchivedCycle>,
    /// By start.
    pub builds: Option<Vec<ArchivedBuild>>,
}

#[derive(Debug)]
pub struct ArchivedCycle {
    /// `[from, to)`.
    pub from_ms: Millis,
    pub to_ms: Millis,
    pub services: Vec<ArchivedService>,
    pub days: Option<Vec<ArchivedDay>>,
    /// US dollars of all services.
    pub before_discount: Option<Usd>,
    pub after_discount: Option<Usd>,
}

#[derive(Debug)]
pub struct ArchivedDay {
    /// Such as `2025-09-02`.
    pub date: String,
    pub services: Vec<ArchivedService>,
    pub after_discount: Option<Usd>,
}

#[derive(Debug)]
pub struct ArchivedService {
    pub key: String,
    pub quantity: Option<Usd>,
    pub base: Option<Usd>,
    pub after_discount: Option<Usd>,
}

#[derive(Debug)]
pub struct ArchivedBuild {
    pub id: String,
    pub act_id: Option<String>,
    pub status: String,
    pub started_at_ms: Millis,
    pub finished_at_ms: Option<Millis>,
    pub usage: Option<Usd>,
    pub origin: Option<String>,
}

impl ArchivedUsage {
    /// `GET /v2/users/me/usage/monthly`: the cycle that holds an instant; without one, the last.
    pub(super) fn monthly(&self, at: Option<Millis>) -> Result<ApiAnswer, Refusal> {
        let holds = |cycle: &&ArchivedCycle| at.is_none_or(|at| (cycle.from_ms..cycle.to_ms).contains(&at));
        let cycle = self.cycles.iter().rfind(holds);
        object(&CycleAnswer::of(cycle.ok_or(Refusal::NotArchived("monthly usage"))?))
    }

    /// `GET /v2/actor-builds`.
    pub(super) fn list_builds(&self, paging: Paging) -> Result<ApiAnswer, Refusal> {
        let builds = self.builds.as_ref().ok_or(Refusal::NotArchived("builds"))?;
        page(paging, builds, BuildAnswer::of)
    }
}

/// An exact amount as a number.
type Number = Option<Box<RawValue>>;

fn number(amount: Option<Usd>) -> Number {
    amount.and_then(|amount| RawValue::from_string(amount.to_string()).ok())
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CycleAnswer<'c> {
    usage_cycle: serde_json::Value,
    #[serde(serialize_with = "by_key")]
    monthly_service_usage: &'c [ArchivedService],
    #[serde(skip_serializing_if = "Option::is_none")]
    daily_service_usages: Option<Vec<DayAnswer<'c>>>,
    #[serde(
        rename = "totalUsageCreditsUsdBeforeVolumeDiscount",
        skip_serializing_if = "Option::is_none"
    )]
    before_discount: Number,
    #[serde(
        rename = "totalUsageCreditsUsdAfterVolumeDiscount",
        skip_serializing_if = "Option::is_none"
    )]
    after_discount: Number,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DayAnswer<'c> {
    date: String,
    #[serde(serialize_with = "by_key")]
    service_usage: &'c [ArchivedService],
    #[serde(skip_serializing_if = "Option::is_none")]
    total_usage_credits_usd: Number,
}

impl DayAnswer<'_> {
    fn of(day: &ArchivedDay) -> DayAnswer<'_> {
        DayAnswer {
            date: format!("{}T00:00:00.000Z", day.date),
            service_usage: &day.services,
            total_usage_credits_usd: number(day.after_discount),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ServiceAnswer {
    #[serde(skip_serializing_if = "Option::is_none")]
    quantity: Number,
    #[serde(skip_serializing_if = "Option::is_none")]
    base_amount_usd: Number,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount_after_volume_discount_usd: Number,
}

fn by_key<S: serde::Serializer>(services: &&[ArchivedService], json: S) -> Result<S::Ok, S::Error> {
    json.collect_map(services.iter().map(|service| {
        let answer = ServiceAnswer {
            quantity: number(service.quantity),
            base_amount_usd: number(service.base),
            amount_after_volume_discount_usd: number(service.after_discount),
        };
        (&service.key, answer)
    }))
}

impl CycleAnswer<'_> {
    fn of(cycle: &ArchivedCycle) -> CycleAnswer<'_> {
        CycleAnswer {
            // As the API has it: the end is the last millisecond.
            usage_cycle: json!({ "startAt": format_instant(cycle.from_ms), "endAt": format_instant(cycle.to_ms - 1) }),
            monthly_service_usage: &cycle.services,
            daily_service_usages: cycle.days.as_ref().map(|days| days.iter().map(DayAnswer::of).collect()),
            before_discount: number(cycle.before_discount),
            after_discount: number(cycle.after_discount),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BuildAnswer<'b> {
    id: &'b str,
    status: &'b str,
    started_at: String,
    finished_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage_total_usd: Number,
    #[serde(skip_serializing_if = "Option::is_none")]
    act_id: Option<&'b str>,
    meta: serde_json::Value,
}

impl BuildAnswer<'_> {
    fn of(build: &ArchivedBuild) -> BuildAnswer<'_> {
        BuildAnswer {
            id: &build.id,
            status: &build.status,
            started_at: format_instant(build.started_at_ms),
            finished_at: build.finished_at_ms.map(format_instant),
            usage_total_usd: number(build.usage),
            act_id: build.act_id.as_deref(),
            meta: match &build.origin {
                Some(origin) => json!({ "origin": origin }),
                None => json!({}),
            },
        }
    }
}
