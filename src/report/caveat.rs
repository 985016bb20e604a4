//! What the reader of a figure must know: one variant a kind, with a code for programs and a sentence for people. Which
//! caveats a set of figures has is decided in `facts` and by the commands.

use std::fmt::{self, Display};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::money::Usd;
use crate::period::{Millis, format_instant, instant_text, spans_text};
use crate::provenance::Retention;
use crate::text::{counted, thousands};

/// Most parts of time that a sentence names.
const MAX_SPANS: usize = 3;
/// What begins a sentence about runs that nobody has.
const INCOMPLETE: &str = "INCOMPLETE: ";
const NO_RUN_OF: &str = "no run of the period is of ";
const RUNS_MISSING: &str = "INCOMPLETE: fewer runs were received than the API counts; every total is 'at least'";
const NO_RUN: &str = "no run started in the period, or none that was asked for and this token may list";
const GROUPS_IN_DOUBT: &str = "names could not all be read, so runs may stand in another group than the rules mean";
const PERIOD_NOT_OVER: &str = "the period is not over: this is it so far";
const LIST_CHANGED: &str = "runs were deleted, or came, while the period was read: see the proof's notes";
const KEPT_UNTIL_ACCEPTED: &str = "the lake keeps what they were, until --accept-repricing";

/// A caveat. The variants' and fields' names are those of `caveat_details` in documents: they stay as they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Caveat {
    PastRetention(Retention),
    /// Fewer runs were received than the API counts.
    RunsMissing,
    /// No sync of the lake has proven these parts of the period.
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
    Provisional {
        runs: u64,
    },
    /// Groups go by names, of which not every list could be read.
    GroupsInDoubt,
    FilterUnmatched {
        option: String,
    },
    BudgetUnmatched {
        option: String,
    },
    PeriodNotOver,
    /// The API's list changed while it was read.
    ListChanged,
    /// Costs that the replaced export knew and this one doesn't.
    CostsLost {
        costs: u64,
        usage_usd: Usd,
    },
    MonthCorrected(MonthCorrection),
    MonthDamaged(MonthDamage),
    /// Apify no longer keeps what was not synced in time.
    SyncGap {
        #[serde(with = "instant_text")]
        from: Millis,
        #[serde(with = "instant_text")]
        to: Millis,
    },
    /// What a sync could not read of a window.
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
    /// Names of one account, whose figures are in a sum once.
    SharedAccount {
        names: Vec<String>,
    },
    /// Of an archive whose version wrote no codes, or others: only its sentence is known.
    Unclassified {
        #[serde(skip)]
        text: String,
        lacks_runs: bool,
    },
}

/// Runs that came or changed in a month after it was closed.
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

/// Files of a closed month that were set aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MonthDamage {
    pub month: String,
    #[serde(with = "instant_text")]
    pub closed_at: Millis,
    #[serde(with = "instant_text")]
    pub damaged_at: Millis,
}

/// A lake that claims to be proven until an instant that is still to come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockLead {
    pub lake: String,
    #[serde(with = "instant_text")]
    pub claimed_until: Millis,
    #[serde(with = "instant_text")]
    pub proven_until: Millis,
}

/// What a reading of runs lacks.
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
            | Caveat::ListChanged => true,
            Caveat::Unclassified { lacks_runs, .. } => *lacks_runs,
            _ => false,
        }
    }

    /// Whether a part of the period has its own, worked out from the part's period and figures.
    pub fn is_of_one_period(&self) -> bool {
        matches!(
            self,
            Caveat::PastRetention(_)
                | Caveat::NoRun
                | Caveat::CostUnknown { .. }
                | Caveat::Provisional { .. }
                | Caveat::PeriodNotOver
        )
    }

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

/// Documents' `caveats`.
pub fn sentences(caveats: &[Caveat]) -> Vec<String> {
    caveats.iter().map(Caveat::to_string).collect()
}

/// Documents' `caveat_details`: code, counts and sentence of each.
pub fn details(caveats: &[Caveat]) -> Vec<Value> {
    let detail = |caveat: &Caveat| {
        let mut detail = serde_json::to_value(caveat).expect("a caveat has only text keys");
        detail["text"] = caveat.to_string().into();
        detail
    };
    caveats.iter().map(detail).collect()
}

/// Parts of time in words, the first ones of many.
pub fn spans(parts: &[(Millis, Millis)]) -> String {
    let named = parts.iter().take(MAX_SPANS);
    let named = named.map(|(from, to)| format!("{} to {}", format_instant(*from), format_instant(*to)));
    let named = named.collect::<Vec<_>>().join(", ");
    match parts.len().saturating_sub(MAX_SPANS) as u64 {
        0 => named,
        more => format!("{named} and {} more", thousands(more)),
    }
}

