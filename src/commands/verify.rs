//! `verify`: an export or a lake compared with its manifest or log, from its files alone.

use serde::Serialize;

use crate::archive::findings::untrusted;
use crate::archive::{self, Depth, Verification};
use crate::cli::VerifyArgs;
use crate::context::blocking::run_blocking;
use crate::context::terminal::print;
use crate::error::{Error, Result};
use crate::provenance::Totals;
use crate::text::json_document;

/// What `--json` prints, whether it holds or not.
#[derive(Serialize)]
struct VerifyDocument<'v> {
    notice: Option<String>,
    path: String,
    kind: &'static str,
    /// The version of a lake; null for an export.
    version: Option<u64>,
    /// Whether everything is as its manifest or log says.
    holds: bool,
    findings: Vec<String>,
    /// Whether the hashes of files were checked too.
    hashes_checked: bool,
    /// Whether every run is there that the API counted; null where it can't be read.
    proven: Option<bool>,
    files: Option<u64>,
    /// Null where it doesn't hold.
    totals: Option<&'v Totals>,
    notes: Vec<String>,
}

/// Runs the job, on a thread of its own, so that signals are heard meanwhile.
pub async fn run(args: VerifyArgs) -> Result<()> {
    run_blocking(move |_| verify(&args)).await
}

fn verify(args: &VerifyArgs) -> Result<()> {
    let depth = if args.quick { Depth::Quick } else { Depth::Full };
    let mut checked = None;
    let result = archive::read(|opener| {
        checked = None;
        let verification = opener.open(&args.path, args.as_of)?.verify(depth)?;
        let findings = &verification.findings;
        // An error already here: findings of an export that was being replaced are no findings.
        let refusal = (!findings.is_empty()).then(|| untrusted(&args.path, verification.promised_by, findings));
        checked = Some(verification);
        refusal.map_or(Ok(()), Err)
    });
    if args.json {
        let findings = match (&result, &checked) {
            (Ok(()), _) => Vec::new(),
            (Err(Error::Untrusted(_)), Some(checked)) => checked.findings.clone(),
            (Err(Error::Untrusted(why)), None) => vec![why.clone()],
            // It was not checked.
            _ => return result,
        };
        print(&json_document(&document(args, checked.as_ref(), findings)))?;
        return result;
    }
    result?;
    match checked {
        Some(checked) if !args.quiet => print(&checked.success),
        _ => Ok(()),
    }
}

fn document<'v>(args: &VerifyArgs, checked: Option<&'v Verification>, findings: Vec<String>) -> VerifyDocument<'v> {
    let holds = findings.is_empty();
    VerifyDocument {
        notice: checked.and_then(|checked| checked.notice.clone()),
        path: args.path.to_string(),
        kind: if archive::is_lake(&args.path) { "lake" } else { "export" },
        version: checked.and_then(|checked| checked.version),
        holds,
        findings,
        hashes_checked: !args.quick,
        proven: checked.map(|checked| checked.proven),
        files: checked.map(|checked| checked.files),
        totals: checked.filter(|_| holds).map(|checked| &checked.totals),
        notes: checked.map_or(Vec::new(), |checked| checked.notes.clone()),
    }
}
