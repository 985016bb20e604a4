//! A lake as something that is held: what its syncs have proven, read file by file as far as a period touches them.

use tokio::runtime::Handle;

use crate::archive::runs::parquet::{keys_of_batch, runs_of_batch};
use crate::archive::{Content, Depth, Held, Holding, See, Verified};
use crate::cli::{AsOf, Site};
use crate::error::{Error, Result};
use crate::lake::{LakeTable, Location, Moment};
use crate::period::{Millis, Period};
use crate::provenance::{Filters, Proof, Retention};
use crate::report::dimension::Dimensions;
use crate::report::facts::{Facts, QualityCounts, caveats};
use crate::report::figures::Figures;
use crate::report::summary::Summary;
use crate::runs::column_set::{Chosen, NEEDED};
use crate::runs::pairing::Reading;
use crate::runs::run::{Key, Run};

mod corrections;
mod verify;

/// A lake at a moment.
pub struct Lake {
    pub table: LakeTable,
    /// From the first proven instant to the last.
    edges: (Millis, Millis),
}

/// The lake at a place; exit 2 where there is none, or none then.
pub fn open(site: &Site, as_of: Option<AsOf>) -> Result<Box<dyn Holding>> {
    Ok(Box::new(Lake::open(&site_text(site)?, as_of)?))
}

/// Its files, to be served; `None` if it is still at the version with this stamp.
pub fn content(site: &Site, as_of: Option<AsOf>, known: Option<&str>) -> Result<Option<Content>> {
    let Lake { table, .. } = Lake::open(&site_text(site)?, as_of)?;
    let stamp = format!("{} {}", table.id(), table.version());
    if known == Some(&stamp) {
        return Ok(None);
    }
    Ok(Some(Content {
        account: table.state().account.clone(),
        source: table.state().source,
        stamp,
        files: table.open_files()?,
    }))
}

fn site_text(site: &Site) -> Result<String> {
    match site {
        Site::Url(url) => Ok(url.clone()),
        Site::Path(path) => path
            .to_str()
            .map(String::from)
            .ok_or_else(|| Error::Usage(format!("{site}: the path of a lake is text"))),
    }
}

impl Lake {
    /// The one at a place.
    pub fn open(place: &str, as_of: Option<AsOf>) -> Result<Lake> {
        let moment = match as_of {
            None => Moment::Now,
            Some(AsOf::Version(version)) => Moment::Version(version),
            Some(AsOf::At(at)) => Moment::At(at),
        };
        let location = Location::open(place, Handle::current())?;
        Lake::of(LakeTable::open(&location, moment)?)
    }

    fn of(table: LakeTable) -> Result<Lake> {
        let state = table.state();
        let edges = state.begins().zip(state.proven_until());
        let edges = edges.ok_or_else(|| {
            let shown = table.location().shown();
            Error::Untrusted(format!(
                "{shown}: no sync has proven any of it yet: run apify-runs sync"
            ))
        })?;
        Ok(Lake { table, edges })
    }

    /// The parts of a period that no sync has proven.
    pub fn unproven(&self, period: &Period) -> Vec<(Millis, Millis)> {
        self.table.state().unproven(period.from, period.to)
    }

    /// What is to be said of a period, but of corrections to a month that is being closed once more.
    pub fn facts_but(&self, closing: Option<&str>, period: Period, figures: &Figures) -> Facts {
        let (state, totals) = (self.table.state(), &figures.totals);
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
            // What Apify has deleted since is still here: as if it had been asked at the beginning of time.
            retention: state
                .retention_days
                .map(|days| Retention::of(days, &period, Millis::MIN)),
            caveats,
            period,
        }
    }

    /// Batches of a period as the items of another reading.
    fn reading<'r, T: 'r>(
        batches: crate::lake::Batches<'r>,
        of: fn(&arrow_array::RecordBatch) -> Result<Vec<T>, String>,
    ) -> Reading<'r, T> {
        Box::new(batches.flat_map(move |batch| {
            let items = batch.map_err(|error| error.to_string()).and_then(|batch| of(&batch));
            match items {
                Ok(items) => items.into_iter().map(Ok).collect(),
                Err(error) => vec![Err(error)],
            }
        }))
    }
}

impl Holding for Lake {
    fn held(&self) -> Result<Held> {
        let state = self.table.state();
        let (from, to) = self.edges;
        Ok(Held {
            shown: self.table.location().shown().into(),
            account: state.account.clone(),
            source: state.source,
            notice: state.source.notice().map(String::from),
            period: Period {
                from,
                to,
                requested_to: to,
                timezone: chrono_tz::UTC,
            },
            is_of_one_period: false,
            is_billing_cycle: false,
            filters: Filters::default(),
            queried_at_ms: state.synced_at_ms,
            groups: None,
            totals: None,
            replaced: None,
            files: Vec::new(),
        })
    }

    fn columns(&self) -> Result<Chosen> {
        Ok(self.table.columns().chosen().clone())
    }

    fn part(&self, asked: &Period) -> Result<Option<Period>> {
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

    fn facts(&self, period: Period, figures: &Figures) -> Result<Facts> {
        Ok(self.facts_but(None, period, figures))
    }

    fn read(&self, period: &Period, columns: &Chosen, summary: Option<Summary>, see: &mut See) -> Result<Figures> {
        let all = self.table.columns().chosen();
        let own = || Summary::new(period.timezone, Dimensions::of(all, None));
        let mut summary = summary.unwrap_or_else(own);
        self.checked(period, columns, &mut |rows| {
            see(rows)?;
            summary.add(rows)
        })?;
        Ok(summary.finish())
    }

    fn checked(&self, period: &Period, columns: &Chosen, see: &mut See) -> Result<()> {
        verify::read(&self.table, (period.from, period.to), columns, see)
    }

    fn again(&self, period: &Period, columns: &Chosen, see: &mut See) -> Result<()> {
        self.table.rows((period.from, period.to), columns, see)
    }

    fn runs(&self, period: &Period) -> Reading<'_, Run> {
        let names = [&NEEDED[..], &["finished_at", "act_name"]].concat();
        let columns = self.table.columns().chosen().among(&names);
        Lake::reading(self.table.batches((period.from, period.to), &columns), runs_of_batch)
    }

    fn keys(&self, period: &Period) -> Reading<'_, Key> {
        Lake::reading(self.table.keys((period.from, period.to)), keys_of_batch)
    }

    fn verify(&self, depth: Depth) -> Result<Verified> {
        verify::verified(&self.table, self.edges, depth)
    }
}
