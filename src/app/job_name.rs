//! The label `job` of a job's metrics: what tells two jobs of one command apart, and stays the same from period to period. Reads
//! nothing but the command line.

use crate::cli::Command;
use crate::text::redacted;

/// The name of a job whose output says nothing: as the folders are named that an export chooses itself.
const DEFAULT_NAME: &str = "apify-runs";

/// `--job-name`, or else the path of what the command writes without its period: `exports` for `exports/{month}` as for
/// `exports/2025-09`. A lake's path has no period, and stays as it is but for placeholders.
pub fn of(command: &Command) -> String {
    if let Some(name) = command.run().and_then(|run| run.job_name.clone()) {
        return name;
    }
    let name = match command {
        Command::Export(args) => args.out.as_ref().map(|out| without_period(&out.to_string_lossy())),
        Command::Check(args) => args.out.as_ref().map(|out| without_period(&out.to_string_lossy())),
        Command::Sync(args) => Some(without(&args.lake, without_placeholders)),
        Command::Reconcile(args) => args.path.as_ref().map(|path| without_period(&path.to_string())),
        _ => None,
    };
    name.filter(|name| !name.is_empty())
        .unwrap_or_else(|| DEFAULT_NAME.into())
}

fn without_period(path: &str) -> String {
    let mut follows_year = false;
    without(path, |component| {
        without_dates(&without_placeholders(component), &mut follows_year)
    })
}

/// A path, each component put through `shorten`, and left out where nothing stays. A URL keeps scheme and host, and loses secrets.
fn without(path: &str, mut shorten: impl FnMut(&str) -> String) -> String {
    let path = redacted(path);
    let (start, rest) = match path.split_once("://") {
        Some((scheme, rest)) => {
            let rest = rest.split(['?', '#']).next().unwrap_or_default();
            let (host, rest) = rest.split_once('/').unwrap_or((rest, ""));
            (format!("{scheme}://{host}/"), rest)
        }
        None if path.starts_with('/') => ("/".into(), &path[1..]),
        None => (String::new(), path.as_str()),
    };
    let components = rest.split('/').filter(|component| !matches!(*component, "" | "."));
    let kept: Vec<String> = components.map(&mut shorten).filter(|kept| !kept.is_empty()).collect();
    let name = start + &kept.join("/");
    match name.strip_suffix('/') {
        Some(shorter) if !shorter.is_empty() => shorter.into(),
        _ => name,
    }
}

/// A component without `{month}` and its like; `{{` is a brace.
fn without_placeholders(component: &str) -> String {
    let mut kept = String::new();
    let mut has_placeholder = false;
    let mut rest = component;
    while let Some(at) = rest.find(['{', '}']) {
        kept += &rest[..at];
        let brace = &rest[at..=at];
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix(brace) {
            kept += brace;
            rest = after;
        } else if let Some((_, after)) = rest.split_once('}').filter(|_| brace == "{") {
            has_placeholder = true;
            rest = after;
        }
    }
    kept += rest;
    if has_placeholder { trimmed(&kept) } else { kept }
}

/// A component without years and the months, days, weeks and times behind them.
fn without_dates(component: &str, follows_year: &mut bool) -> String {
    let mut kept = String::new();
    let mut has_date = false;
    let mut rest = component;
    while !rest.is_empty() {
        let is_word = rest.starts_with(char::is_alphanumeric);
        let end = rest
            .find(|c: char| c.is_alphanumeric() != is_word)
            .unwrap_or(rest.len());
        let (part, after) = rest.split_at(end);
        if !is_word {
            kept += part;
        } else if is_year(part) || (*follows_year && is_within_year(part)) {
            *follows_year = true;
            has_date = true;
        } else {
            *follows_year = false;
            kept += part;
        }
        rest = after;
    }
    if has_date { trimmed(&kept) } else { component.into() }
}

/// `2025`, `202509`, `20250901`, `20250901T060000Z`, `2025W36`.
fn is_year(word: &str) -> bool {
    let is_date = |digits: &str| {
        matches!(digits.len(), 4 | 6 | 8)
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && (digits.starts_with("19") || digits.starts_with("20"))
    };
    is_date(word)
        || word.split_once(['T', 'W', 'Q']).is_some_and(|(date, rest)| {
            is_date(date) && rest.trim_end_matches('Z').bytes().all(|byte| byte.is_ascii_digit())
        })
}

/// `09`, `01T06`, `W36`, `Q3`.
fn is_within_year(word: &str) -> bool {
    let digits = word.trim_start_matches(['W', 'Q']).trim_end_matches('Z');
    let (date, time) = digits.split_once('T').unwrap_or((digits, "00"));
    [date, time]
        .iter()
        .all(|part| matches!(part.len(), 1..=6) && part.bytes().all(|byte| byte.is_ascii_digit()))
}

/// What stays of a component: without separators at its ends, and with one where something was taken out.
fn trimmed(kept: &str) -> String {
    const SEPARATORS: [char; 7] = ['-', '_', '.', ' ', '=', ':', '+'];
    let mut name = String::new();
    for c in kept.trim_matches(SEPARATORS).chars() {
        if !(SEPARATORS.contains(&c) && name.ends_with(SEPARATORS)) {
            name.push(c);
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_named_after_its_output_without_the_period() {
        for (path, expected) in [
            ("exports/{month}", "exports"),
            ("exports/2025-09", "exports"),
            ("./exports/2025/09/", "exports"),
            ("exports/{account}/{period}", "exports"),
            ("exports/apify-{from}_{to}", "exports/apify"),
            ("exports/month={month}", "exports/month"),
            ("/srv/apify/2025-09-01_2025-10-01", "/srv/apify"),
            ("/srv/apify/2025-W36", "/srv/apify"),
            ("/srv/apify/2025-09-01T06:00:00Z", "/srv/apify"),
            ("/srv/apify/20250901T060000Z", "/srv/apify"),
            ("acme-2025-09-daily", "acme-daily"),
            ("team-7/v2/{month}", "team-7/v2"),
            ("team #7/{month}", "team #7"),
            ("s3://bucket/2025-09", "s3://bucket"),
            ("s3://bucket/apify/{month}", "s3://bucket/apify"),
            ("az://user:secret@host/x/{month}?sig=secret", "az://[redacted]@host/x"),
            ("{month}", ""),
            ("2025-09", ""),
        ] {
            assert_eq!(without_period(path), expected, "{path}");
        }
    }

    #[test]
    fn a_lake_keeps_the_year_in_its_name() {
        for (path, expected) in [
            ("lake-2025", "lake-2025"),
            ("lakes/{account}", "lakes"),
            ("s3://bucket/lake/", "s3://bucket/lake"),
            ("a--b{{c", "a--b{c"),
        ] {
            assert_eq!(without(path, without_placeholders), expected, "{path}");
        }
    }
}
