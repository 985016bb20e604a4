//! Where a report goes: to stdout in one format, or into a folder in several. A file appears under its name when it is whole,
//! and never in an export.

use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;

use crate::cli::{ReportArgs, ReportFormat};
use crate::error::{Error, Result};
use crate::jobs::files::{REPORT_HTML, REPORT_JSON, REPORT_MD, csv_name, csv_text};
use crate::jobs::part::{period_of, rows_again, within};
use crate::jobs::print;
use crate::output::focus::{FOCUS_CSV, FOCUS_MISSING_CSV, FOCUS_PARQUET, FocusContext, FocusCounts, FocusFiles};
use crate::output::manifest::{MANIFEST, Manifest};
use crate::period::parse_instant;
use crate::report::terminal::Look;
use crate::report::xlsx::{Book, REPORT_XLSX};
use crate::report::{Report, html, json, markdown, terminal};
use crate::runs::chosen::Chosen;
use crate::text::{counted, labelled, thousands};

/// Where to, and in which formats.
pub(super) struct Output {
    formats: Vec<ReportFormat>,
    folder: Option<Folder>,
    focus: Option<FocusFiles<File>>,
    look: Look,
    quiet: bool,
    /// Of the workbook's sheet of runs, if it is wanted: where they are, and their columns.
    runs: Option<(PathBuf, Manifest, Chosen)>,
}

impl Output {
    /// Makes ready; exit 2 where formats and place don't go together, exit 6 where nothing may be written there.
    pub(super) fn open(args: &ReportArgs, manifest: &Manifest, columns: &Chosen, look: Look) -> Result<Output> {
        let mut formats = args.format.clone();
        formats.dedup();
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
        let mut folder = args
            .out
            .as_deref()
            .map(|out| Folder::open(out, &args.path))
            .transpose()?;
        let focus = match &mut folder {
            Some(folder) if formats.contains(&ReportFormat::Focus) => Some(focus(folder, args, manifest, columns)?),
            _ => None,
        };
        Ok(Output {
            formats,
            folder,
            focus,
            look,
            quiet: args.quiet,
            runs: args
                .with_runs
                .then(|| (args.path.clone(), manifest.clone(), columns.clone())),
        })
    }

    /// Takes rows of the period as they go by, for the formats that hold them.
    pub(super) fn rows(&mut self, rows: &RecordBatch) -> Result<()> {
        match &mut self.focus {
            Some(focus) => focus.write(rows),
            None => Ok(()),
        }
    }

    /// Writes everything; to stdout, or under its names.
    pub(super) fn write(mut self, report: &Report) -> Result<()> {
        let Some(mut folder) = self.folder.take() else {
            return print(&self.text(self.formats[0], report)?);
        };
        for format in &self.formats {
            match format {
                ReportFormat::Csv => {
                    for table in report.tables() {
                        let text = csv_text(&table).map_err(|error| Error::Other(error.into()))?;
                        folder.write(&csv_name(&table), &text)?;
                    }
                }
                ReportFormat::Focus => {}
                ReportFormat::Xlsx => self.workbook(&mut folder, report)?,
                format => folder.write(file_name(*format), self.text(*format, report)?.as_bytes())?,
            }
        }
        let declared = match self.focus.take() {
            Some(focus) => declared(&focus.finish()?.counts),
            None => String::new(),
        };
        let shown = folder.path.display().to_string();
        let files = folder.finish()?;
        if self.quiet {
            return Ok(());
        }
        let count = counted(files.len() as u64, "file", "files");
        print(
            &(declared
                + &labelled(
                    "",
                    &format!("Wrote {count} into {shown}: {}", files.join(", ")),
                    0,
                    terminal::WIDTH,
                )
                + "\n"),
        )
    }

    /// The workbook, with its sheet of runs if that is wanted.
    fn workbook(&self, folder: &mut Folder, report: &Report) -> Result<()> {
        let file = folder.create(REPORT_XLSX)?;
        let mut book = Book::new(report, &folder.path)?;
        if let Some((export, manifest, columns)) = &self.runs {
            let mut sheet = book.runs(columns.clone())?;
            rows_again(export, manifest, |batch| {
                sheet.write(&within(batch, &report.facts.period))
            })?;
            book.add_runs(sheet)?;
        }
        book.save(BufWriter::new(file))
    }

