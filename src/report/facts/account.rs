//! What a report of several accounts says of each: from which archives its runs are, and whether any may be missing.

use crate::period::{Millis, Period};
use crate::provenance::{Account, Proof, Retention};
use crate::report::caveat::Caveat;
use crate::report::facts::{Facts, QualityCounts};
use crate::report::measures::Measures;
use crate::text::counted;

#[derive(Debug, Clone)]
pub struct AccountFacts {
    /// By the path of its archive, where that doesn't know it.
    pub account: Account,
    /// Where its runs are read from; none where its job failed.
    pub archives: Vec<String>,
    /// When the API was first asked; none without an archive.
    pub queried_at_ms: Option<Millis>,
    /// Of all its archives.
    pub proof: Proof,
    /// Of all its archives; none where one of them doesn't tell.
    pub retention: Option<Retention>,
    pub caveats: Vec<Caveat>,
}

impl AccountFacts {
    /// An account of which nothing is here.
    pub fn missing(account: Account, reason: String) -> AccountFacts {
        AccountFacts {
            account,
            archives: Vec::new(),
            queried_at_ms: None,
            proof: Proof::default(),
            retention: None,
            caveats: vec![Caveat::AccountMissing { reason }],
        }
    }

    /// Of what its archives say, each of its own part of the period; `totals` are those of its runs that count, and `gaps` parts that
    /// no archive covers.
    pub fn of(
        account: Account,
        parts: Vec<(String, Facts)>,
        totals: &Measures,
        gaps: Vec<(Millis, Millis)>,
    ) -> AccountFacts {
        let facts = || parts.iter().map(|(_, facts)| facts);
        let (first, others) = parts.split_first().expect("an account is known by its archives");
        let proofs = others.iter().map(|(_, facts)| &facts.proof);
        let proof = proofs.fold(first.1.proof.clone(), |all, proof| all.and(proof));
        let retentions: Option<Vec<&Retention>> = facts().map(|facts| facts.retention.as_ref()).collect();
        let retention = retentions.and_then(|all| all.into_iter().cloned().reduce(|one, other| one.and(&other)));
        let has_runs = facts().any(|facts| !facts.caveats.contains(&Caveat::NoRun));
        let mut caveats: Vec<Caveat> = Vec::new();
        if !gaps.is_empty() {
            caveats.push(Caveat::NotCovered { periods: gaps });
        }
        for caveat in facts().flat_map(|facts| &facts.caveats) {
            // A month without runs is no news beside one that has some.
            let is_of_part = match caveat {
                Caveat::NoRun => has_runs,
                Caveat::RulesUnmatched { .. } | Caveat::CostUnknown { .. } | Caveat::Provisional { .. } => true,
                _ => false,
            };
            if is_of_part {
                continue;
            }
            let same = caveats.iter_mut().find_map(|known| Some((known.and(caveat)?, known)));
            match same {
                Some((both, known)) => *known = both,
                None => caveats.push(caveat.clone()),
            }
        }
        let past = caveats
            .iter_mut()
            .find(|caveat| matches!(caveat, Caveat::PastRetention(_)));
        if let Some((past, all)) = past.zip(retention.as_ref()) {
            // Of all its days, also those in archives that lack none.
            *past = Caveat::PastRetention(all.clone());
        }
        let counts = QualityCounts {
            cost_unknown: totals.cost_unknown(),
            provisional: totals.provisional.runs,
            proven: true,
            ..QualityCounts::default()
        };
        caveats.extend(super::caveats(&counts));
        AccountFacts {
            account,
            queried_at_ms: facts().map(|facts| facts.queried_at_ms).min(),
            proof,
            retention,
            caveats,
            archives: parts.iter().map(|(archive, _)| archive.clone()).collect(),
        }
    }

    /// What is said where there is no other account.
    fn alone(self, period: Period, one: Facts) -> Facts {
        Facts {
            account: one.account,
            source: one.source,
            part_of: None,
            filters: one.filters,
            queried_at_ms: self.queried_at_ms.unwrap_or(one.queried_at_ms),
            proof: Proof {
                // What is past retention is said on its own.
                proven: self.proof.proven
                    && !self
                        .caveats
                        .iter()
                        .any(|caveat| matches!(caveat, Caveat::NotCovered { .. })),
                ..self.proof
            },
            by_syncs: one.by_syncs,
            accounts: Vec::new(),
            retention: self.retention,
            caveats: self.caveats,
            period,
        }
    }

    pub fn is_complete(&self) -> bool {
        self.lacks().next().is_none()
    }

    pub fn is_past_retention(&self) -> bool {
        self.caveats
            .iter()
            .any(|caveat| matches!(caveat, Caveat::PastRetention(_)))
    }

    /// `complete`, or `INCOMPLETE` with what is missing.
    pub fn status(&self) -> String {
        let lacks: Vec<String> = self.lacks().collect();
        match lacks.as_slice() {
            [] => "complete".into(),
            lacks => format!("INCOMPLETE, {}", lacks.join(", ")),
        }
    }

    fn lacks(&self) -> impl Iterator<Item = String> {
        self.caveats.iter().filter_map(Caveat::lack)
    }
}

impl Facts {
    /// How many accounts they are of, and how many of these may lack runs.
    pub fn accounts_in_words(&self) -> String {
        let of = counted(self.accounts.len().max(1) as u64, "account", "accounts");
        match self.accounts.iter().filter(|account| !account.is_complete()).count() {
            0 => of,
            lacking => format!("{of}, of which {lacking} INCOMPLETE"),
        }
    }

