//! What the made-up account is made of: when runs start, what an Actor's runs have in common, a run's JSON. Equal options
//! give equal bytes, on every machine.

use super::account::{AccountOptions, DEMO_NOW_MS};
use super::query::STATUSES;
use crate::period::{Millis, format_instant};

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// When runs start: most on the hour in bursts of some five a millisecond, some on the quarter, the rest by day more than by
/// night; some on midnight itself, at the very edges, and a few just outside.
pub(super) fn starts(options: &AccountOptions, random: &mut Random) -> Vec<Millis> {
    let (from, to) = (options.from_ms, options.to_ms);
    let length = (to - from).max(1) as u64;
    let hours = length.div_ceil(HOUR_MS as u64);
    let burst_ms = (options.runs * 11 / 20 / hours / 5).clamp(20, HOUR_MS as u64 / 8);
    let mut starts = Vec::with_capacity(options.runs as usize + 8);
    for edge in [from, to - 1]
        .into_iter()
        .chain((1..).map(|day| from + day * DAY_MS).take_while(|day| *day < to).take(6))
    {
        if (starts.len() as u64) < options.runs {
            starts.push(edge);
        }
    }
    while (starts.len() as u64) < options.runs {
        let at = match random.below(100) {
            0..55 => from + (random.below(hours) * HOUR_MS as u64 + random.below(burst_ms)) as i64,
            55..70 => from + (random.below(hours * 4) * (HOUR_MS as u64 / 4) + random.below(burst_ms)) as i64,
            _ => {
                let at = from + random.below(length) as i64;
                let hour = at.rem_euclid(DAY_MS) / HOUR_MS;
                if (7..21).contains(&hour) || random.below(3) == 0 {
                    at
                } else {
                    continue;
                }
            }
        };
        if at < to {
            starts.push(at);
        }
    }
    if options.runs > 0 {
        starts.extend([from - 1, to, to, to + 1]);
    }
    starts
}

/// What all runs of an Actor have in common.
pub(super) struct Actor {
    id: String,
    /// How often it runs, beside the others.
    pub(super) weight: u64,
    build_id: String,
    build: u64,
    tasks: Vec<String>,
    schedule_id: String,
    /// The usual cost of a run, in 10^-18 dollars.
    usual_cost: u64,
    /// Somebody else's pay-per-event Actor: the list has no cost.
    without_cost: bool,
}

impl Actor {
    pub(super) fn made_up(at: u64, random: &mut Random) -> Actor {
        let rank = at + 1;
        Actor {
            id: random.id(),
            weight: 100_000_000 / (rank * rank.isqrt().max(1)),
            build_id: random.id(),
            build: 1 + random.below(240),
            tasks: (0..random.below(4)).map(|_| random.id()).collect(),
            schedule_id: random.id(),
            usual_cost: 10_000_000_000_000_000 + random.below(130_000_000_000_000_000),
            without_cost: at % 17 == 11,
        }
    }
}

