//! Accounts whose names and amounts are hard to show.

use crate::support::account::Apify;
use crate::support::stand_in::{Reply, Run, StandIn, ms};

/// Rules by IDs; a name of a group that a spreadsheet, Markdown and a browser could take for more.
pub const GROUPS: &str = "actor,group\nact1*,\"=1+1;|$<b>&amp;\"\nact2*,Zwei\n";

/// Costs by number of the Actor; the others' are cents.
pub const MIXED: [&str; 8] = [
    "123456789012.345678901234567891",
    "-50",
    "null",
    "0.0049",
    "0.000000000000000001",
    "-0.0005",
    "0",
    // An eighth of it is rounded twice where it is put into percent by way of six places.
    "15370370232.03703700000001",
];
pub const BELOW_ZERO: [&str; 8] = ["3", "-50", "null", "0.0049", "-1e-18", "-0.0005", "0", "-7.125"];

/// Names that mean something to a spreadsheet, a browser, a terminal or Markdown.
fn name(at: usize) -> String {
    let odd = [
        "a|b $5 and $6",
        "<b>bold</b>",
        "=1+1;-2",
        "two\nlines\r\nand more",
        "sep\u{2028}arated\u{202e}turned",
        "quote\", comma, `code` *x* _y_ [l](m)",
        "wide 日本語の長い名前のアクターです、とても長い名前です、とても長い名前です",
        "{{ 7*7 }}&amp;\\",
    ];
    match at {
        8 => "x".repeat(10_000),
        at => odd.get(at).map_or(format!("crawler-{at}"), |name| name.to_string()),
    }
}

/// 30 Actors with three runs each in September and some in August, in all outcomes, with costs of so many Actors given.
pub fn odd(costs: [&'static str; 8]) -> StandIn {
    let statuses = ["SUCCEEDED", "FAILED", "TIMED-OUT", "ABORTED", "SUCCEEDED", "RUNNING"];
    let run = |month: &str, at: usize, nth: usize| {
        let cost = match (costs.get(at), nth) {
            (Some(cost), 0) => cost.to_string(),
            (Some(_), _) => "null".into(),
            (None, nth) => format!("{}e-2", (at * 7 + nth * 3) % 40 + 1),
        };
        let status = statuses[(at + nth) % statuses.len()];
        let finished = if status == "RUNNING" {
            ""
        } else {
            r#","finishedAt":"2025-09-30T12:00:00.000Z""#
        };
        let rest = format!(
            r#""actId":"act{at}","usageTotalUsd":{cost},"buildId":"b{at}","buildNumber":"0.0.{at}","actorTaskId":"task{at}","userId":"u{nth}","meta":{{"origin":"API"}}{finished}"#
        );
        Run {
            status: status.into(),
            ..Run::new(
                format!("{month}r{at}x{nth}"),
                ms(&format!("2025-{month}-{:02}T0{nth}:00:00Z", at % 27 + 1)),
            )
            .with(&rest)
        }
    };
    let september = (0..30).flat_map(|at| (0..3).map(move |nth| run("09", at, nth)));
    let august = (0..28).step_by(2).map(|at| run("08", at, 0));
    let names: Vec<(String, String)> = (0..30).map(|at| (format!("act{at}"), name(at))).collect();
    let actors: Vec<(&str, &str, &str)> = names
        .iter()
        .map(|(id, name)| (id.as_str(), "ann", name.as_str()))
        .collect();
    let tasks: Vec<(String, String)> = (0..30)
        .map(|at| (format!("task{at}"), format!("{} daily", name(29 - at))))
        .collect();
    let tasks: Vec<(&str, &str)> = tasks.iter().map(|(id, name)| (id.as_str(), name.as_str())).collect();
    Apify::of(september.chain(august).collect())
        .actors(&actors)
        .tasks(&tasks)
        .at("/v2/users/me/usage/monthly", |_| Reply::json(usage()))
        .listed("/v2/actor-builds", builds())
        .dated("Fri, 03 Oct 2025 06:00:00 GMT")
        .start()
}

/// None at all.
pub fn empty() -> StandIn {
    Apify::of(Vec::new())
        .at("/v2/users/me/usage/monthly", |_| Reply::json(usage()))
        .dated("Fri, 03 Oct 2025 06:00:00 GMT")
        .start()
}

/// 70 builds of 30 Actors; of many the cost is unknown.
fn builds() -> Vec<String> {
    let build = |at: usize| {
        let cost = if at.is_multiple_of(3) {
            String::new()
        } else {
            format!(r#","usageTotalUsd":{at}e-4"#)
        };
        let (day, actor) = (29 - at * 28 / 70, at % 30);
        format!(
            r#"{{"id":"build{at}","actId":"act{actor}","status":"SUCCEEDED","startedAt":"2025-09-{day:02}T00:00:00.000Z","finishedAt":"2025-09-{day:02}T00:01:00.000Z","meta":{{"origin":"WEB"}}{cost}}}"#
        )
    };
    (0..70).map(build).collect()
}

/// A cycle of 24 services a day, one of an unknown amount, one below zero.
fn usage() -> String {
    let amount = |at: usize| match at {
        23 => "null".into(),
        22 => "-0.25".into(),
        at => format!("{}e-3", (at * 31) % 97),
    };
    let service = |at: usize| {
        let (usd, key) = (
            amount(at),
            if at == 0 {
                "ACTOR_COMPUTE_UNITS".into()
            } else {
                format!("SERVICE_{at}|$")
            },
        );
        format!(r#""{key}":{{"quantity":{at}.12345,"baseAmountUsd":{usd},"amountAfterVolumeDiscountUsd":{usd}}}"#)
    };
    let services: Vec<String> = (0..24).map(service).collect();
    let services = services.join(",");
    let days: Vec<String> = (1..=30)
        .map(|day| {
            format!(
                r#"{{"date":"2025-09-{day:02}T00:00:00.000Z","serviceUsage":{{{services}}},"totalUsageCreditsUsd":1}}"#
            )
        })
        .collect();
    format!(
        r#"{{"data":{{"usageCycle":{{"startAt":"2025-09-01T00:00:00.000Z","endAt":"2025-09-30T23:59:59.999Z"}},"monthlyServiceUsage":{{{services}}},"dailyServiceUsages":[{}],"totalUsageCreditsUsdBeforeVolumeDiscount":1,"totalUsageCreditsUsdAfterVolumeDiscount":1}}}}"#,
        days.join(",")
    )
}
