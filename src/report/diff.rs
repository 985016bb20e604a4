//! What two exports differ in: one fold over the pairs of their runs, all figures exact. It reads no files, and renders
//! nothing.
//!
//! A cost that one side doesn't know has moved by an unknown amount: such runs are counted beside every sum of dollars
//! and are never in it, and a cost that became known, or is known no more, stands apart.

pub mod csv;
pub mod json;
pub mod moves;
pub mod prices;
pub mod terminal;
pub mod words;

use std::collections::HashMap;

use foldhash::fast::RandomState;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::money::Usd;
use crate::period::{Millis, Period, instant_text};
use crate::provenance::{Account, Filters, Source, Totals};
use crate::report::diff::moves::{ActorMoves, Moves};
use crate::report::diff::prices::{PriceVerdict, Prices};
use crate::runs::pairing::Pair;
use crate::runs::run::Run;

/// Changed runs that are kept to be shown one by one: those whose dollars moved most.
pub const SHOWN_RUNS: usize = 20;

#[derive(Debug, Clone, Serialize)]
pub struct DiffSide {
    pub path: String,
    pub period: Period,
    pub account: Option<Account>,
    pub source: Source,
    #[serde(skip)]
    pub notice: Option<String>,
    pub filters: Filters,
    #[serde(rename = "queried_at", with = "instant_text")]
    pub queried_at_ms: Millis,
    pub proven: bool,
    pub totals: Totals,
}

#[derive(Debug)]
pub struct ArchiveDiff {
    pub old: DiffSide,
    pub new: DiffSide,
    pub changes: Changes,
    pub prices: PriceVerdict,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DifferenceKind {
    New,
    Changed,
    Vanished,
}

impl DifferenceKind {
    pub fn name(self) -> &'static str {
        match self {
            DifferenceKind::New => "new",
            DifferenceKind::Changed => "changed",
            DifferenceKind::Vanished => "vanished",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference<'p> {
    pub kind: DifferenceKind,
    pub old: Option<&'p Run>,
    pub new: Option<&'p Run>,
    /// Of one that both have, the columns that differ.
    pub fields: Vec<&'static str>,
}

impl<'p> Difference<'p> {
    /// How the two differ, if they do. Names and other details are no difference, and neither is a column that one of the
    /// exports leaves out.
    pub fn of(pair: &'p Pair) -> Option<Difference<'p>> {
        let (kind, old, new) = match pair {
            Pair::New(run) => (DifferenceKind::New, None, Some(run)),
            Pair::Old(run) => (DifferenceKind::Vanished, Some(run), None),
            Pair::Both(old, new) => (DifferenceKind::Changed, Some(old), Some(new)),
        };
        let fields = match pair {
            Pair::Both(old, new) => differing(old, new),
            _ => Vec::new(),
        };
        let differs = kind != DifferenceKind::Changed || !fields.is_empty();
        differs.then_some(Difference { kind, old, new, fields })
    }

    pub fn run(&self) -> &'p Run {
        self.new
            .or(self.old)
            .expect("a difference is of at least one export's run")
    }

    pub fn act_name(&self) -> Option<&'p str> {
        let name = |run: Option<&'p Run>| run.and_then(|run| run.act_name.as_deref());
        name(self.new).or_else(|| name(self.old))
    }

    /// By how many dollars usage moved, where every cost is known.
    pub fn moved(&self) -> Option<Usd> {
        let usage = |run: Option<&Run>| run.map_or(Some(Usd::default()), |run| run.usage);
        let (old, new) = (usage(self.old)?, usage(self.new)?);
        Some(Usd(new.0.saturating_sub(old.0)))
    }
}

fn differing(old: &Run, new: &Run) -> Vec<&'static str> {
    let finished = old.finished_at_ms.zip(new.finished_at_ms);
    let columns = [
        ("status", old.status != new.status),
        ("started_at", old.started_at_ms != new.started_at_ms),
        ("finished_at", finished.is_some_and(|(old, new)| old != new)),
        ("usage_total_usd", old.usage != new.usage),
        ("cost_state", old.cost_state != new.cost_state),
    ];
    let differing = columns.into_iter().filter(|(_, differs)| *differs);
    differing.map(|(name, _)| name).collect()
}

#[derive(Debug, Default)]
pub struct Changes {
    total: Moves,
    pub unchanged: u64,
    pub prices: Prices,
    actors: HashMap<Box<str>, ActorMoves, RandomState>,
    /// The changed runs that moved most, those first.
    shown: Vec<(Run, Run)>,
    /// The sum of all costs without their signs: while it fits, so does the sum of any of them.
    magnitude: Usd,
}

impl Changes {
    /// Adds a pair; an error if a sum no longer fits 38 digits.
    pub fn add(&mut self, pair: &Pair) -> Result<()> {
        if let Pair::Both(old, new) = pair {
            self.prices.add(old, new);
        }
        let Some(difference) = Difference::of(pair) else {
            self.unchanged += 1;
            return Ok(());
        };
        for run in [difference.old, difference.new].into_iter().flatten() {
            let usage = Usd(run.usage.unwrap_or_default().0.abs());
            let sum = self.magnitude.checked_add(usage);
            self.magnitude = sum.ok_or_else(|| Error::Untrusted("the sum of costs has more than 38 digits".into()))?;
        }
        self.total.add(&difference);
        let act_id = difference.run().act_id.as_str();
        // Not `entry`: it would copy the ID of every run.
        if !self.actors.contains_key(act_id) {
            let act_id = act_id.to_string();
            self.actors.insert(
                act_id.as_str().into(),
                ActorMoves {
                    act_id,
                    ..ActorMoves::default()
                },
            );
        }
        let actor = self.actors.get_mut(act_id).expect("it was put there");
        if actor.act_name.is_none() {
            actor.act_name = difference.act_name().map(String::from);
        }
        actor.moves.add(&difference);
        if let Pair::Both(old, new) = pair {
            self.show(old, new);
        }
        Ok(())
    }

    fn show(&mut self, old: &Run, new: &Run) {
        let rank = rank(old, new);
        let at = self.shown.partition_point(|(old, new)| self::rank(old, new) >= rank);
        if at < SHOWN_RUNS {
            self.shown.truncate(SHOWN_RUNS - 1);
            self.shown.insert(at, (old.clone(), new.clone()));
        }
    }

    pub fn total(&self) -> &Moves {
        &self.total
    }

    /// Every Actor whose runs differ: the most dollars moved first, either way, then by ID.
    pub fn actors(&self) -> Vec<&ActorMoves> {
        let mut actors: Vec<&ActorMoves> = self.actors.values().collect();
        let moved = |actor: &ActorMoves| actor.moves.net().usage().map(|usd| usd.0.abs());
        actors.sort_by(|a, b| moved(b).cmp(&moved(a)).then_with(|| a.act_id.cmp(&b.act_id)));
        actors
    }

    /// Up to [`SHOWN_RUNS`] changed runs, old and new: those whose dollars moved most, in time order where by as much.
    pub fn shown(&self) -> &[(Run, Run)] {
        &self.shown
    }
}

/// The order in which changed runs are shown: dollars moved, then a changed status.
fn rank(old: &Run, new: &Run) -> (u128, bool) {
    let cost = |run: &Run| run.usage.unwrap_or_default().0;
    // A cost that is unknown on one side could have moved by all of the other; nothing is summed by this.
    let moved = cost(new).saturating_sub(cost(old)).unsigned_abs();
    (moved, old.status != new.status)
}

#[cfg(test)]
mod tests;
