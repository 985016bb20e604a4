//! Runs that several accounts list, such as an organisation and one of its members: found by walking the keys of all archives
//! side by side, so that nothing is kept but the runs that are shared.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use arrow_array::{BooleanArray, RecordBatch};
use arrow_select::filter::filter_record_batch;
use foldhash::fast::RandomState;

use crate::commands::together::ArchivePart;
use crate::context::blocking::CancelFlag;
use crate::error::{Error, Result};
use crate::provenance::Account;
use crate::report::caveat::Caveat;
use crate::runs::row::rows_of;
use crate::runs::run::{Key, RunStream};

#[derive(Debug, Default)]
pub struct SharedRuns {
    /// For which part each of them counts.
    owners: HashMap<Box<str>, usize, RandomState>,
    /// The accounts that list any.
    accounts: Vec<String>,
}

impl SharedRuns {
    /// Of parts that were read and checked before.
    pub fn find(parts: &[ArchivePart], accounts: &[Account], stop: &CancelFlag) -> Result<SharedRuns> {
        let shared = shared_keys(parts, stop)?;
        if shared.is_empty() {
            return Ok(SharedRuns::default());
        }
        let mut owners: HashMap<Box<str>, usize, RandomState> = HashMap::default();
        let mut is_listing = vec![false; accounts.len()];
        // The account that started it, where a part of that account has it; else the first.
        for (at, part) in parts.iter().enumerate() {
            let columns = part.archive.columns()?.intersect(&["user_id"]);
            part.archive.reread(&part.period, &columns, &mut |rows| {
                stop.check()?;
                for run in rows_of(rows) {
                    let Some(holders) = shared.get(run.id) else { continue };
                    is_listing[part.account] = true;
                    let started = |holder: &&usize| Some(accounts[parts[**holder].account].id.as_str()) == run.user_id;
                    if let Some(owner) = holders.iter().find(started) {
                        owners.insert(run.id.into(), *owner);
                    } else if !owners.contains_key(run.id) {
                        owners.insert(run.id.into(), at);
                    }
                }
                Ok(())
            })?;
        }
        let listing = accounts.iter().zip(is_listing).filter(|(_, lists)| *lists);
        Ok(SharedRuns {
            owners,
            accounts: listing.map(|(account, _)| account.name().into()).collect(),
        })
    }

    pub fn is_empty(&self) -> bool {
        self.owners.is_empty()
    }

    /// A part's rows without the runs that count for another part.
    pub fn without_others(&self, part: usize, rows: &RecordBatch) -> Result<RecordBatch> {
        if self.is_empty() {
            return Ok(rows.clone());
        }
        let counts = |id: &str| self.owners.get(id).is_none_or(|owner| *owner == part);
        let wanted: BooleanArray = rows_of(rows).map(|run| Some(counts(run.id))).collect();
        filter_record_batch(rows, &wanted).map_err(|error| Error::Other(error.into()))
    }

    /// What is said of them; nothing where there is none.
    pub fn caveat(&self) -> Option<Caveat> {
        (!self.is_empty()).then(|| Caveat::RunsOfSeveral {
            runs: self.owners.len() as u64,
            accounts: self.accounts.clone(),
        })
    }
}

/// The IDs that several parts have, with these parts.
fn shared_keys(parts: &[ArchivePart], stop: &CancelFlag) -> Result<HashMap<Box<str>, Vec<usize>, RandomState>> {
    let mut streams: Vec<RunStream<'_, Key>> = parts.iter().map(|part| part.archive.keys(&part.period)).collect();
    let mut next = |at: usize| -> Result<Option<Reverse<(i64, String, usize)>>> {
        let period = &parts[at].period;
        let is_wanted = |key: &Key| (period.from..period.to).contains(&key.started_at_ms);
        let wanted = streams[at].find(|key| key.as_ref().map_or(true, is_wanted));
        let key = wanted.transpose().map_err(Error::untrusted)?;
        Ok(key.map(|key| Reverse((key.started_at_ms, key.id, at))))
    };
    let mut heap = BinaryHeap::new();
    for at in 0..parts.len() {
        heap.extend(next(at)?);
    }
    let mut shared: HashMap<Box<str>, Vec<usize>, RandomState> = HashMap::default();
    let mut last: Option<(i64, String, usize)> = None;
    while let Some(Reverse((started, id, at))) = heap.pop() {
        heap.extend(next(at)?);
        if let Some((_, known, first)) = last
            .as_ref()
            .filter(|(time, known, _)| (*time, known) == (started, &id))
        {
            let holders = shared.entry(known.as_str().into()).or_insert_with(|| vec![*first]);
            holders.push(at);
            continue;
        }
        if at == 0 {
            stop.check()?;
        }
        last = Some((started, id, at));
    }
    Ok(shared)
}
