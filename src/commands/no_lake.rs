//! The commands of the lake in a build that has none: each says which build has it.

use tokio::runtime::Handle;

use crate::archive::no_lake::none;
use crate::context::Context;
use crate::error::Result;

/// Exit 2.
pub fn look(_lake: &str, _handle: Handle) -> Result<String> {
    Err(none())
}

/// Exit 2.
pub async fn run<A>(_args: A, _context: Context) -> Result<()> {
    Err(none())
}
