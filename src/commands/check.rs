//! `check`: tests API, token, clock, rate limit, retention and what `export` and `sync` would use, before cron relies on them. One
//! line for each; failures decide the exit code, warnings don't. It answers within ten seconds, whatever happens.

mod api;
mod places;

use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

use crate::cli::{CheckArgs, SourceArgs};
use crate::commands::check::places::Places;
use crate::config::Layers;
use crate::context::Context;
use crate::context::terminal::warn;
use crate::error::{Error, Result};
use crate::pipeline::connection::Connection;
use crate::provenance::Source;
use crate::text::{escape_control, json_document};

/// The most time for all of it: with what the process needs to start and to end, less than ten seconds.
const CHECK_TIME: Duration = Duration::from_secs(8);
/// The most time for one attempt: two of them, and the wait between, are done in time.
const ATTEMPT_TIME: Duration = Duration::from_millis(3400);

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
    /// The lake that `sync` would use, where one is configured.
    Lake,
    /// The time zone of exports, where one is configured.
    Zone,
    /// The accounts of the configuration.
    Accounts,
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
            CheckName::Lake => "lake",
            CheckName::Zone => "zone",
            CheckName::Accounts => "accounts",
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

pub async fn run(args: CheckArgs, context: Context, layers: &Layers) -> Result<()> {
    let begin = Instant::now();
    let args = CheckArgs {
        source: SourceArgs {
            retries: args.source.retries.min(1),
            timeout: args.source.timeout.min(ATTEMPT_TIME),
            ..args.source
        },
        ..args
    };
    let opened = Connection::open_within(&args.source, None, &context, CHECK_TIME).await;
    // To make the made-up account is no wait for an answer.
    let until = if args.source.demo { Instant::now() } else { begin } + CHECK_TIME;
    let now_ms = match &opened {
        Ok(connection) => connection.clock.now_ms(),
        Err(_) => context.now_ms,
    };
    let places = Places::new(&args, &context, layers, now_ms);
    let asked = async {
        match opened {
            Ok(connection) => Ok(api::ask(&args, &connection, until).await),
            Err(error @ Error::NotAuthorised(_)) => Ok(vec![Failed(CheckName::Token, error)]),
            Err(error @ (Error::Unreachable(_) | Error::OutOfReach(_))) => Ok(vec![Failed(CheckName::Api, error)]),
            Err(error) => Err(error),
        }
    };
    // Side by side: a store that doesn't answer must not use the API's time up.
    let (asked, found) = tokio::join!(asked, places.look(until));
    let mut findings = asked?;
    findings.extend(found);
    tell(findings, &args, &context)
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
