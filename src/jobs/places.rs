//! Whether what a job writes has a place of its own: accounts side by side, and the files that tell of the job. Compared as the file
//! system has them, however they are spelt. Looks, and writes nothing.

use std::path::{Component, Path, PathBuf};

use crate::cli::Command;
use crate::config::Order;
use crate::error::{Error, Result};
use crate::text::redacted;

/// Something that is written.
struct Written {
    option: &'static str,
    /// As it was given.
    shown: String,
    /// As the file system has it, or a URL.
    place: PathBuf,
}

/// Whether every order's output is its own, and what tells of the job (option and path) lies in none of them.
///
/// # Errors
/// [`Error::Usage`] that names both.
pub fn check(orders: &[Order], beside: &[(&str, Option<&Path>)]) -> Result<()> {
    let mut all: Vec<(usize, Written)> = Vec::new();
    for (at, order) in orders.iter().enumerate() {
        for written in written_by(order) {
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
                    "{option} {place}{both} is one place for several accounts: put {{account}} into it, as in {option} \
                     {place}-{{account}}"
                )));
            }
            all.push((at, written));
        }
    }
    for (option, path) in beside.iter().filter_map(|(option, path)| Some((option, (*path)?))) {
        let place = resolved(path);
        let outputs = all
            .iter()
            .map(|(_, written)| written)
            .filter(|written| written.option != "--changes");
        if let Some(output) = outputs.into_iter().find(|output| lies_in(&place, &output.place)) {
            return Err(Error::Usage(format!(
                "{option} {} lies in {} {}, which holds nothing else: put it elsewhere",
                path.display(),
                output.option,
                output.shown
            )));
        }
    }
    Ok(())
}

/// What an order was told to write.
fn written_by(order: &Order) -> Vec<Written> {
    let name = order.account.as_ref().map_or("", |account| account.name.as_str());
    let written = |option: &'static str, text: &str| {
        // As far as accounts make a difference; other placeholders stay as they are.
        let filled = text.replace("{{", "\u{1}").replace("{account}", name);
        let is_url = filled.contains("://");
        Written {
            option,
            shown: redacted(text),
            place: if is_url {
                PathBuf::from(filled)
            } else {
                resolved(Path::new(&filled))
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
            let changes = changes.map(|changes| written("--changes", &changes.to_string_lossy()));
            changes.chain([written("--lake", &args.lake)]).collect()
        }
        _ => Vec::new(),
    }
}

/// A path without `.`, `..` and symlinks, as far as it is there.
fn resolved(path: &Path) -> PathBuf {
    let mut resolved = std::env::current_dir().unwrap_or_default();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                resolved.pop();
            }
            Component::CurDir => {}
            _ => resolved.push(component),
        }
        if let Ok(real) = resolved.canonicalize() {
            resolved = real;
        }
    }
    resolved
}

/// Whether a path is a place or lies in it; a component with a placeholder may be any.
fn lies_in(path: &Path, place: &Path) -> bool {
    let mut components = path.components();
    place.components().all(|of_place| {
        let of_path = components.next();
        let is_open = of_place.as_os_str().to_string_lossy().contains('{');
        of_path.is_some_and(|of_path| is_open || of_path == of_place)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_place_are_one() {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().canonicalize().unwrap();
        std::fs::create_dir(real.join("a")).unwrap();
        std::os::unix::fs::symlink(real.join("a"), real.join("b")).unwrap();
        let at = |text: &str| resolved(&real.join(text));
        for spelling in ["a/x", "./a/x/", "a/../a/x", "b/x", "nothing/../a/./x", "a/x/y/.."] {
            assert_eq!(at(spelling), real.join("a/x"), "{spelling}");
        }
        assert_ne!(at("a/xy"), at("a/x"));
    }

    #[test]
    fn what_lies_in_a_place_begins_as_it_does() {
        let lies = |path: &str, place: &str| lies_in(Path::new(path), Path::new(place));
        assert!(lies("/e/2025-09/o.json", "/e/{month}") && lies("/e/a", "/e/a") && lies("/e/a/b", "/e/a"));
        assert!(!lies("/e/ab", "/e/a") && !lies("/e", "/e/{month}") && !lies("/o.json", "/e"));
    }
}
