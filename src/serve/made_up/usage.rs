//! `GET /v2/users/me/usage/monthly`: what a billing cycle cost, by service and day: the runs that started in it, the builds that
//! ended in it, and what is used beside both, which no list shows.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::cycle::Cycle;
use super::decimal::Decimal;
use super::meters::{METERS, MeterUsage, meter};
use super::options::{DAY_MS, DEMO_NOW_MS};
use super::random::Random;
use super::row::MadeUpRun;
use super::spending::Spending;
use crate::period::{Millis, format_instant};

const STORAGE: u64 = 11;
const BESIDE: u64 = 30;

/// Compute units alone have a volume discount: four percent.
const DISCOUNTED_PERCENT: i128 = 96;

const DOLLAR: Decimal = Decimal::new(1, 0);

/// Services beside the runs' meters, with the price of a unit: dollars that Actors charge, then gigabytes times hours.
const OTHERS: [(&str, Decimal); 5] = [
    ("PAID_ACTORS_PER_EVENT", DOLLAR),
    ("PAID_ACTORS_PER_DATASET_ITEM", DOLLAR),
    ("DATASET_TIMED_STORAGE_GBYTE_HOURS", Decimal::new(1, 3)),
    ("KEY_VALUE_STORE_TIMED_STORAGE_GBYTE_HOURS", Decimal::new(1, 3)),
    ("REQUEST_QUEUE_TIMED_STORAGE_GBYTE_HOURS", Decimal::new(4, 3)),
];

const COMPUTE_UNITS: usize = 0;
const PER_EVENT: usize = METERS;
const PER_ITEM: usize = METERS + 1;
const TIMED_STORAGE: usize = METERS + 2;

/// A service that is used each day beside runs and builds, between the least and the most of its units.
struct UsageBesideRuns {
    key: &'static str,
    /// What one unit adds to the quantity, and to the dollars.
    quantity: Decimal,
    usd: Decimal,
    least: u64,
    most: u64,
}

/// Proxies are used from elsewhere too.
const BESIDE_RUNS: [UsageBesideRuns; 3] = [
    // Requests to Actors in multi-tenant Standby: a run under one user serves the requests of others. They pay for these by
    // event, and have no run that shows it.
    UsageBesideRuns {
        key: "PAID_ACTORS_PER_EVENT",
        quantity: Decimal::new(1, 3),
        usd: Decimal::new(1, 3),
        least: 1_000,
        most: 3_000,
    },
    UsageBesideRuns {
        key: "PROXY_RESIDENTIAL_TRANSFER_GBYTES",
        quantity: Decimal::new(1, 6),
        usd: Decimal::new(8, 6),
        least: 0,
        most: 25_000,
    },
    UsageBesideRuns {
        key: "PROXY_SERPS",
        quantity: Decimal::new(1, 0),
        usd: Decimal::new(25, 4),
        least: 0,
        most: 40,
    },
];

/// What was used of each service, in the order of the meters and then of `OTHERS`.
#[derive(Debug, Clone, Copy, Default)]
struct Services([MeterUsage; METERS + OTHERS.len()]);

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CycleUsage {
    pub(super) usage_cycle: Cycle,
    monthly_service_usage: Services,
    daily_service_usages: Vec<UsageDay>,
    #[serde(rename = "totalUsageCreditsUsdBeforeVolumeDiscount")]
    before_discount: Decimal,
    #[serde(rename = "totalUsageCreditsUsdAfterVolumeDiscount")]
    pub(super) after_discount: Decimal,
}

/// A day's part; its total is the one after the volume discount.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct UsageDay {
    date: String,
    service_usage: Services,
    total_usage_credits_usd: Decimal,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ServiceItem {
    quantity: Decimal,
    base_amount_usd: Decimal,
    base_unit_price_usd: Decimal,
    amount_after_volume_discount_usd: Decimal,
    price_tiers: [(); 0],
}

