//! One file or folder a command: the only place that knows several stages.

pub mod assemble;
pub mod budgets;
pub mod check;
pub mod compare;
pub mod completions;
pub mod coverage;
pub mod destination;
pub mod diff;
pub mod export;
pub mod folder_name;
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
pub mod together;
pub mod tools;
pub mod unusual;
pub mod verify;

#[cfg(not(feature = "lake"))]
pub use no_lake as lake;
#[cfg(not(feature = "lake"))]
pub use no_lake as sync;

use crate::cli::{Cli, Command};
use crate::config::Layers;
use crate::context::Context;
use crate::error::Result;

/// Runs a command for one account.
pub async fn run(cli: Cli, context: Context, layers: &Layers) -> Result<()> {
    match cli.command {
        Command::Export(args) => export::run(*args, context).await,
        Command::Reconcile(args) => reconcile::run(*args, context).await,
        Command::Report(args) => report::run(*args, context).await,
        Command::Check(args) => check::run(args, context, layers).await,
        Command::Verify(args) => verify::run(args).await,
        Command::Diff(args) => diff::run(args, context).await,
        Command::Sync(args) => sync::run(*args, context).await,
        Command::Lake(args) => lake::run(args, context).await,
        Command::Serve(args) => serve::run(*args, context).await,
        Command::Config(args) => tools::config(args, layers),
        Command::Completions(args) => completions::completions(&args),
        Command::Man(args) => tools::man(args),
    }
}
