//! `lake`: the care of a lake.

mod close;

use super::Surroundings;
use crate::cli::{LakeArgs, LakeCommand};
use crate::error::Result;

/// Runs the job.
pub async fn run(args: LakeArgs, surroundings: Surroundings) -> Result<()> {
    match args.command {
        LakeCommand::Close(args) => close::run(args, surroundings).await,
        LakeCommand::Optimize(_) | LakeCommand::Vacuum(_) => Err(anyhow::anyhow!("not yet").into()),
    }
}
