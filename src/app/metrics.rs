//! `--metrics-file`: gauges for Prometheus' textfile collector, by account, command and job. The file is replaced at once; what a
//! job didn't learn stays as the last one that did left it, and so do other accounts', commands' and jobs' lines.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use crate::app::exit::AccountResult;
use crate::app::outcome::JobInfo;
use crate::bounded::read_regular;
use crate::disk::{ONE_PARENT, make_parents, reason, set_mode, sync_folder};
use crate::error::{Error, Result};
use crate::output::atomic_file::AtomicFile;
use crate::output::lock::lock_folder;
use crate::paths::folder_of;

/// The most bytes of the file, which holds a few lines an account.
const MAX_BYTES: u64 = 64 << 20;
/// The collector is another user; a job's umask often keeps others out.
const MODE: u32 = 0o644;
/// How long another job may take to write the file.
const LOCK_TIME: Duration = Duration::from_secs(5);

const PREFIX: &str = "apify_runs_";

/// Names behind [`PREFIX`], and what they are. By Prometheus' conventions: base units, no `_total`, since none of them counts on
/// from job to job.
const GAUGES: [(&str, &str); 15] = [
    (
        "last_success_timestamp_seconds",
        "End of the last job that ended with exit code 0, in seconds since the epoch",
    ),
    (
        "last_run_timestamp_seconds",
        "End of the last job, in seconds since the epoch",
    ),
    ("last_exit_code", "Exit code of the last job"),
    (
        "duration_seconds",
        "Duration of the last job for this account, without waiting for other accounts",
    ),
    (
        "period_start_timestamp_seconds",
        "First instant of the last published period, in seconds since the epoch",
    ),
    (
        "period_end_timestamp_seconds",
        "First instant after the last published period, in seconds since the epoch",
    ),
    ("runs", "Runs of the last published period"),
    (
        "usage_dollars",
        "Usage of the last published period in US dollars, of runs whose cost is known",
    ),
    (
        "cost_unknown_runs",
        "Runs of the last published period whose cost is unknown; the usage excludes them",
    ),
    (
        "cost_provisional_runs",
        "Runs of the last published period whose cost is provisional",
    ),
    (
        "unusual_days",
        "Days of Actors or of the whole account that the last job with --unusual found unusual",
    ),
    ("requests", "Requests that the last job sent"),
    ("retries", "Requests that the last job repeated"),
    (
        "rate_limited_requests",
        "Answers with status 429 that the last job received",
    ),
    ("received_bytes", "Bytes of answers that the last job received"),
];

/// Values by name without [`PREFIX`] and labels, as texts.
type Series = BTreeMap<(String, String), String>;

/// The collector reads no other.
pub fn check(path: &Path) -> Result<()> {
    if path.extension().is_some_and(|extension| extension == "prom") {
        return Ok(());
    }
    Err(Error::Usage(format!(
        "--metrics-file {}: expected a name that ends with .prom; the textfile collector of Prometheus reads no other files",
        path.display()
    )))
}

/// Puts a job's end into the file; `job_names` has a name for each account, in their order.
///
/// # Errors
/// A warning: a job does not fail for want of its metrics.
pub fn write(path: &Path, facts: &JobInfo, parts: &[AccountResult], job_names: &[String]) -> anyhow::Result<()> {
    replace(path, facts, parts, job_names)
        .map_err(|error| anyhow::anyhow!("cannot write --metrics-file {}: {}", path.display(), reason(&error)))
}

fn replace(path: &Path, facts: &JobInfo, parts: &[AccountResult], job_names: &[String]) -> io::Result<()> {
    make_parents(path, ONE_PARENT)?;
    let folder = folder_of(path);
    // While the file is read and replaced, since jobs of several accounts may share it.
    let _lock = lock_folder(folder, LOCK_TIME)?;
    let mut series = read(path)?;
    let named = parts.iter().zip(job_names);
    named.for_each(|(part, job)| put(&mut series, facts, part, job));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut file = AtomicFile::create(path.into(), &folder.join(format!(".{name}.new")), MODE)?;
    if !set_mode(file.file(), MODE)? {
        let path = path.display();
        tracing::warn!(
            "--metrics-file {path}: its file system does not support modes, so the collector may not be able to read it"
        );
    }
    file.write_all(render(&series).as_bytes())?;
    file.sync()?;
    file.rename()?;
    sync_folder(folder)
}

