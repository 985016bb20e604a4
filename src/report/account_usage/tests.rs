use proptest::prelude::*;

use super::*;
use crate::api::builds::Build;
use crate::api::usage::DayOfUsage;
use crate::money::Usd;
use crate::period::{DAY_MS, Zone, utc_date};
use crate::report::dimension::Dimensions;
use crate::report::summary::Summary;
use crate::runs::row::Row;

const NOW: &str = "2025-10-03T06:00:00.000Z";

fn at(text: &str) -> Millis {
    let text = if text.contains('T') {
        text.into()
    } else {
        format!("{text}T00:00:00.000Z")
    };
    parse_instant(&text).unwrap()
}

fn usd(text: &str) -> Usd {
    Usd::from_json_number(text).unwrap()
}

fn period(from: &str, to: &str) -> Period {
    let requested_to = at(to);
    Period {
        from: at(from),
        to: requested_to.min(at(NOW)),
        requested_to,
        timezone: Zone::UTC,
    }
}

fn settle() -> SettleRule {
    SettleRule {
        job_start_ms: at(NOW),
        settle_ms: 600_000,
    }
}

fn service(key: &str, base: Option<&str>) -> Service {
    Service {
        key: key.into(),
        quantity: Some(usd("2")),
        base: base.map(usd),
        after_discount: base.map(usd),
    }
}

fn day(date: &str, services: &[Service]) -> DayOfUsage {
    DayOfUsage {
        date: date.into(),
        services: Some(services.to_vec()),
        total: None,
    }
}

/// A dollar a day of compute units.
fn dollar_days(from: &str, to: &str) -> Vec<DayOfUsage> {
    let days = (at(from)..at(to)).step_by(DAY_MS as usize);
    days.map(|ms| day(&utc_date(ms), &[service("ACTOR_COMPUTE_UNITS", Some("1"))]))
        .collect()
}

/// A cycle that counts these dollars, with these days.
fn cycle(from: &str, to: &str, dollars: &str, days: Option<Vec<DayOfUsage>>) -> MonthlyUsage {
    MonthlyUsage {
        from_ms: at(from),
        to_ms: at(to),
        services: Some(vec![service("ACTOR_COMPUTE_UNITS", Some(dollars))]),
        days,
        before_discount: Some(usd(dollars)),
        after_discount: None,
        unknown: Vec::new(),
    }
}

fn usage_of(period: &Period, cycles: Vec<MonthlyUsage>) -> AccountUsage {
    let asked = AskedUsage {
        cycles: Ok(cycles),
        builds: Ok(BuildsRead::default()),
    };
    AccountUsage::new(asked, period, at(NOW), &settle())
}

/// August's cycle from the 2nd, and September's.
fn two_cycles() -> Vec<MonthlyUsage> {
    vec![
        cycle(
            "2025-08-02",
            "2025-09-02",
            "31",
            Some(dollar_days("2025-08-02", "2025-09-02")),
        ),
        cycle(
            "2025-09-02",
            "2025-10-02",
            "30",
            Some(dollar_days("2025-09-02", "2025-10-02")),
        ),
    ]
}

fn counted(usage: &AccountUsage) -> &crate::provenance::CountedFacts {
    usage.facts.counted.as_ref().unwrap()
}

fn sum(usage: &AccountUsage) -> String {
    usage.by_service[0].base.unwrap().to_string()
}

#[test]
fn two_cycles_that_meet_within_a_month_are_cut_to_its_days() {
    let usage = usage_of(&period("2025-09-01", "2025-10-01"), two_cycles());
    assert_eq!((sum(&usage).as_str(), usage.by_day.len()), ("30", 30));
    assert_eq!(usage.by_service[0].quantity, Some(usd("60")));
    let facts = counted(&usage);
    assert_eq!((facts.from, facts.to), (at("2025-09-01"), at("2025-10-01")));
    assert!(facts.has_days && !facts.is_at_least && facts.notes.is_empty());
    assert_eq!(facts.open_cycle(), None);
    assert_eq!(usage.contradiction(), None);
}

#[test]
fn of_edges_that_are_no_utc_midnights_the_whole_days_within_count() {
    let usage = usage_of(
        &period("2025-08-31T22:00:00.000Z", "2025-09-30T22:00:00.000Z"),
        two_cycles(),
    );
    let facts = counted(&usage);
    assert_eq!((facts.from, facts.to), (at("2025-09-01"), at("2025-09-30")));
    assert_eq!(sum(&usage), "29");
    let short = usage_of(
        &period("2025-09-01T01:00:00.000Z", "2025-09-02T23:00:00.000Z"),
        two_cycles(),
    );
    assert_eq!(short.facts.counted, None);
    assert_eq!(short.facts.counted_unknown.as_deref(), Some(NO_WHOLE_DAY));
}

