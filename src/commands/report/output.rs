//! Where a report goes: to stdout or into a file in one format, or into a folder in several.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use arrow_array::RecordBatch;

use crate::archive::{Archive, ArchiveInfo};
use crate::cli::{ReportArgs, ReportFormat};
use crate::commands::report::file::ReportFile;
use crate::commands::report::focus::FocusThread;
use crate::commands::report::focus_parts::listed;
use crate::commands::report::folder::{PublishedFiles, ReportFolder, ReportModes};
use crate::commands::report::format::Formats;
use crate::commands::report::row_selection::RowSelection;
use crate::context::blocking::CancelFlag;
use crate::context::terminal::print;
use crate::error::{Error, Result};
use crate::output::names::{REPORT_HTML, REPORT_JSON, REPORT_MD, REPORT_TXT, REPORT_XLSX, SUMMARY_TXT};
use crate::output::report_csv::{ReportCsvForm, csv_name, write_csv};
use crate::paths::folder_of;
use crate::report::terminal::TerminalLook;
use crate::report::xlsx::Book;
use crate::report::{Report, html, json, markdown, summary_text, terminal};
use crate::runs::column_set::ColumnSet;
use crate::text::{counted, wrap_labelled};

pub struct ReportOutput {
    formats: Formats,
    /// Before the place: its thread has to end before the folder's files are cleared away.
    focus: Option<FocusThread>,
    place: ReportPlace,
    look: TerminalLook,
    report_csv: ReportCsvForm,
    selection: RowSelection,
    /// The columns of the workbook's sheet of runs, if it is wanted.
    runs: Option<ColumnSet>,
}

impl ReportOutput {
    /// Creates the files; exit 2 where formats and place don't go together, exit 6 where nothing may be written there.
    pub fn open(
        args: &ReportArgs,
        held: &ArchiveInfo,
        columns: &ColumnSet,
        selection: RowSelection,
        look: TerminalLook,
    ) -> Result<ReportOutput> {
        let formats = Formats::new(args)?;
        let report_csv = args.report_csv.form()?;
        let modes = ReportModes {
            chosen: args.mode,
            are_personal: columns.has_personal(),
        };
        let mut place = match args.out.as_deref() {
            None => ReportPlace::Stdout,
            Some(out) if formats.are_of_a_file => ReportPlace::File(ReportFile::create(out, modes)?),
            Some(out) => ReportPlace::Folder(ReportFolder::open(out, modes)?),
        };
        let focus = match &mut place {
            ReportPlace::Folder(folder) if formats.all.contains(&ReportFormat::Focus) => {
                Some(FocusThread::start(folder, held, columns, &args.focus)?)
            }
            _ => None,
        };
        Ok(ReportOutput {
            formats,
            place,
            focus,
            look,
            selection,
            report_csv,
            runs: args.with_runs.then(|| columns.clone()),
        })
    }

    /// Whether rows must have more columns than reports are made from.
    pub fn wants_all_columns(&self) -> bool {
        self.focus.is_some()
    }

    /// Whether nothing is shown but the summary.
    pub fn is_summary_alone(&self, args: &ReportArgs) -> bool {
        let is_text = |format: &ReportFormat| matches!(format, ReportFormat::Terminal | ReportFormat::Summary);
        self.formats.all.iter().all(is_text) && args.by.is_empty() && args.only.is_empty()
    }

    /// Rows that follow are of this archive.
    pub fn turn_to(&mut self, held: &ArchiveInfo) -> Result<()> {
        if let Some(rules) = &mut self.selection.rules {
            rules.turn_to(Some(&held.whose()));
        }
        self.focus.as_mut().map_or(Ok(()), |focus| focus.turn_to(held))
    }

    /// Takes the rows of the period, for the formats that hold them.
    pub fn rows(&mut self, rows: &RecordBatch) -> Result<()> {
        match &mut self.focus {
            Some(focus) => focus.write(&self.selection.of(rows)?),
            None => Ok(()),
        }
    }

    /// Writes everything, to be published.
    /// `archive` has the rows of the workbook's sheet of runs.
    pub fn write(
        mut self,
        report: &Report,
        archive: Option<&dyn Archive>,
        stop: &CancelFlag,
    ) -> Result<UnpublishedReport> {
        let format = self.formats.all[0];
        match std::mem::replace(&mut self.place, ReportPlace::Stdout) {
            ReportPlace::Stdout => {
                let text = text(format, report, self.look, self.report_csv)?;
                stop.check()?;
                Ok(UnpublishedReport::Text(text))
            }
            ReportPlace::File(mut file) => {
                if format == ReportFormat::Xlsx {
                    self.workbook(file.handle()?, file.path(), report, archive, stop)?;
                } else {
                    file.write(text(format, report, TerminalLook::PLAIN, self.report_csv)?.as_bytes())?;
                }
                file.check_replaceable()?;
                stop.check()?;
                Ok(UnpublishedReport::File(file))
            }
            ReportPlace::Folder(folder) => self.write_folder(folder, report, archive, stop),
        }
    }

