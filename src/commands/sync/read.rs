//! The windows of a sync, read one by one into files that are gone afterwards.

use std::path::PathBuf;
use std::sync::Arc;

use crate::commands::sync::job::{RERUN, SyncJob};
use crate::error::{Error, Result};
use crate::fetch::KnownDetails;
use crate::output::publish::Staging;
use crate::period::{Millis, Period, Zone};
use crate::pipeline::options::PipelineOptions;
use crate::pipeline::scratch::{ScratchFetch, acquire_scratch};
use crate::pipeline::writer::parquet_paths;
use crate::provenance::{Filters, Proof, Totals};
use crate::report::caveat::Caveat;

/// A window that has been read; its files are there as long as this is.
pub struct ReadWindow {
    pub files: Vec<PathBuf>,
    pub totals: Totals,
    pub proof: Proof,
    _staging: Arc<Staging>,
}

/// Notes committed runs in the journal.
pub fn note(job: &SyncJob, (from, to): (Millis, Millis), read: &[ReadWindow]) {
    job.journal.update(|noted| {
        noted.out = Some(job.location.shown().into());
        let so_far = noted.period.take();
        noted.period = Some(Period {
            from: so_far.map_or(from, |so_far| so_far.from),
            to,
            requested_to: to,
            timezone: Zone::UTC,
        });
        for read in read {
            noted.totals = Some(
                noted
                    .totals
                    .as_ref()
                    .map_or(read.totals.clone(), |sum| sum.plus(&read.totals)),
            );
            noted.proof = Some(match &noted.proof {
                Some(sum) => sum.and(&read.proof),
                None => read.proof.clone(),
            });
        }
        if let Some(totals) = &noted.totals {
            let costs = caveats_of_costs(totals);
            noted.caveats.retain(|caveat| !is_of_costs(caveat));
            noted.caveats.extend(costs);
        }
    });
}

/// What the reader of the sum of all that was committed must know of its costs, as of an export's.
fn caveats_of_costs(totals: &Totals) -> Vec<Caveat> {
    let (unknown, provisional) = (totals.runs_cost_unknown, totals.runs_provisional);
    let those = [
        (unknown > 0, Caveat::CostUnknown { runs: unknown }),
        (provisional > 0, Caveat::Provisional { runs: provisional }),
    ];
    those
        .into_iter()
        .filter_map(|(is_so, caveat)| is_so.then_some(caveat))
        .collect()
}

fn is_of_costs(caveat: &Caveat) -> bool {
    matches!(caveat, Caveat::CostUnknown { .. } | Caveat::Provisional { .. })
}

/// Reads the runs of a window; its files are there as long as the folder is held.
pub async fn read_window(
    job: &SyncJob,
    period: Period,
    folder: PathBuf,
    known: Option<KnownDetails>,
    on_terminal: bool,
) -> Result<ReadWindow> {
    let fetch = ScratchFetch {
        options: PipelineOptions {
            connection: &job.connection,
            source: &job.args.source,
            costs: &job.args.costs,
            start: job.job_start,
            names: job.names.clone(),
            filters: Filters::default(),
            on_terminal,
        },
        period: &period,
        statuses: &[],
        scratch: acquire_scratch(&folder)?,
        known,
        groups: None,
    };
    let (read, staging) = fetch.fetch().await.map_err(committed_stays)?;
    for gap in read.gaps() {
        let Period { from, to, .. } = period;
        job.caveat(Caveat::WindowIncomplete { from, to, gap });
    }
    let files = parquet_paths(&staging, &read.written.files);
    let proof = &read.fetched.proof;
    Ok(ReadWindow {
        files,
        proof: proof.clone(),
        totals: (&read.written.figures.totals).into(),
        _staging: staging,
    })
}

/// An error of reading says what became of what was read before.
fn committed_stays(error: Error) -> Error {
    error.with_fate("what was committed stays", RERUN)
}
