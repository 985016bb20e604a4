//! What decides the made-up account, and what doesn't change from one to another: its clock, its token and its name.

use crate::period::Millis;
use crate::provenance::Account;

/// The fixed clock of the made-up account: 2025-10-03T06:00:00Z.
pub const DEMO_NOW_MS: Millis = 1_759_471_200_000;

/// The token that the made-up account takes unless another is given.
pub const DEMO_TOKEN: &str = "demo";

/// Runs of the account of `--demo`, by the month in which they start.
pub const RUNS_OF_SEPTEMBER: u64 = 100_000;
pub const RUNS_OF_AUGUST: u64 = 92_000;

// Of its own, as nearly all that the account is made with: what is served must not follow a mistake of what reads it.
pub(super) const HOUR_MS: i64 = 3_600_000;
pub(super) const DAY_MS: i64 = 24 * HOUR_MS;

pub fn demo_account() -> Account {
    Account {
        id: "MADEUPACCOUNT0000".into(),
        username: Some(demo_username()),
    }
}

pub(super) fn demo_username() -> String {
    "made-up-account".into()
}

/// Equal options give equal accounts, on every machine.
#[derive(Debug, Clone)]
pub struct AccountOptions {
    /// Runs that started in the period; a few more lie just outside of it.
    pub runs: u64,
    /// Runs that started in the 31 days before the period, the one just before it included.
    pub runs_before: u64,
    pub actors: u64,
    pub seed: u64,
    pub from_ms: Millis,
    /// Exclusive.
    pub to_ms: Millis,
    /// How many runs in a hundred have their cost only in the detail; `None` for those of others' pay-per-event Actors and one
    /// in a thousand.
    pub cost_missing_percent: Option<u8>,
    /// How long the account's plan keeps runs; says so, and deletes none.
    pub retention_days: u32,
}

impl AccountOptions {
    /// The account of `--demo`: 100,000 runs in September 2025, and a month before it to compare with.
    pub fn demo() -> AccountOptions {
        AccountOptions {
            runs_before: RUNS_OF_AUGUST,
            ..AccountOptions::default()
        }
    }
}

impl Default for AccountOptions {
    /// 100,000 runs in September 2025.
    fn default() -> AccountOptions {
        AccountOptions {
            runs: RUNS_OF_SEPTEMBER,
            runs_before: 0,
            actors: 340,
            seed: 1,
            from_ms: 1_756_684_800_000,
            to_ms: 1_759_276_800_000,
            cost_missing_percent: None,
            retention_days: 90,
        }
    }
}
