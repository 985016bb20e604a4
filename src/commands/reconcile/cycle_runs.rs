//! The runs of a billing cycle: from an export or a lake that covers it, or fetched.

use crate::archive;
use crate::archive::Archive;
use crate::cli::{ArchiveAddress, ReconcileArgs};
use crate::commands::reconcile::sums::{sum_held, sum_parquet};
use crate::context::Context;
use crate::context::blocking::run_blocking;
use crate::context::terminal::warn;
use crate::error::{Error, Result};
use crate::period::{Period, format_instant};
use crate::pipeline::connection::Connection;
use crate::pipeline::options::PipelineOptions;
use crate::pipeline::scratch::{ScratchFetch, acquire_free_scratch, scratch_folder};
use crate::pipeline::start::JobStart;
use crate::pipeline::writer::parquet_paths;
use crate::provenance::{Account, Filters, Proof, Retention, Source};
use crate::report::facts::{Facts, QualityCounts, caveats};
use crate::report::figures::Figures;
use crate::report::reconcile::CycleRuns;

/// The runs of a cycle, what must be said of them, and where they came from.
pub struct CycleSource {
    pub runs: CycleRuns,
    pub figures: Figures,
    pub facts: Facts,
    pub from: String,
}

/// The runs of what is held at the path, if it covers the cycle.
pub async fn runs_held(args: &ReconcileArgs, cycle: &Period, connection: &Connection) -> Result<Option<CycleSource>> {
    let Some(site) = args.path.clone() else {
        return Ok(None);
    };
    let (source, account) = (connection.source, connection.ask_account().known().await);
    let (as_of, cycle) = (args.as_of, cycle.clone());
    run_blocking(move |_| {
        let gathered = archive::read(|opening| {
            let archive = opening.open(&site, as_of)?;
            gather(&site, archive.as_ref(), &cycle, (source, account.as_ref()))
        })?;
        Ok(gathered.map_err(|why| warn(&why)).ok())
    })
    .await
}

/// The same of what was opened; `Err` within says why it doesn't cover the cycle.
fn gather(
    site: &ArchiveAddress,
    archive: &dyn Archive,
    cycle: &Period,
    (source, account): (Source, Option<&Account>),
) -> Result<std::result::Result<CycleSource, String>> {
    let held = archive.info()?;
    if !held.is_from(source, account) {
        return Err(Error::Usage(format!(
            "{site} has another account or source than the usage to compare with"
        )));
    }
    let (from, to) = (held.period.from, held.period.to);
    let reaches = from <= cycle.from && to >= cycle.to;
    if !reaches || !held.filters.is_empty() {
        let why = if reaches {
            "holds only filtered runs".into()
        } else {
            format!("covers {} to {}", format_instant(from), format_instant(to))
        };
        return Ok(Err(format!(
            "{site} {why}, so it does not cover the cycle: the runs are fetched from the API instead"
        )));
    }
    of_archive(site, archive, cycle).map(Ok)
}

/// The runs of an archive that covers the cycle.
pub fn of_archive(site: &ArchiveAddress, archive: &dyn Archive, cycle: &Period) -> Result<CycleSource> {
    let held = archive.info()?;
    let (runs, figures) = sum_held(archive, &held, cycle)?;
    // Retention is what was kept when it was made: that runs have been deleted since doesn't take them out of it.
    let facts = archive.facts(cycle.clone(), &figures.totals, false)?;
    Ok(CycleSource {
        runs,
        figures,
        facts: Facts {
            proof: Proof {
                proven: archive.is_proven(cycle),
                ..facts.proof
            },
            ..facts
        },
        from: format!("from {site}, queried at {}", format_instant(held.queried_at_ms)),
    })
}

/// The runs as the API has them now, by way of files that are gone afterwards.
pub async fn fetched_runs(
    args: &ReconcileArgs,
    context: &Context,
    connection: &Connection,
    cycle: &Period,
    (start, retention): (JobStart, Option<Retention>),
) -> Result<CycleSource> {
    let first = format_instant(cycle.from);
    let first = first.split('T').next().unwrap_or_default();
    let account = context
        .account_name()
        .map_or(String::new(), |account| format!("-{account}"));
    let account_asked = connection.ask_account();
    let fetch = ScratchFetch {
        options: PipelineOptions {
            connection,
            source: &args.source,
            costs: &args.costs,
            start,
            names: connection.name_book(false),
            filters: Filters::default(),
            on_terminal: context.stderr_is_terminal && !args.quiet,
        },
        period: cycle,
        statuses: &[],
        scratch: acquire_free_scratch(&scratch_folder("reconcile", &format!("{first}{account}")))?,
        known: None,
        groups: None,
    };
    let (result, staging) = fetch.fetch().await?;
    result.gaps().iter().for_each(|gap| warn(&gap.to_string()));
    let (files, span) = (parquet_paths(&staging, &result.written.files), cycle.clone());
    let summed = run_blocking(move |_| {
        let summed = sum_parquet(&files, &span);
        drop(staging);
        summed
    });
    let (runs, figures) = summed.await?;
    let proof = result.fetched.proof;
    Ok(CycleSource {
        facts: Facts {
            account: account_asked.told().await.ok(),
            source: connection.source,
            period: cycle.clone(),
            part_of: None,
            filters: Filters::default(),
            queried_at_ms: start.ms,
            by_syncs: false,
            accounts: Vec::new(),
            caveats: caveats(&QualityCounts {
                cost_unknown: figures.totals.cost_unknown(),
                provisional: figures.totals.provisional.runs,
                changed_meanwhile: result.fetched.changed_meanwhile,
                no_run: figures.totals.runs() == 0,
                cut: cycle.is_cut(),
                proven: proof.proven,
                retention: retention.clone(),
                details_failed: result.details.failed,
                ..QualityCounts::default()
            }),
            proof,
            retention,
        },
        runs,
        figures,
        from: "fetched now".into(),
    })
}
