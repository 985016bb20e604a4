//! A reconciliation as JSON. Money is decimal text, exact.

use serde::Serialize;

use super::{ReconcileVerdict, Reconciliation, belongs_to_runs};
use crate::api::usage::Service;
use crate::money::Usd;
use crate::period::Period;
use crate::provenance::Retention;
use crate::report::usage_explained::{EdgeRuns, UsageExplainedDocument, minus};
use crate::text::json_document;

#[derive(Serialize)]
struct ReconcileDocument<'r> {
    notice: Option<&'static str>,
    cycle: &'r Period,
    is_over: bool,
    runs_from: &'r str,
    /// Where Apify's count came from, in words.
    usage_from: &'r str,
    retention: Option<&'r Retention>,
    proven: bool,
    runs: RunSums,
    usage: UsageSums<'r>,
    usage_explained: UsageExplainedDocument,
    meters: Vec<MeterSums>,
    days_approximate: Vec<DaySums>,
    /// Null where an amount of Apify's is unknown, as the others are.
    remainder_usd: Option<Usd>,
    tolerance_usd: Usd,
    verdict: &'static str,
    /// The same for people, with its figures.
    sentence: String,
    named_items: Vec<String>,
    not_accounted_for_usd: Option<Usd>,
    why_not_judged: Vec<String>,
}

#[derive(Serialize)]
struct RunSums {
    runs: u64,
    usage_total_usd: Usd,
    runs_cost_unknown: u64,
    runs_provisional: u64,
    finished_after: EdgeSums,
    started_before: EdgeSums,
}

#[derive(Serialize)]
struct EdgeSums {
    runs: u64,
    usage_total_usd: Usd,
}

#[derive(Serialize)]
struct UsageSums<'r> {
    before_volume_discount_usd: Option<Usd>,
    after_volume_discount_usd: Option<Usd>,
    belongs_to_runs_usd: Option<Usd>,
    outside_runs_usd: Option<Usd>,
    services: Vec<ServiceSums<'r>>,
    /// Fields of Apify's answer that could not be read.
    unknown: &'r [String],
}

#[derive(Serialize)]
struct ServiceSums<'r> {
    key: &'r str,
    belongs_to_runs: bool,
    usd: Option<Usd>,
    usd_after_volume_discount: Option<Usd>,
}

impl ServiceSums<'_> {
    fn of(service: &Service) -> ServiceSums<'_> {
        ServiceSums {
            key: &service.key,
            belongs_to_runs: belongs_to_runs(&service.key),
            usd: service.base,
            usd_after_volume_discount: service.after_discount,
        }
    }
}

#[derive(Serialize)]
struct MeterSums {
    key: String,
    usd: Option<Usd>,
    runs_usd: Usd,
    difference_usd: Usd,
}

#[derive(Serialize)]
struct DaySums {
    day: String,
    usd: Option<Usd>,
    runs_usd: Option<Usd>,
}

pub fn render(reconciliation: &Reconciliation) -> String {
    json_document(&document(reconciliation))
}

fn document(all: &Reconciliation) -> ReconcileDocument<'_> {
    let (mut named_items, mut not_accounted_for_usd, mut why_not_judged) = (Vec::new(), None, Vec::new());
    let verdict = all.verdict();
    let name = verdict.name();
    let sentence = all.sentence(&verdict);
    match verdict {
        ReconcileVerdict::Ties => {}
        ReconcileVerdict::DiffersByNamedItems(items) => named_items = items,
        ReconcileVerdict::NotAccountedFor(usd) => not_accounted_for_usd = Some(usd),
        ReconcileVerdict::CannotBeJudged(why) => why_not_judged = why,
    }
    ReconcileDocument {
        notice: all.source.notice(),
        cycle: &all.period,
        is_over: all.is_over,
        runs_from: &all.runs_from,
        usage_from: &all.usage_from,
        retention: all.retention.as_ref(),
        proven: all.proven,
        runs: runs(all),
        usage: usage(all),
        usage_explained: all.explained().document(),
        meters: meters(all),
        days_approximate: days(all),
        remainder_usd: all.remainder(),
        tolerance_usd: all.tolerance(),
        verdict: name,
        sentence,
        named_items,
        not_accounted_for_usd,
        why_not_judged,
    }
}

fn runs(all: &Reconciliation) -> RunSums {
    let edge = |edge: EdgeRuns| EdgeSums {
        runs: edge.runs,
        usage_total_usd: edge.usage,
    };
    RunSums {
        runs: all.runs.runs,
        usage_total_usd: all.runs.usage,
        runs_cost_unknown: all.runs.cost_unknown,
        runs_provisional: all.runs.provisional,
        finished_after: edge(all.runs.finished_after),
        started_before: edge(all.runs.started_before),
    }
}

fn usage(all: &Reconciliation) -> UsageSums<'_> {
    UsageSums {
        before_volume_discount_usd: all.usage.before_discount,
        after_volume_discount_usd: all.usage.after_discount,
        belongs_to_runs_usd: all.of_runs(),
        outside_runs_usd: all.outside_runs(),
        services: all.usage.services.iter().flatten().map(ServiceSums::of).collect(),
        unknown: &all.usage.unknown,
    }
}

fn meters(all: &Reconciliation) -> Vec<MeterSums> {
    let meter = |(key, counted, of_runs): (String, Option<Usd>, Usd)| MeterSums {
        key,
        usd: counted,
        runs_usd: of_runs,
        difference_usd: minus(counted.unwrap_or_default(), of_runs),
    };
    all.meters().into_iter().map(meter).collect()
}

fn days(all: &Reconciliation) -> Vec<DaySums> {
    let days = all.days().into_iter();
    days.map(|(day, counted, of_runs)| DaySums {
        day,
        usd: counted,
        runs_usd: of_runs,
    })
    .collect()
}
