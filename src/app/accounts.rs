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

use crate::app::exit::{AccountJournals, AccountResult, JobResult, worst_exit_code};
use crate::app::signals::fate_when_stopped;
use crate::app::together;
use crate::cli::{Cli, Command};
use crate::commands;
use crate::commands::together::TogetherFolder;
use crate::config::{Invocation, Layers, ProcessEnv};
use crate::context::Context;
use crate::context::journal::{Ending, Journal};
use crate::context::terminal::{Printer, print};
use crate::error::{Error, Result};

/// A command for one account.
struct AccountJob {
    cli: Cli,
    context: Context,
}

impl AccountJob {
    fn account(&self) -> Option<String> {
        self.context.account_name().map(String::from)
    }

    fn prints_json(&self) -> bool {
        match &self.cli.command {
            Command::Export(args) => args.json,
            Command::Sync(args) => args.json,
            Command::Reconcile(args) => args.json,
            Command::Check(args) => args.json,
            _ => false,
        }
    }

    /// Where one report of all accounts is to go; exit 2 or 6 where it can't.
    fn together(&self) -> Result<Option<TogetherFolder>> {
        match &self.cli.command {
            Command::Export(args) => TogetherFolder::of(args, self.context.umask),
            _ => Ok(None),
        }
    }
}

/// A command for each account that it was called for.
pub struct AccountJobs {
    jobs: Vec<AccountJob>,
    layers: Arc<Layers>,
    at_once: usize,
    deadline: Option<Deadline>,
}

#[derive(Clone, Copy)]
struct Deadline {
    time: Duration,
    at: Instant,
}

impl AccountJobs {
    /// Gives each job a context of its own. The deadline counts from now.
    pub fn new(orders: Vec<Invocation>, layers: Layers, context: &Context, outside: &ProcessEnv) -> AccountJobs {
        let several = orders.len() > 1;
        let first = orders.first().map(|order| &order.cli.command);
        let at_once = first
            .and_then(Command::source)
            .map_or(1, |source| source.accounts_at_once.get());
        let at_once = at_once.min(orders.len());
        let deadline = first.and_then(Command::run).and_then(|run| run.deadline);
        let job = |order: Invocation| {
            let variable = order.account.as_ref().and_then(|account| account.token_env.as_deref());
            let token = match variable {
                Some(name) => outside
                    .variable(name)
                    .map(|token| token.to_string_lossy().into_owned().into()),
                None => context.token.clone(),
            };
            let context = Context {
                account: order.account,
                token,
                journal: Journal::default(),
                stdout: if several {
                    Printer::Kept(Arc::default())
                } else {
                    Printer::Stdout
                },
                side_by_side: at_once,
                // Several bars would write over each other.
                stderr_is_terminal: context.stderr_is_terminal && !several,
                ..context.clone()
            };
            AccountJob {
                cli: order.cli,
                context,
            }
        };
        AccountJobs {
            jobs: orders.into_iter().map(job).collect(),
            layers: Arc::new(layers),
            at_once,
            deadline: deadline.map(|time| Deadline {
                time,
                at: Instant::now() + time,
            }),
        }
    }

    /// How many are at work at once.
    pub fn at_once(&self) -> usize {
        self.at_once
    }

    /// The journals of all accounts, for whoever reports an end that came from outside.
    pub fn journals(&self) -> AccountJournals {
        let jobs = self.jobs.iter();
        AccountJournals(jobs.map(|job| (job.account(), job.context.journal.clone())).collect())
    }

