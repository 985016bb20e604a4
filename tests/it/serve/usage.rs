//! `GET /v2/users/me/usage/monthly` of the made-up account: the runs that started in the cycle, the builds that ended in it, and
//! what no list shows, added up here from the answers' own texts.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::value::RawValue;

use super::exact::{Exact, exact, exact_data};
use crate::support::client::Served;
use crate::support::stand_in::ms;

/// The volume discount of compute units.
const PERCENT_OFF: i128 = 4;

const DOLLAR: i128 = 10_i128.pow(24);

/// Dollars by service.
type Services = BTreeMap<String, i128>;

fn cycle(demo: &Served, date: &str) -> Exact {
    exact_data(demo, &format!("/v2/users/me/usage/monthly?date={date}"))
}

/// The days of a cycle, by their dates.
fn days(usage: &Exact) -> BTreeMap<String, Exact> {
    let days: Vec<Box<RawValue>> = serde_json::from_str(usage.0["dailyServiceUsages"].get()).unwrap();
    let days = days.iter().map(|day| Exact::of(day.get()));
    days.map(|day| (day.0["date"].get()[1..11].to_string(), day)).collect()
}

/// What a build costs by its duration: hours of two gigabytes at $0.25 each. Zero while it is under way.
fn cost_by_duration(build: &Value) -> i128 {
    let Some(finished) = build["finishedAt"].as_str() else {
        return 0;
    };
    let duration = i128::from(ms(finished) - ms(build["startedAt"].as_str().unwrap()));
    let quarters = duration * 2 * DOLLAR;
    assert_eq!(quarters % (4 * 3_600_000), 0, "{build}");
    quarters / (4 * 3_600_000)
}

/// The compute units of builds by the day on which they ended, from the first day to the last.
fn builds_by_day(demo: &Served, first: &str, last: &str) -> BTreeMap<String, i128> {
    let mut by_day = BTreeMap::new();
    for build in demo.all("/v2/actor-builds").0 {
        let day = build["finishedAt"].as_str().map_or("", |end| &end[..10]);
        if (first..=last).contains(&day) {
            *by_day.entry(day.to_string()).or_default() += cost_by_duration(&build);
        }
    }
    by_day
}

/// What runs that started from the first day to the last used: by service, and their compute units by the day of their end.
fn runs_of(demo: &Served, first: &str, last: &str) -> (Services, BTreeMap<String, i128>) {
    let (mut services, mut compute_by_day) = (Services::new(), BTreeMap::new());
    for run in demo.all("/v2/actor-runs").0 {
        let started = &run["startedAt"].as_str().unwrap()[..10];
        if !(first..=last).contains(&started) {
            continue;
        }
        let detail = exact(demo, &run["id"]);
        let mut charged = match detail.0.contains_key("chargedEventCounts") {
            true => detail.number("usageTotalUsd"),
            false => 0,
        };
        if detail.0.contains_key("usageUsd") {
            let meters = detail.at("usageUsd");
            // The total of a run that is paid by event holds what it is charged for usage, too.
            if charged > 0 {
                charged -= meters.sum();
            }
            for name in meters.0.keys() {
                *services.entry(name.clone()).or_default() += meters.number(name);
            }
            let ended = run["finishedAt"].as_str().map_or(last, |end| &end[..10]).min(last);
            *compute_by_day.entry(ended.to_string()).or_default() += meters.number("ACTOR_COMPUTE_UNITS");
        }
        *services.entry("PAID_ACTORS_PER_EVENT".into()).or_default() += charged;
    }
    (services, compute_by_day)
}

/// Adds up to itself: days to the month, quantities times prices to amounts, services to totals, before and after the discount.
#[track_caller]
fn adds_up(usage: &Exact) {
    let services = usage.at("monthlyServiceUsage");
    let days = days(usage);
    let (mut before, mut after) = (0, 0);
    for (name, service) in &services.0 {
        let service = Exact::of(service.get());
        for member in ["quantity", "baseAmountUsd", "amountAfterVolumeDiscountUsd"] {
            let of_day = |day: &Exact| {
                let of_day = day.at("serviceUsage");
                let has = of_day.0.contains_key(name);
                if has { of_day.at(name).number(member) } else { 0 }
            };
            assert_eq!(
                days.values().map(of_day).sum::<i128>(),
                service.number(member),
                "{member} of {name}"
            );
        }
        let amount = service.number("baseAmountUsd");
        let price = service.number("baseUnitPriceUsd");
        // Prices have seven places.
        let ten_millionth = DOLLAR / 10_000_000;
        assert_eq!(price % ten_millionth, 0, "{name}");
        assert_eq!(
            service.number("quantity") * (price / ten_millionth),
            amount * 10_000_000,
            "{name}"
        );
        let off = if name == "ACTOR_COMPUTE_UNITS" { PERCENT_OFF } else { 0 };
        let discounted = service.number("amountAfterVolumeDiscountUsd");
        assert_eq!(discounted * 100, amount * (100 - off), "{name}");
        assert_eq!(service.0["priceTiers"].get(), "[]");
        before += amount;
        after += discounted;
    }
    assert_eq!(usage.number("totalUsageCreditsUsdBeforeVolumeDiscount"), before);
    assert_eq!(usage.number("totalUsageCreditsUsdAfterVolumeDiscount"), after);
    let mut of_days = 0;
    for (date, day) in &days {
        let services = day.at("serviceUsage");
        let each = services.0.values().map(|service| Exact::of(service.get()));
        let total: i128 = each.map(|service| service.number("amountAfterVolumeDiscountUsd")).sum();
        assert_eq!(total, day.number("totalUsageCreditsUsd"), "{date}");
        of_days += total;
    }
    assert_eq!(of_days, after);
}

