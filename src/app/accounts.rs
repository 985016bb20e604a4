//! Runs a command for one account, or for several side by side: each under its own limits, none the others' trouble.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use indexmap::IndexMap;
use serde_json::value::RawValue;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tracing::Instrument;

use crate::app::exit::{End, Parts, gravest};
use crate::app::outcome::Ended;
use crate::app::signals::stopped;
use crate::cli::{Cli, Command};
use crate::commands::{check, diff, export, lake, reconcile, report, serve, sync, tools, verify};
use crate::config::{Layers, Order, Outside};
use crate::context::Context;
use crate::context::journal::Record;
use crate::context::terminal::{Printer, print, warn};
use crate::error::{Error, Result};

/// What is to be done, for whom.
pub struct Orders {
    orders: Vec<(Cli, Context)>,
    layers: Arc<Layers>,
    at_once: usize,
    deadline: Option<(Duration, Instant)>,
}

impl Orders {
    /// Gives each order context of its own. The deadline counts from now.
    pub fn new(orders: Vec<Order>, layers: Layers, context: &Context, outside: &Outside) -> Orders {
        let several = orders.len() > 1;
        let at_once = orders.first().and_then(|order| order.cli.command.source());
        let at_once = at_once
            .map_or(1, |source| source.accounts_at_once.get())
            .min(orders.len());
        let run = orders.first().and_then(|order| order.cli.command.run());
        let deadline = run.and_then(|run| run.deadline);
        let mine = |order: Order| {
            let variable = order.account.as_ref().and_then(|account| account.token_env.clone());
            let token = match &variable {
                Some(name) => outside
                    .variable(name)
                    .map(|token| token.to_string_lossy().into_owned().into()),
                None => context.token.clone(),
            };
            let stdout = if several {
                Printer::Kept(Arc::default())
            } else {
                Printer::Stdout
            };
            let context = Context {
                account: order.account,
                token,
                record: Record::default(),
                stdout,
                side_by_side: at_once,
                // Several bars would write over each other.
                stderr_is_terminal: context.stderr_is_terminal && !several,
                ..context.clone()
            };
            (order.cli, context)
        };
        Orders {
            orders: orders.into_iter().map(mine).collect(),
            layers: Arc::new(layers),
            at_once,
            deadline: deadline.map(|deadline| (deadline, Instant::now() + deadline)),
        }
    }

    /// How many are at work at once.
    pub fn at_once(&self) -> usize {
        self.at_once
    }

    /// The records of all parts.
    pub fn parts(&self) -> Parts {
        let part = |(_, context): &(Cli, Context)| (context.account_name().map(String::from), context.record.clone());
        Parts(self.orders.iter().map(part).collect())
    }

    /// Runs all of them, and says how each ended that didn't end well.
    pub async fn run(self, jitter: Duration) -> End {
        if !jitter.is_zero() {
            self.orders
                .iter()
                .for_each(|(_, context)| context.record.stage("waited"));
            tracing::info!(seconds = jitter.as_secs_f64(), "waiting (--jitter)");
            tokio::time::sleep(jitter).await;
        }
        let (several, is_json) = (
            self.orders.len() > 1,
            self.orders.iter().any(|(cli, _)| prints_json(&cli.command)),
        );
        let mut names = Vec::new();
        let turns = Arc::new(Semaphore::new(self.at_once));
        let mut under_way = Vec::new();
        for (cli, context) in self.orders {
            let (name, record) = (context.account_name().map(String::from), context.record.clone());
            let (stdout, layers) = (context.stdout.clone(), self.layers.clone());
            let context = Context {
                now_ms: context.clock.now_ms(),
                ..context
            };
            let span = match name.as_deref().filter(|_| several) {
                Some(account) => tracing::error_span!("account", account),
                None => tracing::Span::none(),
            };
            let stopped = stopped(&cli.command);
            let noted = record.clone();
            names.push((name, record, stdout));
            let turns = turns.clone();
            let job = async move {
                let _turn = turns.acquire().await.map_err(anyhow::Error::from)?;
                run(cli, context, layers).await
            };
            let job = within(self.deadline, stopped, job);
            let job = async move {
                let result = job.await;
                match &result {
                    Ok(()) => tracing::info!("done"),
                    Err(error) => tracing::error!("{error}"),
                }
                let end = result
                    .as_ref()
                    .map_or_else(|error| (error.exit_code(), Some(error.to_string())), |()| (0, None));
                noted.note(|noted| noted.ended = Some(end));
                result
            };
            // A bug is one account's trouble too. In this task, so that whoever drops it drops all that they hold.
            under_way.push(AssertUnwindSafe(job.instrument(span)).catch_unwind());
        }
        let results = futures::future::join_all(under_way).await;
        let mut parts = Vec::new();
        let mut printed: IndexMap<String, String> = IndexMap::new();
        for ((account, record, stdout), result) in names.into_iter().zip(results) {
            let (exit_code, error) = match result {
                Ok(Ok(())) => (0, None),
                Ok(Err(error)) => (error.exit_code(), Some(error.to_string())),
                Err(_) => (1, Some("a bug ended it".into())),
            };
            printed.insert(account.clone().unwrap_or_default(), stdout.kept());
            parts.push(Ended {
                account,
                exit_code,
                error,
                record,
            });
        }
        let mut end = End::of(parts);
        if several && let Err(error) = print(&together(&printed, is_json)) {
            tracing::error!("{error}");
            end.exit_code = gravest([end.exit_code, error.exit_code()]);
            end.error.get_or_insert_with(|| error.to_string());
        }
        end
    }
}

