//! Exit codes: each account's, and the process's.

use crate::context::journal::{Ending, Journal};

/// Exit codes, the worst first: what needs somebody before what passes by itself.
const WORST_FIRST: [u8; 9] = [3, 2, 6, 5, 4, 8, 1, 7, 0];

#[derive(Debug, Clone)]
pub struct AccountResult {
    /// The configuration's name for it, where one was given.
    pub account: Option<String>,
    pub ending: Ending,
    pub journal: Journal,
}

#[derive(Debug)]
pub struct JobResult {
    /// The worst of all accounts'.
    pub exit_code: u8,
    /// What is said of it, where that is one thing.
    pub error: Option<String>,
    /// Each account's, or the only one.
    pub accounts: Vec<AccountResult>,
}

impl JobResult {
    pub fn new(accounts: Vec<AccountResult>) -> JobResult {
        let exit_code = worst_exit_code(accounts.iter().map(|account| account.ending.exit_code));
        let failed = accounts.iter().filter(|account| account.ending.exit_code != 0);
        let failed: Vec<&AccountResult> = failed.collect();
        let error = match (failed.as_slice(), accounts.len()) {
            ([], _) => None,
            ([one], 1) => one.ending.error.clone(),
            (several, of) => {
                let names: Vec<&str> = several.iter().filter_map(|failed| failed.account.as_deref()).collect();
                let (count, names) = (several.len(), names.join(", "));
                let reason = first_reason(several, exit_code);
                Some(format!("{count} of {of} accounts failed: {names}{reason}"))
            }
        };
        JobResult {
            exit_code,
            error,
            accounts,
        }
    }

    /// An end that came from outside to all that hadn't ended by themselves.
    pub fn cut_short(exit_code: u8, error: String, journals: &AccountJournals) -> JobResult {
        JobResult {
            exit_code,
            accounts: journals.results(exit_code, &error),
            error: Some(error),
        }
    }
}

/// The reason of the first account that ended with the job's exit code, and whose it is. Only the accounts have all of them.
fn first_reason(failed: &[&AccountResult], exit_code: u8) -> String {
    let first = failed.iter().find(|failed| failed.ending.exit_code == exit_code);
    let reason = first.and_then(|first| Some((first.account.as_deref()?, first.ending.error.as_deref()?)));
    reason.map_or(String::new(), |(account, reason)| format!("; {account}: {reason}"))
}

#[derive(Debug, Clone)]
pub struct AccountJournals(pub Vec<(Option<String>, Journal)>);

impl AccountJournals {
    /// What is said when a signal has come: who was done by then, where there are several.
    pub fn stopped(&self, how: &str, fate: &str) -> String {
        let causes = self.0.iter().filter_map(|(account, journal)| {
            let whose = account.as_ref().filter(|_| self.0.len() > 1);
            let whose = whose.map_or(String::new(), |account| format!("{account}: "));
            Some(format!("{whose}{}", waiting_cause(journal)?))
        });
        let causes: Vec<String> = causes.collect();
        let how = &with_cause(how, Some(causes.join(", ")).filter(|causes| !causes.is_empty()));
        let is_done = |journal: &Journal| {
            let ended = journal.read().0.ended;
            ended.is_some_and(|ended| matches!(ended.exit_code, 0 | 7))
        };
        let done = self
            .0
            .iter()
            .filter(|(_, journal)| self.0.len() > 1 && is_done(journal));
        let done: Vec<&str> = done.filter_map(|(account, _)| account.as_deref()).collect();
        if done.is_empty() {
            return format!("{how}; {fate}");
        }
        let (count, of, names) = (done.len(), self.0.len(), done.join(", "));
        format!("{how}; {count} of {of} accounts had finished: {names}")
    }

    /// Each account's end; all that haven't ended by themselves end in the same way.
    pub fn results(&self, exit_code: u8, error: &str) -> Vec<AccountResult> {
        self.results_of(exit_code, |_| error.into())
    }

    /// The same where a signal stopped them: with what each waited for.
    pub fn results_stopped(&self, exit_code: u8, how: &str, fate: &str) -> Vec<AccountResult> {
        self.results_of(exit_code, |journal| {
            format!("{}; {fate}", with_cause(how, waiting_cause(journal)))
        })
    }

    fn results_of(&self, exit_code: u8, error: impl Fn(&Journal) -> String) -> Vec<AccountResult> {
        let result = |(account, journal): &(Option<String>, Journal)| {
            let ended = journal.read().0.ended;
            AccountResult {
                account: account.clone(),
                ending: ended.unwrap_or_else(|| Ending::new(exit_code, error(journal))),
                journal: journal.clone(),
            }
        };
        self.0.iter().map(result).collect()
    }
}

/// What an account's job waits for that hasn't ended.
fn waiting_cause(journal: &Journal) -> Option<String> {
    journal.read().0.ended.is_none().then(|| journal.waiting_cause())?
}

fn with_cause(how: &str, cause: Option<String>) -> String {
    cause.map_or_else(|| how.into(), |cause| format!("{how} while {cause}"))
}

pub fn worst_exit_code(codes: impl IntoIterator<Item = u8>) -> u8 {
    let rank = |code: &u8| WORST_FIRST.iter().position(|known| known == code).unwrap_or(0);
    codes.into_iter().min_by_key(rank).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_serious_exit_code_wins() {
        assert_eq!(worst_exit_code([0, 7, 0]), 7);
        assert_eq!(worst_exit_code([7, 1, 8, 4, 5, 6, 3]), 3);
        assert_eq!(worst_exit_code([8, 4]), 4);
        assert_eq!(worst_exit_code([5, 6, 4]), 6);
        assert_eq!(worst_exit_code([0, 0]), 0);
        assert_eq!(worst_exit_code([]), 0);
    }

    #[test]
    fn the_error_of_several_accounts_holds_the_reason_of_the_exit_code() {
        let account = |name: &str, exit_code, error: &str| AccountResult {
            account: Some(name.into()),
            ending: Ending {
                exit_code,
                error: (exit_code != 0).then(|| error.into()),
            },
            journal: Journal::default(),
        };
        let end = JobResult::new(vec![
            account("acme", 4, "no answer"),
            account("beta", 0, ""),
            account("gamma", 3, "401 for the token"),
        ]);
        assert_eq!(end.exit_code, 3);
        let error = "2 of 3 accounts failed: acme, gamma; gamma: 401 for the token";
        assert_eq!(end.error.as_deref(), Some(error));
    }
}
