//! Where a report goes: to stdout in one format, or into a folder in several.

use std::io::{BufWriter, Write};

use arrow_array::RecordBatch;

use crate::archive::{Archive, ArchiveInfo};
use crate::cli::{ReportArgs, ReportFormat};
use crate::commands::assemble::files::{REPORT_HTML, REPORT_JSON, REPORT_MD};
use crate::commands::report::focus::Focus;
use crate::commands::report::folder::Folder;
use crate::context::blocking::Stop;
use crate::context::terminal::print;
use crate::error::{Error, Result};
use crate::output::report_csv::{csv_name, write_csv};
use crate::report::terminal::Look;
use crate::report::xlsx::{Book, REPORT_XLSX};
use crate::report::{Report, html, json, markdown, terminal};
use crate::runs::column_set::ColumnSet;
use crate::text::{counted, labelled};

/// Where to, and in which formats.
pub struct Output {
    formats: Vec<ReportFormat>,
    /// Before the folder: its thread has to end before its files are cleared away.
    focus: Option<Focus>,
    folder: Option<Folder>,
    look: Look,
    quiet: bool,
    /// The columns of the workbook's sheet of runs, if it is wanted.
    runs: Option<ColumnSet>,
}

impl Output {
    /// Makes ready; exit 2 where formats and place don't go together, exit 6 where nothing may be written there.
    pub fn open(args: &ReportArgs, held: &ArchiveInfo, columns: &ColumnSet, look: Look) -> Result<Output> {
        let mut formats: Vec<ReportFormat> = Vec::new();
        for format in &args.format {
            if !formats.contains(format) {
                formats.push(*format);
            }
        }
        let needs_folder = |format: &ReportFormat| matches!(format, ReportFormat::Xlsx | ReportFormat::Focus);
        if args.out.is_none() && (formats.len() > 1 || formats.iter().any(needs_folder)) {
            return Err(Error::Usage(
                "stdout takes one format, and no workbook or FOCUS: give a folder with --out DIR".into(),
            ));
        }
        if args.with_runs && !formats.contains(&ReportFormat::Xlsx) {
            return Err(Error::Usage(
                "--with-runs is about the workbook: give --format xlsx".into(),
            ));
        }
        let mut folder = args.out.as_deref().map(Folder::open).transpose()?;
        let focus = match &mut folder {
            Some(folder) if formats.contains(&ReportFormat::Focus) => Some(Focus::begin(folder, held, columns)?),
            _ => None,
        };
        Ok(Output {
            formats,
            folder,
            focus,
            look,
            quiet: args.quiet,
            runs: args.with_runs.then(|| columns.clone()),
        })
    }

    /// Whether rows must have more than what reports are made from.
    pub fn wants_all_columns(&self) -> bool {
        self.focus.is_some()
    }

    /// Takes rows of the period as they go by, for the formats that hold them.
    pub fn rows(&mut self, rows: &RecordBatch) -> Result<()> {
        match &mut self.focus {
            Some(focus) => focus.write(rows),
            None => Ok(()),
        }
    }

    /// Writes everything, to be published.
    pub fn write(mut self, report: &Report, archive: &dyn Archive, stop: &Stop) -> Result<Written> {
        let Some(mut folder) = self.folder.take() else {
            let text = text(self.formats[0], report, self.look)?;
            stop.check()?;
            return Ok(Written::Text(text));
        };
        for format in &self.formats {
            match format {
                ReportFormat::Csv => {
                    for table in report.tables() {
                        let text = write_csv(&table, Vec::new()).map_err(|error| Error::Other(error.into()))?;
                        folder.write(&csv_name(&table), &text)?;
                    }
                }
                ReportFormat::Focus => {}
                ReportFormat::Xlsx => self.workbook(&mut folder, report, archive, stop)?,
                format => folder.write(file_name(*format), text(*format, report, Look::Plain)?.as_bytes())?,
            }
        }
        if let Some(focus) = self.focus.take() {
            focus.finish(report)?;
        }
        stop.check()?;
        Ok(Written::Folder {
            folder,
            quiet: self.quiet,
        })
    }

    /// The workbook, with its sheet of runs if that is wanted.
    fn workbook(&self, folder: &mut Folder, report: &Report, archive: &dyn Archive, stop: &Stop) -> Result<()> {
        let file = folder.create(REPORT_XLSX)?;
        let mut book = Book::new(report, &folder.path)?;
        if let Some(columns) = &self.runs {
            let mut sheet = book.runs(columns.clone())?;
            archive.reread(&report.facts.period, columns, &mut |rows| {
                stop.check()?;
                sheet.write(rows)
            })?;
            book.add_runs(sheet)?;
        }
        let mut file = BufWriter::new(file);
        book.save(&mut file)?;
        file.flush()
            .map_err(|error| Error::output("write", &folder.path.join(REPORT_XLSX), error))
    }
}

/// A report that is written, and that nobody sees yet.
pub enum Written {
    /// To be printed.
    Text(String),
    /// Files that wait for their names.
    Folder { folder: Folder, quiet: bool },
}

impl Written {
    /// Prints it, or gives every file its name.
    pub fn publish(self) -> Result<()> {
        let (folder, quiet) = match self {
            Written::Text(text) => return print(&text),
            Written::Folder { folder, quiet } => (folder, quiet),
        };
        let shown = folder.path.display().to_string();
        let files = folder.finish()?;
        if quiet {
            return Ok(());
        }
        let count = counted(files.len() as u64, "file", "files");
        let wrote = format!("Wrote {count} into {shown}: {}", files.join(", "));
        print(&(labelled("", &wrote, 0, terminal::WIDTH) + "\n"))
    }
}

/// A format of text.
fn text(format: ReportFormat, report: &Report, look: Look) -> Result<String> {
    Ok(match format {
        ReportFormat::Terminal => terminal::render(report, look),
        ReportFormat::Md => markdown::render(report),
        ReportFormat::Json => json::render(report),
        ReportFormat::Csv => match report.tables().as_slice() {
            [table] => {
                let text = write_csv(table, Vec::new()).map_err(|error| Error::Other(error.into()))?;
                String::from_utf8_lossy(&text).into_owned()
            }
            tables => {
                let names: Vec<&str> = tables.iter().map(|table| &*table.name).collect();
                return Err(Error::Usage(format!(
                    "CSV on stdout is one report: name one with --only or --by, or give --out DIR; there are {}",
                    names.join(", ")
                )));
            }
        },
        ReportFormat::Html => html::render(report),
        // These are no text, and go into a folder.
        ReportFormat::Xlsx | ReportFormat::Focus => String::new(),
    })
}

/// The file of a format that has one.
fn file_name(format: ReportFormat) -> &'static str {
    match format {
        ReportFormat::Terminal => "report.txt",
        ReportFormat::Md => REPORT_MD,
        ReportFormat::Html => REPORT_HTML,
        ReportFormat::Xlsx => REPORT_XLSX,
        ReportFormat::Json => REPORT_JSON,
        ReportFormat::Csv | ReportFormat::Focus => "",
    }
}
