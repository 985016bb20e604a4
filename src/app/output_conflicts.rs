//! No two outputs in one place: neither of accounts side by side, nor the outcome or metrics file inside an output. Paths are
//! compared as the file system has them. Writes nothing.

use std::path::{Path, PathBuf};

use crate::bounded::MAX_MANIFEST_BYTES;
use crate::bounded::read_regular;
use crate::cli::Command;
use crate::config::Invocation;
use crate::error::{Error, Result};
use crate::output::names::MANIFEST;
use crate::paths;
use crate::text::redacted;

/// A file that a sync writes, where the others are folders.
const CHANGES: &str = "--changes";

/// A path that a job will write to.
struct WrittenPath {
    option: &'static str,
    /// As it was given.
    shown: String,
    /// As the file system has it, or a URL.
    place: PathBuf,
}

/// Whether every order's output is its own.
///
/// # Errors
/// [`Error::Usage`] that names both.
pub fn check_apart(orders: &[Invocation]) -> Result<()> {
    let mut all: Vec<(usize, WrittenPath)> = Vec::new();
    for (at, order) in orders.iter().enumerate() {
        for written in outputs_of(order) {
            let shared = all.iter().find(|(other, earlier)| {
                *other != at && (lies_in(&written.place, &earlier.place) || lies_in(&earlier.place, &written.place))
            });
            if let Some((_, earlier)) = shared {
                let (option, place, earlier) = (written.option, &written.shown, &earlier.shown);
                let both = if place == earlier {
                    String::new()
                } else {
                    format!(" (as {earlier})")
                };
                return Err(Error::Usage(format!(
                    "{option} {place}{both} is the same for several accounts: add {{account}} to the path"
                )));
            }
            let is_within =
                |(other, earlier): &&(usize, WrittenPath)| *other == at && lies_in(&earlier.place, &written.place);
            if let Some((_, changes)) = all.iter().find(is_within) {
                return Err(lies_within(changes.option, &changes.shown, &written));
            }
            all.push((at, written));
        }
    }
    Ok(())
}

/// Refuses a folder of `--together` that is, holds or lies in the export of an account.
///
/// # Errors
/// [`Error::Usage`] that names both.
pub fn check_together(orders: &[Invocation]) -> Result<()> {
    for order in orders {
        let Command::Export(args) = &order.cli.command else {
            continue;
        };
        let Some(together) = &args.together else { continue };
        let place = paths::resolve(together);
        let outputs = orders.iter().flat_map(outputs_of);
        let mut near = outputs.filter(|output| lies_in(&place, &output.place) || lies_in(&output.place, &place));
        if let Some(output) = near.next() {
            return Err(Error::Usage(format!(
                "--together {} and {} {} are the same folder, or one is inside the other: use another path",
                together.display(),
                output.option,
                output.shown
            )));
        }
    }
    Ok(())
}

fn lies_within(option: &str, path: &str, output: &WrittenPath) -> Error {
    Error::Usage(format!(
        "{option} {path} is inside {} {}, which may not hold other files: use another path",
        output.option, output.shown
    ))
}

/// Refuses an outcome or metrics file inside an output, which holds nothing but its own files.
///
/// # Errors
/// [`Error::Usage`] that names both.
pub fn check_report_file(orders: &[Invocation], option: &str, path: &Path) -> Result<()> {
    let place = paths::resolve(path);
    for output in orders.iter().flat_map(outputs_of) {
        if output.option != CHANGES && lies_in(&place, &output.place) {
            return Err(lies_within(option, &path.display().to_string(), &output));
        }
        if place == output.place {
            return Err(Error::Usage(format!(
                "{option} and {CHANGES} have the same path; expected two different files"
            )));
        }
    }
    match place.parent() {
        Some(folder) if is_export(folder) => Err(Error::Usage(format!(
            "{option} {} is inside an export, which may not hold other files: use another path",
            path.display()
        ))),
        _ => Ok(()),
    }
}

pub fn is_same_path(one: &Path, other: &Path) -> bool {
    paths::resolve(one) == paths::resolve(other)
}

fn is_export(folder: &Path) -> bool {
    let manifest = read_regular(&folder.join(MANIFEST), MAX_MANIFEST_BYTES);
    let manifest = manifest.ok().and_then(|manifest| String::from_utf8(manifest).ok());
    manifest.is_some_and(|manifest| manifest.contains("\"tool_version\""))
}

/// The paths that one account's job will write to.
fn outputs_of(order: &Invocation) -> Vec<WrittenPath> {
    let is_demo = order.cli.command.source().is_some_and(|source| source.demo);
    let name = order.account.as_ref().map(|account| account.name.as_str());
    let name = name.or(is_demo.then_some("demo")).unwrap_or_default();
    let written = |option: &'static str, text: &str| {
        // As far as accounts make a difference; other placeholders stay as they are.
        let filled = text.replace("{{", "\u{1}").replace("{account}", name);
        let local = filled.strip_prefix("file://").unwrap_or(&filled);
        WrittenPath {
            option,
            shown: redacted(text),
            place: if local.contains("://") {
                PathBuf::from(local)
            } else {
                paths::resolve(Path::new(local))
            },
        }
    };
    match &order.cli.command {
        Command::Export(args) => {
            let out = args.out.iter().map(|out| written("--out", &out.to_string_lossy()));
            out.collect()
        }
        Command::Sync(args) => {
            let changes = args.changes.iter();
            let changes = changes.map(|changes| written(CHANGES, &changes.to_string_lossy()));
            changes.chain([written("--lake", &args.lake)]).collect()
        }
        _ => Vec::new(),
    }
}

/// Whether a path is a place or lies in it. A component with a placeholder may be any that begins as it does: what the period's
/// stand for begins with a digit.
fn lies_in(path: &Path, place: &Path) -> bool {
    let mut components = path.components();
    place.components().all(|of_place| {
        let Some(of_path) = components.next() else {
            return false;
        };
        let (of_path, of_place) = (of_path.as_os_str(), of_place.as_os_str());
        match of_place.to_string_lossy().split_once('{') {
            Some((before, _)) => {
                let of_path = of_path.to_string_lossy();
                let rest = of_path.strip_prefix(before);
                rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit() || c == '{'))
            }
            None => of_path == of_place,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_in_a_place_begins_as_it_does() {
        let lies = |path: &str, place: &str| lies_in(Path::new(path), Path::new(place));
        assert!(lies("/e/2025-09/o.json", "/e/{month}") && lies("/e/a", "/e/a") && lies("/e/a/b", "/e/a"));
        assert!(!lies("/e/ab", "/e/a") && !lies("/e", "/e/{month}") && !lies("/o.json", "/e"));
        assert!(lies("/e/a-2025-09/b", "/e/a-{month}") && lies("/e/{period}", "/e/{month}"));
        assert!(
            !lies("/e/o.json", "/e/{month}") && !lies("/e/b/{month}", "/e/{month}") && !lies("/e/2025", "/e/a-{month}")
        );
    }
}