#[test]
fn a_month_s_usage_is_its_runs_its_builds_and_what_no_list_shows() {
    let demo = Served::demo(&["--runs", "3000"]);
    let (first, last) = ("2025-09-02", "2025-10-01");
    let usage = cycle(&demo, "2025-09-10");
    assert_eq!(
        usage.at("usageCycle").0["startAt"].get(),
        "\"2025-09-02T00:00:00.000Z\""
    );
    assert_eq!(usage.at("usageCycle").0["endAt"].get(), "\"2025-10-01T23:59:59.999Z\"");
    adds_up(&usage);
    let (runs, mut compute) = runs_of(&demo, first, last);
    for (day, cost) in builds_by_day(&demo, first, last) {
        *compute.entry(day).or_default() += cost;
    }
    let days = days(&usage);
    assert_eq!(days.len(), 30);
    for (date, day) in &days {
        let of_day = day.at("serviceUsage").at("ACTOR_COMPUTE_UNITS");
        assert_eq!(of_day.number("baseAmountUsd"), compute[date], "{date}");
    }
    let services = usage.at("monthlyServiceUsage");
    assert_eq!(services.0.len(), 12 + 2 + 3, "{:?}", services.0.keys());
    for name in services.0.keys() {
        let amount = services.at(name).number("baseAmountUsd");
        let of_runs = runs.get(name).copied().unwrap_or(0);
        let beside_runs = amount - of_runs;
        // In thousandths of a dollar, what no run and no build shows.
        let expected = match name.as_str() {
            "PAID_ACTORS_PER_EVENT" => 50_000..70_000,
            "PROXY_RESIDENTIAL_TRANSFER_GBYTES" => 1_000..6_000,
            "PROXY_SERPS" => 500..3_000,
            // What runs of Actors that are paid by result cost is in no answer.
            "PAID_ACTORS_PER_DATASET_ITEM" => 1..1_000_000,
            "ACTOR_COMPUTE_UNITS" => continue,
            _ if name.contains("_TIMED_STORAGE_") => 1_000..200_000,
            _ => {
                assert_eq!(beside_runs, 0, "{name}");
                continue;
            }
        };
        assert!(
            expected.contains(&(beside_runs / (DOLLAR / 1000))),
            "{name}: {beside_runs}"
        );
        if name == "PAID_ACTORS_PER_EVENT" {
            assert_eq!(beside_runs % (DOLLAR / 1000), 0, "a request costs $0.001");
        }
    }
}

#[test]
fn builds_beyond_the_period_of_the_runs_count_in_the_cycles_in_which_they_ended() {
    let demo = Served::demo(&["--runs", "500"]);
    for (date, first, last, count) in [
        ("2025-08-15", "2025-08-02", "2025-09-01", 31),
        ("2025-10-03", "2025-10-02", "2025-11-01", 2),
    ] {
        let usage = cycle(&demo, date);
        adds_up(&usage);
        let days = days(&usage);
        assert_eq!(days.len(), count, "days of a cycle end with the clock's");
        let (_, runs) = runs_of(&demo, first, last);
        let builds = builds_by_day(&demo, first, last);
        assert!(builds.len() >= 2, "{builds:?}");
        for (date, day) in &days {
            let services = day.at("serviceUsage");
            let has_compute = services.0.contains_key("ACTOR_COMPUTE_UNITS");
            let compute = if has_compute {
                services.at("ACTOR_COMPUTE_UNITS").number("baseAmountUsd")
            } else {
                0
            };
            let expected = [&runs, &builds].map(|by_day| by_day.get(date).copied().unwrap_or(0));
            assert_eq!(compute, expected.iter().sum::<i128>(), "{date}");
        }
    }
    let now = demo.data("/v2/users/me/usage/monthly");
    assert_eq!(now, demo.data("/v2/users/me/usage/monthly?date=2025-10-03"));
    let limits = demo.data("/v2/users/me/limits");
    assert_eq!(
        limits["current"]["monthlyUsageUsd"],
        now["totalUsageCreditsUsdAfterVolumeDiscount"]
    );
}

