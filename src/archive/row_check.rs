//! What must hold of an archive's rows one by one: each by itself, within bounds, and after the one before. Sums and counts are
//! held against manifest or log by those who read them.

use arrow_array::RecordBatch;

use crate::archive::findings::MAX_FINDINGS;
use crate::period::Millis;
use crate::runs::dedup::SeenIds;
use crate::runs::row::{Row, rows_of};

#[derive(Default)]
pub struct RowCheck {
    /// From when until when runs must have started, and the name of that span.
    bounds: Option<((Millis, Millis), &'static str)>,
    last: Option<(Millis, String)>,
    pub seen: SeenIds,
    findings: Vec<RowFinding>,
}

struct RowFinding {
    text: String,
    is_of_order: bool,
}

impl RowCheck {
    /// Of about so many rows, which must have started within bounds of this name.
    pub fn new(rows: u64, bounds: Option<(Millis, Millis)>, name: &'static str) -> RowCheck {
        RowCheck::with_seen(SeenIds::with_capacity(rows), bounds, name)
    }

    /// Of rows that follow others, whose IDs have been seen.
    pub fn with_seen(seen: SeenIds, bounds: Option<(Millis, Millis)>, name: &'static str) -> RowCheck {
        RowCheck {
            bounds: bounds.map(|bounds| (bounds, name)),
            last: None,
            seen,
            findings: Vec::new(),
        }
    }

    /// Checks the rows of a batch by what each has to be, of which `see` is told too.
    pub fn add_rows(&mut self, path: &str, batch: &RecordBatch, mut see: impl FnMut(&mut RowCheck, &Row)) {
        self.seen.add_rows(batch);
        for row in rows_of(batch) {
            self.add(path, &row);
            see(self, &row);
        }
    }

    fn add(&mut self, path: &str, row: &Row) {
        let (at, id) = (row.started_at_ms, row.id);
        let is_beyond = |(from, to): (Millis, Millis)| !(from..to).contains(&at);
        let beyond = self.bounds.filter(|(bounds, _)| is_beyond(*bounds));
        let is_out_of_order = match &mut self.last {
            Some((last, last_id)) => {
                let is_out_of_order = (*last, last_id.as_str()) >= (at, id);
                *last = at;
                last_id.replace_range(.., id);
                is_out_of_order
            }
            None => {
                self.last = Some((at, id.to_string()));
                false
            }
        };
        let fault = row.fault();
        if self.is_full() || (fault.is_none() && beyond.is_none() && !is_out_of_order) {
            return;
        }
        let of_row = |what: &str, is_of_order| RowFinding {
            text: format!("{path}: run {id} {what}"),
            is_of_order,
        };
        self.findings.extend(fault.map(|fault| of_row(fault, false)));
        self.findings
            .extend(beyond.map(|(_, name)| of_row(&format!("started outside {name}"), false)));
        if is_out_of_order {
            self.findings.push(of_row("is not in order of started_at and id", true));
        }
    }

    /// Whether further findings are left out.
    pub fn is_full(&self) -> bool {
        self.findings.len() >= MAX_FINDINGS
    }

    pub fn note(&mut self, finding: String) {
        self.findings.push(RowFinding {
            text: finding,
            is_of_order: false,
        });
    }

    /// With those about the order of rows, if it is `ordered` that they must be.
    pub fn findings(self, ordered: bool) -> impl Iterator<Item = String> {
        let findings = self
            .findings
            .into_iter()
            .filter(move |finding| ordered || !finding.is_of_order);
        findings.map(|finding| finding.text)
    }
}
