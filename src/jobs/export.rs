//! `export`: the main job. Reads as a story; each step is another module's.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use secrecy::SecretString;
use tokio::sync::mpsc;

use super::Surroundings;
use super::progress::Progress;
use super::write::{WriteOptions, Written, write_windows};
use crate::api::address::DEFAULT_API_URL;
use crate::api::client::{ApiClient, ClientOptions, RequestError};
use crate::api::page::Page;
use crate::api::token::TokenSources;
use crate::cli::{ExportArgs, Format, PartitionBy};
use crate::error::{Error, Result};
use crate::fetch::{Fetched, Lister, PeriodFetch};
use crate::output::parquet::Layout;
use crate::output::publish::{Destination, Staging, State};
use crate::output::replace::Existing;
use crate::output::rows::RowFormats;
use crate::period::{Millis, Period, PeriodSpec};
use crate::runs::cost_state::SettleRule;
use crate::serve;
use crate::statement::{Account, Filters, Source};

/// Rows in Parquet.
pub(super) const RUNS_PARQUET: &str = "runs.parquet";
/// The same where only CSV was asked for: needed until the end, and not published.
pub(super) const WORKING_PARQUET: &str = ".runs.parquet";
/// How many windows wait between reading and writing, beside the ones that the plan counts.
const WAITING_WINDOWS: usize = 1;
/// Requests a second by default, so that an account's other integrations live.
const DEFAULT_RATE: f64 = 30.0;

/// Runs the job.
pub async fn run(args: ExportArgs, surroundings: Surroundings) -> Result<()> {
    let started = Instant::now();
    let demo = args.source.demo;
    check_formats(&args)?;
    let spec = args
        .period
        .spec()
        .or(demo.then_some(PeriodSpec::LastMonth))
        .ok_or_else(no_period)?;
    let job = Job {
        spec,
        source: if demo { Source::Demo } else { Source::Api },
        surroundings,
        args,
    };
    let api = Arc::new(job.client().await?);
    let Opened {
        lister,
        period,
        destination,
        first,
    } = job.open(&api).await?;
    let job_start_ms = api.server_time_ms().unwrap_or(job.surroundings.now_ms);
    let Some(destination) = destination else {
        return job.dry_run(lister, &period, first).await;
    };
    let account = job.account(&api).await;
    let staged = job.fetch(lister, &period, first, job_start_ms, destination).await?;
    job.publish(staged, period, account, job_start_ms, started).await
}

fn no_period() -> Error {
    Error::Usage(
        "which period? Give one of --month 2025-09, --last-month, --last 7d, or --from 2025-09-01 --to 2025-10-01 (--to is not included)"
            .into(),
    )
}

/// Options that shape Parquet need some.
fn check_formats(args: &ExportArgs) -> Result<()> {
    let shaping = [
        (args.partition_by.is_some(), "--partition-by"),
        (args.parquet_compat, "--parquet-compat"),
    ];
    match shaping.iter().find(|(given, _)| *given) {
        Some((_, option)) if !args.format.contains(&Format::Parquet) => Err(Error::Usage(format!(
            "{option} is about Parquet, and --format names none: write --format parquet,csv, or leave {option} out"
        ))),
        _ => Ok(()),
    }
}

/// What was asked for.
pub(super) struct Job {
    pub(super) spec: PeriodSpec,
    pub(super) source: Source,
    pub(super) surroundings: Surroundings,
    pub(super) args: ExportArgs,
}

/// The source has answered and the output is held.
struct Opened {
    lister: Lister,
    period: Period,
    /// None on a dry run.
    destination: Option<Destination>,
    first: Option<Page>,
}

/// Rows are written, and nothing is visible yet.
pub(super) struct Staged {
    pub(super) destination: Destination,
    pub(super) staging: Arc<Staging>,
    pub(super) fetched: Fetched,
    pub(super) written: Written,
    pub(super) api: Arc<ApiClient>,
}

