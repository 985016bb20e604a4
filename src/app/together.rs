//! The report of all accounts, after the job of each: of what these exported, and of those that failed.

use std::collections::BTreeSet;

use crate::app::exit::{AccountResult, JobResult, worst_exit_code};
use crate::app::outcome::shared_accounts;
use crate::commands::together::{ExportedAccounts, MissingAccount, TogetherFolder};
use crate::context::blocking::run_blocking;
use crate::context::terminal::{print, warn};

/// Publishes it; that it can't be is the job's failure, and none of the accounts'.
pub async fn publish(folder: TogetherFolder, end: &mut JobResult, is_quiet: bool) {
    let exported = exported(&end.accounts);
    let shown = folder.path().display().to_string();
    if exported.paths.is_empty() {
        return warn(&format!("no account was exported: {shown} was not written"));
    }
    let published = run_blocking(move |stop| folder.publish(&exported, stop)).await;
    match published.map(|of| format!("Wrote {shown}: the report of {of}")) {
        Ok(done) => {
            tracing::info!("{done}");
            if !is_quiet {
                // Whoever reads no more has what was published.
                let _ = print(&format!("{done}\n"));
            }
        }
        Err(error) => {
            tracing::error!("{error}");
            end.exit_code = worst_exit_code([end.exit_code, error.exit_code()]);
            end.error.get_or_insert_with(|| error.to_string());
        }
    }
}

/// The exports, of each account of the API once.
fn exported(accounts: &[AccountResult]) -> ExportedAccounts {
    let mut exported = ExportedAccounts {
        shared: shared_accounts(accounts),
        ..ExportedAccounts::default()
    };
    let mut seen: BTreeSet<String> = BTreeSet::new();
    for account in accounts {
        let (entry, _) = account.journal.read();
        match entry.out {
            Some(out) => {
                let is_first = entry.account_id.is_none_or(|id| seen.insert(id));
                exported.paths.extend(is_first.then(|| out.into()));
            }
            None => {
                let code = account.ending.exit_code;
                let error = account.ending.error.as_deref().unwrap_or("no reason was given");
                exported.missing.push(MissingAccount {
                    name: account.account.clone().unwrap_or_else(|| "the account".into()),
                    reason: format!("exit {code}: {error}"),
                });
            }
        }
    }
    exported
}
