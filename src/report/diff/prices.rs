//! Whether usage moved, or prices did: a repricing multiplies all costs by one factor. Compared are runs that had ended for
//! good in both exports, the same way at the same time, with a settled cost above zero: their usage can't have moved.
//!
//! The factor is found in fixed memory: of a few candidates, each cost that fits none removes one vote from every one of
//! them, so that a factor which more than a tenth of the changed costs share is still there at the end (Misra and Gries,
//! <https://doi.org/10.1016/0167-6423(82)90012-0>). How many costs it really fits is then counted once more, exactly.

use serde::Serialize;

use crate::money::{Usd, ratio_6_places};
use crate::runs::cost_state::{SETTLED, is_terminal};
use crate::runs::pairing::Pair;
use crate::runs::run::Run;

const CANDIDATES: usize = 12;
const ONE: i128 = 10_i128.pow(12);
/// How far apart two factors may be and be the same: a millionth.
const TOLERANCE: i128 = 1_000_000;
/// Below so many units of 10^-18 dollars, rounding is too much of a cost to name a factor by it.
const NAMES_A_FACTOR: i128 = 10_i128.pow(7);

/// What a cost was multiplied by, in units of 10^-12.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Factor(i128);

impl Factor {
    /// None where the new cost is millions of times the old one.
    fn of(old: Usd, new: Usd) -> Option<Factor> {
        match new.0.checked_mul(ONE) {
            Some(scaled) => Some(Factor(scaled / old.0)),
            None if old.0 / ONE >= NAMES_A_FACTOR => Some(Factor(new.0 / (old.0 / ONE))),
            None => None,
        }
    }

    /// Whether it is what made one cost of the other: within a millionth, or one unit of either cost's last place.
    fn fits(self, old: Usd, new: Usd) -> bool {
        Factor::of(old, new).is_some_and(|found| {
            let by_a_unit = self.0.saturating_add(ONE) / old.0;
            (found.0 - self.0).abs() <= self.0 / TOLERANCE + by_a_unit + 1
        })
    }

    fn is_one(self) -> bool {
        (self.0 - ONE).abs() <= ONE / TOLERANCE
    }
}

#[derive(Debug, Clone, Default)]
pub struct Prices {
    compared: u64,
    changed: u64,
    candidates: Vec<(Factor, u64)>,
}

/// The two costs of a run, if nothing but prices should make them differ.
fn comparable(old: &Run, new: &Run) -> Option<(Usd, Usd)> {
    let same = old.status == new.status
        && is_terminal(&new.status)
        && old
            .finished_at_ms
            .zip(new.finished_at_ms)
            .is_none_or(|(old, new)| old == new)
        && old.cost_state == SETTLED
        && new.cost_state == SETTLED;
    old.usage
        .zip(new.usage)
        .filter(|(old, new)| same && old.0 > 0 && new.0 > 0)
}

impl Prices {
    pub(super) fn add(&mut self, old: &Run, new: &Run) {
        let Some((old, new)) = comparable(old, new) else {
            return;
        };
        self.compared += 1;
        if old == new {
            return;
        }
        self.changed += 1;
        if let Some(candidate) = self.candidates.iter_mut().find(|(factor, _)| factor.fits(old, new)) {
            candidate.1 += 1;
            return;
        }
        let names_one = old.0.min(new.0) >= NAMES_A_FACTOR;
        let Some(factor) = Factor::of(old, new).filter(|factor| names_one && !factor.is_one()) else {
            return;
        };
        if self.candidates.len() < CANDIDATES {
            self.candidates.push((factor, 1));
        } else {
            self.candidates.iter_mut().for_each(|(_, votes)| *votes -= 1);
            self.candidates.retain(|(_, votes)| *votes > 0);
        }
    }

    /// The factor that most costs may have moved by, to be counted by [`FactorCount`]; none if no two moved alike.
    pub fn candidate(&self) -> Option<FactorCount> {
        let best = self.candidates.iter().max_by_key(|(_, votes)| *votes);
        let (factor, _) = best.filter(|_| self.changed > 1)?;
        Some(FactorCount {
            factor: *factor,
            costs: 0,
            old: 0,
            new: 0,
        })
    }

    /// What can be said, with the count of a candidate if there was one.
    pub fn verdict(&self, alike: Option<FactorCount>) -> PriceVerdict {
        let Prices { compared, changed, .. } = *self;
        let alike = alike.filter(|alike| alike.costs > 1);
        let kind = match &alike {
            _ if compared == 0 => VerdictKind::NothingComparable,
            _ if changed == 0 => VerdictKind::NothingMoved,
            Some(alike) if alike.costs * 100 >= compared * 99 => VerdictKind::PricesMoved,
            Some(alike) if alike.costs * 2 >= changed => VerdictKind::SomeMovedAlike,
            _ => VerdictKind::UsageMoved,
        };
        let tells = matches!(kind, VerdictKind::PricesMoved | VerdictKind::SomeMovedAlike);
        let alike = alike.filter(|_| tells);
        PriceVerdict {
            kind,
            compared,
            changed,
            alike: alike.map(|alike| alike.costs),
            factor: alike.and_then(FactorCount::factor),
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub struct FactorCount {
    factor: Factor,
    costs: u64,
    old: i128,
    new: i128,
}

impl FactorCount {
    pub fn add(&mut self, pair: &Pair) {
        if let Pair::Both(old, new) = pair
            && let Some((old, new)) = comparable(old, new)
            && old != new
            && self.factor.fits(old, new)
        {
            self.costs += 1;
            self.old = self.old.saturating_add(old.0);
            self.new = self.new.saturating_add(new.0);
        }
    }

    /// The factor of all of them together, where single ones are rounded: up to 6 places.
    fn factor(self) -> Option<String> {
        let text = ratio_6_places(self.new, self.old)?.to_string();
        Some(text.trim_end_matches('0').trim_end_matches('.').into())
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PriceVerdict {
    #[serde(rename = "verdict")]
    pub kind: VerdictKind,
    /// Settled costs that can be compared.
    #[serde(rename = "costs_compared")]
    pub compared: u64,
    #[serde(rename = "costs_changed")]
    pub changed: u64,
    /// Of those, the ones that moved by one factor; `None` where no factor is shown.
    #[serde(rename = "costs_changed_alike")]
    pub alike: Option<u64>,
    pub factor: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum VerdictKind {
    /// No run that both exports hold has a settled cost in both.
    NothingComparable,
    NothingMoved,
    /// At least two costs, and 99 in 100 of those that can be compared, moved by one factor.
    PricesMoved,
    /// At least two costs, and half of those that changed, moved by one factor; others changed or not.
    SomeMovedAlike,
    UsageMoved,
}
