//! How an Actor of the made-up account is paid: by usage, by event or by result.

use super::decimal::Decimal;
use super::random::Random;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Pricing {
    Usage,
    /// By events (somebody else's Actor): the list has no cost, the detail has it.
    Events {
        events: Vec<(&'static str, Decimal)>,
        /// Whether the account pays for usage too.
        and_usage: bool,
    },
    /// By result, the older way: no cost in the list, and none in the detail.
    Results {
        price: Decimal,
    },
}

impl Pricing {
    pub(super) fn made_up(at: u64, random: &mut Random) -> Pricing {
        let cents_1000 = |number: u64| Decimal::new(number, 5);
        match at {
            41 | 90 => Pricing::Results {
                price: cents_1000(50 + random.below(450)),
            },
            _ if at % 17 == 11 => {
                let mut events = vec![
                    ("actor-start", cents_1000(1 + random.below(2000))),
                    ("result", cents_1000(20 + random.below(500))),
                ];
                if random.below(2) == 0 {
                    events.push(("page-crawled", cents_1000(5 + random.below(100))));
                }
                Pricing::Events {
                    events,
                    and_usage: at / 17 % 2 == 1,
                }
            }
            _ => Pricing::Usage,
        }
    }
}
