//! The runs that FOCUS can't hold, each with the reason, so that nothing is left out in silence. Its columns are the export's,
//! in the form of `runs.csv`; it is no FOCUS file.

use std::io::{self, Write};

use arrow_array::Array;
use csv::Writer;

use super::place::{Missing, Runs, text_at};
use crate::money::Usd;
use crate::output::csv::writer;
use crate::period::format_instant;
use crate::text::escape_formula;

const HEADER: [&str; 9] = [
    "reason",
    "id",
    "act_id",
    "act_name",
    "status",
    "started_at",
    "finished_at",
    "usage_total_usd",
    "cost_state",
];

/// Writes rows as they come.
pub(super) struct MissingCsv<W: Write>(Writer<W>);

impl<W: Write> MissingCsv<W> {
    /// With the header in its first line.
    pub(super) fn new(to: W) -> io::Result<MissingCsv<W>> {
        let mut writer = writer(to);
        writer.write_record(HEADER)?;
        Ok(MissingCsv(writer))
    }

    /// Appends a row.
    pub(super) fn write(&mut self, runs: &Runs, row: usize, why: Missing) -> io::Result<()> {
        let finished = runs.finished.is_valid(row).then(|| runs.finished.value(row));
        let cost = runs.costs.is_valid(row).then(|| Usd(runs.costs.value(row)));
        self.0.write_record([
            why.reason(),
            runs.ids.value(row),
            runs.act_ids.value(row),
            &escape_formula(text_at(runs.text("act_name"), row).unwrap_or_default()),
            runs.statuses.value(row),
            &format_instant(runs.started.value(row)),
            &finished.map(format_instant).unwrap_or_default(),
            &cost.map(|cost| cost.to_string()).unwrap_or_default(),
            runs.states.value(row),
        ])?;
        Ok(())
    }

    /// Writes what is left, and gives the sink back.
    pub(super) fn finish(self) -> io::Result<W> {
        let mut to = self.0.into_inner().map_err(|error| error.into_error())?;
        to.flush()?;
        Ok(to)
    }
}
