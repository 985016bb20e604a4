//! Several exports and lakes as one: whose runs each has, which part of the period, and the figures of all of them. Each account
//! is proven by its own archives; a run that several accounts list counts once.

mod periods;
mod publish;
mod shared_runs;

pub use publish::{ExportedAccounts, TogetherFolder};

use arrow_array::RecordBatch;

use crate::archive::address::{ArchiveAddress, AsOf};
use crate::archive::{Archive, ArchiveInfo, ArchiveOpener};
use crate::commands::together::periods::{check_overlaps, check_timezones, gaps, hull, part_of};
use crate::commands::together::shared_runs::SharedRuns;
use crate::context::blocking::CancelFlag;
use crate::error::{Error, Result};
use crate::period::{LAST_INSTANT, Millis, Period, PeriodSpec, Zone};
use crate::provenance::Account;
use crate::report::caveat::Caveat;
use crate::report::facts::{AccountFacts, Facts};
use crate::report::figures::Figures;
use crate::report::groups::Groups;
use crate::report::measures::Measures;
use crate::report::summary::Summary;
use crate::runs::column_set::ColumnSet;

/// An archive, and what of it is reported.
pub struct ArchivePart {
    archive: Box<dyn Archive>,
    pub held: ArchiveInfo,
    period: Period,
    /// Whose runs it has, by the place among the accounts.
    account: usize,
}

/// An account of which there is no archive, and why.
#[derive(Debug, Clone)]
pub struct MissingAccount {
    pub name: String,
    pub reason: String,
}

/// Archives of any accounts, in the order in which they were given, those of one account by their time.
pub struct TogetherArchives {
    pub parts: Vec<ArchivePart>,
    pub accounts: Vec<Account>,
    pub period: Period,
    /// Those that all of them have.
    pub columns: ColumnSet,
    /// Of each account, what of the period no archive covers.
    gaps: Vec<Vec<(Millis, Millis)>>,
    shared: SharedRuns,
}

/// Which period of which archives is wanted.
pub struct TogetherScope {
    pub spec: Option<PeriodSpec>,
    pub timezone: Option<Zone>,
    pub as_of: Option<AsOf>,
}

impl TogetherArchives {
    /// Exit 2 where they don't go together.
    pub fn open(opening: &ArchiveOpener, paths: &[ArchiveAddress], scope: TogetherScope) -> Result<TogetherArchives> {
        let mut opened = Vec::new();
        for path in paths {
            let archive = opening.open(path, scope.as_of)?;
            let held = archive.info()?;
            opened.push((archive, held));
        }
        let held: Vec<&ArchiveInfo> = opened.iter().map(|(_, held)| held).collect();
        check_alike(&held)?;
        check_overlaps(&held)?;
        let timezone = check_timezones(&held, scope.timezone)?;
        let asked = match &scope.spec {
            Some(spec) => spec.resolve(timezone, LAST_INSTANT)?,
            None => hull(&held, timezone),
        };
        let mut accounts: Vec<Account> = Vec::new();
        let mut covered: Vec<Vec<(Millis, Millis)>> = Vec::new();
        let mut parts = Vec::new();
        let mut columns: Option<ColumnSet> = None;
        for (archive, held) in opened {
            let whose = held.whose();
            let account = accounts
                .iter()
                .position(|known| known.id == whose.id)
                .unwrap_or_else(|| {
                    accounts.push(whose);
                    covered.push(Vec::new());
                    accounts.len() - 1
                });
            let has = archive.columns()?;
            columns = Some(columns.map_or(has.clone(), |all| all.intersect(&has.names())));
            let Some(period) = part_of(archive.as_ref(), &held, &asked)? else {
                continue;
            };
            covered[account].push((period.from, period.requested_to));
            parts.push(ArchivePart {
                archive,
                held,
                period,
                account,
            });
        }
        let gaps: Vec<_> = covered.into_iter().map(|covered| gaps(&asked, covered)).collect();
        if scope.spec.is_some() {
            check_covered(&accounts, &gaps, &asked)?;
        }
        parts.sort_by_key(|part| (part.account, part.period.from));
        let to = parts.iter().map(|part| part.period.to).max();
        Ok(TogetherArchives {
            period: Period {
                to: to.unwrap_or(asked.to),
                ..asked
            },
            columns: columns.unwrap_or_else(|| ColumnSet::all(false)),
            parts,
            accounts,
            gaps,
            shared: SharedRuns::default(),
        })
    }

    /// The rules that all of them were grouped by; none where these differ.
    pub fn own_groups(&self) -> Option<Groups> {
        let (first, others) = self.parts.split_first()?;
        let are_same = others.iter().all(|part| part.held.groups == first.held.groups);
        first.held.own_groups().filter(|_| are_same)
    }