    fn write_folder(
        mut self,
        mut folder: ReportFolder,
        report: &Report,
        archive: Option<&dyn Archive>,
        stop: &CancelFlag,
    ) -> Result<UnpublishedReport> {
        let formats = self.formats.all.clone();
        write_texts(report, &formats, self.report_csv, &mut |name, text| {
            folder.write(name, text)
        })?;
        if formats.contains(&ReportFormat::Xlsx) {
            let file = folder.create(REPORT_XLSX)?;
            let path = folder.path.join(REPORT_XLSX);
            self.workbook(file, &path, report, archive, stop)?;
        }
        if let Some(focus) = self.focus.take() {
            focus.finish(report, &mut folder)?;
        }
        stop.check()?;
        Ok(UnpublishedReport::Folder(folder))
    }

    /// The workbook, with its sheet of runs if that is wanted.
    fn workbook(
        &mut self,
        file: File,
        path: &Path,
        report: &Report,
        archive: Option<&dyn Archive>,
        stop: &CancelFlag,
    ) -> Result<()> {
        let mut book = Book::new(report, folder_of(path))?;
        let selection = &mut self.selection;
        if let Some((columns, archive)) = self.runs.as_ref().zip(archive) {
            let mut sheet = book.runs(columns.clone())?;
            archive.reread(&report.facts.period, columns, &mut |rows| {
                stop.check()?;
                sheet.write(&selection.of(rows)?)
            })?;
            book.add_runs(sheet)?;
        }
        let mut file = BufWriter::new(file);
        book.save(&mut file)?;
        file.flush().map_err(|error| Error::output("write", path, error))
    }
}

enum ReportPlace {
    Stdout,
    File(ReportFile),
    Folder(ReportFolder),
}

/// A report that nobody sees yet.
pub enum UnpublishedReport {
    Text(String),
    /// A file that waits for its name.
    File(ReportFile),
    /// Files that wait for their names.
    Folder(ReportFolder),
}

impl UnpublishedReport {
    /// Prints the text, or gives every file its name.
    pub fn publish(self, quiet: bool) -> Result<()> {
        let folder = match self {
            UnpublishedReport::Text(text) => return print(&text),
            UnpublishedReport::File(file) => {
                let line = format!("Wrote {}", file.path().display());
                file.finish()?;
                return match quiet {
                    true => Ok(()),
                    false => print(&(wrap_labelled("", &line, 0, terminal::WIDTH) + "\n")),
                };
            }
            UnpublishedReport::Folder(folder) => folder,
        };
        let shown = folder.path.display().to_string();
        let PublishedFiles { written, removed } = folder.finish()?;
        if quiet {
            return Ok(());
        }
        let count = counted(written.len() as u64, "file", "files");
        let mut lines = vec![format!("Wrote {count} into {shown}: {}", listed(&written))];
        if !removed.is_empty() {
            lines.push(format!(
                "Removed FOCUS files of an earlier report: {}",
                listed(&removed)
            ));
        }
        let lines = lines
            .iter()
            .map(|line| wrap_labelled("", line, 0, terminal::WIDTH) + "\n");
        print(&lines.collect::<String>())
    }
}

/// Writes the report in those of some formats that are text, by the names of their files.
pub fn write_texts(
    report: &Report,
    formats: &[ReportFormat],
    report_csv: ReportCsvForm,
    write: &mut dyn FnMut(&str, &[u8]) -> Result<()>,
) -> Result<()> {
    for format in formats {
        let name = match format {
            ReportFormat::Csv => {
                for table in report.tables() {
                    let text = write_csv(&table, report_csv, Vec::new()).map_err(|error| Error::Other(error.into()))?;
                    write(&csv_name(&table), &text)?;
                }
                continue;
            }
            ReportFormat::Focus | ReportFormat::Xlsx => continue,
            ReportFormat::Terminal => REPORT_TXT,
            ReportFormat::Summary => SUMMARY_TXT,
            ReportFormat::Md => REPORT_MD,
            ReportFormat::Html => REPORT_HTML,
            ReportFormat::Json => REPORT_JSON,
        };
        write(name, text(*format, report, TerminalLook::PLAIN, report_csv)?.as_bytes())?;
    }
    Ok(())
}

fn text(format: ReportFormat, report: &Report, look: TerminalLook, report_csv: ReportCsvForm) -> Result<String> {
    Ok(match format {
        ReportFormat::Terminal => terminal::render(report, look),
        ReportFormat::Summary => summary_text::render(report),
        ReportFormat::Md => markdown::render(report),
        ReportFormat::Json => json::render(report),
        ReportFormat::Csv => match report.tables().as_slice() {
            [table] => {
                let text = write_csv(table, report_csv, Vec::new()).map_err(|error| Error::Other(error.into()))?;
                String::from_utf8_lossy(&text).into_owned()
            }
            tables => {
                let names: Vec<&str> = tables.iter().map(|table| &*table.name).collect();
                return Err(Error::Usage(format!(
                    "CSV on stdout or in one file can have only one report: select it with --only or --by, or give --out DIR; the reports are {}",
                    names.join(", ")
                )));
            }
        },
        ReportFormat::Html => html::render(report),
        // These are no text, and go into a folder.
        ReportFormat::Xlsx | ReportFormat::Focus => String::new(),
    })
}
