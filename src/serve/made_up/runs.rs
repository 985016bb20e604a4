//! What the made-up account's list is made of: when runs start, a run's JSON. Equal options give equal bytes, on every
//! machine.

use super::actor::Actor;
use super::fate::{is_settling, resurrection};
use super::options::{AccountOptions, DAY_MS, DEMO_NOW_MS, HOUR_MS};
use super::pricing::Pricing;
use super::random::Random;
use super::spending::{Spending, ordinary_cost};
use crate::period::{Millis, format_instant};
use crate::runs::cost_state::STATUSES;

const HIDDEN: u64 = 8;

/// Who started the runs: one of the account's people.
pub(super) const RUNS_USER_ID: &str = "uSerOfTheDemo0001";

/// When the runs of the period start, in order: a few just outside.
pub(super) fn starts(options: &AccountOptions, random: &mut Random) -> Vec<Millis> {
    let (from, to) = (options.from_ms, options.to_ms);
    let mut starts = starts_within(options.runs, from, to, random);
    if options.runs > 0 {
        starts.extend([from - 1, to, to, to + 1]);
    }
    starts.sort_unstable();
    starts
}

/// When the runs before the period start, in order, but for the one just before it, which is the period's neighbour.
pub(super) fn starts_before(options: &AccountOptions, random: &mut Random) -> Vec<Millis> {
    let (from, to) = (options.from_ms - 31 * DAY_MS, options.from_ms - 1);
    let mut starts = starts_within(options.runs_before.saturating_sub(1), from, to, random);
    starts.sort_unstable();
    starts
}

/// Most on the hour in bursts of some five a millisecond, some on the quarter, the rest by day more than by night; some on
/// midnight itself, and at the very edges.
fn starts_within(runs: u64, from: Millis, to: Millis, random: &mut Random) -> Vec<Millis> {
    let length = (to - from).max(1) as u64;
    let hours = length.div_ceil(HOUR_MS as u64);
    let burst_ms = (runs * 11 / 20 / hours / 5).clamp(20, HOUR_MS as u64 / 8);
    let mut starts = Vec::with_capacity(runs as usize + 8);
    let midnights = (1..).map(|day| from + day * DAY_MS).take_while(|day| *day < to).take(6);
    let edges = [from, to - 1].into_iter().chain(midnights);
    starts.extend(edges.take(runs as usize));
    while (starts.len() as u64) < runs {
        let at = match random.below(100) {
            0..55 => from + (random.below(hours) * HOUR_MS as u64 + random.below(burst_ms)) as i64,
            55..70 => from + (random.below(hours * 4) * (HOUR_MS as u64 / 4) + random.below(burst_ms)) as i64,
            _ => {
                let at = from + random.below(length) as i64;
                let hour = at.rem_euclid(DAY_MS) / HOUR_MS;
                if !(7..21).contains(&hour) && random.below(3) != 0 {
                    continue;
                }
                at
            }
        };
        if at < to {
            starts.push(at);
        }
    }
    starts
}

/// A run that is about to be written.
pub(super) struct Draft<'a> {
    /// Which of the account's it is, for what chance says of it.
    pub(super) number: usize,
    pub(super) start: Millis,
    pub(super) actor: &'a Actor,
    /// When it succeeds, if that is settled.
    pub(super) finish: Option<Millis>,
}

/// What else is said of a run that was written: what the list is filtered by, and what its Actor remembers.
pub(super) struct RunTags {
    /// Its place in [`STATUSES`].
    pub(super) status: u8,
    pub(super) task: Option<usize>,
    /// For when it was scheduled, if it was.
    pub(super) scheduled: Option<Millis>,
}