impl CycleUsage {
    /// Of the runs that started in the cycle, and the builds that ended in it. Usage of a run counts on the day on which it
    /// ended, at the latest the cycle's last.
    pub(super) fn new<'a>(
        cycle: Cycle,
        runs: impl Iterator<Item = MadeUpRun<'a>>,
        builds: impl Iterator<Item = (Millis, MeterUsage)>,
        seed: u64,
    ) -> CycleUsage {
        let mut days = vec![Services::default(); cycle.days()];
        let mut shown = cycle.days_until(DEMO_NOW_MS);
        let mut is_used = false;
        for run in runs {
            let day = cycle.day(run.row.finished.unwrap_or(DEMO_NOW_MS).max(run.start));
            shown = shown.max(day + 1);
            days[day].add_run(&Spending::of_run(&run));
            is_used = true;
        }
        for (finish, used) in builds {
            days[cycle.day(finish)].count(COMPUTE_UNITS, used);
            is_used = true;
        }
        days.truncate(shown);
        let day_start = |at: usize| cycle.start + at as Millis * DAY_MS;
        if is_used {
            for (at, day) in days.iter_mut().enumerate() {
                day.add_storage(day_start(at), seed);
                day.add_beside_runs(day_start(at), seed);
            }
        }
        let mut month = Services::default();
        for (at, used) in days.iter().flat_map(|day| day.0.iter().enumerate()) {
            month.count(at, *used);
        }
        let day = |(at, day): (usize, Services)| UsageDay {
            date: format_instant(day_start(at)),
            total_usage_credits_usd: day.after_discount(),
            service_usage: day,
        };
        CycleUsage {
            before_discount: month.0.iter().map(|used| used.usd).sum(),
            after_discount: month.after_discount(),
            usage_cycle: cycle,
            monthly_service_usage: month,
            daily_service_usages: days.into_iter().enumerate().map(day).collect(),
        }
    }

    pub(super) fn quantity(&self, key: &str) -> Decimal {
        self.monthly_service_usage.0[place_of(key)].quantity
    }

    pub(super) fn is_empty(&self) -> bool {
        self.before_discount == Decimal::ZERO
    }
}

impl Services {
    fn add_run(&mut self, spending: &Spending) {
        if spending.pays_usage {
            for (at, used) in spending.meters.known() {
                self.count(at, used);
            }
        }
        for (at, usd) in [(PER_EVENT, spending.events_usd), (PER_ITEM, spending.results_usd)] {
            self.count(at, MeterUsage { quantity: usd, usd });
        }
    }

    /// A few dollars' worth of what is stored on a day.
    fn add_storage(&mut self, day: Millis, seed: u64) {
        for at in TIMED_STORAGE..self.0.len() {
            let gbyte_hours = so_far(Random::of(seed, STORAGE + at as u64, day as u64).below(2_000_000), day);
            let (_, price) = OTHERS[at - METERS];
            let used = MeterUsage {
                quantity: Decimal::new(gbyte_hours, 3),
                usd: Decimal(price.0 / 1000) * gbyte_hours,
            };
            self.count(at, used);
        }
    }

    fn add_beside_runs(&mut self, day: Millis, seed: u64) {
        for (salt, service) in (BESIDE..).zip(&BESIDE_RUNS) {
            let more = Random::of(seed, salt, day as u64).below(service.most - service.least);
            let units = so_far(service.least + more, day);
            let used = MeterUsage {
                quantity: service.quantity * units,
                usd: service.usd * units,
            };
            self.count(place_of(service.key), used);
        }
    }

    fn count(&mut self, at: usize, used: MeterUsage) {
        self.0[at].quantity += used.quantity;
        self.0[at].usd += used.usd;
    }

    fn after_discount(&self) -> Decimal {
        (0..self.0.len()).map(|at| self.discounted(at)).sum()
    }

    fn discounted(&self, at: usize) -> Decimal {
        let usd = self.0[at].usd;
        if at == COMPUTE_UNITS {
            usd.percent(DISCOUNTED_PERCENT)
        } else {
            usd
        }
    }
}

impl Serialize for Services {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (at, (used, (key, price))) in self.0.iter().zip(services()).enumerate() {
            if *used != MeterUsage::default() {
                let item = ServiceItem {
                    quantity: used.quantity,
                    base_amount_usd: used.usd,
                    base_unit_price_usd: price,
                    amount_after_volume_discount_usd: self.discounted(at),
                    price_tiers: [],
                };
                map.serialize_entry(key, &item)?;
            }
        }
        map.end()
    }
}

/// How much of a day's number there is by the clock: all of a day that is over, none of one to come.
fn so_far(number: u64, day: Millis) -> u64 {
    let part = (DEMO_NOW_MS - day).clamp(0, DAY_MS) as u64;
    number * part / DAY_MS as u64
}

fn place_of(key: &str) -> usize {
    let place = services().position(|(name, _)| name == key);
    place.expect("it is one of the services")
}

fn services() -> impl Iterator<Item = (&'static str, Decimal)> {
    (0..METERS).map(meter).chain(OTHERS)
}
