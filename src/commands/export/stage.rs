//! The pipeline of an export: its period becomes files in the staging folder, and figures.

use std::sync::Arc;

use crate::cli::{Format, PartitionBy};
use crate::commands::destination::ExportDestination;
use crate::commands::export::job::{ExportJob, ExportScope};
use crate::commands::export::open::{RunListing, unpublished};
use crate::error::Result;
use crate::fetch::KnownDetails;
use crate::output::names::{RUNS_PARQUET, WORKING_PARQUET};
use crate::output::parquet::{ParquetFacts, Readers, RunsLayout};
use crate::output::publish::Staging;
use crate::output::rows::RowFormats;
use crate::pipeline::known_details::{self, ReuseRule};
use crate::pipeline::{PeriodResult, Pipeline};
use crate::report::dimension::Dimensions;

/// The rows are in the staging folder; nothing is visible yet.
pub struct Staged {
    pub destination: ExportDestination,
    pub staging: Arc<Staging>,
    pub result: PeriodResult,
}

/// Reads the period and writes its rows, side by side.
pub async fn stage(
    job: &ExportJob,
    scope: &ExportScope,
    listing: RunListing,
    mut destination: ExportDestination,
) -> Result<Staged> {
    let staging = Arc::new(destination.folder.stage()?);
    let options = job.pipeline_options(scope);
    let dimensions = Dimensions::of(&job.columns, job.groups_of(scope));
    let write = options.write(formats(job, scope), &scope.period, dimensions);
    let known = known_details(job, scope, &destination)?;
    let pipeline = Pipeline {
        checks_costs: true,
        ..options.pipeline(listing.lister, listing.first, known)
    };
    match pipeline.run(staging.clone(), write).await {
        Ok(result) => Ok(Staged {
            destination,
            staging,
            result,
        }),
        Err(error) => Err(unpublished(error, Some(&destination))),
    }
}

fn formats(job: &ExportJob, scope: &ExportScope) -> RowFormats {
    let args = &job.args;
    let parquet = match args.partition_by {
        _ if !args.format.contains(&Format::Parquet) => RunsLayout::File(WORKING_PARQUET),
        Some(PartitionBy::Day) => RunsLayout::Daily(scope.period.from),
        None => RunsLayout::File(RUNS_PARQUET),
    };
    RowFormats {
        columns: job.columns.clone(),
        parquet,
        readers: if args.parquet_compat {
            Readers::All
        } else {
            Readers::Current
        },
        facts: ParquetFacts::new(scope.account.as_ref(), &scope.period),
        csv: args.format.contains(&Format::Csv),
    }
}

/// What the export that is there knows already, if it is of the same account and source; with --replace, nothing.
fn known_details(
    job: &ExportJob,
    scope: &ExportScope,
    destination: &ExportDestination,
) -> Result<Option<KnownDetails>> {
    let existing = destination.existing()?.filter(|_| !job.args.replace);
    let existing = existing.filter(|existing| existing.is_from(job.connection.source, scope.account.as_ref()));
    Ok(existing.and_then(|existing| {
        let rule = ReuseRule {
            settled_by: existing.queried_at_ms().saturating_sub(job.args.costs.settle_ms()),
            metered: job.is_metered(),
        };
        known_details::from_export(existing.parquet_paths(), rule, &job.columns)
    }))
}
