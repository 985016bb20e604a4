//! A run as an export's files hold it, as far as two exports are compared. Owned, unlike [`super::row::Row`]: its partner
//! may come from another file, batches later.

use super::row::Row;
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

impl Run {
    /// The same as a row, as far as it is known.
    pub fn row(&self) -> Row<'_> {
        Row {
            id: &self.id,
            act_id: &self.act_id,
            status: &self.status,
            started_at_ms: self.started_at_ms,
            finished_at_ms: self.finished_at_ms.flatten(),
            usage: self.usage,
            cost_state: &self.cost_state,
            act_name: self.act_name.as_deref(),
            ..Row::default()
        }
    }
}

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
