//! Placeholders in a path: `exports/{account}/{month}`. A value is one component of the path, and never leads out of it.

use std::path::{Path, PathBuf};

use crate::commands::folder_name;
use crate::disk::ONE_PARENT;
use crate::error::{Error, Result};
use crate::paths::names_store;
use crate::period::Period;
use crate::text::nearest::nearest;
use crate::text::redacted;

/// Placeholders with their values, or the reason why one has no value.
pub struct TemplateValues(Vec<(&'static str, std::result::Result<String, String>)>);

impl TemplateValues {
    /// `{account}` alone.
    pub fn of_account(account: Option<&str>) -> TemplateValues {
        let none = "no account was selected: give --account NAME or --all-accounts, with [accounts.NAME] in the configuration file";
        TemplateValues(vec![("account", account.map(String::from).ok_or_else(|| none.into()))])
    }

    /// The period's placeholders too.
    pub fn and_period(mut self, period: &Period) -> TemplateValues {
        let (from, to) = period.ends();
        let month = period
            .month()
            .ok_or_else(|| "the period is not a calendar month; use {period}, {from} or {to}".to_string());
        self.0.push(("month", month));
        self.0.push(("period", Ok(period.short_name())));
        self.0.push(("from", Ok(from)));
        self.0.push(("to", Ok(to)));
        self
    }

    /// A path with each placeholder filled in; `{{` and `}}` are braces.
    pub fn fill_path(&self, option: &str, path: &Path) -> Result<PathBuf> {
        match path.to_str() {
            Some(text) if text.contains(['{', '}']) => self.fill(option, text).map(PathBuf::from),
            _ => Ok(path.to_path_buf()),
        }
    }

    /// A text with each placeholder filled in.
    pub fn fill(&self, option: &str, text: &str) -> Result<String> {
        let wrong = |problem: &str| Error::Usage(format!("{option} {}: {problem}", redacted(text)));
        let mut filled = String::new();
        let mut rest = text;
        let open = text.find('{').map_or("", |at| &text[at..]);
        if open.split('/').any(|component| component == "..") {
            return Err(wrong("'..' after a placeholder would leave the folder"));
        }
        while let Some(at) = rest.find(['{', '}']) {
            filled += &rest[..at];
            let brace = &rest[at..=at];
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix(brace) {
                filled += brace;
                rest = after;
                continue;
            }
            let Some((name, after)) = rest.split_once('}').filter(|_| brace == "{") else {
                return Err(wrong(&format!(
                    "single {brace}; write {brace}{brace} for the character itself"
                )));
            };
            let known = self.0.iter().find(|(known, _)| *known == name);
            let Some((_, value)) = known else {
                let names: Vec<String> = self.0.iter().map(|(known, _)| (*known).into()).collect();
                let near = nearest(name, names.iter().map(String::as_str));
                let near = near
                    .first()
                    .map_or(String::new(), |near| format!("; did you mean {{{near}}}?"));
                let names: Vec<String> = names.iter().map(|name| format!("{{{name}}}")).collect();
                let known = names.join(", ");
                return Err(wrong(&format!("unknown placeholder {{{name}}}{near}; known: {known}")));
            };
            let value = value.as_ref().map_err(|why| wrong(&format!("{{{name}}}: {why}")))?;
            if value.is_empty() || value.starts_with('.') || value.contains(['/', '\\', '\0']) {
                return Err(wrong(&format!("{{{name}}} is {value:?}, which would leave the folder")));
            }
            filled += value;
            rest = after;
        }
        Ok(filled + rest)
    }
}

/// How many parents of a filled-in path may be missing: its own one, and folders that its placeholders stand for.
pub fn missing_levels(template: &Path) -> usize {
    let parents: Vec<_> = template.parent().into_iter().flat_map(Path::components).collect();
    let is_filled = |part: &std::path::Component| {
        let text = part.as_os_str().to_string_lossy().replace("{{", "");
        text.contains('{')
    };
    let filled = parents.iter().position(is_filled);
    ONE_PARENT + filled.map_or(0, |first| parents.len() - first)
}

/// Where an export goes: what `--out` says, else a folder of the working one, named after its period.
pub fn folder(out: Option<&Path>, period: &Period, account: Option<&str>, is_demo: bool) -> Result<PathBuf> {
    let Some(out) = out else {
        let name = account.map(|account| format!("apify-runs-{account}-{}", period.short_name()));
        return Ok(name.unwrap_or_else(|| period.default_folder(is_demo)).into());
    };
    let shown = out.to_string_lossy();
    if shown.contains("://") && !names_store(out) {
        let shown = redacted(&shown);
        return Err(Error::Usage(format!(
            "--out {shown}: unknown kind of URL; expected a folder, or s3://, gs:// or az://"
        )));
    }
    folder_name::check_export(out)?;
    let account = account.or(is_demo.then_some("demo"));
    TemplateValues::of_account(account)
        .and_period(period)
        .fill_path("--out", out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::period::PeriodSpec;

    fn known(account: Option<&str>) -> TemplateValues {
        let period = PeriodSpec::Month { year: 2025, month: 9 }.resolve(crate::period::Zone::UTC, 1_759_471_200_000);
        TemplateValues::of_account(account).and_period(&period.unwrap())
    }

    #[test]
    fn each_placeholder_becomes_one_component() {
        let known = known(Some("acme"));
        let cases = [
            ("exports/{account}/{month}", "exports/acme/2025-09"),
            ("{period}-{from}-{to}", "2025-09-2025-09-01-2025-10-01"),
            ("{{account}}/a", "{account}/a"),
            ("s3://b/{account}", "s3://b/acme"),
            ("plain", "plain"),
        ];
        for (text, expected) in cases {
            assert_eq!(known.fill("--out", text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn folders_of_placeholders_are_created_beside_one_more() {
        for (template, levels) in [
            ("exports/2025-09", 1),
            ("/mnt/disk/exports/2025-09", 1),
            ("exports/{month}", 1),
            ("exports/{account}/{month}", 2),
            ("exports/{account}/runs/{month}", 3),
            ("exports/{{account}}/x", 1),
            ("x", 1),
        ] {
            assert_eq!(missing_levels(Path::new(template)), levels, "{template}");
        }
    }

    #[test]
    fn placeholders_that_are_unknown_or_lead_out_of_the_folder_are_refused() {
        let error = |known: &TemplateValues, text: &str| {
            let error = known.fill("--out", text).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            error.to_string()
        };
        for name in ["..", ".hidden", "a/b", "", "a\\b"] {
            assert!(
                error(&known(Some(name)), "x/{account}").contains("leave the folder"),
                "{name}"
            );
        }
        assert!(error(&known(Some("a")), "x/{account}/../../y").contains("leave the folder"));
        assert_eq!(known(Some("a")).fill("--out", "../x/{account}").unwrap(), "../x/a");
        assert!(error(&known(None), "{account}").contains("--account"));
        assert!(error(&known(None), "{mnth}").contains("did you mean {month}?"));
        assert!(error(&known(None), "a{").contains("{{") && error(&known(None), "a}b").contains("}}"));
        let days = PeriodSpec::Last(std::time::Duration::from_secs(86_400))
            .resolve(crate::period::Zone::UTC, 1_759_471_200_000);
        let days = TemplateValues::of_account(None).and_period(&days.unwrap());
        assert!(error(&days, "{month}").contains("not a calendar month"));
        assert_eq!(
            days.fill("--out", "{period}").unwrap(),
            "20251002T060000Z_20251003T060000Z"
        );
    }
}