impl Job {
    pub(super) fn is_demo(&self) -> bool {
        self.source == Source::Demo
    }

    /// Who is asked, and with which token.
    async fn client(&self) -> Result<ApiClient> {
        let args = &self.args.source;
        let (api_url, token) = if self.is_demo() {
            (serve::start_in_process().await?, SecretString::from(serve::DEMO_TOKEN))
        } else {
            let given = self.surroundings.api_url.clone().filter(|url| !url.trim().is_empty());
            let api_url = args.api_url.clone().or(given).unwrap_or_else(|| DEFAULT_API_URL.into());
            let sources = TokenSources {
                file: args.token_file.clone(),
                variable: self.surroundings.token.clone(),
                home: self.surroundings.home.clone(),
            };
            (api_url, sources.token()?)
        };
        let rate = args.rate.unwrap_or(if self.is_demo() { 0.0 } else { DEFAULT_RATE });
        ApiClient::new(ClientOptions {
            api_url,
            token,
            rate,
            retries: args.retries,
            timeout: args.timeout,
        })
    }

    fn lister(&self, api: &Arc<ApiClient>, period: &Period) -> Lister {
        Lister {
            api: api.clone(),
            statuses: self.args.status.clone(),
            allow_incomplete: self.args.allow_incomplete,
            period: (period.from, period.to),
        }
    }

    /// Resolves the period, takes hold of the output, and asks for the first page. The job's start is the server's, which
    /// its first answer tells: where that makes it another period than this machine's clock did, all is done once more.
    async fn open(&self, api: &Arc<ApiClient>) -> Result<Opened> {
        let mut now_ms = if self.is_demo() {
            serve::account::DEMO_NOW_MS
        } else {
            self.surroundings.now_ms
        };
        let mut held: Option<(PathBuf, Destination)> = None;
        let mut asked: Option<(Period, Option<Page>)> = None;
        loop {
            let period = self.spec.resolve(self.args.period.timezone, now_ms);
            let period = period.map_err(|error| match api.server_time_ms() {
                Some(_) => Error::Usage(format!("{error} (by the API's clock)")),
                None => error,
            })?;
            let lister = self.lister(api, &period);
            if let Some((same, first)) = asked.take()
                && same == period
            {
                return Ok(Opened {
                    lister,
                    period,
                    destination: held.map(|(_, destination)| destination),
                    first,
                });
            }
            self.hold(&mut held, &period)?;
            let first = match lister.first_page(period.from - 1, period.to).await {
                Ok(page) => Some(page),
                Err(RequestError::TooHeavy) => None,
                Err(RequestError::Failed(error)) => return Err(self.unpublished(error, &held)),
            };
            now_ms = api.server_time_ms().unwrap_or(now_ms);
            asked = Some((period, first));
        }
    }

    /// Takes hold of the period's output folder, and looks at what stands there; on a dry run, only looks.
    fn hold(&self, held: &mut Option<(PathBuf, Destination)>, period: &Period) -> Result<()> {
        let out = self
            .args
            .out
            .clone()
            .unwrap_or_else(|| PathBuf::from(period.default_folder(self.is_demo())));
        if self.args.dry_run {
            if Destination::check(&out)? == State::Occupied {
                Existing::read(&out)?;
            }
            return Ok(());
        }
        if held.as_ref().is_some_and(|(path, _)| *path == out) {
            return Ok(());
        }
        let destination = Destination::acquire(&out)?;
        if destination.state() == State::Occupied {
            Existing::read(&destination.path())?;
        }
        *held = Some((out, destination));
        Ok(())
    }

