//! A reconciliation as files for people and programs: page, workbook, JSON, text. All are whole before one has its name.

use std::io::{BufWriter, Write};
use std::path::Path;

use crate::commands::reconcile::Reconciled;
use crate::commands::report::folder::{ReportFolder, ReportModes};
use crate::error::{Error, Result};
use crate::output::names::{RECONCILE_HTML, RECONCILE_JSON, RECONCILE_TXT, RECONCILE_XLSX};
use crate::report::reconcile::{json, terminal};
use crate::report::terminal::{TextStyle, WIDTH};
use crate::report::{Report, html, xlsx};
use crate::text::{counted, wrap_labelled};

/// Writes them into a folder; the line that says so.
pub fn write(reconciled: Reconciled, out: &Path) -> Result<String> {
    // No file tells of a single run or person.
    let modes = ReportModes {
        chosen: None,
        are_personal: false,
    };
    let mut folder = ReportFolder::open(out, modes)?;
    let Reconciled {
        reconciliation,
        facts,
        figures,
        usage,
    } = reconciled;
    folder.write(RECONCILE_JSON, json::render(&reconciliation).as_bytes())?;
    folder.write(
        RECONCILE_TXT,
        terminal::render(&reconciliation, TextStyle::Plain).as_bytes(),
    )?;
    let report = Report::of_reconciliation(reconciliation, facts, figures, usage);
    folder.write(RECONCILE_HTML, html::render(&report).as_bytes())?;
    let mut file = BufWriter::new(folder.create(RECONCILE_XLSX)?);
    xlsx::write(&report, &folder.path, &mut file)?;
    file.flush()
        .map_err(|error| Error::output("write", &folder.path.join(RECONCILE_XLSX), error))?;
    drop(file);
    let shown = folder.path.display().to_string();
    let written = folder.finish()?.written;
    let files = counted(written.len() as u64, "file", "files");
    let line = format!("Wrote {files} into {shown}: {}", written.join(", "));
    Ok(wrap_labelled("", &line, 0, WIDTH) + "\n")
}
