//! A lake as an archive: what its syncs have proven, read file by file as far as a period touches them.

mod corrections;
mod file_check;
mod verify;

use arrow_array::RecordBatch;
use tokio::runtime::Handle;

use crate::archive::address::{ArchiveAddress, AsOf};
use crate::archive::{Archive, ArchiveInfo, BatchVisitor, Depth, ServedFiles, Verification};
use crate::error::{Error, ReadError, Result};
use crate::lake::Batches;
use crate::lake::{LakeTable, Location, Moment};
use crate::period::{Millis, Period, Zone};
use crate::provenance::{Filters, Proof, Retention};
use crate::report::dimension::Dimensions;
use crate::report::facts::{Facts, QualityCounts, caveats};
use crate::report::figures::Figures;
use crate::report::measures::Measures;
use crate::report::summary::Summary;
use crate::runs::column_set::ColumnSet;
use crate::runs::run::{Key, Run, RunRecord, RunStream, records};

/// A lake at a moment.
pub struct Lake {
    pub table: LakeTable,
    /// From the first proven instant to the last.
    edges: (Millis, Millis),
}

/// Exit 2 where there is no lake, or was none then.
pub fn open(address: &ArchiveAddress, as_of: Option<AsOf>) -> Result<Box<dyn Archive>> {
    Ok(Box::new(Lake::open(&address_text(address)?, as_of)?))
}

/// Its files, to be served; `None` if it is still at the version with this stamp.
pub fn served_files(address: &ArchiveAddress, as_of: Option<AsOf>, known: Option<&str>) -> Result<Option<ServedFiles>> {
    let Lake { table, .. } = Lake::open(&address_text(address)?, as_of)?;
    let stamp = format!("{} {}", table.id(), table.version());
    if known == Some(&stamp) {
        return Ok(None);
    }
    Ok(Some(ServedFiles {
        usage: None,
        account: table.state().account.clone(),
        source: table.state().source,
        stamp,
        files: table.open_files()?,
    }))
}

fn address_text(address: &ArchiveAddress) -> Result<String> {
    match address {
        ArchiveAddress::Url(url) => Ok(url.clone()),
        ArchiveAddress::Path(path) => path
            .to_str()
            .map(String::from)
            .ok_or_else(|| Error::Usage(format!("{address}: the path of a lake must be valid UTF-8"))),
    }
}

/// The table's batches, with the error of a stream of records.
fn stream<'r, T: RunRecord + 'r>(batches: Batches<'r>) -> RunStream<'r, T> {
    records(batches.map(|batch: Result<RecordBatch>| batch.map_err(ReadError::new)))
}

impl Lake {
    pub fn open(place: &str, as_of: Option<AsOf>) -> Result<Lake> {
        let moment = match as_of {
            None => Moment::Now,
            Some(AsOf::Version(version)) => Moment::Version(version),
            Some(AsOf::At(at)) => Moment::At(at),
        };
        let table = LakeTable::open(&Location::open(place, Handle::current())?, moment)?;
        let state = table.state();
        let edges = state.begins().zip(state.proven_until());
        let edges = edges.ok_or_else(|| {
            let shown = table.location().shown();
            Error::Untrusted(format!(
                "{shown}: no sync has proven any period yet: run apify-runs sync"
            ))
        })?;
        Ok(Lake { table, edges })
    }

    /// The parts of a period that no sync has proven.
    pub fn unproven(&self, period: &Period) -> Vec<(Millis, Millis)> {
        self.table.state().unproven(period.from, period.to)
    }

    /// What must be said of a period, except corrections to the month that is being closed again.
    pub fn facts_but(&self, closing: Option<&str>, period: Period, totals: &Measures) -> Facts {
        let state = self.table.state();
        let unproven = self.unproven(&period);
        let proof = Proof {
            proven: unproven.is_empty(),
            counted: totals.runs(),
            fetched: totals.runs(),
            notes: Vec::new(),
        };
        let mut caveats = caveats(&QualityCounts {
            cost_unknown: totals.cost_unknown(),
            provisional: totals.provisional.runs,
            cut: period.is_cut(),
            no_run: totals.runs() == 0,
            proven: true,
            unproven,
            ..QualityCounts::default()
        });
        caveats.extend(corrections::of(state, &period, closing));
        Facts {
            account: state.account.clone(),
            source: state.source,
            part_of: None,
            filters: Filters::default(),
            queried_at_ms: state.synced_at_ms,
            proof,
            by_syncs: true,
            accounts: Vec::new(),
            // What Apify has deleted since is still here: as if it had been asked at the beginning of time.
            retention: state
                .retention_days
                .map(|days| Retention::of(days, &period, Millis::MIN)),
            caveats,
            period,
        }
    }
}

impl Archive for Lake {
    fn info(&self) -> Result<ArchiveInfo> {
        let state = self.table.state();
        let (from, to) = self.edges;
        Ok(ArchiveInfo {
            shown: self.table.location().shown().into(),
            account: state.account.clone(),
            source: state.source,
            notice: state.source.notice().map(String::from),
            period: Period {
                from,
                to,
                requested_to: to,
                timezone: Zone::UTC,
            },
            is_of_one_period: false,
            is_billing_cycle: false,
            filters: Filters::default(),
            queried_at_ms: state.synced_at_ms,
            groups: None,
            totals: None,
            has_counted_usage: false,
            replaced: None,
            files: Vec::new(),
        })
    }

    fn columns(&self) -> Result<ColumnSet> {
        Ok(self.table.columns().chosen().clone())
    }

    fn slice_period(&self, asked: &Period) -> Result<Option<Period>> {
        let (first, last) = self.edges;
        let overlaps = asked.from < last && first < asked.requested_to;
        Ok(overlaps.then(|| Period {
            to: asked.requested_to.min(last),
            ..asked.clone()
        }))
    }

    fn is_proven(&self, period: &Period) -> bool {
        self.unproven(period).is_empty()
    }

    fn facts(&self, period: Period, totals: &Measures, _is_filtered: bool) -> Result<Facts> {
        Ok(self.facts_but(None, period, totals))
    }

    fn read(
        &self,
        period: &Period,
        columns: &ColumnSet,
        summary: Option<Summary>,
        see: &mut BatchVisitor,
    ) -> Result<Figures> {
        let own = || Summary::new(period.timezone, Dimensions::of(columns, None));
        let mut summary = summary.unwrap_or_else(own);
        self.read_rows(period, columns, &mut |rows| {
            see(rows)?;
            summary.add(rows)
        })?;
        Ok(summary.finish())
    }

    fn read_rows(&self, period: &Period, columns: &ColumnSet, see: &mut BatchVisitor) -> Result<()> {
        verify::read(&self.table, (period.from, period.to), columns, see)
    }

    fn reread(&self, period: &Period, columns: &ColumnSet, see: &mut BatchVisitor) -> Result<()> {
        self.table.rows((period.from, period.to), columns, see)
    }

    fn runs(&self, period: &Period) -> RunStream<'_, Run> {
        let columns = self.table.columns().chosen().intersect(Run::COLUMNS);
        stream(self.table.batches((period.from, period.to), &columns))
    }

    fn keys(&self, period: &Period) -> RunStream<'_, Key> {
        stream(self.table.keys((period.from, period.to)))
    }

    fn verify(&self, depth: Depth) -> Result<Verification> {
        verify::verify(&self.table, self.edges, depth)
    }
}
