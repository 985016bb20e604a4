//! `check`: tests API, token, clock, rate limit, retention and output before cron relies on them. One line for each; failures
//! decide the exit code, warnings don't.

use std::path::PathBuf;
use std::time::Instant;

use serde::Serialize;
use tokio::runtime::Handle;

use crate::archive::existing::ExistingExport;
use crate::cli::CheckArgs;
use crate::clock::Clocks;
use crate::commands::destination::path_template;
use crate::commands::destination::store::StoreDestination;
use crate::context::Context;
use crate::context::blocking::run_blocking;
use crate::context::terminal::warn;
use crate::error::{Error, Result};
use crate::output::publish::{Destination, OutputState};
use crate::paths::names_store;
use crate::period::{Millis, PeriodSpec, Zone};
use crate::pipeline::connection::{Connection, RetentionDays};
use crate::provenance::Source;
use crate::text::{counted, escape_control, json_document};

/// A clock that is off by more is worth a word: the API's tells seconds, and an answer takes some time.
const CLOCK_TOLERANCE_MS: i64 = 5_000;
/// The days of the longest month: who keeps runs for fewer loses some before a monthly export.
const LONGEST_MONTH_DAYS: u64 = 31;

/// What is checked, in the order in which it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum CheckName {
    Api,
    Token,
    Clock,
    Rate,
    Retention,
    Output,
}

impl CheckName {
    fn word(self) -> &'static str {
        match self {
            CheckName::Api => "api",
            CheckName::Token => "token",
            CheckName::Clock => "clock",
            CheckName::Rate => "rate",
            CheckName::Retention => "retention",
            CheckName::Output => "output",
        }
    }
}

enum Finding {
    Fine(CheckName, String),
    Worth(CheckName, String),
    Failed(CheckName, Error),
}

use Finding::{Failed, Fine, Worth};

/// What `--json` prints, whatever was found.
#[derive(Serialize)]
struct CheckDocument {
    notice: Option<&'static str>,
    /// That of the first check that failed, or 0.
    exit_code: u8,
    checks: Vec<CheckEntry>,
}

#[derive(Serialize)]
struct CheckEntry {
    check: CheckName,
    state: &'static str,
    text: String,
    /// The exit code of a check that failed.
    exit_code: Option<u8>,
}

pub async fn run(args: CheckArgs, context: Context) -> Result<()> {
    let mut now_ms = context.now_ms;
    let mut findings = match Connection::open(&args.source, None, &context).await {
        Ok(connection) => {
            let findings = ask(&args, &connection).await;
            now_ms = connection.api.clocks().start_ms();
            findings
        }
        Err(error @ Error::NotAuthorised(_)) => vec![Failed(CheckName::Token, error)],
        Err(error) => return Err(error),
    };
    findings.push(match args.out.as_ref().filter(|out| names_store(out)) {
        Some(_) => match month(&args, &context, now_ms) {
            Ok(out) => stored(out).await,
            Err(error) => Failed(CheckName::Output, error),
        },
        None => output(&args, &context, now_ms),
    });
    tell(findings, &args, &context)
}

async fn ask(args: &CheckArgs, connection: &Connection) -> Vec<Finding> {
    let api = &connection.api;
    let start = Instant::now();
    let now_ms = connection.clock.now_ms();
    if let Err(error) = connection.probe_list(now_ms).await {
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
    findings.push(match connection.account().await {
        Some(account) => {
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
        None => Worth(
            CheckName::Token,
            "token: it may list runs; the API does not say which account it has".into(),
        ),
    });
    findings.push(clock(&connection.clocks().await));
    findings.push(rate(api.rate_limit(), args.source.rate, connection.is_demo()));
    let days = connection.ask_retention().await;
    findings.push(retention(days.unwrap_or_else(|error| Err(error.into()))));
    findings
}

fn clock(clocks: &Clocks) -> Finding {
    let Some(server_ms) = clocks.server_ms else {
        return Worth(
            CheckName::Clock,
            "clock: the API does not give its time, so periods end by this machine's clock".into(),
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
            "clock: {off} {way} the API's. Set this machine's clock: no time after the earlier of the two counts as proven"
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

fn retention(days: RetentionDays) -> Finding {
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

/// Where last month's export would go.
fn month(args: &CheckArgs, context: &Context, now_ms: Millis) -> Result<PathBuf> {
    let month = PeriodSpec::LastMonth.resolve(Zone::UTC, now_ms)?;
    path_template::folder(args.out.as_deref(), &month, context.account_name(), args.source.demo)
}

/// Whether an export could be put where it is to go; writes nothing.
fn output(args: &CheckArgs, context: &Context, now_ms: Millis) -> Finding {
    let checked = month(args, context, now_ms).and_then(|out| {
        let state = Destination::check(&out)?;
        if state == OutputState::Occupied {
            ExistingExport::read(&out)?;
        }
        Ok((out, state))
    });
    match checked {
        Ok((out, OutputState::Occupied)) => Fine(
            CheckName::Output,
            format!("output: {} holds an export that can be replaced", out.display()),
        ),
        Ok((out, _)) => Fine(CheckName::Output, format!("output: {} can be written", out.display())),
        Err(error) => Failed(CheckName::Output, error),
    }
}

/// The same of a place in an object store; whether this user may write there shows when it is tried.
async fn stored(out: PathBuf) -> Finding {
    let (place, handle) = (out.clone(), Handle::current());
    let found =
        run_blocking(move |_| StoreDestination::open(&place, handle).map(|found| found.existing().is_some())).await;
    match found {
        Ok(true) => Fine(
            CheckName::Output,
            format!("output: {} holds an export that can be replaced", out.display()),
        ),
        Ok(false) => Fine(CheckName::Output, format!("output: {} can be reached", out.display())),
        Err(error) => Failed(CheckName::Output, error),
    }
}

/// Prints what was found; the first check that failed decides the exit code.
fn tell(findings: Vec<Finding>, args: &CheckArgs, context: &Context) -> Result<()> {
    let mut lines = Vec::new();
    let mut checks = Vec::new();
    let mut first = None;
    for finding in findings {
        let (check, word, state, text, exit_code) = match finding {
            Fine(check, text) => (check, "ok    ", "ok", text, None),
            Worth(check, text) => {
                if args.quiet {
                    warn(&text);
                }
                (check, "warn  ", "warning", text, None)
            }
            Failed(check, error) => {
                let text = format!("{}: {}", check.word(), escape_control(&error.to_string()));
                let exit_code = error.exit_code();
                first.get_or_insert(error);
                (check, "FAIL  ", "failed", text, Some(exit_code))
            }
        };
        lines.push(format!("{word}{text}"));
        checks.push(CheckEntry {
            check,
            state,
            text,
            exit_code,
        });
    }
    let document = CheckDocument {
        notice: args.source.demo.then(|| Source::Demo.notice()).flatten(),
        exit_code: first.as_ref().map_or(0, Error::exit_code),
        checks,
    };
    let printed = match (args.json, args.quiet) {
        (true, _) => context.stdout.print(&json_document(&document)),
        (_, true) => Ok(()),
        _ => context.stdout.print(&(lines.join("\n") + "\n")),
    };
    first.map_or(printed, Err)
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
            text(retention(Ok(14))),
            "warn retention: Apify keeps runs for 14 days, so a monthly export would miss runs: sync daily, or increase the retention"
        );
        assert_eq!(text(retention(Ok(31))), "ok retention: Apify keeps runs for 31 days");
        assert!(text(retention(Ok(30))).starts_with("warn"));
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