pub(super) fn write_run(json: &mut Vec<u8>, draft: &Draft, random: &mut Random, options: &AccountOptions) -> RunTags {
    let (start, actor) = (draft.start, draft.actor);
    let drawn = status(start, random, options);
    let status = draft.finish.map_or(drawn, |_| place_of("SUCCEEDED"));
    let name = STATUSES[status as usize];
    let is_terminal = matches!(name, "SUCCEEDED" | "FAILED" | "TIMED-OUT" | "ABORTED");
    let mut text = |part: &str| json.extend_from_slice(part.as_bytes());
    text(&format!(r#"{{"id":"{}","actId":"{}""#, random.id(), actor.id));
    if random.below(3) == 0 {
        text(&format!(r#","userId":"{RUNS_USER_ID}""#));
    }
    let by_task = !actor.tasks.is_empty() && random.below(3) > 0;
    let task = by_task.then(|| random.below(actor.tasks.len() as u64) as usize);
    if let Some(task) = task {
        text(&format!(r#","actorTaskId":"{}""#, actor.tasks[task].id));
    }
    let started = format_instant(start);
    text(&format!(r#","status":"{name}","startedAt":"{started}""#));
    let mut finished = None;
    if is_terminal {
        let drawn = (start + 1500 + random.skewed(2_400_000) as i64).min(DEMO_NOW_MS.max(start));
        let again = || resurrection(draft.number, start, options.seed).map(|again| again.finished);
        let end = draft.finish.or_else(again).unwrap_or(drawn);
        text(&format!(r#","finishedAt":"{}""#, format_instant(end)));
        finished = Some(end);
    } else if random.below(2) == 0 {
        text(r#","finishedAt":null"#);
    }
    let Actor { build_id, build, .. } = actor;
    text(&format!(
        r#","buildId":"{build_id}","buildNumber":"0.1.{build}","buildNumberInt":{build}"#
    ));
    let (meta, scheduled) = meta(start, actor, random);
    text(&format!(r#","meta":{{{meta}}}"#));
    if let Some(cost) = listed_cost(draft, finished, random, options) {
        text(&format!(r#","usageTotalUsd":{cost}"#));
    }
    let (store, dataset, queue) = (random.id(), random.id(), random.id());
    text(&format!(
        r#","defaultKeyValueStoreId":"{store}","defaultDatasetId":"{dataset}","defaultRequestQueueId":"{queue}""#
    ));
    match random.below(200) {
        0 => text(r#","generalAccess":"FOLLOW_USER_SETTING""#),
        1 => text(r#","experiment":{"arm": "b", "weight": 1.50}"#),
        _ => {}
    }
    text("}");
    RunTags {
        status,
        task,
        scheduled,
    }
}

/// What the list says of a run's cost: nothing at all for Actors paid by event or result, nor where the options hide it, and
/// 0 for runs that have just ended.
fn listed_cost(
    draft: &Draft,
    finished: Option<Millis>,
    random: &mut Random,
    options: &AccountOptions,
) -> Option<String> {
    let real = || Spending::made_up(None, draft.number, draft.actor, options.seed).total;
    let cost = match (&draft.actor.pricing, options.cost_missing_percent) {
        (Pricing::Results { .. }, _) | (Pricing::Events { .. }, None) => return None,
        (Pricing::Events { .. }, Some(_)) => real()?,
        (Pricing::Usage, hidden) => {
            let drawn = cost(draft.actor, random);
            let is_lacking = drawn == "null" && hidden.is_some();
            if is_lacking { real()? } else { drawn }
        }
    };
    let chance = || Random::of(options.seed, HIDDEN, draft.number as u64).below(100);
    let is_hidden = |percent: u8| chance() < u64::from(percent);
    if options.cost_missing_percent.is_some_and(is_hidden) {
        return None;
    }
    Some(if is_settling(finished) { "0".into() } else { cost })
}

/// The members of `meta`, and for when the run was scheduled.
fn meta(start: Millis, actor: &Actor, random: &mut Random) -> (String, Option<Millis>) {
    let on_the_hour = start.rem_euclid(HOUR_MS / 4) < 60_000;
    if on_the_hour && random.below(10) > 0 {
        let scheduled = start - start.rem_euclid(HOUR_MS / 4);
        let has_extra = random.below(50) == 0;
        let extra = if has_extra { r#","retryOf":null"# } else { "" };
        let (id, at) = (&actor.schedule_id, format_instant(scheduled));
        let meta = format!(r#""origin":"SCHEDULER","scheduleId":"{id}","scheduledAt":"{at}"{extra}"#);
        return (meta, Some(scheduled));
    }
    let origins = [
        "API",
        "API",
        "API",
        "WEB",
        "WEBHOOK",
        "ACTOR",
        "CLI",
        "DEVELOPMENT",
        "TEST",
        "STANDBY",
        "CI",
        "MCP",
        "APIFY_AI",
    ];
    let agents = [
        "ApifyClient/2.12.5 (linux; Node/v20.18.0); isAtHome/true",
        "ApifyClient/1.12.2 (linux; Python/3.12.3); isAtHome/false",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36, \\\"like\\\" Gecko",
        "Zapier",
        "=HYPERLINK(\\\"http://127.0.0.1\\\",\\\"caf\\u00e9\\\")",
    ];
    let origin = origins[random.below(origins.len() as u64) as usize];
    let agent = agents[random.skewed(agents.len() as u64) as usize];
    let ip = match random.below(8) {
        0 => "null".into(),
        _ => format!("\"192.0.2.{}\"", random.below(250)),
    };
    let meta = format!(r#""origin":"{origin}","clientIp":{ip},"userAgent":"{agent}""#);
    (meta, None)
}

/// A status by share; only runs of the last days may still be under way.
fn status(start: Millis, random: &mut Random, options: &AccountOptions) -> u8 {
    let place = random.below(100_000);
    let is_late = start > options.to_ms - 2 * DAY_MS;
    let name = match place {
        0..600 if is_late => {
            ["READY", "RUNNING", "RUNNING", "RUNNING", "TIMING-OUT", "ABORTING"][random.below(6) as usize]
        }
        0..2_100 => "FAILED",
        2_100..3_000 => "TIMED-OUT",
        3_000..3_570 => "ABORTED",
        _ => "SUCCEEDED",
    };
    place_of(name)
}

fn place_of(status: &str) -> u8 {
    let place = STATUSES.iter().position(|known| *known == status);
    place.expect("it is one of them") as u8
}

/// A cost as JavaScript prints a double: one in a thousand is `null`.
fn cost(actor: &Actor, random: &mut Random) -> String {
    match random.below(1000) {
        0 => "null".into(),
        1..30 => "0".into(),
        30..40 => format!("{}e-{}", 1 + random.below(9), 7 + random.below(4)),
        40..50 => format!("{}.{}e-7", 1 + random.below(9), 1 + random.below(999_999_998)),
        50..53 => format!("{}", 1 + random.below(9)),
        53..150 => format!("0.{:02}", 1 + random.below(15)),
        _ => ordinary_cost(actor, random),
    }
}
