//! One file or folder a command: the only place that knows several stages.

pub mod assemble;
pub mod budgets;
pub mod check;
pub mod compare;
pub mod destination;
pub mod diff;
pub mod export;
#[cfg(feature = "lake")]
pub mod lake;
#[cfg(not(feature = "lake"))]
pub mod no_lake;
pub mod reconcile;
pub mod report;
pub mod serve;
pub mod strict;
#[cfg(feature = "lake")]
pub mod sync;
pub mod tools;
pub mod verify;

#[cfg(not(feature = "lake"))]
pub use no_lake as lake;
#[cfg(not(feature = "lake"))]
pub use no_lake as sync;
