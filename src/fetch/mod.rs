//! Reads a period: plans windows, walks them side by side, proves each against the API's count, adds names and details to
//! what is wanted of them, and hands them on in time order. Nothing here writes.

pub mod details;
mod listed;
mod lister;
pub mod names;
mod page_size;
mod period_fetch;
pub mod plan;
mod ready;
mod spare;
mod sum;
mod tally;
mod tie;
mod walk;
mod window;

pub use listed::count_needed;
pub use lister::Lister;
pub use page_size::PageLimit;
pub use period_fetch::{Estimate, MAX_CONCURRENCY, PeriodFetch};
pub use ready::{Known, ReadyWindow, Readying};
pub use spare::SpareTime;
pub use sum::Fetched;
