//! `export --together DIR`: after the exports of several accounts, one report of all of them, in a folder that is replaced at once.

use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::archive;
use crate::archive::ArchiveOpener;
use crate::archive::address::ArchiveAddress;
use crate::cli::{ExportArgs, ReportFormat};
use crate::commands::folder_name;
use crate::commands::report::fold::ReportScope;
use crate::commands::report::folder::check_no_archive;
use crate::commands::report::output::write_texts;
use crate::commands::report::several;
use crate::commands::together::{MissingAccount, TogetherArchives, TogetherScope};
use crate::context::blocking::CancelFlag;
use crate::context::terminal::warn;
use crate::disk::ONE_PARENT;
use crate::error::{Error, Result};
use crate::leftovers::is_leftover;
use crate::output::modes::Modes;
use crate::output::names::{REPORT_HTML, REPORT_JSON, REPORT_MD, REPORT_XLSX, SUMMARY_TXT};
use crate::output::publish::{Destination, OutputState};
use crate::output::report_csv::ReportCsvForm;
use crate::paths;
use crate::paths::names_store;
use crate::report::caveat::Caveat;
use crate::report::run_filter::RunFilter;
use crate::report::xlsx;
use crate::runs::row::columns_of_rows;

/// All that an export has beside its rows.
const FORMATS: [ReportFormat; 5] = [
    ReportFormat::Csv,
    ReportFormat::Html,
    ReportFormat::Json,
    ReportFormat::Md,
    ReportFormat::Summary,
];

/// Where one report of all accounts goes, and how it is written.
#[derive(Debug, Clone)]
pub struct TogetherFolder {
    out: PathBuf,
    report_csv: ReportCsvForm,
    mode: Option<u32>,
    umask: u32,
}

/// What became of the accounts' exports.
#[derive(Debug, Default)]
pub struct ExportedAccounts {
    /// The exports, of each account once.
    pub paths: Vec<PathBuf>,
    pub missing: Vec<MissingAccount>,
    /// What is to be said of accounts that turned out to be one.
    pub shared: Vec<Caveat>,
}

impl TogetherFolder {
    /// What was asked for, if it was: exit 2 or 6 where it can't be done, before anything is fetched.
    pub fn of(args: &ExportArgs, umask: u32) -> Result<Option<TogetherFolder>> {
        let Some(out) = &args.together else { return Ok(None) };
        if names_store(out) || args.out.as_deref().is_some_and(names_store) {
            return Err(Error::usage(
                "--together works only with folders: use one for it, and for --out",
            ));
        }
        folder_name::check(out, "--together writes a folder of several files")?;
        check_no_archive(&paths::resolve(out), out)?;
        check_replaceable(out, Destination::check(out, ONE_PARENT)?)?;
        Ok(Some(TogetherFolder {
            out: out.clone(),
            report_csv: args.report_csv.form()?,
            mode: args.mode,
            umask,
        }))
    }

    pub fn path(&self) -> &Path {
        &self.out
    }

    /// Reads the exports and publishes the report of all of them; says in a few words what it is of.
    pub fn publish(&self, exported: &ExportedAccounts, stop: &CancelFlag) -> Result<String> {
        archive::read(|opening| self.publish_once(opening, exported, stop))
    }

    fn publish_once(&self, opening: &ArchiveOpener, exported: &ExportedAccounts, stop: &CancelFlag) -> Result<String> {
        let paths: Vec<ArchiveAddress> = exported.paths.iter().cloned().map(ArchiveAddress::Path).collect();
        let scope = TogetherScope {
            spec: None,
            // Of accounts whose days are of several time zones, those of the first count.
            timezone: match paths.first() {
                Some(path) => Some(opening.open(path, None)?.info()?.period.timezone),
                None => None,
            },
            as_of: None,
        };
        let mut archives = TogetherArchives::open(opening, &paths, scope)?;
        let columns = archives.columns.clone();
        let scope = ReportScope {
            period: archives.period.clone(),
            groups: several::own_groups(&archives),
            has_other_groups: true,
            only: RunFilter::default(),
            has_accounts: true,
            by: Vec::new(),
        };
        let wanted = columns_of_rows(&columns);
        let mut report = several::fold(&mut archives, &scope, &wanted, &exported.missing, stop)?;
        report.facts.caveats.extend(exported.shared.iter().cloned());

        let mut destination = Destination::acquire(&self.out, ONE_PARENT)?;
        destination.warning().iter().for_each(|warning| warn(warning));
        check_replaceable(&self.out, destination.state())?;
        let staging = destination.stage()?;
        let failed = |name: &str, error| Error::output("write", &self.out.join(name), error);
        write_texts(&report, &FORMATS, self.report_csv, &mut |name, text| {
            let mut file = staging.create(name)?;
            file.write_all(text).map_err(|error| failed(name, error))
        })?;
        let mut workbook = BufWriter::new(staging.create(REPORT_XLSX)?);
        xlsx::write(&report, staging.path(), &mut workbook)?;
        workbook.flush().map_err(|error| failed(REPORT_XLSX, error))?;
        staging.sync()?;
        stop.check()?;
        let modes = Modes::new(self.mode, self.umask, columns.has_personal());
        staging.publish(modes)?.iter().for_each(|warning| warn(warning));
        Ok(report.facts.accounts_in_words())
    }
}

/// Exit 6 where something else would go: only a report of before may be replaced.
fn check_replaceable(out: &Path, state: OutputState) -> Result<()> {
    if state != OutputState::Occupied {
        return Ok(());
    }
    let failed = |error| Error::output("read", out, error);
    let mut has_report = false;
    for entry in fs::read_dir(out).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_file = entry.file_type().map_err(failed)?.is_file();
        let is_known = [REPORT_HTML, REPORT_JSON, REPORT_MD, REPORT_XLSX, SUMMARY_TXT].contains(&name.as_str());
        has_report |= name == REPORT_JSON;
        if !is_leftover(&name) && !(is_file && (is_known || name.ends_with(".csv"))) {
            return Err(is_other(out, &name));
        }
    }
    match has_report {
        true => Ok(()),
        false => Err(is_other(out, "no report.json")),
    }
}

fn is_other(out: &Path, found: &str) -> Error {
    Error::Output(format!(
        "--together {} is not a report that may be replaced (it has {found}): use another folder, or remove it",
        out.display()
    ))
}
