//! A period that is read for its figures alone: its rows go into files that are gone afterwards.

use std::path::PathBuf;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::api::ask::RequestError;
use crate::cli::{CostArgs, Details, SourceArgs};
use crate::commands::export::JobStart;
use crate::error::Result;
use crate::fetch::details::DetailOptions;
use crate::fetch::names::NameBook;
use crate::fetch::{Known, Lister, PageLimit};
use crate::output::parquet::Layout;
use crate::output::publish::{Destination, Staging};
use crate::output::rows::RowFormats;
use crate::period::Period;
use crate::pipeline::connection::Connection;
use crate::pipeline::writer::WriteOptions;
use crate::pipeline::{ReadPeriod, Reading};
use crate::provenance::Filters;
use crate::report::dimension::Dimensions;
use crate::runs::column_set::ColumnSet;

/// The rows while they are of use.
const ROWS: &str = "runs.parquet";

/// A folder of this machine for one purpose and place: the same for a user, so that what a killed process leaves is removed by
/// the next, and two of this machine don't meet.
pub fn folder_of(purpose: &str, place: &str) -> PathBuf {
    let hash = Sha256::digest(place);
    let hash: String = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let user = rustix::process::getuid().as_raw();
    std::env::temp_dir().join(format!("apify-runs-{purpose}-{user}-{hash}"))
}

/// What is read, and how.
pub struct Aside<'j> {
    pub connection: &'j Connection,
    pub source: &'j SourceArgs,
    pub costs: &'j CostArgs,
    pub period: &'j Period,
    /// The job's start, by the server's clock and by the one that waits.
    pub job_start: JobStart,
    /// Statuses that the API is asked for.
    pub statuses: Vec<String>,
    pub filters: Filters,
    pub names: Arc<NameBook>,
    pub dimensions: Dimensions,
    /// Where its rows are meanwhile: always the same, so that what a killed process leaves is removed by the next.
    pub folder: PathBuf,
    /// What is known of its runs for good, so that their details needn't be asked for.
    pub known: Option<Known>,
    pub on_terminal: bool,
}

impl Aside<'_> {
    /// Reads it; the rows' files are there as long as the folder is held.
    pub async fn fetch(self) -> Result<(ReadPeriod, Arc<Staging>)> {
        let mut destination = Destination::acquire(&self.folder)?;
        let staging = Arc::new(destination.stage()?);
        let lister = Lister {
            api: self.connection.api.clone(),
            statuses: self.statuses,
            allow_incomplete: false,
            period: (self.period.from, self.period.to),
            limit: PageLimit::default(),
        };
        let first = match lister.first_page(self.period.from - 1, self.period.to).await {
            Ok(page) => Some(page),
            Err(RequestError::TooHeavy) => None,
            Err(RequestError::Failed(error)) => return Err(error),
        };
        let metered = self.costs.details == Details::All;
        let settle = self.job_start.settle(self.costs);
        let options = WriteOptions {
            formats: RowFormats {
                columns: ColumnSet::all(metered),
                parquet: Layout::File(ROWS),
                parquet_compat: false,
                csv: false,
            },
            settle,
            metered,
            names: self.names.clone(),
            timezone: self.period.timezone,
            dimensions: self.dimensions,
        };
        let reading = Reading {
            lister,
            first,
            concurrency: self.source.concurrency.into(),
            filters: self.filters,
            names: self.names,
            details: DetailOptions {
                mode: self.costs.details.into(),
                concurrency: self.costs.detail_concurrency.into(),
                settle,
                job_start: self.job_start.at,
                wait_settled: self.costs.wait_settled,
            },
            known: self.known,
            on_terminal: self.on_terminal,
        };
        Ok((reading.into_files(staging.clone(), options).await?, staging))
    }
}