#[test]
fn a_cycle_that_is_not_over_is_counted_so_far_and_named() {
    let open = cycle(
        "2025-10-02",
        "2025-11-02",
        "2",
        Some(dollar_days("2025-10-02", "2025-10-04")),
    );
    let usage = usage_of(&period("2025-10-02", "2025-11-01"), vec![open]);
    let facts = counted(&usage);
    // The day on which it was asked is not over either.
    assert_eq!((facts.from, facts.to), (at("2025-10-02"), at("2025-10-04")));
    assert_eq!(facts.open_cycle().map(|cycle| cycle.to), Some(at("2025-11-02")));
    assert_eq!((sum(&usage).as_str(), facts.is_at_least), ("2", false));
}

#[test]
fn without_days_whole_cycles_count_and_parts_are_unknown() {
    let whole = cycle("2025-09-02", "2025-10-02", "30", None);
    let usage = usage_of(&period("2025-09-02", "2025-10-02"), vec![whole.clone()]);
    assert_eq!((sum(&usage).as_str(), usage.by_day.len()), ("30", 0));
    assert!(!counted(&usage).has_days);
    assert_eq!(usage.contradiction(), None);
    let part = usage.part(&period("2025-09-03", "2025-09-05"));
    assert!(part.facts.counted.is_none() && part.by_service.is_empty());
    assert!(part.facts.counted_unknown.unwrap().contains("by day"));
    let month = usage_of(&period("2025-09-01", "2025-10-01"), vec![two_cycles().remove(0), whole]);
    let why = month.facts.counted_unknown.unwrap();
    assert!(why.contains("billing cycle 2025-09-02 to 2025-10-02"), "{why}");
}

#[test]
fn an_amount_that_is_unknown_makes_sums_at_least() {
    let mut cycles = two_cycles();
    let first = &mut cycles[1].days.as_mut().unwrap()[0];
    first.services = Some(vec![service("ACTOR_COMPUTE_UNITS", None), service("NEW", None)]);
    let usage = usage_of(&period("2025-09-01", "2025-10-01"), cycles.clone());
    assert!(counted(&usage).is_at_least);
    assert_eq!(sum(&usage), "29");
    // Of those after discount none is a sum that isn't whole.
    assert_eq!(usage.by_service[0].after_discount, None);
    assert_eq!(
        (usage.by_service[1].key.as_str(), usage.by_service[1].base),
        ("NEW", None)
    );
    // A day whose services could not be read at all.
    cycles[1].days.as_mut().unwrap()[0].services = None;
    assert!(counted(&usage_of(&period("2025-09-01", "2025-10-01"), cycles)).is_at_least);
}

#[test]
fn a_day_that_is_not_listed_had_no_usage_where_the_others_come_to_the_cycle() {
    let mut cycles = two_cycles();
    cycles[1].days.as_mut().unwrap().remove(3);
    let usage = usage_of(&period("2025-09-01", "2025-10-01"), cycles.clone());
    let facts = counted(&usage);
    assert!(facts.is_at_least);
    assert_eq!(
        facts.notes,
        ["in the billing cycle 2025-09-02 to 2025-10-02, Apify's days add up to $29.00, but its services to $30.00"]
    );
    cycles[1].services = Some(vec![service("ACTOR_COMPUTE_UNITS", Some("29.000000001"))]);
    let usage = usage_of(&period("2025-09-01", "2025-10-01"), cycles);
    assert!(!counted(&usage).is_at_least && counted(&usage).notes.is_empty());
}

#[test]
fn cycles_are_given_as_they_were_asked_for_and_a_part_with_what_it_holds() {
    let usage = usage_of(&period("2025-09-02", "2025-10-02"), vec![two_cycles().remove(1)]);
    let read = usage.cycles();
    assert_eq!((read.len(), read[0].before_discount), (1, Some(usd("30"))));
    assert_eq!(read[0].days.as_ref().unwrap().len(), 30);
    assert_eq!(read[0].services.as_ref().unwrap()[0].base, Some(usd("30")));
    let month = usage_of(&period("2025-09-01", "2025-10-01"), two_cycles()).cycles();
    let sums: Vec<_> = month
        .iter()
        .map(|cycle| cycle.before_discount.unwrap().to_string())
        .collect();
    assert_eq!(sums, ["1", "29"]);
    let again = usage_of(&period("2025-09-01", "2025-10-01"), month);
    assert_eq!((sum(&again).as_str(), counted(&again).is_at_least), ("30", false));
    let without_days = |from: &str, to: &str| cycle(from, to, "30", None);
    let two = vec![
        without_days("2025-08-02", "2025-09-02"),
        without_days("2025-09-02", "2025-10-02"),
    ];
    assert!(usage_of(&period("2025-08-02", "2025-10-02"), two).cycles().is_empty());
}