    /// An error before anything was published says so.
    fn unpublished(&self, error: Error, held: &Option<(PathBuf, Destination)>) -> Error {
        let out = held.as_ref().map(|(_, destination)| destination.path());
        let fate = out.map_or("nothing was written".into(), |out| {
            format!("nothing was published, {} is as it was", out.display())
        });
        match error {
            Error::Unreachable(text) => Error::Unreachable(format!("{text}; {fate}; it is safe to run again")),
            Error::Untrusted(text) => Error::Untrusted(format!("{text}; {fate}")),
            Error::Output(text) => Error::Output(format!("{text}; {fate}")),
            other => other,
        }
    }

    /// Whose runs these are.
    async fn account(&self, api: &ApiClient) -> Option<Account> {
        if self.is_demo() {
            Some(serve::demo_account())
        } else {
            api.account().await
        }
    }

    /// Reads the period and writes its rows, side by side.
    async fn fetch(
        &self,
        lister: Lister,
        period: &Period,
        first: Option<Page>,
        job_start_ms: Millis,
        mut destination: Destination,
    ) -> Result<Staged> {
        let api = lister.api.clone();
        let staging = Arc::new(destination.stage()?);
        let total = first.as_ref().map_or(0, |page| page.total);
        let quiet = self.args.quiet;
        let progress = Progress::new(
            total,
            self.surroundings.stderr_is_terminal && !quiet,
            self.args.verbose > 0,
        );
        let on_items = progress.clone();
        let concurrency = self.args.source.concurrency.into();
        let fetch = PeriodFetch::new(
            lister,
            first,
            concurrency,
            Box::new(move |items| on_items.received(items)),
        );
        let (windows, received) = mpsc::channel(WAITING_WINDOWS);
        let options = self.write_options(period, job_start_ms);
        let writing = staging.clone();
        let writer = tokio::task::spawn_blocking(move || write_windows(received, &writing, &options));
        let fetched = tokio::select! {
            fetched = fetch.run(windows) => fetched,
            () = progress.clone().write_lines() => unreachable!("lines are written until the end"),
        };
        progress.finish();
        let written = writer
            .await
            .map_err(|error| anyhow::anyhow!("the writer failed: {error}"))?;
        let held = Some((PathBuf::new(), destination));
        // What the writer has to say comes first: a reader whose receiver is gone has nothing to add.
        let written = written.map_err(|error| self.unpublished(error, &held))?;
        let fetched = fetched.map_err(|error| self.unpublished(error, &held))?;
        let destination = held.map(|(_, destination)| destination).expect("it was put there");
        Ok(Staged {
            destination,
            staging,
            fetched,
            written,
            api,
        })
    }

    fn write_options(&self, period: &Period, job_start_ms: Millis) -> WriteOptions {
        let args = &self.args;
        let parquet = match args.partition_by {
            _ if !args.format.contains(&Format::Parquet) => Layout::File(WORKING_PARQUET),
            Some(PartitionBy::Day) => Layout::Daily(period.from),
            None => Layout::File(RUNS_PARQUET),
        };
        WriteOptions {
            formats: RowFormats {
                parquet,
                parquet_compat: args.parquet_compat,
                csv: args.format.contains(&Format::Csv),
            },
            filters: self.filters(),
            settle: SettleRule {
                job_start_ms,
                settle_ms: self.settle_ms(),
            },
            timezone: period.timezone,
        }
    }

    pub(super) fn settle_ms(&self) -> i64 {
        i64::try_from(self.args.settle.as_millis()).unwrap_or(i64::MAX)
    }

    pub(super) fn filters(&self) -> Filters {
        let sorted = |list: &[String]| {
            let mut list = list.to_vec();
            list.sort();
            list.dedup();
            list
        };
        Filters {
            status: sorted(&self.args.status),
            actor: sorted(&self.args.actor),
            task: sorted(&self.args.task),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_period_every_form_of_one_is_named() {
        let text = no_period().to_string();
        assert!(
            ["--month", "--last-month", "--last ", "--from", "--to"]
                .iter()
                .all(|form| text.contains(form)),
            "{text}"
        );
    }
}
