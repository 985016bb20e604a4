//! A lake's files against its log: that each is there, has the bytes, the rows and the bounds that the log says, that each
//! month holds what the last commit left, and that the whole table holds no run twice.

use std::collections::{BTreeMap, BTreeSet};

use crate::archive::findings::{sums, untrusted};
use crate::archive::lake::file_check::FileCheck;
use crate::archive::row_check::RowCheck;
use crate::archive::{BatchVisitor, Depth, Verification};
use crate::error::Result;
use crate::lake::MonthSums;
use crate::lake::files::month_bounds;
use crate::lake::{DataFile, LakeTable};
use crate::period::Millis;
use crate::provenance::Totals;
use crate::report::measures::Measures;
use crate::runs::column_set::ColumnSet;
use crate::runs::dedup::{SeenIds, Suspects, repeated};
use crate::text::counted;

/// What a lake is held against, as messages name it.
const LOG: &str = "log";

/// Checks a lake, whose syncs have proven something between two instants.
pub fn verify(table: &LakeTable, (from, to): (Millis, Millis), depth: Depth) -> Result<Verification> {
    let mut check = TableCheck {
        depth,
        ..TableCheck::default()
    };
    for file in table.files() {
        check.add(table, file)?;
    }
    check.check_apart(table.files());
    check.check_unique(table)?;
    check.check_months(table);
    let gaps = table.state().unproven(from, to).len() as u64;
    let doubt = (gaps > 0).then(|| format!("{} that no sync has proven", counted(gaps, "gap", "gaps")));
    let notice = table.state().source.notice();
    let (files, totals) = (table.files().len() as u64, Totals::from(&check.totals));
    let notes = check.notes(table);
    let success = format!(
        "{}{}, version {}: {}, {}; all files match the log\n{}",
        notice.map_or(String::new(), |notice| format!("{notice}\n")),
        table.location().shown(),
        table.version(),
        counted(files, "file", "files"),
        sums(&totals, doubt),
        notes.iter().map(|note| format!("Note: {note}\n")).collect::<String>()
    );
    Ok(Verification {
        findings: check.findings,
        success,
        promised_by: LOG,
        notice: notice.map(String::from),
        version: Some(table.version()),
        files,
        proven: gaps == 0,
        totals,
        notes,
    })
}

/// What was read of the table.
#[derive(Default)]
struct TableCheck {
    depth: Depth,
    seen: SeenIds,
    totals: Measures,
    /// What its rows come to, by UTC month.
    months: BTreeMap<String, MonthSums>,
    /// Files whose hash the log doesn't have.
    without_hash: u64,
    /// Paths of files that another engine wrote, or that could not be read: they may overlap others in time.
    foreign: Vec<String>,
    findings: Vec<String>,
}

impl TableCheck {
    fn add(&mut self, table: &LakeTable, file: &DataFile) -> Result<()> {
        let mut wrong = |what: String| self.findings.push(format!("{}: {what}", file.path));
        match table.bytes_of(file)? {
            None => {
                wrong("it is missing; was the table vacuumed?".into());
                self.foreign.push(file.path.clone());
                return Ok(());
            }
            Some(bytes) if bytes != file.bytes => wrong(format!("{bytes} bytes, the log says {}", file.bytes)),
            Some(_) => {}
        }
        self.without_hash += u64::from(file.sha256.is_none());
        if self.depth == Depth::Full
            && let Err(error) = table.location().check_hash(file)
        {
            self.findings.push(error.to_string());
        }
        let mut rows = FileCheck::new(file, std::mem::take(&mut self.seen));
        let totals = &mut self.totals;
        let month = self.months.entry(file.month.clone()).or_default();
        let read = table.rows_of_file(file, |batch| {
            rows.add(batch, totals);
            month.add_rows(batch);
            Ok(())
        });
        self.seen = std::mem::take(&mut rows.checked.seen);
        if !matches!(read, Ok(true)) {
            self.foreign.push(file.path.clone());
        }
        match read {
            Ok(is_ours) => self.findings.extend(rows.findings(is_ours)),
            Err(error) => self.findings.push(error.to_string()),
        }
        Ok(())
    }

