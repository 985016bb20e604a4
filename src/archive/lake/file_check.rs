//! The rows of one of a lake's files against what the log says of the file.

use arrow_array::RecordBatch;

use crate::archive::findings::MAX_FINDINGS;
use crate::archive::row_check::RowCheck;
use crate::lake::DataFile;
use crate::lake::files::month_bounds;
use crate::report::measures::Measures;
use crate::runs::dedup::SeenIds;
use crate::runs::row::Row;
use crate::text::{counted, thousands};

pub struct FileCheck<'f> {
    file: &'f DataFile,
    pub checked: RowCheck,
    rows: u64,
    /// Rows beyond the bounds that the log says, and the first of them.
    beyond_log: u64,
    first_beyond: Option<String>,
}

impl<'f> FileCheck<'f> {
    pub fn new(file: &'f DataFile, seen: SeenIds) -> FileCheck<'f> {
        FileCheck {
            checked: RowCheck::with_seen(seen, month_bounds(&file.month), "its month"),
            file,
            rows: 0,
            beyond_log: 0,
            first_beyond: None,
        }
    }

    pub fn add(&mut self, batch: &RecordBatch, totals: &mut Measures) {
        self.rows += batch.num_rows() as u64;
        self.checked.add_rows(&self.file.path, batch, |checked, row| {
            if totals.add(row).is_none() {
                checked.note("the sum of costs has more than 38 digits".into());
            }
            if !is_within(self.file, row) {
                self.beyond_log += 1;
                self.first_beyond.get_or_insert_with(|| row.id.to_string());
            }
        });
    }

    pub fn findings(self, is_ours: bool) -> Vec<String> {
        let path = &self.file.path;
        // Another engine may order rows as it likes.
        let mut findings: Vec<String> = self.checked.findings(is_ours).take(MAX_FINDINGS).collect();
        if let Some(id) = self.first_beyond {
            let runs = counted(self.beyond_log, "run is", "runs are");
            findings.push(format!("{path}: {runs} outside the bounds in the log, such as {id}"));
        }
        if let Some(said) = self.file.rows.filter(|said| *said != self.rows) {
            let (found, said) = (thousands(self.rows), thousands(said));
            findings.push(format!("{path}: {found} rows, the log says {said}"));
        }
        findings
    }
}

/// Whether a row lies within what the log says of its file: what a reader skips must hold nothing that it looks for.
fn is_within(file: &DataFile, row: &Row) -> bool {
    let ids = file.ids.as_ref();
    let known = ids.is_none_or(|(least, greatest)| least.as_str() <= row.id && row.id <= greatest.as_str());
    known && (file.first_ms..=file.last_ms).contains(&row.started_at_ms)
}