impl Display for Caveat {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Caveat::PastRetention(retention) => out.write_str(&past_retention(retention)),
            Caveat::RunsMissing => out.write_str(RUNS_MISSING),
            Caveat::Unproven { periods } => write!(
                out,
                "{INCOMPLETE}no sync has proven {}: what Apify had deleted by then is in no figure; every total is 'at least'",
                spans(periods)
            ),
            Caveat::NoRun => out.write_str(NO_RUN),
            Caveat::RunsRejected { runs } => {
                let runs = counted(*runs, "listed run makes", "listed runs make");
                write!(out, "{runs} no sense and went to rejected.jsonl instead of the tables")
            }
            Caveat::CostUnknown { runs } => {
                let runs = counted(*runs, "run has", "runs have");
                write!(out, "{runs} no known cost: usage is 'at least'")
            }
            Caveat::DetailsFailed { runs } => ReadGap::DetailsFailed { runs: *runs }.fmt(out),
            Caveat::Provisional { runs } => {
                let runs = counted(*runs, "run", "runs");
                write!(out, "the cost of {runs} may still move: not ended, or only just")
            }
            Caveat::GroupsInDoubt => out.write_str(GROUPS_IN_DOUBT),
            Caveat::FilterUnmatched { option } | Caveat::BudgetUnmatched { option } => {
                write!(out, "{NO_RUN_OF}{option}")
            }
            Caveat::PeriodNotOver => out.write_str(PERIOD_NOT_OVER),
            Caveat::ListChanged => out.write_str(LIST_CHANGED),
            Caveat::CostsLost { costs, usage_usd } => {
                let (costs, usage) = (counted(*costs, "cost", "costs"), usage_usd.dollars());
                write!(
                    out,
                    "{costs} ({usage}) that the replaced export knew the API no longer gives"
                )
            }
            Caveat::MonthCorrected(correction) => correction.fmt(out),
            Caveat::MonthDamaged(damage) => damage.fmt(out),
            Caveat::SyncGap { from, to } => write!(
                out,
                "a gap: {} was not synced in time, and Apify no longer keeps its runs",
                spans(&[(*from, *to)])
            ),
            Caveat::WindowIncomplete { from, to, gap } => write!(out, "{}: {gap}", spans(&[(*from, *to)])),
            Caveat::Repriced { runs } => {
                let runs = counted(*runs, "run has", "runs have");
                write!(
                    out,
                    "{runs} another price than when they settled; {KEPT_UNTIL_ACCEPTED}"
                )
            }
            Caveat::ClockAhead(clock) => clock.fmt(out),
            Caveat::SharedAccount { names } => write!(out, "{} are one account: counted once", names.join(" and ")),
            Caveat::Unclassified { text, .. } => out.write_str(text),
        }
    }
}

fn past_retention(retention: &Retention) -> String {
    let headline = retention.headline().unwrap_or_default();
    let days = counted(retention.days, "day", "days");
    format!(
        "{headline}: Apify keeps {days} of runs, and what it has deleted is in no figure; every total is 'at least'"
    )
}

impl Display for MonthCorrection {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        let runs = |runs| counted(runs, "run", "runs");
        let usage = self.usage_total_usd.map_or("no known cost".into(), Usd::dollars);
        let what = match (self.runs_new, self.runs_changed) {
            (new, 0) => format!("{} came", runs(new)),
            (0, changed) => format!("{} changed", runs(changed)),
            (new, changed) => format!("{} came and {} changed", runs(new), thousands(changed)),
        };
        write!(
            out,
            "{} was closed on {} with {} and {usage}; since then {what}, moving {}",
            self.month,
            day_of(self.closed_at),
            runs(self.runs),
            self.usage_moved_usd.dollars()
        )
    }
}

impl Display for MonthDamage {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        write!(
            out,
            "files of {}, which was closed on {}, were damaged and set aside on {}: runs of it may be missing that Apify no \
             longer had",
            self.month,
            day_of(self.closed_at),
            day_of(self.damaged_at)
        )
    }
}

impl Display for ClockLead {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        write!(
            out,
            "{} claims to be proven until {}, which is still to come: a clock was ahead. It is proven until {} from now on, and \
             what came later is read again",
            self.lake,
            format_instant(self.claimed_until),
            format_instant(self.proven_until)
        )
    }
}

impl Display for ReadGap {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        match self {
            ReadGap::DetailsFailed { runs } => {
                let runs = counted(*runs, "run", "runs");
                write!(
                    out,
                    "the details of {runs} could not be read: their rows are as the list gave them"
                )
            }
            ReadGap::ListChanged => out.write_str("runs were deleted, or came, while they were read"),
        }
    }
}

/// The UTC day of an instant.
fn day_of(at: Millis) -> String {
    format_instant(at).chars().take(10).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

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
        ]
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
        assert_eq!(gaps, [[true; 7].as_slice(), &[false; 5]].concat());
    }

    #[test]
    fn codes_stay_and_are_read_back_with_their_counts() {
        let all = [of_an_export(), of_a_lake()].concat();
        let (texts, details) = (sentences(&all), details(&all));
        assert_eq!(Caveat::of_manifest(&texts, &details), all);
        let codes: Vec<&str> = details.iter().filter_map(|detail| detail["code"].as_str()).collect();
        let expected = "past_retention runs_missing no_run runs_rejected details_failed groups_in_doubt list_changed \
                        cost_unknown provisional filter_unmatched budget_unmatched period_not_over unproven costs_lost \
                        month_corrected month_damaged sync_gap window_incomplete repriced clock_ahead shared_account";
        assert_eq!(codes.join(" "), expected);
        let text = "1,234 runs have no known cost: usage is 'at least'";
        assert_eq!(
            details[7],
            serde_json::json!({"code": "cost_unknown", "runs": 1234, "text": text})
        );
    }

    #[test]
    fn manifests_without_codes_are_read_by_their_sentences() {
        let all = of_an_export();
        assert_eq!(Caveat::of_manifest(&sentences(&all), &[]), all);
        let texts = ["INCOMPLETE: another", "one"].map(String::from);
        let read = Caveat::of_manifest(&texts, &details(&all));
        assert_eq!(sentences(&read), texts);
        assert_eq!(read.iter().map(Caveat::is_gap).collect::<Vec<_>>(), [true, false]);
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
                } else if !path.ends_with("report/caveat.rs") {
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