    /// Reads and checks all rows of these columns at least, and adds them up; what accounts share is found on the way. `summary`
    /// makes an empty one: where runs are shared, they are read once more.
    pub fn figures(
        &mut self,
        columns: &ColumnSet,
        summary: impl Fn() -> Result<Summary>,
        stop: &CancelFlag,
    ) -> Result<(Figures, Vec<Measures>)> {
        let mut all = summary()?;
        let mut totals = Vec::new();
        for part in &self.parts {
            all.turn_to(&self.accounts[part.account]);
            part.archive.read_rows(&part.period, columns, &mut |rows| {
                stop.check()?;
                all.add(rows)
            })?;
            totals.push(all.of_account());
        }
        self.shared = SharedRuns::find(&self.parts, &self.accounts, stop)?;
        if self.shared.is_empty() {
            return Ok((all.finish(), totals));
        }
        let (mut once, mut totals) = (summary()?, Vec::new());
        for (at, part) in self.parts.iter().enumerate() {
            once.turn_to(&self.accounts[part.account]);
            self.reread_part(at, columns, &mut |rows| {
                stop.check()?;
                once.add(rows)
            })?;
            totals.push(once.of_account());
        }
        Ok((once.finish(), totals))
    }

    /// The rows that count, once [`TogetherArchives::figures`] has read them.
    pub fn reread_part(
        &self,
        at: usize,
        columns: &ColumnSet,
        see: &mut dyn FnMut(&RecordBatch) -> Result<()>,
    ) -> Result<()> {
        let part = &self.parts[at];
        part.archive.reread(&part.period, columns, &mut |rows| {
            see(&self.shared.without_others(at, rows)?)
        })
    }

    /// What must be said of those figures, with the accounts that are missing.
    pub fn facts(&self, totals: &[Measures], is_filtered: bool, missing: &[MissingAccount]) -> Result<Facts> {
        let mut of_accounts: Vec<Vec<(String, Facts)>> = self.accounts.iter().map(|_| Vec::new()).collect();
        for (part, totals) in self.parts.iter().zip(totals) {
            let facts = part.archive.facts(part.period.clone(), totals, is_filtered)?;
            of_accounts[part.account].push((part.held.shown.clone(), facts));
        }
        let one = of_accounts.iter().flatten().next().map(|(_, facts)| facts.clone());
        let one = one.ok_or_else(|| Error::Usage("none of the archives covers the period".into()))?;
        let whose = self.accounts.iter().cloned().zip(of_accounts).zip(self.gaps.clone());
        let known = whose.enumerate().map(|(at, ((account, parts), gaps))| {
            let own = self.parts.iter().zip(totals).filter(|(part, _)| part.account == at);
            let sum = own.fold(Measures::default(), |sum, (_, totals)| sum.and(totals));
            AccountFacts::of(account, parts, &sum, gaps)
        });
        let missing = missing.iter().map(|missing| {
            let account = Account {
                id: missing.name.clone(),
                username: None,
            };
            AccountFacts::missing(account, missing.reason.clone())
        });
        let mut facts = Facts::of_accounts(known.chain(missing).collect(), self.period.clone(), one);
        facts.caveats.extend(self.shared.caveat());
        Ok(facts)
    }
}

/// Exit 2 where figures of these would be no figures of one kind.
fn check_alike(held: &[&ArchiveInfo]) -> Result<()> {
    let first = held[0];
    for other in &held[1..] {
        let (one, two) = (&first.shown, &other.shown);
        if other.source != first.source {
            return Err(Error::Usage(format!(
                "{one} and {two} can't be in one report: one of them is of the made-up account"
            )));
        }
        if other.filters != first.filters {
            return Err(Error::Usage(format!(
                "{one} and {two} can't be in one report: they were made with other filters (--status, --actor or --task)"
            )));
        }
    }
    Ok(())
}

/// Exit 2 where a period was asked for that an account's archives don't cover.
fn check_covered(accounts: &[Account], gaps: &[Vec<(Millis, Millis)>], asked: &Period) -> Result<()> {
    let lacking = accounts.iter().zip(gaps).find(|(_, gaps)| !gaps.is_empty());
    lacking.map_or(Ok(()), |(account, gaps)| {
        let caveat = Caveat::NotCovered { periods: gaps.clone() };
        Err(Error::Usage(format!(
            "{} is not covered for the account {}: {}; give the path of an archive that has it, or leave the period out",
            asked.first_line(),
            account.name(),
            caveat.lack().unwrap_or_default()
        )))
    })
}
