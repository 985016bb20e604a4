//! An export or a lake, read back and checked, for commands that needn't know which of the two it is. Each of the two knows
//! how its rows are read and checked; what is made of them is the commands'.

pub mod address;
pub mod existing;
pub mod export;
pub mod export_folder;
pub mod findings;
mod folder_handle;
mod info;
#[cfg(feature = "lake")]
mod lake;
#[cfg(not(feature = "lake"))]
pub mod no_lake;
mod opener;
mod row_check;

use arrow_array::RecordBatch;

use crate::error::Result;
use crate::period::Period;
use crate::report::account_usage::AccountUsage;
use crate::report::facts::Facts;
use crate::report::figures::Figures;
use crate::report::measures::Measures;
use crate::report::summary::Summary;
use crate::runs::column_set::ColumnSet;
use crate::runs::run::{Key, Run, RunStream};

pub use crate::archive::info::{ArchiveInfo, Depth, ServedFiles, Verification};
#[cfg(feature = "lake")]
pub use crate::archive::lake::Lake;
pub use crate::archive::opener::{ArchiveOpener, DELTA_LOG, is_lake, read};

/// What is done with each batch of rows.
pub type BatchVisitor<'s> = dyn FnMut(&RecordBatch) -> Result<()> + 's;

/// An export or a lake. Batches are in order of start and ID. [`Archive::read`] and [`Archive::read_rows`] refuse what `verify`
/// refuses about rows or manifest; one of them has to return before [`Archive::reread`], [`Archive::runs`] or [`Archive::keys`]
/// is called, which check nothing again.
pub trait Archive {
    /// Exit 5 where its manifest or log cannot be read.
    fn info(&self) -> Result<ArchiveInfo>;

    /// The columns of its rows.
    fn columns(&self) -> Result<ColumnSet>;

    /// A period as far as there are rows of it; `None` where the archive doesn't cover it.
    fn slice_period(&self, asked: &Period) -> Result<Option<Period>>;

    /// Whether every run is there that the API counted for a period.
    fn is_proven(&self, period: &Period) -> bool;

    /// What must be said of figures of a period of it: of all its runs, or of those that a filter chose.
    fn facts(&self, period: Period, totals: &Measures, is_filtered: bool) -> Result<Facts>;

    /// What is kept of Apify's own count of a period, and of builds; none where nothing is. It is asked for after [`Archive::read`].
    fn usage(&self, _period: &Period) -> Result<Option<AccountUsage>> {
        Ok(None)
    }

    /// Reads the runs of a period, with these columns at least, and checks them on the way: nothing that is made of them may
    /// be shown before this has returned. They are added to a summary; without one, to that of its own reports (of a lake, those that these columns tell).
    fn read(
        &self,
        period: &Period,
        columns: &ColumnSet,
        summary: Option<Summary>,
        see: &mut BatchVisitor,
    ) -> Result<Figures>;

    /// The same without figures. Of an export, presentations such as its page are not checked.
    fn read_rows(&self, period: &Period, columns: &ColumnSet, see: &mut BatchVisitor) -> Result<()>;

    /// The runs of a period that was read before, with these columns at least.
    fn reread(&self, period: &Period, columns: &ColumnSet, see: &mut BatchVisitor) -> Result<()>;

    /// The runs of a period as they are compared; of an export, all.
    fn runs(&self, period: &Period) -> RunStream<'_, Run>;

    /// The keys of the same runs.
    fn keys(&self, period: &Period) -> RunStream<'_, Key>;

    fn verify(&self, depth: Depth) -> Result<Verification>;
}
