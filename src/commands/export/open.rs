//! The beginning of an export: the period is resolved by the API's clock, the output is held, the first page is there. How
//! rows are read and written is `export`'s.

use std::path::PathBuf;

use crate::api::ask::RequestError;
use crate::api::page::Page;
use crate::archive::existing::ExistingExport;
use crate::clock::Clocks;
use crate::commands::destination::Held;
use crate::commands::destination::path_template;
use crate::commands::export::Job;
use crate::error::{Error, Result};
use crate::fetch::{Lister, PageLimit};
use crate::output::publish::{Destination, State};
use crate::period::{LAST_INSTANT, Period, format_instant};
use crate::stores::names_store;

/// The source has answered and the output is held.
pub struct Opened {
    pub lister: Lister,
    pub clocks: Clocks,
    pub period: Period,
    /// None on a dry run.
    pub held: Option<Held>,
    pub first: Option<Page>,
}

impl Job {
    fn lister(&self, period: &Period) -> Lister {
        Lister {
            api: self.connection.api.clone(),
            statuses: self.args.status.clone(),
            allow_incomplete: self.args.allow_incomplete,
            period: (period.from, period.to),
            limit: PageLimit::default(),
        }
    }

    /// Resolves the period, takes hold of the output, and asks for the first page. The job's start is the server's, which
    /// its first answer tells: where that makes it another period than this machine's clock did, all is done once more.
    pub async fn open(&self) -> Result<Opened> {
        let mut clocks = self.first_clocks().await?;
        let mut held: Option<Held> = None;
        let mut asked: Option<(Period, Option<Page>, Lister)> = None;
        loop {
            let period = clocks.period(&self.spec, self.args.period.timezone);
            let period = period.map_err(|error| self.unpublished(error, &held))?;
            // With the size of pages that it has found.
            if let Some((same, first, lister)) = asked.take()
                && same == period
            {
                return Ok(Opened {
                    lister,
                    clocks,
                    period,
                    held,
                    first,
                });
            }
            self.hold(&mut held, &period).await?;
            let lister = self.lister(&period);
            let first = match lister.first_page(period.from - 1, period.to).await {
                Ok(page) => Some(page),
                Err(RequestError::TooHeavy) => None,
                Err(RequestError::Failed(error)) => return Err(self.unpublished(error, &held)),
            };
            clocks = self.connection.clocks().await;
            asked = Some((period, first, lister));
        }
    }

    /// Both clocks as far as they are known, and the API's where this machine's alone would refuse the period: it may be wrong.
    async fn first_clocks(&self) -> Result<Clocks> {
        let api = &self.connection.api;
        let (clocks, timezone) = (api.clocks(), self.args.period.timezone);
        let Err(error) = clocks.period(&self.spec, timezone) else {
            return Ok(clocks);
        };
        // Whatever the time is.
        self.spec.resolve(timezone, LAST_INSTANT)?;
        let asked = api.ask_time(clocks.machine_ms).await;
        asked.map_err(|unanswered| match unanswered {
            Error::Unreachable(text) => Error::Unreachable(format!(
                "by this machine's clock, {}, {error}; the API could not be asked for the time: {text}",
                format_instant(clocks.machine_ms)
            )),
            other => other,
        })?;
        Ok(self.connection.clocks().await)
    }

    /// Takes hold of the period's output folder, and looks at what stands there; on a dry run, only looks.
    async fn hold(&self, held: &mut Option<Held>, period: &Period) -> Result<()> {
        let out = self.out(period)?;
        if held.as_ref().is_some_and(|held| held.out == out) {
            return Ok(());
        }
        if names_store(&out) {
            // A dry run lets go of it.
            let found = Held::in_store(out).await?;
            *held = Some(found).filter(|_| !self.args.dry_run);
            return Ok(());
        }
        if self.args.dry_run {
            if Destination::check(&out)? == State::Occupied {
                ExistingExport::read(&out)?;
            }
            return Ok(());
        }
        *held = Some(Held::in_folder(out)?);
        Ok(())
    }

    /// The output of a period: the account's own, where one was named.
    pub fn out(&self, period: &Period) -> Result<PathBuf> {
        path_template::folder(
            self.args.out.as_deref(),
            period,
            self.context.account_name(),
            self.is_demo(),
        )
    }

    /// An error before anything was published says so.
    pub fn unpublished(&self, error: Error, held: &Option<Held>) -> Error {
        let out = held.as_ref().map(Held::shown);
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
}
