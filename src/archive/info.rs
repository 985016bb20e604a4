//! What an archive says of itself, what a check of it gives, and what of it is served. Values alone; nothing is read here.

use crate::period::{Millis, Period};
use crate::provenance::{Account, FileEntry, Filters, GroupRule, Replaced, Source, Totals};
use crate::report::account_usage::AccountUsage;
use crate::report::groups::Groups;
use crate::runs::random_access::RandomAccessRuns;

#[derive(Debug, Clone)]
pub struct ArchiveInfo {
    /// Where it is, as the user gave it.
    pub shown: String,
    pub account: Option<Account>,
    pub source: Source,
    pub notice: Option<String>,
    /// All of its period.
    pub period: Period,
    /// Whether that period is fixed, as an export's is. A lake grows, so that only slices of it are compared to anything.
    pub is_of_one_period: bool,
    pub is_billing_cycle: bool,
    pub filters: Filters,
    /// When the API was last asked.
    pub queried_at_ms: Millis,
    /// The rules that its runs were grouped by.
    pub groups: Option<Vec<GroupRule>>,
    /// The figures of all its runs where it states them: they must come out.
    pub totals: Option<Totals>,
    /// Whether it keeps what Apify counts of its days.
    pub has_counted_usage: bool,
    pub replaced: Option<Replaced>,
    /// Its files, where people open them.
    pub files: Vec<FileEntry>,
}

impl ArchiveInfo {
    /// The rules that its runs were grouped by, for runs of its account.
    pub fn own_groups(&self) -> Option<Groups> {
        let groups = self.groups.clone().map(Groups::of);
        groups.map(|groups| groups.for_account(self.account.as_ref()))
    }

    /// Whose runs it has; by its path, where it doesn't know.
    pub fn whose(&self) -> Account {
        self.account.clone().unwrap_or_else(|| Account {
            id: self.shown.clone(),
            username: None,
        })
    }

    /// Whether it is of this source, and of this account unless one of the two is unknown.
    pub fn is_from(&self, source: Source, account: Option<&Account>) -> bool {
        let known = self.account.as_ref().zip(account);
        self.source == source && known.is_none_or(|(old, new)| old.id == new.id)
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Depth {
    /// To the bytes of every file.
    #[default]
    Full,
    /// To rows and figures, without hashes.
    Quick,
}

/// The result of checking all of an archive.
pub struct Verification {
    pub findings: Vec<String>,
    /// The text for the user where there is no finding.
    pub success: String,
    /// The document that the archive was compared with, as messages name it.
    pub promised_by: &'static str,
    pub notice: Option<String>,
    /// The version of the table; an export has none.
    pub version: Option<u64>,
    /// Files that were checked.
    pub files: u64,
    /// Whether every run is there that the API counted.
    pub proven: bool,
    /// Its figures, which hold where there is no finding.
    pub totals: Totals,
    /// What is no fault, in sentences.
    pub notes: Vec<String>,
}

/// The open files of an archive that is served.
pub struct ServedFiles {
    pub account: Option<Account>,
    pub source: Source,
    /// Changes with the archive's content.
    pub stamp: String,
    /// What it keeps beside runs.
    pub usage: Option<AccountUsage>,
    /// In order of time; those that overlap in time are together.
    pub files: Vec<Vec<Box<dyn RandomAccessRuns>>>,
}