    /// Of accounts, which have one source; `period` is that of all of them.
    pub fn of_accounts(accounts: Vec<AccountFacts>, period: Period, one: Facts) -> Facts {
        if let [only] = accounts.as_slice() {
            return only.clone().alone(period, one);
        }
        let caveats = caveats_of_all(&accounts);
        let proofs = accounts.iter().map(|account| &account.proof);
        let all = proofs.cloned().reduce(|one, other| one.and(&other));
        Facts {
            account: None,
            source: one.source,
            part_of: None,
            filters: one.filters,
            queried_at_ms: accounts
                .iter()
                .filter_map(|account| account.queried_at_ms)
                .min()
                .unwrap_or(one.queried_at_ms),
            proof: Proof {
                proven: accounts.iter().all(AccountFacts::is_complete),
                ..all.unwrap_or_default()
            },
            by_syncs: one.by_syncs,
            retention: None,
            caveats,
            accounts,
            period,
        }
    }
}

/// What is to be said of each, by its name; costs that are unknown or may change are added up.
fn caveats_of_all(accounts: &[AccountFacts]) -> Vec<Caveat> {
    let is_common = |caveat: &Caveat| match caveat {
        Caveat::CostUnknown { .. } | Caveat::Provisional { .. } => true,
        Caveat::PeriodNotOver => accounts.iter().all(|account| account.caveats.contains(caveat)),
        _ => false,
    };
    let mut common: Vec<Caveat> = Vec::new();
    let mut all = Vec::new();
    for account in accounts {
        for caveat in &account.caveats {
            if !is_common(caveat) {
                all.push(Caveat::OfAccount {
                    account: account.account.name().into(),
                    caveat: Box::new(caveat.clone()),
                });
                continue;
            }
            match common.iter_mut().find_map(|known| Some((known.and(caveat)?, known))) {
                Some((both, known)) => *known = both,
                None => common.push(caveat.clone()),
            }
        }
    }
    all.extend(common);
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::period::zone::zone;
    use crate::period::{LAST_INSTANT, PeriodSpec};
    use crate::provenance::{Filters, Source};
    use crate::runs::row::Row;

    fn facts(proven: bool, retention: Option<(u64, u64)>, caveats: Vec<Caveat>) -> Facts {
        let month = PeriodSpec::Month { year: 2025, month: 9 };
        Facts {
            account: None,
            source: Source::Api,
            period: month.resolve(zone("UTC"), LAST_INSTANT).unwrap(),
            part_of: None,
            filters: Filters::default(),
            queried_at_ms: 7,
            proof: Proof {
                proven,
                counted: 3,
                fetched: 2,
                notes: Vec::new(),
            },
            by_syncs: false,
            accounts: Vec::new(),
            retention: retention.map(|(expired_days, period_days)| Retention {
                days: 14,
                expired_days,
                period_days,
            }),
            caveats,
        }
    }

    fn account(name: &str) -> Account {
        Account {
            id: format!("id-of-{name}"),
            username: Some(name.into()),
        }
    }

    fn of_unknown_cost(runs: u64) -> Measures {
        let mut measures = Measures::default();
        for _ in 0..runs {
            let run = Row {
                status: "SUCCEEDED",
                ..Row::default()
            };
            measures.add(&run).unwrap();
        }
        measures
    }

    #[test]
    fn what_archives_of_one_account_say_is_said_once_and_counts_are_added() {
        let past = |expired_days, period_days| {
            Caveat::PastRetention(Retention {
                days: 14,
                expired_days,
                period_days,
            })
        };
        let unknown = |runs| Caveat::CostUnknown { runs };
        let one = facts(
            true,
            Some((3, 30)),
            vec![past(3, 30), unknown(5), Caveat::PeriodNotOver],
        );
        let other = facts(
            true,
            Some((0, 30)),
            vec![Caveat::NoRun, unknown(2), Caveat::PeriodNotOver],
        );
        let parts = vec![("a".to_string(), one.clone()), ("b".to_string(), other)];
        let both = AccountFacts::of(account("beta"), parts, &of_unknown_cost(6), Vec::new());
        // One of the runs counts for another account.
        assert_eq!(both.caveats, [past(3, 60), Caveat::PeriodNotOver, unknown(6)]);
        assert_eq!(both.status(), "INCOMPLETE, 3 of 60 days past retention");
        assert_eq!(
            (both.proof.counted, both.retention.as_ref().unwrap().period_days),
            (6, 60)
        );

        let acme = AccountFacts::of(
            account("acme"),
            vec![("c".into(), facts(true, None, vec![unknown(1)]))],
            &of_unknown_cost(1),
            vec![],
        );
        assert_eq!(acme.status(), "complete");
        let gap = AccountFacts::of(
            account("gap"),
            vec![("d".into(), facts(true, None, vec![]))],
            &of_unknown_cost(0),
            vec![(0, 86_400_000)],
        );
        assert_eq!(
            gap.status(),
            "INCOMPLETE, no archive covers 1970-01-01T00:00:00.000Z to 1970-01-02T00:00:00.000Z"
        );
        let lost = AccountFacts::missing(account("lost"), "exit 3: the token is wrong".into());
        assert_eq!(lost.status(), "INCOMPLETE, its runs are not here");

        let period = one.period.clone();
        let all = Facts::of_accounts(vec![acme.clone(), both], period.clone(), one.clone());
        assert!(all.lacks_runs());
        let sentences: Vec<String> = all.caveats.iter().map(ToString::to_string).collect();
        assert!(
            sentences[0].starts_with("beta: INCOMPLETE: 3 of 60 days are past retention"),
            "{sentences:?}"
        );
        // Of acme, the period is over.
        assert_eq!(
            sentences[1..],
            [
                "beta: the period is not over: these are the figures so far",
                "the cost of 7 runs is unknown: the total is a minimum"
            ]
        );
        assert!(!Facts::of_accounts(vec![acme], period, one).lacks_runs());
    }
}
