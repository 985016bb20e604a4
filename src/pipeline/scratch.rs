//! A period that is fetched for its figures alone: its rows go into files that are gone afterwards.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::disk::ONE_PARENT;
use crate::error::{Error, Result};
use crate::fetch::KnownDetails;
use crate::output::parquet::{ParquetFacts, Readers, RunsLayout};
use crate::output::publish::{Destination, Staging};
use crate::output::rows::RowFormats;
use crate::period::Period;
use crate::pipeline::PeriodResult;
use crate::pipeline::connection::first_page;
use crate::pipeline::options::PipelineOptions;
use crate::report::dimension::Dimensions;
use crate::report::groups::Groups;
use crate::runs::column_set::ColumnSet;

const ROWS: &str = "runs.parquet";
/// How many processes may do the same thing at once.
const SCRATCH_FOLDERS: usize = 32;

/// A folder of this machine for one purpose and place: the same for a user, so that what a killed process leaves is removed by
/// the next, and two of this machine don't meet.
pub fn scratch_folder(purpose: &str, place: &str) -> PathBuf {
    let hash = Sha256::digest(place);
    let hash: String = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let user = rustix::process::getuid().as_raw();
    std::env::temp_dir().join(format!("apify-runs-{purpose}-{user}-{hash}"))
}

/// Takes such a folder. Where it can't be made, the error says how to choose another: some containers have no /tmp.
pub fn acquire_scratch(folder: &Path) -> Result<Destination> {
    Destination::acquire(folder, ONE_PARENT).map_err(|error| match error {
        Error::Output(text) if folder.starts_with(std::env::temp_dir()) => {
            Error::Output(format!("{text}; set TMPDIR to use another folder for temporary files"))
        }
        error => error,
    })
}

/// Takes such a folder, or another one where a process is at work in it, for what several may do at once: two accounts may be
/// reconciled at the same time. What killed processes left in the others is removed.
pub fn acquire_free_scratch(folder: &Path) -> Result<Destination> {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let numbered = |number: usize| folder.with_file_name(format!("{name}-{number}"));
    let mut taken = acquire_scratch(folder);
    for number in 1..SCRATCH_FOLDERS {
        match taken {
            Err(Error::Busy(_)) => taken = acquire_scratch(&numbered(number)),
            // A hint: that it can't be removed is for the one who needs it.
            Ok(_) => drop(Destination::clear(&numbered(number), ONE_PARENT)),
            Err(_) => break,
        }
    }
    taken
}

/// A period, and where its rows are meanwhile.
pub struct ScratchFetch<'a> {
    pub options: PipelineOptions<'a>,
    pub period: &'a Period,
    pub statuses: &'a [String],
    /// Always the same folder for one purpose, so that what a killed process leaves is removed by the next.
    pub scratch: Destination,
    /// What is known of its runs for good, so that their details needn't be asked for.
    pub known: Option<KnownDetails>,
    /// By whose groups figures are made too.
    pub groups: Option<Groups>,
}

impl ScratchFetch<'_> {
    /// Fetches it; the rows' files are there until the staging folder is dropped.
    pub async fn fetch(mut self) -> Result<(PeriodResult, Arc<Staging>)> {
        let (options, period) = (self.options, self.period);
        let staging = Arc::new(self.scratch.stage()?);
        let lister = options
            .connection
            .lister((period.from, period.to), self.statuses, false);
        let first = first_page(&lister).await?;
        let formats = RowFormats {
            columns: ColumnSet::all(options.is_metered()),
            parquet: RunsLayout::File(ROWS),
            readers: Readers::Own,
            facts: ParquetFacts::default(),
            csv: false,
        };
        let dimensions = Dimensions::usual(&formats.columns, self.groups);
        let write = options.write(formats, period, dimensions);
        let pipeline = options.pipeline(lister, first, self.known);
        Ok((pipeline.run(staging.clone(), write).await?, staging))
    }
}
