//! What a run used, by the API's twelve meters, and what each of them cost: a total split so that the parts make it up to
//! the last digit.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::decimal::Decimal;
use super::random::Random;

/// Its key, what one unit costs, its smallest step in units, how often a run has it (percent), and the most of a run's cost
/// that it takes (thousandths).
struct MeterKind(&'static str, Decimal, Decimal, u64, u64);

const WHOLE: Decimal = Decimal::new(1, 0);
const MILLIONTH: Decimal = Decimal::new(1, 6);

/// The first takes what the others leave.
const KINDS: [MeterKind; 12] = [
    MeterKind("ACTOR_COMPUTE_UNITS", Decimal::new(25, 2), MILLIONTH, 100, 0),
    MeterKind("DATASET_READS", Decimal::new(4, 7), WHOLE, 70, 30),
    MeterKind("DATASET_WRITES", Decimal::new(5, 6), WHOLE, 90, 60),
    MeterKind("KEY_VALUE_STORE_READS", Decimal::new(5, 6), WHOLE, 80, 20),
    MeterKind("KEY_VALUE_STORE_WRITES", Decimal::new(5, 5), WHOLE, 80, 40),
    MeterKind("KEY_VALUE_STORE_LISTS", Decimal::new(5, 5), WHOLE, 30, 10),
    MeterKind("REQUEST_QUEUE_READS", Decimal::new(4, 6), WHOLE, 70, 60),
    MeterKind("REQUEST_QUEUE_WRITES", Decimal::new(2, 5), WHOLE, 70, 90),
    MeterKind("DATA_TRANSFER_INTERNAL_GBYTES", Decimal::new(5, 2), MILLIONTH, 80, 30),
    MeterKind("DATA_TRANSFER_EXTERNAL_GBYTES", Decimal::new(2, 1), MILLIONTH, 80, 60),
    MeterKind(
        "PROXY_RESIDENTIAL_TRANSFER_GBYTES",
        Decimal::new(8, 0),
        MILLIONTH,
        20,
        150,
    ),
    MeterKind("PROXY_SERPS", Decimal::new(25, 4), WHOLE, 10, 100),
];

pub(super) const METERS: usize = KINDS.len();

pub(super) fn meter(at: usize) -> (&'static str, Decimal) {
    (KINDS[at].0, KINDS[at].1)
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct MeterUsage {
    pub(super) quantity: Decimal,
    pub(super) usd: Decimal,
}

/// A meter may be absent (`None`) or null (`Some(None)`): the API has both.
#[derive(Debug, Clone, Copy)]
pub(super) struct Meters([Option<Option<MeterUsage>>; METERS]);

/// One value of each meter that a run has: `usage` or `usageUsd`.
pub(super) struct MeterValues<'a> {
    meters: &'a Meters,
    value: fn(&MeterUsage) -> Decimal,
}

impl Meters {
    /// Splits a cost. All parts but the first are multiples of 10^-8 dollars.
    pub(super) fn split(total: Decimal, random: &mut Random) -> Meters {
        let mut readings = [None; METERS];
        let mut rest = total;
        for (reading, MeterKind(_, price, step, chance, most)) in readings.iter_mut().zip(&KINDS).skip(1) {
            let (place, share) = (random.below(100), random.below(*most));
            if place >= *chance {
                if place % 2 == 0 {
                    *reading = Some(None);
                }
                continue;
            }
            let a_step = Decimal(price.0 / (WHOLE.0 / step.0));
            let steps = (total.0 * i128::from(share) / 1000 / a_step.0) as u64;
            let usd = a_step * steps;
            rest.0 -= usd.0;
            let quantity = *step * steps;
            *reading = Some(Some(MeterUsage { quantity, usd }));
        }
        // A unit is a quarter of a dollar.
        let (quantity, usd) = (rest * 4, rest);
        readings[0] = Some(Some(MeterUsage { quantity, usd }));
        Meters(readings)
    }

    pub(super) fn known(&self) -> impl Iterator<Item = (usize, MeterUsage)> {
        self.0
            .iter()
            .enumerate()
            .filter_map(|(at, reading)| Some((at, (*reading)??)))
    }

    pub(super) fn compute_units(&self) -> Decimal {
        self.known().next().map_or(Decimal::ZERO, |(_, used)| used.quantity)
    }

    pub(super) fn values(&self, value: fn(&MeterUsage) -> Decimal) -> MeterValues<'_> {
        MeterValues { meters: self, value }
    }
}

impl Default for Meters {
    /// As before anything was counted.
    fn default() -> Meters {
        let mut readings = [None; METERS];
        readings[0] = Some(Some(MeterUsage::default()));
        Meters(readings)
    }
}

impl Serialize for MeterValues<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (reading, kind) in self.meters.0.iter().zip(&KINDS) {
            if let Some(used) = reading {
                map.serialize_entry(kind.0, &used.as_ref().map(self.value))?;
            }
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_make_up_the_total_and_each_is_its_quantity_times_its_price() {
        for (at, total) in ["0", "1e-10", "0.0023456789012345678", "0.15", "9"].iter().enumerate() {
            let total = Decimal::parse(total).unwrap();
            for seed in 0..200 {
                let meters = Meters::split(total, &mut Random::of(seed, 0, at as u64));
                assert_eq!(meters.known().map(|(_, used)| used.usd).sum::<Decimal>(), total);
                for (at, used) in meters.known() {
                    let (key, price) = meter(at);
                    assert!(used.usd >= Decimal::ZERO, "{key}");
                    // Both sides in 10^-32, where all of them are whole.
                    assert_eq!(
                        used.quantity.0 / 10_i128.pow(4) * (price.0 / 10_i128.pow(12)),
                        used.usd.0 * 10_i128.pow(8),
                        "{key}"
                    );
                }
            }
        }
    }

    #[test]
    fn some_are_null_and_some_are_left_out() {
        let meters = Meters::split(WHOLE, &mut Random::of(1, 0, 1));
        let texts: Vec<String> = (0..50)
            .map(|at| {
                serde_json::to_string(&Meters::split(WHOLE, &mut Random::of(1, 0, at)).values(|used| used.usd)).unwrap()
            })
            .collect();
        assert!(texts.iter().any(|text| text.contains(r#""PROXY_SERPS":null"#)));
        assert!(texts.iter().any(|text| !text.contains("PROXY_SERPS")));
        assert!(
            serde_json::to_string(&meters.values(|used| used.quantity))
                .unwrap()
                .starts_with(r#"{"ACTOR_COMPUTE_UNITS":"#)
        );
    }
}