/// What each account's job has to print, one after the other.
fn together(printed: &IndexMap<String, String>, is_json: bool) -> String {
    if is_json {
        let raw = |(name, text): (&String, &String)| (name.clone(), RawValue::from_string(text.trim().into()).ok());
        let accounts: IndexMap<String, Option<Box<RawValue>>> = printed.iter().map(raw).collect();
        let document = IndexMap::from([("accounts", accounts)]);
        return serde_json::to_string_pretty(&document).expect("its keys are texts") + "\n";
    }
    let said = printed.iter().filter(|(_, text)| !text.is_empty());
    let texts: Vec<String> = said.map(|(name, text)| format!("== {name}\n{text}")).collect();
    texts.join("\n")
}

fn prints_json(command: &Command) -> bool {
    match command {
        Command::Export(args) => args.json,
        Command::Sync(args) => args.json,
        Command::Reconcile(args) => args.json,
        _ => false,
    }
}

async fn within(
    deadline: Option<(Duration, Instant)>,
    stopped: &'static str,
    job: impl Future<Output = Result<()>>,
) -> Result<()> {
    let Some((time, at)) = deadline else {
        return job.await;
    };
    let late = |_| {
        Error::Unreachable(format!(
            "the job was not done within {time:?} (--deadline), {stopped}; it is safe to run again"
        ))
    };
    tokio::time::timeout_at(at, job)
        .await
        .unwrap_or_else(|elapsed| Err(late(elapsed)))
}

async fn run(cli: Cli, context: Context, layers: Arc<Layers>) -> Result<()> {
    match cli.command {
        Command::Export(args) => export::run(*args, context).await,
        Command::Reconcile(args) => reconcile::run(*args, context).await,
        Command::Report(args) => report::run(*args, context).await,
        Command::Check(args) => check::run(args, context).await,
        Command::Verify(args) => verify::run(args).await,
        Command::Diff(args) => diff::run(args, context).await,
        Command::Sync(args) => sync::run(*args, context).await,
        Command::Lake(args) => lake::run(args, context).await,
        Command::Serve(args) => serve::run(*args, context).await,
        Command::Config(args) => tools::config(args, &layers),
        Command::Completions(args) => tools::completions(&args),
        Command::Man(args) => tools::man(args),
    }
}

/// Says which names turned out to be of one account of the API.
pub fn warn_of_shared_accounts(parts: &[Ended]) {
    crate::app::outcome::shared(parts)
        .iter()
        .for_each(|shared| warn(&shared.to_string()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_accounts_print_is_one_text_or_one_document() {
        let printed = IndexMap::from([
            ("acme".to_string(), "{\"usage\":0.10}\n".to_string()),
            ("beta".to_string(), String::new()),
        ]);
        let json = together(&printed, true);
        // As it came: no digit of a number is anybody's to change.
        assert!(json.contains("0.10"), "{json}");
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert!(json["accounts"]["beta"].is_null());
        assert_eq!(together(&printed, false), "== acme\n{\"usage\":0.10}\n");
    }
}