    fn text(&self, format: ReportFormat, report: &Report) -> Result<String> {
        Ok(match format {
            ReportFormat::Terminal => {
                terminal::render(report, if self.folder.is_some() { Look::Plain } else { self.look })
            }
            ReportFormat::Md => markdown::render(report),
            ReportFormat::Json => json::render(report),
            ReportFormat::Csv => match report.tables().as_slice() {
                [table] => csv_text(table)
                    .ok()
                    .and_then(|text| String::from_utf8(text).ok())
                    .unwrap_or_default(),
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
}

/// The files of FOCUS, begun.
fn focus(folder: &mut Folder, args: &ReportArgs, manifest: &Manifest, columns: &Chosen) -> Result<FocusFiles<File>> {
    let period = period_of(manifest, &args.path)?;
    let context = FocusContext {
        account: manifest.account.clone(),
        source: manifest.source,
        queried_at_ms: parse_instant(&manifest.queried_at).unwrap_or_default(),
        billing_cycle: manifest.is_billing_cycle.then_some((period.from, period.requested_to)),
    };
    let [csv, parquet, missing] = [FOCUS_CSV, FOCUS_PARQUET, FOCUS_MISSING_CSV].map(|name| folder.create(name));
    FocusFiles::new(&context, &columns.schema(), csv?, parquet?, missing?)
}

/// What FOCUS can't hold, if anything.
fn declared(counts: &FocusCounts) -> String {
    let runs = counts.missing_unknown + counts.missing_unfinished;
    if runs == 0 {
        return String::new();
    }
    let usage = match counts.missing_unfinished {
        0 => String::new(),
        _ => format!(", {} of usage", counts.missing_usage.dollars()),
    };
    let text = format!(
        "Not in {FOCUS_CSV}: {} ({} without a cost, {} not finished{usage}), in {FOCUS_MISSING_CSV}",
        counted(runs, "run", "runs"),
        thousands(counts.missing_unknown),
        thousands(counts.missing_unfinished)
    );
    labelled("", &text, 0, terminal::WIDTH) + "\n"
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

/// A folder that files are put into, each when all are whole.
struct Folder {
    path: PathBuf,
    /// Names of files that are being written, as hidden siblings of theirs.
    names: Vec<String>,
}

impl Folder {
    /// The folder at `out`, made if it isn't there; exit 6 if it is an export, or lies in this one.
    fn open(out: &Path, export: &Path) -> Result<Folder> {
        let failed = |error| Error::output("write into", out, error);
        let existing = out.ancestors().find(|path| path.exists());
        let existing = existing
            .map_or_else(|| Path::new(".").canonicalize(), Path::canonicalize)
            .map_err(failed)?;
        let export = export.canonicalize().map_err(failed)?;
        let is_export = Manifest::read(out).is_ok() || existing.ancestors().any(|path| Manifest::read(path).is_ok());
        if existing.starts_with(&export) || is_export {
            return Err(Error::Output(format!(
                "{} is (in) an export, which holds nothing but what its {MANIFEST} lists: name another --out",
                out.display()
            )));
        }
        fs::create_dir_all(out).map_err(failed)?;
        Ok(Folder {
            path: out.to_path_buf(),
            names: Vec::new(),
        })
    }

    fn hidden(&self, name: &str) -> PathBuf {
        self.path.join(format!(".{name}.partial"))
    }

    /// A new file; it holds what runs tell of people, so it is the owner's alone.
    fn create(&mut self, name: &str) -> Result<File> {
        let path = self.hidden(name);
        let failed = |error| Error::output("write", &path, error);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        let file = OpenOptions::new()
            .write(true)
            .read(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(failed)?;
        self.names.push(name.into());
        Ok(file)
    }

    fn write(&mut self, name: &str, text: &[u8]) -> Result<()> {
        let path = self.hidden(name);
        let mut file = self.create(name)?;
        file.write_all(text)
            .map_err(|error| Error::output("write", &path, error))
    }

    /// Gives every file its name; the names in order.
    fn finish(mut self) -> Result<Vec<String>> {
        let names = std::mem::take(&mut self.names);
        for name in &names {
            let (hidden, path) = (self.hidden(name), self.path.join(name));
            let synced = File::open(&hidden).and_then(|file| file.sync_all());
            synced
                .and_then(|()| fs::rename(&hidden, &path))
                .map_err(|error| Error::output("write", &path, error))?;
        }
        Ok(names)
    }
}

impl Drop for Folder {
    /// What isn't whole goes.
    fn drop(&mut self) {
        for name in &self.names {
            let _ = fs::remove_file(self.hidden(name));
        }
    }
}