#[test]
fn a_cycle_in_which_nothing_was_used_is_empty() {
    let demo = Served::demo(&["--runs", "500"]);
    let usage = demo.data("/v2/users/me/usage/monthly?date=2025-06-15");
    assert_eq!(usage["monthlyServiceUsage"], serde_json::json!({}));
    assert_eq!(usage["totalUsageCreditsUsdAfterVolumeDiscount"], 0);
    let unused = Served::demo(&["--runs", "0"]);
    assert_eq!(unused.data("/v2/actor-builds")["total"], 0);
    assert_eq!(
        unused.data("/v2/users/me/usage/monthly?date=2025-09-15")["totalUsageCreditsUsdAfterVolumeDiscount"],
        0
    );
}

#[test]
fn builds_are_those_of_an_account_that_builds_its_own_actors() {
    let demo = Served::demo(&["--runs", "500"]);
    let (builds, _) = demo.all("/v2/actor-builds");
    let text = |build: &Value, pointer: &str| build.pointer(pointer).and_then(Value::as_str).map(str::to_string);
    assert!(builds.is_sorted_by_key(|build| text(build, "/startedAt").unwrap()));
    let count = |pointer: &str, wanted: &str| {
        let of = builds
            .iter()
            .filter(|build| text(build, pointer).is_some_and(|text| text.starts_with(wanted)));
        of.count()
    };
    assert!(
        (80..=90).contains(&count("/startedAt", "2025-09")),
        "{}",
        count("/startedAt", "2025-09")
    );
    assert!(count("/startedAt", "2025-08") > 3 && count("/startedAt", "2025-10") > 3);
    for status in ["SUCCEEDED", "FAILED", "ABORTED", "TIMED-OUT"] {
        assert!(count("/status", status) > 0, "{status}");
    }
    assert!(count("/status", "SUCCEEDED") > builds.len() * 3 / 4);
    let own: Vec<Value> = demo
        .all("/v2/actors?my=true")
        .0
        .iter()
        .map(|actor| actor["id"].clone())
        .collect();
    let (mut ids, mut built, mut without_cost) = (Vec::new(), Vec::new(), 0);
    for build in &builds {
        assert!(own.contains(&build["actId"]), "{build}");
        ids.push(text(build, "/id").unwrap());
        built.push(text(build, "/actId").unwrap());
        assert!(text(build, "/meta/origin").is_some());
        for member in ["clientIp", "userAgent"] {
            assert!(build["meta"].as_object().unwrap().contains_key(member));
        }
        let is_under_way = build["status"] == "RUNNING";
        assert_eq!(build["finishedAt"].is_null(), is_under_way, "{build}");
        assert!(build.as_object().unwrap().contains_key("finishedAt"));
        let cost = build.get("usageTotalUsd");
        without_cost += usize::from(cost.is_none());
        if let Some(cost) = cost {
            assert_eq!(
                super::exact::units(&cost.to_string()),
                cost_by_duration(build),
                "{build}"
            );
            assert!(cost_by_duration(build) <= DOLLAR / 5, "{build}");
        }
    }
    for all in [&mut ids, &mut built] {
        all.sort();
        all.dedup();
    }
    assert_eq!(ids.len(), builds.len());
    assert!(built.len() > 20, "{}", built.len());
    assert!((1..=5).contains(&without_cost), "{without_cost}");
    let last = builds.last().unwrap();
    assert_eq!(
        (&last["status"], &last["startedAt"]),
        (&"RUNNING".into(), &"2025-10-03T05:58:25.000Z".into())
    );
    // Dates and statuses filter nothing; ignored as any parameter that there isn't.
    let total = |query: &str| demo.data(&format!("/v2/actor-builds?{query}"))["total"].as_u64();
    assert_eq!(
        total("status=FAILED&startedAfter=2025-09-20"),
        Some(builds.len() as u64)
    );
    let newest = demo.data("/v2/actor-builds?desc=true&limit=2&offset=1");
    let expected: Vec<&Value> = builds.iter().rev().skip(1).take(2).collect();
    assert!(newest["items"].as_array().unwrap().iter().eq(expected));
    let other = Served::demo(&["--runs", "500", "--seed", "2"]);
    assert_ne!(other.data("/v2/actor-builds"), demo.data("/v2/actor-builds"));
    let again = Served::demo(&["--runs", "500"]);
    assert_eq!(again.data("/v2/actor-builds"), demo.data("/v2/actor-builds"));
}

#[test]
fn a_year_of_builds_takes_pages() {
    let demo = Served::demo(&["--runs", "500", "--from", "2024-09-01"]);
    let (builds, pages) = demo.all("/v2/actor-builds");
    assert_eq!(pages, 2);
    assert!((1100..1180).contains(&builds.len()), "{}", builds.len());
}
