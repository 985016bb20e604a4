//! `export`: the main job. Reads as a story; each step is another module's.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use secrecy::SecretString;
use tokio::sync::mpsc;

use super::progress::Progress;
use super::write::{WriteOptions, Written, parquet_paths, write_windows};
use super::{Surroundings, print};
use crate::api::client::{Account, ApiClient, ClientOptions, DEFAULT_API_URL, RequestError};
use crate::api::page::Page;
use crate::api::token::TokenSources;
use crate::cli::{ExportArgs, Format, PartitionBy};
use crate::error::{Error, Result};
use crate::fetch::{Fetched, Lister, PeriodFetch};
use crate::output::hashed::{FileEntry, HashedFile};
use crate::output::manifest::{MANIFEST, Manifest, SCHEMA_VERSION};
use crate::output::parquet::Layout;
use crate::output::publish::{Destination, Staging, State};
use crate::output::replace::Existing;
use crate::output::rows::RowFormats;
use crate::period::{Millis, Period, PeriodSpec, format_instant};
use crate::report::facts::{Doubts, Facts, Filters, PeriodText, Source, caveats};
use crate::report::terminal::Look;
use crate::report::text::{counted, labelled, thousands};
use crate::report::{Report, csv as csv_report, json, markdown, terminal};
use crate::runs::cost_state::SettleRule;
use crate::serve;

/// Rows in Parquet.
const RUNS_PARQUET: &str = "runs.parquet";
/// The same where only CSV was asked for: needed until the end, and not published.
const WORKING_PARQUET: &str = ".runs.parquet";
/// Items that make no sense as a run, as they came.
const REJECTED: &str = "rejected.jsonl";
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
    let lister = job.lister().await?;
    let Opened {
        lister,
        period,
        destination,
        first,
    } = job.open(lister).await?;
    let job_start_ms = lister.api.server_time_ms().unwrap_or(job.surroundings.now_ms);
    let Some(destination) = destination else {
        return job.dry_run(lister, &period, first);
    };
    let account = job.account(&lister).await;
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
struct Job {
    spec: PeriodSpec,
    source: Source,
    surroundings: Surroundings,
    args: ExportArgs,
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
struct Staged {
    destination: Destination,
    staging: Arc<Staging>,
    fetched: Fetched,
    written: Written,
    api: Arc<ApiClient>,
}

impl Job {
    fn is_demo(&self) -> bool {
        self.source == Source::Demo
    }

    /// Who is asked, and with which token.
    async fn lister(&self) -> Result<Lister> {
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
        let options = ClientOptions {
            api_url,
            token,
            rate,
            retries: args.retries,
            timeout: args.timeout,
        };
        Ok(Lister {
            api: Arc::new(ApiClient::new(options)?),
            statuses: self.args.status.clone(),
            allow_incomplete: self.args.allow_incomplete,
        })
    }

    /// Resolves the period, takes hold of the output, and asks for the first page. The job's start is the server's, which
    /// its first answer tells: where that makes it another period than this machine's clock did, all is done once more.
    async fn open(&self, lister: Lister) -> Result<Opened> {
        let mut now_ms = if self.is_demo() {
            serve::account::DEMO_NOW_MS
        } else {
            self.surroundings.now_ms
        };
        let mut held: Option<(PathBuf, Destination)> = None;
        let mut asked: Option<(Period, Option<Page>)> = None;
        loop {
            let period = self.spec.resolve(self.args.period.timezone, now_ms)?;
            let first = match asked.take() {
                Some((same, first)) if same == period => {
                    return Ok(Opened {
                        lister,
                        period,
                        destination: held.map(|(_, destination)| destination),
                        first,
                    });
                }
                _ => {
                    self.hold(&mut held, &period)?;
                    match lister.first_page(period.from - 1, period.to).await {
                        Ok(page) => Some(page),
                        Err(RequestError::TooHeavy) => None,
                        Err(RequestError::Failed(error)) => return Err(self.unpublished(error, &held)),
                    }
                }
            };
            now_ms = lister.api.server_time_ms().unwrap_or(now_ms);
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
            return Destination::check(&out).map(drop);
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
    async fn account(&self, lister: &Lister) -> Option<Account> {
        if self.is_demo() {
            Some(serve::demo_account())
        } else {
            lister.api.account().await
        }
    }

    /// Says what the export would be, as far as the first page tells.
    fn dry_run(&self, lister: Lister, period: &Period, first: Option<Page>) -> Result<()> {
        let api = lister.api.clone();
        let fetch = PeriodFetch::new(
            lister,
            (period.from, period.to),
            first,
            self.args.source.concurrency.into(),
            Box::new(|_| {}),
        );
        let estimate = fetch.estimate();
        let least_time = estimate.map(|estimate| api.least_time(estimate.requests));
        if self.args.quiet {
            return Ok(());
        }
        if self.args.json {
            let told = serde_json::json!({
                "notice": self.source.notice(),
                "period": PeriodText::from(period),
                "runs": estimate.map(|estimate| estimate.runs),
                "windows": estimate.map(|estimate| estimate.windows),
                "requests": estimate.map(|estimate| estimate.requests),
                "least_seconds": least_time.map(|time| time.as_secs_f64()),
            });
            return print(&format!("{told:#}\n"));
        }
        let mut lines: Vec<String> = self.source.notice().map(String::from).into_iter().collect();
        lines.push(format!("Period    {}", period.first_line()));
        lines.push(match estimate.zip(least_time) {
            None => "About     unknown: the API finds the whole period too heavy to count and would be asked in parts"
                .into(),
            Some((estimate, least_time)) => format!(
                "About     {} in {}, {}; {:.1} s at least under the rate",
                counted(estimate.runs, "run", "runs"),
                counted(estimate.windows, "window", "windows"),
                counted(estimate.requests, "request", "requests"),
                least_time.as_secs_f64()
            ),
        });
        lines.push("Nothing was written (--dry-run)".into());
        print(&(lines.join("\n") + "\n"))
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
            (period.from, period.to),
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
                settle_ms: args.settle.as_millis() as i64,
            },
            timezone: period.timezone,
        }
    }

