//! How a command reads runs: made of its arguments once, for every period that it reads.

use std::sync::Arc;

use crate::cli::{CostArgs, SourceArgs};
use crate::fetch::details::DetailOptions;
use crate::fetch::names::NameBook;
use crate::fetch::{KnownDetails, Lister};
use crate::output::rows::RowFormats;
use crate::period::Period;
use crate::pipeline::Pipeline;
use crate::pipeline::connection::{Connection, FirstPage};
use crate::pipeline::start::JobStart;
use crate::pipeline::writer::WriteOptions;
use crate::provenance::{DetailMode, Filters};
use crate::report::dimension::Dimensions;

/// What a command's arguments say of reading.
#[derive(Clone)]
pub struct PipelineOptions<'a> {
    pub connection: &'a Connection,
    pub source: &'a SourceArgs,
    pub costs: &'a CostArgs,
    pub start: JobStart,
    pub names: Arc<NameBook>,
    pub filters: Filters,
    pub on_terminal: bool,
}

impl PipelineOptions<'_> {
    /// Whether rows have the columns of details.
    pub fn is_metered(&self) -> bool {
        self.costs.details == DetailMode::All
    }

    /// How rows are written and summed up.
    pub fn write(&self, formats: RowFormats, period: &Period, dimensions: Dimensions) -> WriteOptions {
        WriteOptions {
            formats,
            settle: self.start.settle(self.costs),
            metered: self.is_metered(),
            names: self.names.clone(),
            period: period.clone(),
            dimensions,
        }
    }

    /// Reads what a lister lists; `known` details aren't asked for again.
    pub fn pipeline(&self, lister: Lister, first: FirstPage, known: Option<KnownDetails>) -> Pipeline {
        Pipeline {
            lister,
            first,
            concurrency: self.source.concurrency.into(),
            filters: self.filters.clone(),
            names: self.names.clone(),
            details: DetailOptions {
                mode: self.costs.details,
                concurrency: self.costs.detail_concurrency.into(),
                settle: self.start.settle(self.costs),
                job_start: self.start.at,
                wait_settled: self.costs.wait_settled,
            },
            known,
            checks_costs: false,
            on_terminal: self.on_terminal,
        }
    }
}
