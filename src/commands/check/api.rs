//! What the API has to say: itself, the token, the clock, the rate limit, the retention.

use tokio::time::{Instant, timeout_at};

use crate::cli::CheckArgs;
use crate::clock::Clocks;
use crate::commands::check::CheckName;
use crate::commands::check::Finding::{self, Failed, Fine, Worth};
use crate::error::Error;
use crate::pipeline::connection::{Connection, RetentionDays};
use crate::text::{counted, escape_control};

/// A clock that is off by more is worth a word: the API's tells seconds, and an answer takes some time.
const CLOCK_TOLERANCE_MS: i64 = 5_000;
/// The days of the longest month: who keeps runs for fewer loses some before a monthly export.
const LONGEST_MONTH_DAYS: u64 = 31;

pub(super) async fn ask(args: &CheckArgs, connection: &Connection, until: Instant) -> Vec<Finding> {
    let api = &connection.api;
    let start = Instant::now();
    let now_ms = connection.clock.now_ms();
    let mut probe = std::pin::pin!(connection.probe_list(now_ms));
    let probed = timeout_at(until, &mut probe).await.unwrap_or_else(|_| {
        let seconds = start.elapsed().as_secs();
        let cause = api
            .attempts()
            .cause()
            .map_or(String::new(), |cause| format!(": {cause}"));
        let text = format!("{} gave no list within {seconds} s{cause}", api.base_url());
        Err(Error::Unreachable(text))
    });
    if let Err(error) = probed {
        let what = if matches!(error, Error::NotAuthorised(_)) {
            CheckName::Token
        } else {
            CheckName::Api
        };
        return vec![Failed(what, error)];
    }
    let took = start.elapsed().as_millis();
    let mut findings = vec![Fine(
        CheckName::Api,
        format!("api: {} answered in {took} ms", api.base_url()),
    )];
    let retention = connection.ask_retention();
    let (account, clocks, days) = tokio::join!(
        timeout_at(until, connection.ask_account().told()),
        timeout_at(until, connection.clocks()),
        timeout_at(until, retention)
    );
    let late = |_| Err(format!("no answer within {} s", start.elapsed().as_secs()));
    findings.push(match account.unwrap_or_else(late) {
        Ok(account) => {
            let name = account.username.as_deref().unwrap_or("(no name)");
            Fine(
                CheckName::Token,
                format!(
                    "token: account {} ({}); it may list runs",
                    escape_control(name),
                    escape_control(&account.id)
                ),
            )
        }
        Err(why) => Worth(
            CheckName::Token,
            format!("token: it may list runs; its account is unknown: {why}"),
        ),
    });
    findings.push(clock(&clocks.unwrap_or_else(|_| api.clocks())));
    findings.push(rate(api.rate_limit(), args.source.rate, connection.is_demo()));
    let late = |_| Ok(Err(anyhow::anyhow!("no answer within {} s", start.elapsed().as_secs())));
    let days = days.unwrap_or_else(late);
    findings.push(retention_of(days.unwrap_or_else(|error| Err(error.into()))));
    findings
}

fn clock(clocks: &Clocks) -> Finding {
    let Some(server_ms) = clocks.server_ms else {
        return Worth(
            CheckName::Clock,
            "clock: the API does not give its time, so this machine's clock decides where periods end".into(),
        );
    };
    if let Some(refusal) = clocks.refusal("until then, sync, --last-month and --last are refused") {
        return Failed(CheckName::Clock, refusal);
    }
    let off_ms = clocks.machine_ms - server_ms;
    if off_ms.abs() <= CLOCK_TOLERANCE_MS {
        return Fine(
            CheckName::Clock,
            "clock: the same as the API's, within 5 seconds".into(),
        );
    }
    let off = counted(off_ms.unsigned_abs() / 1000, "second", "seconds");
    let way = if off_ms < 0 { "behind" } else { "ahead of" };
    Worth(
        CheckName::Clock,
        format!(
            "clock: {off} {way} the API's. Set this machine's clock: nothing after the earlier of the two times counts as proven"
        ),
    )
}

fn rate(limit: Option<u64>, asked: Option<f64>, demo: bool) -> Finding {
    let asked = asked.unwrap_or(if demo {
        0.0
    } else {
        crate::pipeline::connection::DEFAULT_RATE
    });
    let here = if asked == 0.0 {
        "none".to_string()
    } else {
        format!("{asked} requests/s")
    };
    match limit {
        None => Fine(CheckName::Rate, format!("rate limit used: {here}")),
        Some(limit) if asked == 0.0 || asked > limit as f64 => Worth(
            CheckName::Rate,
            format!("rate limit used: {here}, but the API allows {limit} requests/s: use --rate {limit}"),
        ),
        Some(limit) => Fine(
            CheckName::Rate,
            format!("rate limit used: {here}; the API allows {limit} requests/s"),
        ),
    }
}

fn retention_of(days: RetentionDays) -> Finding {
    match days {
        Ok(days) if days < LONGEST_MONTH_DAYS => Worth(
            CheckName::Retention,
            format!(
                "retention: Apify keeps runs for {}, so a monthly export would miss runs: sync daily, or increase the retention",
                counted(days, "day", "days")
            ),
        ),
        Ok(days) => Fine(
            CheckName::Retention,
            format!("retention: Apify keeps runs for {}", counted(days, "day", "days")),
        ),
        Err(why) => Worth(
            CheckName::Retention,
            format!("retention: unknown ({})", escape_control(&why.to_string())),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(finding: Finding) -> String {
        match finding {
            Fine(_, text) => format!("ok {text}"),
            Worth(_, text) => format!("warn {text}"),
            Failed(what, _) => format!("fail {}", what.word()),
        }
    }

    #[test]
    fn a_month_must_be_kept_for_a_monthly_export() {
        assert_eq!(
            text(retention_of(Ok(14))),
            "warn retention: Apify keeps runs for 14 days, so a monthly export would miss runs: sync daily, or increase the retention"
        );
        assert_eq!(text(retention_of(Ok(31))), "ok retention: Apify keeps runs for 31 days");
        assert!(text(retention_of(Ok(30))).starts_with("warn"));
    }

    #[test]
    fn a_clock_may_differ_by_some_seconds() {
        let clock = |server_ms, machine_ms| text(clock(&Clocks { server_ms, machine_ms }));
        assert!(clock(Some(10_000), 12_500).starts_with("ok"));
        assert!(clock(Some(10_000), 70_000).starts_with("warn clock: 60 seconds ahead of"));
        assert!(clock(Some(70_000), 10_000).starts_with("warn clock: 60 seconds behind"));
        assert!(clock(None, 0).starts_with("warn"));
        assert_eq!(clock(Some(10_000), 86_410_001), "fail clock");
    }

    #[test]
    fn a_rate_beyond_what_the_api_allows_is_worth_a_word() {
        assert!(text(rate(Some(60), None, false)).starts_with("ok rate limit used: 30 requests"));
        assert!(text(rate(Some(20), None, false)).starts_with("warn"));
        assert!(text(rate(Some(60), Some(0.0), false)).starts_with("warn rate limit used: none"));
        assert!(text(rate(None, None, false)).starts_with("ok"));
    }
}
