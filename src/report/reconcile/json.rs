//! A reconciliation as JSON. Money is decimal text, exact.

use serde_json::{Value, json};

use super::{EdgeRuns, ReconcileVerdict, Reconciliation, belongs_to_runs, minus};
use crate::money::Usd;

pub fn render(reconciliation: &Reconciliation) -> String {
    format!("{:#}\n", document(reconciliation))
}

fn document(all: &Reconciliation) -> Value {
    let (runs, usage, verdict) = (&all.runs, &all.usage, all.verdict());
    let text = |usd: Usd| usd.to_string();
    let edge = |edge: EdgeRuns| json!({"runs": edge.runs, "usage_total_usd": text(edge.usage)});
    let service = |service: &crate::api::usage::Service| {
        json!({
            "key": service.key,
            "belongs_to_runs": belongs_to_runs(&service.key),
            "usd": text(service.base),
            "usd_after_volume_discount": service.after_discount.map(text),
        })
    };
    let meter = |(key, counted, of_runs): (String, Option<Usd>, Usd)| {
        json!({
            "key": key,
            "usd": counted.map(text),
            "runs_usd": text(of_runs),
            "difference_usd": text(minus(counted.unwrap_or_default(), of_runs)),
        })
    };
    json!({
        "notice": all.source.notice(),
        "cycle": all.period,
        "is_over": all.is_over,
        "runs_from": all.runs_from,
        "retention": all.retention,
        "proven": all.proven,
        "runs": {
            "runs": runs.runs,
            "usage_total_usd": text(runs.usage),
            "runs_cost_unknown": runs.cost_unknown,
            "runs_provisional": runs.provisional,
            "finished_after": edge(runs.finished_after),
            "started_before": edge(runs.started_before),
        },
        "usage": {
            "before_volume_discount_usd": text(usage.before_discount),
            "after_volume_discount_usd": text(usage.after_discount),
            "belongs_to_runs_usd": text(all.of_runs()),
            "outside_runs_usd": text(all.outside_runs()),
            "services": usage.services.iter().map(service).collect::<Vec<_>>(),
        },
        "meters": all.meters().into_iter().map(meter).collect::<Vec<_>>(),
        "days_approximate": all.days().into_iter().map(|(day, counted, of_runs)| json!({
            "day": day,
            "usd": counted.map(text),
            "runs_usd": of_runs.map(text),
        })).collect::<Vec<_>>(),
        "remainder_usd": text(all.remainder()),
        "tolerance_usd": text(all.tolerance()),
        "verdict": verdict.name(),
        "named_items": if let ReconcileVerdict::DiffersByNamedItems(items) = &verdict { items.clone() } else { Vec::new() },
        "not_accounted_for_usd": if let ReconcileVerdict::NotAccountedFor(usd) = &verdict { Some(text(*usd)) } else { None },
        "why_not_judged": if let ReconcileVerdict::CannotBeJudged(why) = &verdict { why.clone() } else { Vec::new() },
    })
}
