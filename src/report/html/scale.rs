//! A chart's axis of dollars: round steps from zero to what the largest bar needs. Steps are exact; where they lie on the
//! page is geometry.

use crate::money::{SCALE, Usd};
use crate::text::thousands;

const STEPS: i128 = 5;

#[derive(Debug, PartialEq, Eq)]
pub struct Scale {
    step: i128,
    steps: i128,
}

impl Scale {
    pub fn up_to(largest: Usd) -> Scale {
        let largest = largest.0.max(0);
        let powers = (0..37).map(|power| 10i128.pow(power));
        let rounds = powers.flat_map(|power| [power, 2 * power, 5 * power]);
        let step = rounds
            .into_iter()
            .find(|step| step.saturating_mul(STEPS) >= largest)
            .unwrap_or(largest.max(1));
        let step = if largest == 0 { 10i128.pow(SCALE) } else { step };
        Scale {
            step,
            steps: (largest / step + i128::from(largest % step > 0)).max(1),
        }
    }

    pub fn top(&self) -> Usd {
        Usd(self.step * self.steps)
    }

    pub fn marks(&self) -> Vec<(Usd, String)> {
        (0..=self.steps)
            .map(|at| (Usd(at * self.step), self.words(at * self.step)))
            .collect()
    }

    /// As many places as the step has; cents have two.
    fn words(&self, units: i128) -> String {
        let one = 10i128.pow(SCALE);
        let whole = thousands(u64::try_from(units / one).unwrap_or(u64::MAX));
        if self.step % one == 0 {
            return format!("${whole}");
        }
        let step = Usd(self.step).to_string();
        let places = step.split_once('.').map_or(0, |(_, places)| places.len()).max(2);
        let part = (units % one) / 10i128.pow(SCALE - places as u32);
        format!("${whole}.{part:0places$}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_round_and_as_few_as_can_be_read() {
        let marks = |text: &str| {
            let scale = Scale::up_to(Usd::parse_plain(text).unwrap());
            let words: Vec<String> = scale.marks().into_iter().map(|(_, words)| words).collect();
            words.join(" ")
        };
        assert_eq!(marks("256.41"), "$0 $100 $200 $300");
        assert_eq!(marks("500"), "$0 $100 $200 $300 $400 $500");
        assert_eq!(marks("12345.6"), "$0 $5,000 $10,000 $15,000");
        assert_eq!(marks("1"), "$0.00 $0.20 $0.40 $0.60 $0.80 $1.00");
        assert_eq!(marks("0.07"), "$0.00 $0.02 $0.04 $0.06 $0.08");
        assert_eq!(marks("0.0000031"), "$0.000000 $0.000001 $0.000002 $0.000003 $0.000004");
        assert_eq!(marks("0"), "$0 $1");
        assert_eq!(marks("-3"), "$0 $1");
        let most = Scale::up_to(Usd(10i128.pow(38) - 1));
        assert!(most.top() >= Usd(10i128.pow(38) - 1));
    }
}
