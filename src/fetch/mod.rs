//! Reads a period: plans windows, walks them side by side, proves each against the API's count, and hands them on in time
//! order. Nothing here writes.

mod period_fetch;
pub mod plan;
mod tally;
mod walk;

pub use period_fetch::{Estimate, Fetched, MAX_CONCURRENCY, PeriodFetch};
pub use walk::{Lister, WalkedWindow};