#[test]
fn what_could_not_be_asked_is_unknown_and_says_why() {
    let asked = AskedUsage {
        cycles: Err(anyhow::anyhow!("HTTP 403")),
        builds: Err(anyhow::anyhow!("HTTP 500")),
    };
    let usage = AccountUsage::new(asked, &period("2025-09-01", "2025-10-01"), at(NOW), &settle());
    assert_eq!(usage.facts.counted_unknown.as_deref(), Some("HTTP 403"));
    assert_eq!(usage.facts.builds_unknown.as_deref(), Some("HTTP 500"));
    assert!(usage.tables().is_empty());
    let none = Summary::new(Zone::UTC, Dimensions::default()).finish();
    assert_eq!(usage.explained(&none, false), None);
}

#[test]
fn a_part_has_its_days_and_builds() {
    let build = |id: &str, started: &str| Build {
        id: id.into(),
        act_id: None,
        status: "SUCCEEDED".into(),
        started_at_ms: at(started),
        finished_at_ms: None,
        usage: Some(usd("0.5")),
        origin: None,
    };
    let asked = AskedUsage {
        cycles: Ok(two_cycles()),
        builds: Ok(BuildsRead {
            builds: vec![build("a", "2025-09-01"), build("b", "2025-09-03T10:00:00.000Z")],
            ..BuildsRead::default()
        }),
    };
    let whole = AccountUsage::new(asked, &period("2025-09-01", "2025-10-01"), at(NOW), &settle());
    let part = whole.part(&period("2025-09-03", "2025-09-05"));
    assert_eq!((sum(&part).as_str(), part.by_day.len(), part.builds.len()), ("2", 2, 1));
    assert_eq!(counted(&part).cycles.len(), 1);
    let figures = Summary::of(&period("2025-09-03", "2025-09-05"), Dimensions::default()).finish();
    let explained = part.explained(&figures, false).unwrap();
    assert_eq!(explained.not_attributed(), Some(usd("1.5")));
}

proptest! {
    /// By day and by service it is the same, in whatever order days and services come; and runs of other days aren't counted.
    #[test]
    fn days_and_services_add_up_alike(
        cents in prop::collection::vec((0u32..30, 0usize..4, 0u32..1_000), 0..60),
        runs in prop::collection::vec((-3i64..33, 0u32..1_000), 0..40),
        shift in 0i64..24,
    ) {
        let month = Period { from: at("2025-09-01") - shift * 3_600_000, ..period("2025-09-01", "2025-10-01") };
        let keys = ["ACTOR_COMPUTE_UNITS", "NEW", "PROXY_SERPS", "DATASET_TIMED_STORAGE_GBYTE_HOURS"];
        let days: Vec<DayOfUsage> = cents.iter().map(|(of, key, cents)| {
            let date = utc_date(at("2025-09-01") + i64::from(*of) * DAY_MS);
            day(&date, &[service(keys[*key], Some(&format!("{}.{:02}", cents / 100, cents % 100)))])
        }).collect();
        let all: u32 = cents.iter().map(|(.., cents)| cents).sum();
        let mut cycle = cycle("2025-09-01", "2025-10-01", "0", Some(days));
        cycle.services = None;
        let usage = usage_of(&month, vec![cycle]);
        prop_assert_eq!(usage.contradiction(), None);
        let sums: i128 = usage.by_service.iter().map(|service| service.base.unwrap().0).sum();
        let by_day: i128 = usage.days_before_discount().iter().map(|(_, usd)| usd.0).sum();
        prop_assert!(usage.days_before_discount().is_sorted());
        prop_assert_eq!((sums, by_day), (i128::from(all) * 10i128.pow(16), i128::from(all) * 10i128.pow(16)));
        let mut summary = Summary::of(&month, Dimensions::default());
        let mut expected = 0;
        for (hours, cents) in &runs {
            let started = at("2025-09-01") + hours * DAY_MS / 2;
            let is_in = (at("2025-09-01")..at("2025-10-01")).contains(&started);
            expected += if is_in { i128::from(*cents) } else { 0 };
            let text = format!("{}.{:02}", cents / 100, cents % 100);
            summary.add_row(&Row { id: "r", act_id: "a", status: "SUCCEEDED", started_at_ms: started, usage: Some(usd(&text)), ..Row::default() }).unwrap();
        }
        let explained = usage.explained(&summary.finish(), false).unwrap();
        prop_assert_eq!(explained.runs.usage.0, expected * 10i128.pow(16));
    }
}
