//! What is reported once all accounts are done: `--outcome`, `--metrics-file`, the exit code.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use super::exit::{AccountResult, JobResult};
use super::outcome::file::OutcomeFile;
use super::outcome::{self, JobInfo};
use super::{job_name, metrics, output_conflicts};
use crate::cli::Command;
use crate::config::{ConfigError, Invocation, ReportingOptions};
use crate::context::journal::{Ending, Journal};
use crate::context::terminal::warn;
use crate::error::{Error, Result};
use crate::logging;

/// Where the end of the job is reported, and what of it is known from the start.
pub struct EndReport {
    pub info: JobInfo,
    started: Instant,
    outcome: Option<OutcomeFile>,
    metrics: Option<PathBuf>,
    /// Of each account, in their order.
    job_names: Vec<String>,
}

impl EndReport {
    pub fn new(started_ms: i64) -> EndReport {
        EndReport {
            info: JobInfo {
                job: logging::job_id(started_ms),
                command: String::new(),
                started_ms,
                took: Duration::ZERO,
                is_demo: false,
            },
            started: Instant::now(),
            outcome: None,
            metrics: None,
            job_names: Vec::new(),
        }
    }

    /// Checks that all outputs have paths of their own before anything is overwritten. Once the outcome file is open, it reports
    /// also what is refused here.
    pub fn prepare(&mut self, orders: &[Invocation]) -> Result<()> {
        let command = &orders[0].cli.command;
        self.info.is_demo = command.source().is_some_and(|source| source.demo);
        let Some(run) = command.run() else {
            return Ok(());
        };
        let (outcome, metrics) = (run.outcome.as_deref(), run.metrics_file.as_deref());
        if let Some(outcome) = outcome {
            output_conflicts::check_report_file(orders, "--outcome", outcome)?;
            self.outcome = Some(OutcomeFile::empty(outcome)?);
        }
        if let Some(metrics) = metrics {
            metrics::check(metrics)?;
            output_conflicts::check_report_file(orders, "--metrics-file", metrics)?;
        }
        if let (Some(outcome), Some(metrics)) = (outcome, metrics)
            && output_conflicts::is_same_path(outcome, metrics)
        {
            return Err(Error::Usage(
                "--outcome and --metrics-file have the same path; expected two different files".into(),
            ));
        }
        output_conflicts::check_apart(orders)?;
        output_conflicts::check_together(orders)?;
        run.check()?;
        // What publishes nothing is no success of the one that does.
        let is_rehearsal = matches!(command, Command::Export(args) if args.dry_run);
        self.metrics = metrics.filter(|_| !is_rehearsal).map(PathBuf::from);
        self.job_names = orders.iter().map(|order| job_name::of(&order.cli.command)).collect();
        Ok(())
    }

    /// Reports a command line or a configuration that was refused.
    pub fn finish_refused(mut self, refusal: &ConfigError, telling: ReportingOptions) -> ExitCode {
        let text = refusal.in_a_line();
        logging::start(0, telling.log_format, &self.info.job);
        match refusal {
            ConfigError::Clap(error) if telling.log_format.is_none() => drop(error.print()),
            _ => tracing::error!("{text}"),
        }
        // What else it holds stays.
        self.outcome = telling.outcome.and_then(|path| OutcomeFile::empty(&path).ok());
        self.finish_with_usage_error(&text)
    }

    /// Exit 2 before any job ran.
    pub fn finish_with_usage_error(self, error: &str) -> ExitCode {
        self.finish(JobResult::new(vec![AccountResult {
            account: None,
            ending: Ending::new(2, error),
            journal: Journal::default(),
        }]))
    }

    /// Reports the end; a file that can't be written is a warning.
    pub fn finish(mut self, end: JobResult) -> ExitCode {
        self.info.took = self.started.elapsed();
        outcome::shared_accounts(&end.accounts)
            .iter()
            .for_each(|shared| warn(&shared.to_string()));
        if let Some(file) = self.outcome.take() {
            let document = outcome::render(&self.info, &end);
            file.write(&document)
                .unwrap_or_else(|problem| warn(&problem.to_string()));
        }
        if let Some(metrics) = &self.metrics
            && let Err(problem) = metrics::write(metrics, &self.info, &end.accounts, &self.job_names)
        {
            warn(&problem.to_string());
        }
        ExitCode::from(end.exit_code)
    }
}
