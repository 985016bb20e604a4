//! What an export keeps beside runs, as it is served.

use crate::api::builds::Build;
use crate::api::usage::{DayOfUsage, MonthlyUsage, Service};
use crate::report::account_usage::AccountUsage;
use crate::serve::archived::usage::{ArchivedBuild, ArchivedCycle, ArchivedDay, ArchivedService, ArchivedUsage};

pub fn served_usage(usage: &AccountUsage) -> ArchivedUsage {
    let builds = usage.facts.builds.as_ref();
    ArchivedUsage {
        cycles: usage.cycles().into_iter().map(cycle).collect(),
        builds: builds.map(|_| usage.builds.iter().map(|known| build(known.build.clone())).collect()),
    }
}

fn cycle(usage: MonthlyUsage) -> ArchivedCycle {
    ArchivedCycle {
        from_ms: usage.from_ms,
        to_ms: usage.to_ms,
        services: services(usage.services.unwrap_or_default()),
        days: usage.days.map(|days| days.into_iter().map(day).collect()),
        before_discount: usage.before_discount,
        after_discount: usage.after_discount,
    }
}

fn day(day: DayOfUsage) -> ArchivedDay {
    ArchivedDay {
        date: day.date,
        services: services(day.services.unwrap_or_default()),
        after_discount: day.total,
    }
}

fn services(services: Vec<Service>) -> Vec<ArchivedService> {
    let service = |service: Service| ArchivedService {
        key: service.key,
        quantity: service.quantity,
        base: service.base,
        after_discount: service.after_discount,
    };
    services.into_iter().map(service).collect()
}

fn build(build: Build) -> ArchivedBuild {
    ArchivedBuild {
        id: build.id,
        act_id: build.act_id,
        status: build.status,
        started_at_ms: build.started_at_ms,
        finished_at_ms: build.finished_at_ms,
        usage: build.usage,
        origin: build.origin,
    }
}
