//! Files of runs that are read at any row, instead of from their beginning. Where they are is known to those who open them:
//! exports and lakes.

use std::fmt::Debug;
use std::ops::Range;

use arrow_array::RecordBatch;

use crate::error::Result;

/// A file of runs. What it holds stays the same for as long as it is open.
pub trait RandomAccessRuns: Debug + Send + Sync {
    /// Files of one name hold the same runs, in the same order.
    fn name(&self) -> &str;

    fn rows(&self) -> usize;

    /// All of them, with those of these columns of an export that it has.
    fn scan(&self, columns: &[&str], see: &mut dyn FnMut(&RecordBatch) -> Result<()>) -> Result<()>;

    /// The runs at some row numbers; without `columns`, with all of its columns of an export. The ranges ascend and don't
    /// overlap.
    fn read(&self, places: &[Range<usize>], columns: Option<&[&str]>) -> Result<Vec<RecordBatch>>;
}
