//! A run as an export's files hold it, as far as two exports are compared. Owned, unlike [`super::row::Row`]: its partner
//! may come from another file, batches later.

use crate::money::Usd;
use crate::period::Millis;

/// Where a run stands in an export, whose order is that of `started_at` and `id`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// When it started: milliseconds since the epoch.
    pub started_at_ms: Millis,
    /// Its ID.
    pub id: String,
}

/// One run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Its ID.
    pub id: String,
    /// Its Actor.
    pub act_id: String,
    /// That Actor's name, where the export has it.
    pub act_name: Option<String>,
    /// Its status.
    pub status: String,
    /// When it started: milliseconds since the epoch.
    pub started_at_ms: Millis,
    /// When it finished, if it has; the outer `None` where the export leaves that column out.
    pub finished_at_ms: Option<Option<Millis>>,
    /// Its cost, where known.
    pub usage: Option<Usd>,
    /// How final that is.
    pub cost_state: String,
}

impl Run {}

/// Something that stands in the order of an export.
pub trait Placed {
    /// Its place.
    fn place(&self) -> (Millis, &str);
}

impl Placed for Key {
    fn place(&self) -> (Millis, &str) {
        (self.started_at_ms, &self.id)
    }
}

impl Placed for Run {
    fn place(&self) -> (Millis, &str) {
        (self.started_at_ms, &self.id)
    }
}
