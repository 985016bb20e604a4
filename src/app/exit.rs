//! How a command ended: of each account's part, and in all.

use crate::app::outcome::AccountResult;
use crate::context::journal::Journal;

/// Exit codes, worst_exit_code first: what needs somebody before what passes by itself.
const WORST_FIRST: [u8; 9] = [3, 2, 6, 5, 4, 8, 1, 7, 0];

/// How a command ended.
#[derive(Debug)]
pub struct JobResult {
    /// The exit code: the worst_exit_code of all accounts'.
    pub exit_code: u8,
    /// What is said of it, where that is one thing.
    pub error: Option<String>,
    /// Each account's, or the one that there is.
    pub parts: Vec<AccountResult>,
}

/// The records of all parts, for whoever has to tell of an end that came from outside.
#[derive(Debug, Clone)]
pub struct AccountJournals(pub Vec<(Option<String>, Journal)>);

impl AccountJournals {
    /// What is said when a signal has come: who was done by then, where there are several.
    pub fn stopped(&self, how: &str, stopped: &str) -> String {
        if self.0.len() < 2 {
            return format!("{how}, {stopped}");
        }
        let is_done = |journal: &Journal| matches!(journal.read().0.ended, Some((0 | 7, _)));
        let done = self.0.iter().filter(|(_, journal)| is_done(journal));
        let done: Vec<&str> = done.filter_map(|(account, _)| account.as_deref()).collect();
        match done.as_slice() {
            [] => format!("{how}, {stopped}"),
            done => format!(
                "{how}; {} of {} accounts were done: {}",
                done.len(),
                self.0.len(),
                done.join(", ")
            ),
        }
    }

    /// All that haven't ended by themselves as having ended in the same way.
    pub fn ended(&self, exit_code: u8, error: &str) -> Vec<AccountResult> {
        let part = |(account, journal): &(Option<String>, Journal)| {
            let ended = journal.read().0.ended;
            let (exit_code, error) = ended.unwrap_or_else(|| (exit_code, Some(error.into())));
            AccountResult {
                account: account.clone(),
                exit_code,
                error,
                journal: journal.clone(),
            }
        };
        self.0.iter().map(part).collect()
    }
}

impl JobResult {
    /// An end that came to all that hadn't ended by themselves.
    pub fn of_all(exit_code: u8, error: String, parts: &AccountJournals) -> JobResult {
        JobResult {
            exit_code,
            parts: parts.ended(exit_code, &error),
            error: Some(error),
        }
    }

    /// How it ended in all.
    pub fn of(parts: Vec<AccountResult>) -> JobResult {
        let exit_code = worst_exit_code(parts.iter().map(|part| part.exit_code));
        let failed: Vec<&AccountResult> = parts.iter().filter(|part| part.exit_code != 0).collect();
        let error = match (failed.as_slice(), parts.len()) {
            ([], _) => None,
            ([one], 1) => one.error.clone(),
            (several, of) => {
                let names = several.iter().filter_map(|part| part.account.as_deref());
                let names: Vec<&str> = names.collect();
                Some(format!(
                    "{} of {of} accounts failed: {}",
                    several.len(),
                    names.join(", ")
                ))
            }
        };
        JobResult {
            exit_code,
            error,
            parts,
        }
    }
}

pub fn worst_exit_code(codes: impl IntoIterator<Item = u8>) -> u8 {
    let rank = |code: &u8| WORST_FIRST.iter().position(|known| known == code).unwrap_or(0);
    codes.into_iter().min_by_key(rank).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gravest_code_is_the_jobs() {
        assert_eq!(worst_exit_code([0, 7, 0]), 7);
        assert_eq!(worst_exit_code([7, 1, 8, 4, 5, 6, 3]), 3);
        assert_eq!(worst_exit_code([8, 4]), 4);
        assert_eq!(worst_exit_code([5, 6, 4]), 6);
        assert_eq!(worst_exit_code([0, 0]), 0);
        assert_eq!(worst_exit_code([]), 0);
    }
}