    fn filters(&self) -> Filters {
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

    /// Renders, checks against what stands there, publishes, and says what was done.
    async fn publish(
        &self,
        staged: Staged,
        period: Period,
        account: Option<Account>,
        job_start_ms: Millis,
        started: Instant,
    ) -> Result<()> {
        let Staged {
            destination,
            staging,
            fetched,
            written,
            api,
        } = staged;
        let rejected = fetched.rejected.len() as u64;
        let mut proof = fetched.proof;
        proof.fetched -= rejected.min(proof.fetched);
        proof.proven &= rejected == 0;
        if written.in_two_windows > 0 {
            let ids = counted(written.in_two_windows, "run was", "runs were");
            proof.note(format!("{ids} listed under two starts; each is here once"));
        }
        let totals = written.summary.totals();
        let doubts = Doubts {
            changed_meanwhile: fetched.changed_meanwhile,
            rejected,
            cut: period.is_cut(),
            proven: proof.proven,
        };
        let facts = Facts {
            account,
            source: self.source,
            filters: self.filters(),
            queried_at_ms: job_start_ms,
            proof,
            caveats: caveats(&totals, doubts),
            period,
        };
        let report = Report {
            facts,
            totals,
            breakdowns: written.summary.breakdowns(),
        };
        let mut manifest = self.manifest(&report, fetched.mistyped, rejected, &api);
        let out = destination.path();
        let existing = if destination.state() == State::Occupied {
            Some(Existing::read(&out)?)
        } else {
            None
        };
        if let Some(existing) = &existing {
            manifest.replaced = Some(existing.replaced());
        }
        let replace = self.args.replace;
        let rendered = render(&report);
        let lines: Vec<String> = fetched.rejected.into_iter().map(|rejected| rejected.item).collect();
        let staging = tokio::task::spawn_blocking(move || -> Result<(Arc<Staging>, Manifest)> {
            if let Some(existing) = existing.filter(|_| !replace) {
                existing.is_of_the_same(&manifest)?;
                existing.loses_nothing_to(&parquet_paths(&staging, &written.files))?;
            }
            complete(&staging, &mut manifest, written.files, &rendered, &lines)?;
            staging.sync()?;
            Ok((staging, manifest))
        });
        let (staging, manifest) = staging
            .await
            .map_err(|error| anyhow::anyhow!("completing the export failed: {error}"))??;
        if destination.state() == State::Occupied {
            // Nobody's file may have come in meanwhile: the old folder is removed with all that is in it.
            Existing::read(&out)?;
        }
        let staging = Arc::try_unwrap(staging).map_err(|_| anyhow::anyhow!("the staging folder is still in use"))?;
        if let Some(warning) = staging.publish(self.surroundings.umask)?.warning {
            eprintln!("apify-runs: warning: {warning}");
        }
        self.tell(&report, &manifest, started.elapsed())
    }

    fn manifest(&self, report: &Report, fields_mistyped: u64, runs_rejected: u64, api: &ApiClient) -> Manifest {
        let facts = &report.facts;
        Manifest {
            schema_version: SCHEMA_VERSION,
            tool_version: env!("CARGO_PKG_VERSION").into(),
            account: facts.account.clone(),
            source: facts.source,
            notice: facts.source.notice().map(String::from),
            period: (&facts.period).into(),
            filters: facts.filters.clone(),
            queried_at: format_instant(facts.queried_at_ms),
            settle_ms: self.args.settle.as_millis() as i64,
            proof: facts.proof.clone(),
            totals: (&report.totals).into(),
            fields_mistyped,
            runs_rejected,
            caveats: facts.caveats.clone(),
            requests: api.counts(),
            replaced: None,
            files: Vec::new(),
        }
    }

    /// What stdout carries, and whether a condition that was asked for doesn't hold.
    fn tell(&self, report: &Report, manifest: &Manifest, elapsed: Duration) -> Result<()> {
        if self.args.json {
            print(&json::render(report))?;
        } else if !self.args.quiet {
            let look = if self.surroundings.bold {
                Look::Bold
            } else {
                Look::Plain
            };
            let mut text = terminal::render(report, look);
            if let Some(replaced) = &manifest.replaced {
                text += &format!(
                    "Replaced the export of {}, which held {}\n",
                    replaced.queried_at,
                    counted(replaced.runs, "run", "runs")
                );
            }
            let out = self
                .args
                .out
                .clone()
                .unwrap_or_else(|| PathBuf::from(report.facts.period.default_folder(self.is_demo())));
            let out = if out.is_relative() {
                PathBuf::from(".").join(out)
            } else {
                out
            };
            let wrote = format!(
                "Wrote {} in {:.1} s: {}",
                out.display(),
                elapsed.as_secs_f64(),
                told_files(manifest)
            );
            text += &(labelled("", &wrote, 0, terminal::WIDTH) + "\n");
            if self.is_demo() {
                text += "Yours: APIFY_TOKEN=… apify-runs export --last-month\n";
            }
            print(&text)?;
        }
        if !report.facts.proof.proven {
            return Err(Error::Condition(
                "published, but INCOMPLETE (--allow-incomplete): see the proof in manifest.json".into(),
            ));
        }
        match report.facts.caveats.len() as u64 {
            0 => Ok(()),
            _ if !self.args.strict => Ok(()),
            caveats => {
                let caveats = counted(caveats, "caveat", "caveats");
                Err(Error::Condition(format!(
                    "published, with {caveats} (--strict): {}",
                    report.facts.caveats.join("; ")
                )))
            }
        }
    }
}

/// The files as the last line of the summary names them.
fn told_files(manifest: &Manifest) -> String {
    let daily = manifest
        .files
        .iter()
        .filter(|file| file.path.starts_with("runs/"))
        .count() as u64;
    let reports = manifest
        .files
        .iter()
        .filter(|file| file.path.ends_with(".csv") && !file.path.starts_with("runs"))
        .count() as u64;
    let named = ["report.md", RUNS_PARQUET, "runs.csv", REJECTED];
    let mut told: Vec<String> = named
        .iter()
        .filter(|name| manifest.files.iter().any(|file| file.path == **name))
        .map(|name| name.to_string())
        .collect();
    if daily > 0 {
        told.insert(1.min(told.len()), format!("runs/ ({})", counted(daily, "day", "days")));
    }
    told.push(format!("{} CSV reports", thousands(reports)));
    told.push("report.json".into());
    told.push(MANIFEST.into());
    told.join(", ")
}

/// A file's name and its records, or its text.
enum Rendered {
    Text(&'static str, String),
    Records(String, Vec<Vec<String>>),
}

fn render(report: &Report) -> Vec<Rendered> {
    let csv = report.breakdowns.iter().map(|breakdown| {
        Rendered::Records(
            format!("{}.csv", breakdown.dimension.name()),
            csv_report::records(breakdown, &report.totals),
        )
    });
    let texts = [
        Rendered::Text("report.json", json::render(report)),
        Rendered::Text("report.md", markdown::render(report)),
    ];
    csv.chain(texts).collect()
}

/// Writes what stands beside the rows, the manifest last.
fn complete(
    staging: &Staging,
    manifest: &mut Manifest,
    rows: Vec<FileEntry>,
    rendered: &[Rendered],
    rejected: &[String],
) -> Result<()> {
    let failed = |path: &str, error: std::io::Error| Error::output("write", &staging.path().join(path), error);
    manifest.files = rows.into_iter().filter(|file| file.path != WORKING_PARQUET).collect();
    let working = staging.path().join(WORKING_PARQUET);
    if working.exists() {
        fs::remove_file(&working).map_err(|error| Error::output("remove", &working, error))?;
    }
    let mut add = |path: &str, text: &[u8], rows: Option<u64>| -> Result<()> {
        let mut file = HashedFile::new(staging.create(path)?);
        file.write_all(text).map_err(|error| failed(path, error))?;
        manifest
            .files
            .push(file.finish(path, rows).map_err(|error| failed(path, error))?);
        Ok(())
    };
    for file in rendered {
        match file {
            Rendered::Text(path, text) => add(path, text.as_bytes(), None)?,
            Rendered::Records(path, records) => {
                let mut csv = crate::output::csv::writer(Vec::new());
                records
                    .iter()
                    .try_for_each(|record| csv.write_record(record))
                    .map_err(|error| failed(path, error.into()))?;
                let text = csv.into_inner().map_err(|error| failed(path, error.into_error()))?;
                add(path, &text, Some(records.len() as u64 - 1))?;
            }
        }
    }
    if !rejected.is_empty() {
        add(
            REJECTED,
            (rejected.join("\n") + "\n").as_bytes(),
            Some(rejected.len() as u64),
        )?;
    }
    let mut file = staging.create(MANIFEST)?;
    file.write_all(manifest.to_json().as_bytes())
        .map_err(|error| failed(MANIFEST, error))
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
