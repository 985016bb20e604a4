//! What is reported once all accounts are done: `--outcome`, `--metrics-file`, the exit code.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use super::accounts::warn_of_shared_accounts;
use super::exit::End;
use super::outcome::file::OutcomeFile;
use super::outcome::{self, Ended, JobFacts};
use super::{metrics, output_conflicts};
use crate::cli::Command;
use crate::config::{Order, Refusal, Telling};
use crate::context::journal::Record;
use crate::context::terminal::warn;
use crate::error::{Error, Result};
use crate::logging;

/// Who is told of the end, and what.
pub struct EndReport {
    pub facts: JobFacts,
    started: Instant,
    outcome: Option<OutcomeFile>,
    metrics: Option<PathBuf>,
}

impl EndReport {
    pub fn new(started_ms: i64) -> EndReport {
        EndReport {
            facts: JobFacts {
                job: logging::job_id(started_ms),
                command: String::new(),
                started_ms,
                took: Duration::ZERO,
                is_demo: false,
            },
            started: Instant::now(),
            outcome: None,
            metrics: None,
        }
    }

    /// Whether all that is written has a place of its own. Nothing is written over before that is known, and an outcome tells of
    /// whatever is refused once it has its place.
    pub fn prepare(&mut self, orders: &[Order]) -> Result<()> {
        let command = &orders[0].cli.command;
        self.facts.is_demo = command.source().is_some_and(|source| source.demo);
        let Some(run) = command.run() else {
            return Ok(());
        };
        let (outcome, metrics) = (run.outcome.as_deref(), run.metrics_file.as_deref());
        if let Some(outcome) = outcome {
            output_conflicts::check_beside(orders, "--outcome", outcome)?;
            self.outcome = Some(OutcomeFile::empty(outcome)?);
        }
        if let Some(metrics) = metrics {
            metrics::check(metrics)?;
            output_conflicts::check_beside(orders, "--metrics-file", metrics)?;
        }
        if let (Some(outcome), Some(metrics)) = (outcome, metrics)
            && output_conflicts::are_one(outcome, metrics)
        {
            return Err(Error::Usage(
                "--outcome and --metrics-file are one file: give each its own".into(),
            ));
        }
        output_conflicts::check_apart(orders)?;
        run.check()?;
        // What publishes nothing is no success of the one that does.
        let is_rehearsal = matches!(command, Command::Export(args) if args.dry_run);
        self.metrics = metrics.filter(|_| !is_rehearsal).map(PathBuf::from);
        Ok(())
    }

    /// A command line or a configuration made no sense; that is said here.
    pub fn of_refusal(mut self, refusal: &Refusal, telling: Telling) -> ExitCode {
        let text = refusal.in_a_line();
        logging::start(0, telling.log_format, &self.facts.job);
        match refusal {
            Refusal::Clap(error) if telling.log_format.is_none() => drop(error.print()),
            _ => tracing::error!("{text}"),
        }
        // What else it holds stays.
        self.outcome = telling.outcome.and_then(|path| OutcomeFile::empty(&path).ok());
        self.of_usage(&text)
    }

    /// What was asked for can't be done as it was asked.
    pub fn of_usage(self, error: &str) -> ExitCode {
        let part = Ended {
            account: None,
            exit_code: 2,
            error: Some(error.into()),
            record: Record::default(),
        };
        self.of(End {
            exit_code: 2,
            error: Some(error.into()),
            parts: vec![part],
        })
    }

    /// Tells of an end; who can't be told is a warning.
    pub fn of(mut self, end: End) -> ExitCode {
        self.facts.took = self.started.elapsed();
        warn_of_shared_accounts(&end.parts);
        if let Some(file) = self.outcome.take() {
            let document = outcome::render(&self.facts, end.exit_code, end.error.as_deref(), &end.parts);
            file.write(&document)
                .unwrap_or_else(|problem| warn(&problem.to_string()));
        }
        if let Some(metrics) = &self.metrics
            && let Err(problem) = metrics::write(metrics, &self.facts, &end.parts)
        {
            warn(&problem.to_string());
        }
        ExitCode::from(end.exit_code)
    }
}