/// Appends one run, and returns its status's position.
pub(super) fn write_run(
    json: &mut Vec<u8>,
    start: Millis,
    actor: &Actor,
    random: &mut Random,
    options: &AccountOptions,
) -> u8 {
    let status = status(start, random, options);
    let name = STATUSES[status as usize];
    let is_terminal = matches!(name, "SUCCEEDED" | "FAILED" | "TIMED-OUT" | "ABORTED");
    let mut text = |part: &str| json.extend_from_slice(part.as_bytes());
    text(&format!(r#"{{"id":"{}","actId":"{}""#, random.id(), actor.id));
    if random.below(3) == 0 {
        text(r#","userId":"uSerOfTheDemo0001""#);
    }
    let by_task = !actor.tasks.is_empty() && random.below(3) > 0;
    if by_task {
        text(&format!(
            r#","actorTaskId":"{}""#,
            actor.tasks[random.below(actor.tasks.len() as u64) as usize]
        ));
    }
    text(&format!(
        r#","status":"{name}","startedAt":"{}""#,
        format_instant(start)
    ));
    if is_terminal {
        let finished = start + 1500 + random.skewed(2_400_000) as i64;
        text(&format!(
            r#","finishedAt":"{}""#,
            format_instant(finished.min(DEMO_NOW_MS.max(start)))
        ));
    } else if random.below(2) == 0 {
        text(r#","finishedAt":null"#);
    }
    text(&format!(
        r#","buildId":"{}","buildNumber":"0.1.{}","buildNumberInt":{}"#,
        actor.build_id, actor.build, actor.build
    ));
    text(r#","meta":{"#);
    text(&meta(start, actor, random));
    text("}");
    if let Some(cost) = cost(actor, random) {
        text(&format!(r#","usageTotalUsd":{cost}"#));
    }
    text(&format!(
        r#","defaultKeyValueStoreId":"{}","defaultDatasetId":"{}","defaultRequestQueueId":"{}""#,
        random.id(),
        random.id(),
        random.id()
    ));
    match random.below(200) {
        0 => text(r#","generalAccess":"FOLLOW_USER_SETTING""#),
        1 => text(r#","experiment":{"arm": "b", "weight": 1.50}"#),
        _ => {}
    }
    text("}");
    status
}

fn meta(start: Millis, actor: &Actor, random: &mut Random) -> String {
    let on_the_hour = start.rem_euclid(HOUR_MS / 4) < 60_000;
    if on_the_hour && random.below(10) > 0 {
        let scheduled = start - start.rem_euclid(HOUR_MS / 4);
        let extra = if random.below(50) == 0 {
            r#","retryOf":null"#
        } else {
            ""
        };
        let (id, at) = (&actor.schedule_id, format_instant(scheduled));
        return format!(r#""origin":"SCHEDULER","scheduleId":"{id}","scheduledAt":"{at}"{extra}"#);
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
    let ip = if random.below(8) == 0 {
        "null".into()
    } else {
        format!("\"192.0.2.{}\"", random.below(250))
    };
    format!(r#""origin":"{origin}","clientIp":{ip},"userAgent":"{agent}""#)
}

/// A status by share; only runs of the last days may still be under way.
fn status(start: Millis, random: &mut Random, options: &AccountOptions) -> u8 {
    let place = random.below(100_000);
    let is_late = start > options.to_ms - 2 * DAY_MS;
    let name = match place {
        0..150 if is_late => {
            ["READY", "RUNNING", "RUNNING", "RUNNING", "TIMING-OUT", "ABORTING"][random.below(6) as usize]
        }
        0..2_100 => "FAILED",
        2_100..3_000 => "TIMED-OUT",
        3_000..3_570 => "ABORTED",
        _ => "SUCCEEDED",
    };
    STATUSES
        .iter()
        .position(|known| *known == name)
        .expect("it is one of them") as u8
}

/// A cost as JavaScript prints a double; `None` where the list has none.
fn cost(actor: &Actor, random: &mut Random) -> Option<String> {
    if actor.without_cost {
        return None;
    }
    let units = actor.usual_cost / 10 * (2 + random.below(17));
    Some(match random.below(1000) {
        0 => "null".into(),
        1..30 => "0".into(),
        30..40 => format!("{}e-{}", 1 + random.below(9), 7 + random.below(4)),
        40..50 => format!("{}.{}e-7", 1 + random.below(9), 1 + random.below(999_999_998)),
        50..53 => format!("{}", 1 + random.below(9)),
        53..150 => format!("0.{:02}", 1 + random.below(15)),
        _ => {
            let digits = format!("{:018}", units + random.below(1_000_000_000));
            // Seventeen significant digits: below a tenth of a dollar that is more than eighteen places.
            let zeros = digits.bytes().take_while(|byte| *byte == b'0').count();
            let mut digits = digits[..digits.len().min(zeros + 17)].to_string();
            (digits.len()..zeros + 17).for_each(|_| digits.push(char::from(b'0' + random.below(10) as u8)));
            format!("0.{}", digits.trim_end_matches('0'))
        }
    })
}

/// SplitMix64 (Steele, Lea and Flood, 2014): small, and the same everywhere.
pub(super) struct Random(pub(super) u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below a bound; 0 for a bound of 0.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }

    /// Below a bound, small numbers more often.
    fn skewed(&mut self, bound: u64) -> u64 {
        let most = self.below(bound) + 1;
        self.below(most)
    }

    /// Seventeen letters and digits, as Apify's IDs look.
    fn id(&mut self) -> String {
        const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        let (mut high, mut low) = (self.next(), self.next());
        let mut id = String::with_capacity(17);
        for place in 0..17 {
            let bits = if place < 8 { &mut high } else { &mut low };
            id.push(char::from(LETTERS[(*bits % 62) as usize]));
            *bits /= 62;
        }
        id
    }
}
