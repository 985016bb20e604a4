//! What a sync changed, counted: the one place in which a run found becomes a number.

use std::collections::BTreeMap;

use crate::error::Result;
use crate::lake::columns::month_of;
use crate::lake::row_merge::{Found, Place};
use crate::money::Usd;
use crate::period::{DAY_MS, Millis};
use crate::report::diff::{Difference, DifferenceKind};
use crate::runs::run::Run;

/// What is told of every run that is new or changed.
pub type OnChange<'c> = dyn FnMut(&Difference) -> Result<()> + 'c;

/// Counts and dollars. Dollars are of runs whose costs both sides know, or of new ones whose cost is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Runs that the table didn't have.
    pub new: u64,
    /// Runs of which something else is known now.
    pub changed: u64,
    /// Of them, those whose cost settled.
    pub newly_settled: u64,
    /// Of them, those that had ended and ran on.
    pub resurrected: u64,
    /// Of them, those that the API lists under another start now.
    pub relocated: u64,
    /// Runs that have another price.
    pub repriced: u64,
    /// Their cost as the table has it, and as the API says it now.
    pub repriced_from: Usd,
    /// See above.
    pub repriced_to: Usd,
    /// Runs that were asked for and are in the table alone: Apify has deleted them.
    pub gone: u64,
    /// Runs in the table that were asked for and that Apify should still keep.
    pub held_kept: u64,
    /// Of them, those that it no longer lists.
    pub gone_kept: u64,
    /// Runs that the API listed.
    pub listed: u64,
    /// Runs new or changed whose cost isn't known, on either side: not in the dollars.
    pub cost_unknown: u64,
    /// New dollars by the month in which runs started.
    pub moved: BTreeMap<String, Moves>,
    /// What falls into periods that are watched, by name.
    pub watched: BTreeMap<String, Moves>,
    /// What it took to find out that new runs are nowhere else in the table.
    pub looked_up: LookedUp,
}

/// The cost of looking up new runs' IDs in the whole table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LookedUp {
    /// IDs.
    pub ids: u64,
    /// Files that were looked at, each time that they were.
    pub files: u64,
    /// Bytes that were read of them.
    pub bytes: u64,
}

impl LookedUp {
    fn add(&mut self, other: LookedUp) {
        self.ids += other.ids;
        self.files += other.files;
        self.bytes += other.bytes;
    }
}

/// A run as the table has it from now on: what is not among the fields that change is as it was.
fn taken_over(was: Run, mut is: Run, fields: &[&str]) -> Run {
    if !fields.contains(&"usage_total_usd") {
        is.usage = was.usage;
    }
    if !fields.contains(&"cost_state") {
        is.cost_state = was.cost_state;
    }
    is
}

/// What moved in a month.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Moves {
    /// Runs that came.
    pub new: u64,
    /// Runs that changed.
    pub changed: u64,
    /// Dollars of new runs.
    pub new_usd: Usd,
    /// By how many dollars changed ones moved, those whose cost became known with all of it.
    pub changed_usd: Usd,
}

impl Moves {
    /// By how many dollars all of it moved.
    pub fn usd(&self) -> Usd {
        Usd(self.new_usd.0.saturating_add(self.changed_usd.0))
    }

    fn add(&mut self, other: &Moves) {
        self.new += other.new;
        self.changed += other.changed;
        add(&mut self.new_usd, other.new_usd);
        add(&mut self.changed_usd, other.changed_usd);
    }
}

fn add(sum: &mut Usd, usd: Usd) {
    sum.0 = sum.0.saturating_add(usd.0);
}

/// A period that is watched for changes: its name, `[from, to)`.
pub type Watched = (String, Millis, Millis);

