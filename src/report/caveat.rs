//! What the reader of a figure must know: one variant a kind, with a code for programs and a sentence for people. Which
//! caveats a set of figures has is decided in `facts` and by the commands.

mod difference;
mod earlier;
mod sentence;

pub use difference::ListDifference;
pub use sentence::spans;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::money::Usd;
use crate::period::{Millis, instant_text, spans_text};
use crate::provenance::Retention;

/// A caveat. The names of codes and fields are stable: programs read them in `caveat_details`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Caveat {
    PastRetention(Retention),
    RunsMissing,
    /// Parts of the period that no sync of the lake has proven.
    Unproven {
        #[serde(with = "spans_text")]
        periods: Vec<(Millis, Millis)>,
    },
    NoRun,
    RunsRejected {
        runs: u64,
    },
    CostUnknown {
        runs: u64,
    },
    DetailsFailed {
        runs: u64,
    },
    ListDiffers(ListDifference),
    Provisional {
        runs: u64,
    },
    /// Groups depend on names, and a list of names could not be read.
    GroupsInDoubt,
    FilterUnmatched {
        option: String,
    },
    BudgetUnmatched {
        option: String,
    },
    /// How many rules of `--groups` match no run, and the text of the first ones.
    RulesUnmatched {
        rules: u64,
        first: Vec<String>,
    },
    PeriodNotOver,
    /// The API's list of runs changed while it was read.
    ListChanged,
    /// Costs that the replaced export had and this export lacks.
    CostsLost {
        costs: u64,
        usage_usd: Usd,
    },
    MonthCorrected(MonthCorrection),
    MonthDamaged(MonthDamage),
    SyncGap {
        #[serde(with = "instant_text")]
        from: Millis,
        #[serde(with = "instant_text")]
        to: Millis,
    },
    WindowIncomplete {
        #[serde(with = "instant_text")]
        from: Millis,
        #[serde(with = "instant_text")]
        to: Millis,
        gap: ReadGap,
    },
    Repriced {
        runs: u64,
    },
    ClockAhead(ClockLead),
    /// Several names of one account; its figures are counted once.
    SharedAccount {
        names: Vec<String>,
    },
    /// Parts of the period that no archive of an account covers.
    NotCovered {
        #[serde(with = "spans_text")]
        periods: Vec<(Millis, Millis)>,
    },
    /// An account of which a report of several accounts has no runs, and why.
    AccountMissing {
        reason: String,
    },
    /// Runs that several accounts list, which count once.
    RunsOfSeveral {
        runs: u64,
        accounts: Vec<String>,
    },
    /// A caveat of one of several accounts; documents have its code, and the account beside.
    #[serde(skip)]
    OfAccount {
        account: String,
        caveat: Box<Caveat>,
    },
    /// A caveat of an archive whose code this version does not know; only its sentence is kept.
    Unclassified {
        #[serde(skip)]
        text: String,
        lacks_runs: bool,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MonthCorrection {
    pub month: String,
    #[serde(with = "instant_text")]
    pub closed_at: Millis,
    pub runs: u64,
    pub usage_total_usd: Option<Usd>,
    pub runs_new: u64,
    pub runs_changed: u64,
    pub usage_moved_usd: Usd,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MonthDamage {
    pub month: String,
    #[serde(with = "instant_text")]
    pub closed_at: Millis,
    #[serde(with = "instant_text")]
    pub damaged_at: Millis,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockLead {
    pub lake: String,
    #[serde(with = "instant_text")]
    pub claimed_until: Millis,
    #[serde(with = "instant_text")]
    pub proven_until: Millis,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum ReadGap {
    DetailsFailed { runs: u64 },
    ListChanged,
}

impl Caveat {
    /// Whether it changes what a figure means: runs may be missing or are not as they should be. Costs that aren't known, or
    /// may still move, and a period that isn't over are no gaps: what is there is all that there is by now.
    pub fn is_gap(&self) -> bool {
        match self {
            Caveat::PastRetention(_)
            | Caveat::RunsMissing
            | Caveat::Unproven { .. }
            | Caveat::NoRun
            | Caveat::RunsRejected { .. }
            | Caveat::DetailsFailed { .. }
            | Caveat::GroupsInDoubt
            | Caveat::NotCovered { .. }
            | Caveat::AccountMissing { .. }
            | Caveat::ListChanged => true,
            Caveat::OfAccount { caveat, .. } => caveat.is_gap(),
            Caveat::Unclassified { lacks_runs, .. } => *lacks_runs,
            _ => false,
        }
    }

    /// Both in one, where they say the same of two parts of a period.
    pub fn and(&self, other: &Caveat) -> Option<Caveat> {
        use Caveat::{CostUnknown, DetailsFailed, PastRetention, Provisional, RunsRejected};
        Some(match (self, other) {
            (PastRetention(one), PastRetention(other)) => PastRetention(one.and(other)),
            (RunsRejected { runs: one }, RunsRejected { runs }) => RunsRejected { runs: one + runs },
            (CostUnknown { runs: one }, CostUnknown { runs }) => CostUnknown { runs: one + runs },
            (DetailsFailed { runs: one }, DetailsFailed { runs }) => DetailsFailed { runs: one + runs },
            (Provisional { runs: one }, Provisional { runs }) => Provisional { runs: one + runs },
            _ if self == other => self.clone(),
            _ => return None,
        })
    }

    /// Whether a part of the period has its own, worked out from the part's period and figures. How the list differs from details is
    /// not: which runs were asked for is of the whole, and rows don't tell it; where the list is wrong, it is so in each part.
    pub fn is_of_one_period(&self) -> bool {
        matches!(
            self,
            Caveat::PastRetention(_)
                | Caveat::NoRun
                | Caveat::CostUnknown { .. }
                | Caveat::Provisional { .. }
                | Caveat::PeriodNotOver
                | Caveat::RulesUnmatched { .. }
        )
    }
}

/// Documents' `caveats`.
pub fn sentences(caveats: &[Caveat]) -> Vec<String> {
    caveats.iter().map(Caveat::to_string).collect()
}

/// Documents' `caveat_details`: code, counts and sentence of each.
pub fn details(caveats: &[Caveat]) -> Vec<Value> {
    let detail = |caveat: &Caveat| {
        let own = match caveat {
            Caveat::OfAccount { caveat, .. } => caveat,
            own => own,
        };
        let mut detail = serde_json::to_value(own).expect("a caveat has only text keys");
        if let Caveat::OfAccount { account, .. } = caveat {
            detail["account"] = account.clone().into();
        }
        detail["text"] = caveat.to_string().into();
        detail
    };
    caveats.iter().map(detail).collect()
}

#[cfg(test)]
mod tests {
    use super::difference::CostSource;
    use super::*;
    use crate::provenance::CostDifference;

    fn of_an_export() -> Vec<Caveat> {
        let retention = Retention {
            days: 14,
            expired_days: 1017,
            period_days: 1030,
        };
        let option = |text: &str| text.to_string();
        vec![
            Caveat::PastRetention(retention),
            Caveat::RunsMissing,
            Caveat::NoRun,
            Caveat::RunsRejected { runs: 1 },
            Caveat::DetailsFailed { runs: 3 },
            Caveat::GroupsInDoubt,
            Caveat::ListChanged,
            Caveat::CostUnknown { runs: 1234 },
            Caveat::Provisional { runs: 1 },
            Caveat::FilterUnmatched {
                option: option("--actor 7 runs"),
            },
            Caveat::BudgetUnmatched {
                option: option("--budget actor:a=5"),
            },
            Caveat::PeriodNotOver,
            Caveat::ListDiffers(difference()),
        ]
    }

    fn difference() -> ListDifference {
        let dollars = |cents: i128| Usd(cents * 10i128.pow(16));
        ListDifference {
            rows_from: CostSource::List,
            runs: 3,
            asked: 34,
            usage_list_usd: dollars(1240),
            usage_details_usd: dollars(1510),
            differs_most: CostDifference {
                run_id: "x".into(),
                usage_list_usd: dollars(10),
                usage_details_usd: dollars(250),
            },
        }
    }

    fn of_a_lake() -> Vec<Caveat> {
        let (month, closed_at) = ("2025-09".to_string(), 1_759_636_800_000);
        vec![
            Caveat::Unproven { periods: vec![(0, 1)] },
            Caveat::CostsLost {
                costs: 2,
                usage_usd: Usd(1),
            },
            Caveat::MonthCorrected(MonthCorrection {
                month: month.clone(),
                closed_at,
                runs: 5,
                usage_total_usd: None,
                runs_new: 2,
                runs_changed: 3,
                usage_moved_usd: Usd(-1),
            }),
            Caveat::MonthDamaged(MonthDamage {
                month,
                closed_at,
                damaged_at: closed_at,
            }),
            Caveat::SyncGap { from: 0, to: 1 },
            Caveat::WindowIncomplete {
                from: 0,
                to: 1,
                gap: ReadGap::DetailsFailed { runs: 2 },
            },
            Caveat::Repriced { runs: 2 },
            Caveat::ClockAhead(ClockLead {
                lake: "lake".into(),
                claimed_until: 2,
                proven_until: 1,
            }),
            Caveat::SharedAccount {
                names: vec!["a".into(), "b".into()],
            },
        ]
    }

    #[test]
    fn what_may_lack_runs_is_a_gap_and_what_may_still_move_is_none() {
        let gaps: Vec<bool> = of_an_export().iter().map(Caveat::is_gap).collect();
        assert_eq!(gaps, [[true; 7].as_slice(), &[false; 6]].concat());
    }

    #[test]
    fn codes_stay_and_are_read_back_with_their_counts() {
        let all = [of_an_export(), of_a_lake()].concat();
        let (texts, details) = (sentences(&all), details(&all));
        assert_eq!(Caveat::of_manifest(&texts, &details), all);
        let codes: Vec<&str> = details.iter().filter_map(|detail| detail["code"].as_str()).collect();
        let expected = "past_retention runs_missing no_run runs_rejected details_failed groups_in_doubt list_changed \
                        cost_unknown provisional filter_unmatched budget_unmatched period_not_over list_differs unproven costs_lost \
                        month_corrected month_damaged sync_gap window_incomplete repriced clock_ahead shared_account";
        assert_eq!(codes.join(" "), expected);
        let text = "the cost of 1,234 runs is unknown: the total is a minimum";
        assert_eq!(
            details[7],
            serde_json::json!({"code": "cost_unknown", "runs": 1234, "text": text})
        );
    }

    #[test]
    fn a_caveat_of_an_account_has_its_own_code_and_the_account() {
        let of = |caveat| Caveat::OfAccount {
            account: "acme".into(),
            caveat: Box::new(caveat),
        };
        let lost = of(Caveat::AccountMissing {
            reason: "exit 3".into(),
        });
        let runs = Caveat::RunsOfSeveral {
            runs: 2,
            accounts: vec!["acme".into(), "beta".into()],
        };
        let gap = of(Caveat::NotCovered {
            periods: vec![(0, 86_400_000)],
        });
        let caveats = [of(Caveat::CostUnknown { runs: 3 }), lost, gap, runs];
        let details = details(&caveats);
        let expected = [
            (
                "cost_unknown",
                "acme: the cost of 3 runs is unknown: the total is a minimum",
            ),
            (
                "account_missing",
                "acme: INCOMPLETE: its runs are not here: exit 3; every total is a minimum",
            ),
            (
                "not_covered",
                "acme: INCOMPLETE: no archive covers 1970-01-01T00:00:00.000Z to 1970-01-02T00:00:00.000Z; every total is a minimum",
            ),
            (
                "runs_of_several",
                "2 runs are in the lists of several accounts (acme, beta): each counts once, for the account that started it, else for the first",
            ),
        ];
        for (detail, (code, text)) in details.iter().zip(expected) {
            assert_eq!((&detail["code"], &detail["text"]), (&code.into(), &text.into()));
        }
        assert_eq!(
            (&details[0]["account"], &details[0]["runs"]),
            (&"acme".into(), &3.into())
        );
        assert_eq!(caveats.map(|caveat| caveat.is_gap()), [false, true, true, false]);
    }

    #[test]
    fn a_sentence_without_its_code_is_kept_as_it_is() {
        let texts = ["INCOMPLETE: another", "one"].map(String::from);
        let read = Caveat::of_manifest(&texts, &details(&of_an_export()));
        assert_eq!(sentences(&read), texts);
        assert_eq!(read.iter().map(Caveat::is_gap).collect::<Vec<_>>(), [true, false]);
    }

    #[test]
    fn a_code_counts_whatever_words_its_version_had_for_it() {
        let detail = serde_json::json!({"code": "cost_unknown", "runs": 2, "text": "2 runs without a cost"});
        let read = Caveat::of_manifest(&["2 runs without a cost".into()], &[detail]);
        assert_eq!(read, [Caveat::CostUnknown { runs: 2 }]);
    }

    /// Sentences are for people: everything else goes by the variant.
    #[test]
    fn no_code_looks_for_words_in_a_caveat() {
        let mut folders = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if !path.ends_with("report/caveat/earlier.rs") {
                    let text = std::fs::read_to_string(&path).unwrap();
                    let code = text.split("#[cfg(test)]").next().unwrap();
                    let compares = |line: &str| {
                        line.contains("caveat")
                            && [".contains(\"", "starts_with(", "ends_with(", " == \""]
                                .iter()
                                .any(|by| line.contains(by))
                    };
                    let found = code.lines().find(|line| compares(line));
                    assert_eq!(found, None, "{}", path.display());
                }
            }
        }
    }
}
