//! In which formats a report is written: those of `--format`, else the one that the name of the file in `--out` stands for.
//! Whether they go together with the place and other options is decided here, before anything is read.

use std::path::Path;

use crate::cli::{ReportArgs, ReportFormat};
use crate::commands::folder_name;
use crate::error::{Error, Result};

pub struct Formats {
    /// At least one, each once.
    pub all: Vec<ReportFormat>,
    /// Whether `--out` names a file, of the only format.
    pub are_of_a_file: bool,
}

impl Formats {
    /// Exit 2 where formats don't go together with each other, the place or other options.
    pub fn new(args: &ReportArgs) -> Result<Formats> {
        let mut all: Vec<ReportFormat> = Vec::new();
        for format in &args.format {
            if !all.contains(format) {
                all.push(*format);
            }
        }
        let of_file = args.out.as_deref().map_or(Ok(None), |out| format_of_file(out, args))?;
        match of_file {
            Some(format) if all.is_empty() => all.push(format),
            None if all.is_empty() => all.push(ReportFormat::Terminal),
            _ => {}
        }
        if let (Some(out), Some(format)) = (&args.out, of_file)
            && !fits(format, &all)
        {
            let out = out.display();
            return Err(Error::Usage(format!(
                "--out {out} names one file of the format {}, which is not what --format says: remove --format, or use --out {out}/ \
                 for a folder of that name",
                name(format)
            )));
        }
        check(args, &all)?;
        Ok(Formats {
            all,
            are_of_a_file: of_file.is_some(),
        })
    }
}

/// The format that the name of a file stands for; none of a folder's name, exit 2 where no single report has it.
fn format_of_file(out: &Path, args: &ReportArgs) -> Result<Option<ReportFormat>> {
    Ok(Some(match folder_name::file_ending(out) {
        Some("csv") => ReportFormat::Csv,
        Some("html") => ReportFormat::Html,
        Some("json") => ReportFormat::Json,
        Some("md") => ReportFormat::Md,
        // The summary has no reports to choose.
        Some("txt") if args.by.is_empty() && args.only.is_empty() => ReportFormat::Summary,
        Some("txt") => ReportFormat::Terminal,
        Some("xlsx") => ReportFormat::Xlsx,
        Some(_) => {
            let why = "no report is one such file (--format focus writes several)";
            return folder_name::check(out, why).map(|()| None);
        }
        None => return Ok(None),
    }))
}

/// Whether the formats that were chosen are that of the file alone.
fn fits(format: ReportFormat, chosen: &[ReportFormat]) -> bool {
    let is_text = |format| matches!(format, ReportFormat::Summary | ReportFormat::Terminal);
    match chosen {
        [one] => *one == format || (is_text(*one) && is_text(format)),
        _ => false,
    }
}

fn name(format: ReportFormat) -> &'static str {
    match format {
        ReportFormat::Terminal => "terminal",
        ReportFormat::Summary => "summary",
        ReportFormat::Md => "md",
        ReportFormat::Html => "html",
        ReportFormat::Xlsx => "xlsx",
        ReportFormat::Json => "json",
        ReportFormat::Csv => "csv",
        ReportFormat::Focus => "focus",
    }
}

fn check(args: &ReportArgs, formats: &[ReportFormat]) -> Result<()> {
    let needs_folder = |format: &ReportFormat| matches!(format, ReportFormat::Xlsx | ReportFormat::Focus);
    if args.out.is_none() && (formats.len() > 1 || formats.iter().any(needs_folder)) {
        return Err(Error::Usage(
            "stdout can have only one format, and neither xlsx nor focus: give a folder with --out DIR".into(),
        ));
    }
    if args.with_runs && !formats.contains(&ReportFormat::Xlsx) {
        return Err(Error::Usage(
            "--with-runs works only with the workbook: add --format xlsx".into(),
        ));
    }
    let focus = args.focus.first_set();
    if let Some(option) = focus.filter(|_| !formats.contains(&ReportFormat::Focus)) {
        return Err(Error::Usage(format!(
            "{option} works only with FOCUS: add --format focus"
        )));
    }
    if formats.contains(&ReportFormat::Summary) && !(args.by.is_empty() && args.only.is_empty()) {
        return Err(Error::Usage(
            "--format summary has no reports that --by or --only could select: use another format".into(),
        ));
    }
    Ok(())
}