impl Tally {
    /// Takes note of what was found of a run that started in `[from, to)` of what was asked for, or outside of it.
    pub(super) fn see(
        &mut self,
        found: &Found,
        is_asked: impl Fn(Millis) -> bool,
        kept_from_ms: Millis,
        watched: &[Watched],
        on_change: Option<&mut OnChange>,
    ) -> Result<()> {
        let is_kept = |at: Millis| u64::from(at >= kept_from_ms.saturating_add(DAY_MS));
        match found {
            Found::Same(old) => {
                self.held_kept += is_kept(old.started_at_ms());
                self.listed += 1;
                Ok(())
            }
            Found::Old(old) => {
                if is_asked(old.started_at_ms()) {
                    self.gone += 1;
                    self.held_kept += is_kept(old.started_at_ms());
                    self.gone_kept += is_kept(old.started_at_ms());
                }
                Ok(())
            }
            // Its new place counts it.
            Found::Leaving => Ok(()),
            Found::Moved {
                old,
                new,
                verdict,
                fields,
                others,
            } => {
                self.listed += 1;
                self.changed += 1;
                self.relocated += 1;
                self.newly_settled += u64::from(verdict.has_settled);
                self.resurrected += u64::from(verdict.was_resurrected);
                let (was, is) = (old.run(), taken_over(old.run(), new.run(), fields));
                self.cost_unknown += u64::from(is.usage.is_none());
                for other in others {
                    self.moved_away(other, None, watched);
                }
                self.moved_away(old, Some(new), watched);
                let arrived = Moves {
                    changed: 1,
                    changed_usd: is.usage.unwrap_or_default(),
                    ..Moves::default()
                };
                self.moved(new, &arrived, watched);
                on_change.map_or(Ok(()), |on_change| {
                    on_change(&Difference {
                        kind: DifferenceKind::Changed,
                        old: Some(&was),
                        new: Some(&is),
                        fields: fields.clone(),
                    })
                })
            }
            Found::New(new) => {
                self.new += 1;
                self.listed += 1;
                let usage = new.usage();
                self.cost_unknown += u64::from(usage.is_none());
                let moves = Moves {
                    new: 1,
                    new_usd: usage.unwrap_or_default(),
                    ..Moves::default()
                };
                self.moved(new, &moves, watched);
                on_change.map_or(Ok(()), |on_change| {
                    on_change(&Difference {
                        kind: DifferenceKind::New,
                        old: None,
                        new: Some(&new.run()),
                        fields: Vec::new(),
                    })
                })
            }
            Found::Changed {
                old,
                new,
                verdict,
                fields,
            } => {
                self.held_kept += is_kept(old.started_at_ms());
                self.listed += 1;
                if let Some((from, to)) = verdict.repriced {
                    self.repriced += 1;
                    add(&mut self.repriced_from, from);
                    add(&mut self.repriced_to, to);
                }
                if fields.is_empty() {
                    return Ok(());
                }
                self.changed += 1;
                self.newly_settled += u64::from(verdict.has_settled);
                self.resurrected += u64::from(verdict.was_resurrected);
                let (was, is) = (old.run(), taken_over(old.run(), new.run(), fields));
                let moved = match (was.usage, is.usage) {
                    (Some(was), Some(is)) => Usd(is.0.saturating_sub(was.0)),
                    (None, Some(is)) => is,
                    (was, None) => {
                        self.cost_unknown += 1;
                        Usd(was.map_or(0, |was| -was.0))
                    }
                };
                let moves = Moves {
                    changed: 1,
                    changed_usd: moved,
                    ..Moves::default()
                };
                self.moved(new, &moves, watched);
                on_change.map_or(Ok(()), |on_change| {
                    on_change(&Difference {
                        kind: DifferenceKind::Changed,
                        old: Some(&was),
                        new: Some(&is),
                        fields: fields.clone(),
                    })
                })
            }
        }
    }

    /// Takes a row's dollars out of its month; where it stays within a month or a period, it counts there once, as it arrives.
    fn moved_away(&mut self, old: &Place, new: Option<&Place>, watched: &[Watched]) {
        let (at, arrives) = (old.started_at_ms(), new.map(Place::started_at_ms));
        let leaving = |stays: bool| Moves {
            changed: u64::from(!stays),
            changed_usd: Usd(-old.usage().unwrap_or_default().0),
            ..Moves::default()
        };
        let month = month_of(at);
        let stays = arrives.is_none_or(|at| month_of(at) == month);
        self.moved.entry(month).or_default().add(&leaving(stays));
        for (name, from, to) in watched.iter().filter(|(_, from, to)| (*from..*to).contains(&at)) {
            let stays = arrives.is_none_or(|at| (*from..*to).contains(&at));
            self.watched.entry(name.clone()).or_default().add(&leaving(stays));
        }
    }

    fn moved(&mut self, run: &Place, moves: &Moves, watched: &[Watched]) {
        let at = run.started_at_ms();
        self.moved.entry(month_of(at)).or_default().add(moves);
        for (name, from, to) in watched {
            if (*from..*to).contains(&at) {
                self.watched.entry(name.clone()).or_default().add(moves);
            }
        }
    }

    /// Adds what another commit of the same sync changed.
    pub fn add(&mut self, other: &Tally) {
        self.new += other.new;
        self.changed += other.changed;
        self.newly_settled += other.newly_settled;
        self.resurrected += other.resurrected;
        self.relocated += other.relocated;
        self.repriced += other.repriced;
        self.looked_up.add(other.looked_up);
        add(&mut self.repriced_from, other.repriced_from);
        add(&mut self.repriced_to, other.repriced_to);
        self.gone += other.gone;
        self.held_kept += other.held_kept;
        self.gone_kept += other.gone_kept;
        self.listed += other.listed;
        self.cost_unknown += other.cost_unknown;
        for (month, moves) in &other.moved {
            self.moved.entry(month.clone()).or_default().add(moves);
        }
        for (name, moves) in &other.watched {
            self.watched.entry(name.clone()).or_default().add(moves);
        }
    }

    /// Whether nothing is to be written.
    pub fn is_empty(&self) -> bool {
        self.new == 0 && self.changed == 0
    }

    /// By how many dollars months before this one moved, in all.
    pub fn past_usd(&self, this_month: &str) -> Usd {
        let past = self.moved.iter().filter(|(month, _)| month.as_str() < this_month);
        past.fold(Usd::default(), |mut sum, (_, moves)| {
            add(&mut sum, moves.usd());
            sum
        })
    }
}
