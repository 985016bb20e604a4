//! `verify`: what an export or a lake promises, checked again from its files alone.

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
    let verified = archive::read(|opening| opening.open(&args.path, args.as_of)?.verify(depth))?;
    if !verified.findings.is_empty() {
        return Err(untrusted(&args.path, verified.promised_by, &verified.findings));
    }
    if args.quiet {
        return Ok(());
    }
    print(&verified.told)
}