    /// Files of this tool don't overlap in time.
    fn check_apart(&mut self, files: &[DataFile]) {
        let is_ours = |file: &&DataFile| !self.foreign.contains(&file.path);
        let ours: Vec<&DataFile> = files.iter().filter(is_ours).collect();
        for pair in ours.windows(2).filter(|pair| pair[1].first_ms <= pair[0].last_ms) {
            let (path, other) = (&pair[1].path, &pair[0].path);
            self.findings
                .push(format!("{path}: its period overlaps the one of {other}"));
        }
    }

    /// Each month holds what the last commit left.
    fn check_months(&mut self, table: &LakeTable) {
        let left = &table.state().months;
        if !table.is_as_committed() || left.is_empty() || !self.findings.is_empty() {
            return;
        }
        self.months.retain(|_, sums| sums.runs > 0);
        let names: BTreeSet<&String> = left.keys().chain(self.months.keys()).collect();
        let shown = |sums: Option<&MonthSums>| {
            let sums = sums.copied().unwrap_or_default();
            let unknown = counted(sums.runs_cost_unknown, "cost", "costs");
            format!(
                "{}, ${}, {unknown} unknown",
                counted(sums.runs, "run", "runs"),
                sums.usage_total_usd
            )
        };
        for month in names {
            let (found, left) = (self.months.get(month), left.get(month));
            if found != left {
                let (found, left) = (shown(found), shown(left));
                self.findings
                    .push(format!("{month}: {found}; after the last commit: {left}"));
            }
        }
    }

    /// What is no fault, and yet to be known.
    fn notes(&self, table: &LakeTable) -> Vec<String> {
        let shown = table.location().shown();
        let foreign = table.foreign_commits().iter().map(|commit| {
            format!(
                "another engine made version {} ({}): rows and dollars may differ from the last sync",
                commit.version, commit.operation
            )
        });
        let without = (self.without_hash > 0).then(|| {
            let all = counted(table.files().len() as u64, "file has", "files have");
            format!(
                "{} of {all} no hash: `apify-runs lake optimize {shown}` adds it",
                self.without_hash
            )
        });
        foreign.chain(without).collect()
    }

    /// No run is there twice: the few that may be are looked for once more.
    fn check_unique(&mut self, table: &LakeTable) -> Result<()> {
        let suspects = std::mem::take(&mut self.seen).suspects();
        if suspects.is_empty() || !self.findings.is_empty() {
            return Ok(());
        }
        let times = times(table, (Millis::MIN, Millis::MAX), &suspects)?;
        self.findings.extend(repeated(&times));
        Ok(())
    }
}

/// Reads the runs of a period, and holds them to what `verify` holds rows to.
pub fn read(table: &LakeTable, edges: (Millis, Millis), columns: &ColumnSet, see: &mut BatchVisitor) -> Result<()> {
    let shown = table.location().shown();
    // By a wrong bound, a file would be passed over.
    let lies_beyond = |file: &&DataFile| {
        month_bounds(&file.month).is_none_or(|(from, to)| file.first_ms < from || file.last_ms >= to)
    };
    if let Some(file) = table.files().iter().find(lies_beyond) {
        let finding = format!("{}: its bounds are outside its month", file.path);
        return Err(untrusted(shown, LOG, &[finding]));
    }
    let rows = table
        .files_of(edges.0, edges.1)
        .into_iter()
        .filter_map(|file| file.rows);
    let mut checked = RowCheck::new(rows.sum(), Some(edges), "the period");
    table.rows(edges, columns, |rows| {
        checked.add_rows(shown, rows, |_, _| ());
        see(rows)
    })?;
    let suspects = std::mem::take(&mut checked.seen).suspects();
    let doubled = if suspects.is_empty() {
        None
    } else {
        repeated(&times(table, edges, &suspects)?)
    };
    let findings: Vec<String> = doubled.into_iter().chain(checked.findings(true)).collect();
    if findings.is_empty() {
        Ok(())
    } else {
        Err(untrusted(shown, LOG, &findings))
    }
}

fn times(table: &LakeTable, edges: (Millis, Millis), suspects: &Suspects) -> Result<BTreeMap<String, u64>> {
    let mut times = BTreeMap::new();
    for batch in table.keys(edges) {
        suspects.count_rows(&batch?, &mut times);
    }
    Ok(times)
}
