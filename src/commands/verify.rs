//! `verify`: an export or a lake held against its manifest or log, from its files alone.

use crate::archive::findings::untrusted;
use crate::archive::{self, Depth};
use crate::cli::VerifyArgs;
use crate::context::blocking::run_blocking;
use crate::context::terminal::print;
use crate::error::Result;

/// Runs the job, on a thread of its own, so that signals are heard meanwhile.
pub async fn run(args: VerifyArgs) -> Result<()> {
    run_blocking(move |_| verify(&args)).await
}

fn verify(args: &VerifyArgs) -> Result<()> {
    let depth = if args.quick { Depth::Quick } else { Depth::Full };
    let result = archive::read(|opener| {
        let result = opener.open(&args.path, args.as_of)?.verify(depth)?;
        // An error already here: findings of an export that was being replaced are no findings.
        match result.findings.as_slice() {
            [] => Ok(result),
            findings => Err(untrusted(&args.path, result.promised_by, findings)),
        }
    })?;
    if args.quiet {
        return Ok(());
    }
    print(&result.success)
}
