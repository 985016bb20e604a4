//! Reads a period: plans windows, walks them side by side, proves each against the API's count, adds names and details to
//! what is wanted of them, and hands them on in time order. Nothing here writes.

pub mod builds;
pub mod details;
mod enrichment;
mod list_sample;
mod listed_run;
mod lister;
pub mod names;
mod page_size;
mod period_fetch;
pub mod plan;
mod server_traits;
#[cfg(test)]
mod simulation;
mod sum;
mod tally;
mod tie;
mod time_budget;
pub mod usage;
mod walk;
mod window;

pub use enrichment::{Enrichment, KnownDetails, ReadyWindow};
pub use list_sample::{ListSample, most_sampled};
pub use listed_run::count_needed;
pub use lister::Lister;
pub use page_size::PageLimit;
pub use period_fetch::{Estimate, MAX_CONCURRENCY, PeriodFetch};
pub use sum::FetchResult;
pub use time_budget::TimeBudget;
