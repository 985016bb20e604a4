//! Caveats of a manifest that is read back, also of one that has their sentences alone.

use serde::Deserialize;
use serde_json::Value;

use super::Caveat;
use super::sentence::{INCOMPLETE, NO_RUN_OF};
use crate::provenance::Retention;

impl Caveat {
    /// The caveats of a manifest. An entry of `caveat_details` counts where it says what the sentence at its place says;
    /// earlier versions wrote sentences alone, and later ones may have other codes.
    pub fn of_manifest(texts: &[String], details: &[Value]) -> Vec<Caveat> {
        let detail = |at: usize| Caveat::deserialize(details.get(at)?).ok();
        let caveat = |(at, text): (usize, &String)| {
            let said = detail(at).filter(|caveat| caveat.to_string() == *text);
            said.unwrap_or_else(|| Caveat::from_sentence(text))
        };
        texts.iter().enumerate().map(caveat).collect()
    }

    /// The caveat that has a sentence. The one place that goes by its words: callers branch on the variant.
    fn from_sentence(text: &str) -> Caveat {
        let words = text.split([' ', ':']).map(|word| word.replace(',', ""));
        let counts: Vec<u64> = words.filter_map(|word| word.parse().ok()).collect();
        let runs = counts.first().copied().unwrap_or_default();
        let mut known = vec![
            Caveat::RunsMissing,
            Caveat::NoRun,
            Caveat::RunsRejected { runs },
            Caveat::CostUnknown { runs },
            Caveat::DetailsFailed { runs },
            Caveat::Provisional { runs },
            Caveat::GroupsInDoubt,
            Caveat::PeriodNotOver,
            Caveat::ListChanged,
        ];
        if let [expired_days, period_days, days] = counts[..] {
            known.push(Caveat::PastRetention(Retention {
                days,
                expired_days,
                period_days,
            }));
        }
        known.extend(
            text.strip_prefix(NO_RUN_OF)
                .map(|option| match option.starts_with("--budget ") {
                    true => Caveat::BudgetUnmatched { option: option.into() },
                    false => Caveat::FilterUnmatched { option: option.into() },
                }),
        );
        let found = known.into_iter().find(|caveat| caveat.to_string() == text);
        found.unwrap_or_else(|| Caveat::Unclassified {
            text: text.into(),
            lacks_runs: text.starts_with(INCOMPLETE),
        })
    }
}
