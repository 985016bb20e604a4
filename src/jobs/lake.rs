//! `lake`: the care of a lake.

use super::Surroundings;
use crate::cli::LakeArgs;
use crate::error::Result;

/// Runs the job.
pub async fn run(_args: LakeArgs, _surroundings: Surroundings) -> Result<()> {
    Err(anyhow::anyhow!("not yet").into())
}