    /// Runs all of them, and logs how each ended.
    pub async fn run(self, jitter: Duration) -> JobResult {
        if !jitter.is_zero() {
            let doing = format!("waiting {:.1} s (--jitter)", jitter.as_secs_f64());
            self.jobs
                .iter()
                .for_each(|job| job.context.journal.stage("waited", &doing));
            tokio::time::sleep(jitter).await;
        }
        let several = self.jobs.len() > 1;
        let is_json = self.jobs.iter().any(AccountJob::prints_json);
        let is_quiet = self.jobs.iter().any(|job| job.context.quiet);
        let together = match self.jobs.first().map_or(Ok(None), AccountJob::together) {
            Ok(together) => together,
            Err(error) => {
                tracing::error!("{error}");
                return JobResult::cut_short(error.exit_code(), error.to_string(), &self.journals());
            }
        };
        let turns = Semaphore::new(self.at_once);
        let (layers, turns, deadline) = (&self.layers, &turns, self.deadline);
        // In this task, so that whoever drops it drops all that they hold.
        let results = futures::future::join_all(self.jobs.into_iter().map(|job| async move {
            let (account, stdout) = (job.account(), job.context.stdout.clone());
            let span = match account.as_deref().filter(|_| several) {
                Some(account) => tracing::error_span!("account", account),
                None => tracing::Span::none(),
            };
            let journal = job.context.journal.clone();
            let running = run_in_turn(job, layers.clone(), turns, deadline).instrument(span);
            // A bug is one account's trouble too.
            let ending = AssertUnwindSafe(running).catch_unwind().await;
            let ending = ending.unwrap_or_else(|_| Ending::new(1, "the job ended because of a bug in apify-runs"));
            let result = AccountResult {
                account,
                ending,
                journal,
            };
            (result, stdout.kept())
        }));
        let (results, printed): (Vec<AccountResult>, Vec<String>) = results.await.into_iter().unzip();
        let names = results.iter().map(|result| result.account.clone().unwrap_or_default());
        let printed: IndexMap<String, String> = names.zip(printed).collect();
        let mut end = JobResult::new(results);
        if several && let Err(error) = print(&join_printed(&printed, is_json)) {
            tracing::error!("{error}");
            end.exit_code = worst_exit_code([end.exit_code, error.exit_code()]);
            end.error.get_or_insert_with(|| error.to_string());
        }
        if let Some(folder) = together {
            together::publish(folder, &mut end, is_quiet || is_json).await;
        }
        end
    }
}

/// Runs a job once it is its turn; notes and logs its end.
async fn run_in_turn(job: AccountJob, layers: Arc<Layers>, turns: &Semaphore, deadline: Option<Deadline>) -> Ending {
    let AccountJob { cli, context } = job;
    let context = Context {
        now_ms: context.clock.now_ms(),
        ..context
    };
    let journal = context.journal.clone();
    let began = journal.clone();
    let fate = fate_when_stopped(&cli.command);
    let running = async {
        let _turn = turns.acquire().await.map_err(anyhow::Error::from)?;
        began.begin();
        commands::run(cli, context, &layers).await
    };
    let result = run_until(deadline, fate, &journal, running).await;
    match &result {
        Ok(()) => log_done(&journal),
        Err(error) => tracing::error!("{error}"),
    }
    let ending = Ending::from(&result);
    journal.end(ending.clone());
    ending
}

/// The last line of a log: what the job came to.
fn log_done(journal: &Journal) {
    let (entry, counts) = journal.read();
    let done = entry.in_words().map_or("done".into(), |what| format!("done: {what}"));
    tracing::info!(requests = counts.total, bytes = counts.bytes, "{done}");
}

/// Gives a job up at the deadline; `fate` says what that leaves.
async fn run_until(
    deadline: Option<Deadline>,
    fate: &str,
    journal: &Journal,
    job: impl Future<Output = Result<()>>,
) -> Result<()> {
    let Some(Deadline { time, at }) = deadline else {
        return job.await;
    };
    // It is still there when the cause is asked for: its requests are under way until it is dropped.
    let mut job = std::pin::pin!(job);
    let late = |_| {
        let cause = journal
            .waiting_cause()
            .map_or(String::new(), |cause| format!(": {cause}"));
        Error::Unreachable(format!(
            "the job did not finish within {time:?} (--deadline){cause}; {fate}; it is safe to run again"
        ))
    };
    tokio::time::timeout_at(at, &mut job)
        .await
        .unwrap_or_else(|elapsed| Err(late(elapsed)))
}

/// What the accounts' jobs have to print, as one text or one document.
fn join_printed(printed: &IndexMap<String, String>, is_json: bool) -> String {
    if is_json {
        // Raw: no digit of a number is anybody's to change.
        let raw = |(name, text): (&String, &String)| (name.clone(), RawValue::from_string(text.trim().into()).ok());
        let accounts: IndexMap<String, Option<Box<RawValue>>> = printed.iter().map(raw).collect();
        let document = IndexMap::from([("accounts", accounts)]);
        return serde_json::to_string_pretty(&document).expect("its keys are texts") + "\n";
    }
    let said = printed.iter().filter(|(_, text)| !text.is_empty());
    let texts: Vec<String> = said.map(|(name, text)| format!("== {name}\n{text}")).collect();
    texts.join("\n")
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
        let json = join_printed(&printed, true);
        // As it came: no digit of a number is anybody's to change.
        assert!(json.contains("0.10"), "{json}");
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert!(json["accounts"]["beta"].is_null());
        assert_eq!(join_printed(&printed, false), "== acme\n{\"usage\":0.10}\n");
    }
}
