//! Reads a period: plans windows, walks them side by side, proves each against the API's count, and hands them on in time
//! order. Nothing here writes.

mod lister;
mod page_size;
mod period_fetch;
pub mod plan;
mod sum;
mod tally;
mod tie;
mod walk;
mod window;

pub use lister::Lister;
pub use period_fetch::{Estimate, MAX_CONCURRENCY, PeriodFetch};
pub use sum::Fetched;
pub use window::WalkedWindow;
