//! Figures: folded once from rows as they go by, then rendered. The formats only receive finished figures, and all show
//! the same ones.

pub mod changes;
pub mod csv;
pub mod dimension;
pub mod facts;
pub mod groups;
pub mod headline;
pub mod json;
pub mod markdown;
pub mod reconcile;
pub mod summary;
pub mod terminal;

use facts::Facts;
use summary::{Breakdown, Measures};

/// Everything that a rendering shows.
#[derive(Debug)]
pub struct Report {
    /// What the figures are about, and how far they can be trusted.
    pub facts: Facts,
    /// All runs together.
    pub totals: Measures,
    /// The same by each dimension.
    pub breakdowns: Vec<Breakdown>,
}