/// The lines of the file; of one that isn't there none. One with other lines than ours is somebody else's.
fn read(path: &Path) -> io::Result<Series> {
    let text = match read_regular(path, MAX_BYTES) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        read => read?,
    };
    let text = String::from_utf8_lossy(&text);
    let line = |line: &str| {
        let (series, value) = line.rsplit_once(' ')?;
        let (name, labels) = series.split_once('{')?;
        let labels = labels.strip_suffix('}')?;
        let name = name.strip_prefix(PREFIX)?;
        let known = GAUGES.iter().any(|(known, _)| *known == name);
        (known && value.parse::<f64>().is_ok()).then(|| ((name.into(), labels.into()), value.into()))
    };
    let of_ours = |text: &str| line(text).ok_or_else(|| io::Error::other("it has lines that apify-runs did not write"));
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(of_ours).collect()
}

fn put(series: &mut Series, facts: &JobInfo, part: &AccountResult, job: &str) {
    let (noted, counts) = part.journal.read();
    let account = part
        .account
        .as_deref()
        .unwrap_or(if facts.is_demo { "demo" } else { "default" });
    let labels = format!("account=\"{}\",command=\"{}\"", escaped(account), facts.command);
    // Earlier versions named no job: no later one would ever end these.
    series.retain(|(_, of), _| *of != labels);
    let labels = format!("{labels},job=\"{}\"", escaped(job));
    let mut set = |name: &str, value: String| {
        series.insert((name.into(), labels.clone()), value);
    };
    let took_ms = i64::try_from(facts.took.as_millis()).unwrap_or(i64::MAX);
    let ended = seconds(facts.started_ms.saturating_add(took_ms));
    if part.ending.exit_code == 0 {
        set("last_success_timestamp_seconds", ended.clone());
    }
    set("last_run_timestamp_seconds", ended);
    set("last_exit_code", part.ending.exit_code.to_string());
    set("duration_seconds", format!("{:.3}", noted.took().as_secs_f64()));
    set("requests", counts.total.to_string());
    set("retries", counts.retries.to_string());
    set("rate_limited_requests", counts.rate_limited.to_string());
    set("received_bytes", counts.bytes.to_string());
    if let Some(unusual) = &noted.unusual {
        set("unusual_days", unusual.found.len().to_string());
    }
    if let Some(totals) = &noted.totals {
        if let Some(period) = &noted.period {
            set("period_start_timestamp_seconds", seconds(period.from));
            set("period_end_timestamp_seconds", seconds(period.to));
        }
        set("runs", totals.runs.to_string());
        set("cost_unknown_runs", totals.runs_cost_unknown.to_string());
        set("cost_provisional_runs", totals.runs_provisional.to_string());
        // Unknown is never zero.
        let usage = totals.usage_total_usd.map_or("NaN".into(), |usage| usage.to_string());
        set("usage_dollars", usage);
    }
}

fn seconds(ms: i64) -> String {
    format!("{}.{:03}", ms.div_euclid(1000), ms.rem_euclid(1000))
}

fn escaped(label: &str) -> String {
    label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn render(series: &Series) -> String {
    let mut text = String::new();
    for (name, help) in GAUGES {
        let mut lines = series.iter().filter(|((of, _), _)| of == name).peekable();
        if lines.peek().is_some() {
            text += &format!("# HELP {PREFIX}{name} {help}\n# TYPE {PREFIX}{name} gauge\n");
            lines.for_each(|((_, labels), value)| text += &format!("{PREFIX}{name}{{{labels}}} {value}\n"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::context::journal::Journal;

    #[test]
    fn a_failed_job_with_nothing_published_has_its_own_figures_alone() {
        let mut series = Series::new();
        let facts = JobInfo {
            job: "j".into(),
            command: "export".into(),
            started_ms: 1_759_471_200_000,
            took: Duration::from_millis(1500),
            is_demo: false,
        };
        let part = AccountResult {
            account: Some("a\"b\\c".into()),
            ending: crate::context::journal::Ending {
                exit_code: 4,
                error: None,
            },
            journal: Journal::default(),
        };
        let earlier = ("runs".to_string(), r#"account="a\"b\\c",command="export""#.to_string());
        series.insert(earlier, "3".into());
        put(&mut series, &facts, &part, "x\n\"{y}\\ z");
        let labels = r#"account="a\"b\\c",command="export",job="x\n\"{y}\\ z""#;
        let expected = [
            ("last_run_timestamp_seconds", "1759471201.500"),
            ("last_exit_code", "4"),
            ("duration_seconds", "0.000"),
            ("requests", "0"),
            ("retries", "0"),
            ("rate_limited_requests", "0"),
            ("received_bytes", "0"),
        ];
        let text = render(&series);
        let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        let expected = expected.map(|(name, value)| format!("apify_runs_{name}{{{labels}}} {value}"));
        assert_eq!(lines, expected);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.prom");
        fs::write(&path, &text).unwrap();
        assert_eq!(read(&path).unwrap(), series);
        fs::write(&path, b"apify_runs_runs{} 1\xff").unwrap();
        assert!(read(&path).is_err());
    }
}
