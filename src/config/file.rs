//! The configuration file: its place, whether it may be used, and its sections. Its keys are the long names of options. Names
//! are checked here; values are checked by clap.

use std::path::{Path, PathBuf};

use clap::{ArgMatches, Command, CommandFactory};
use indexmap::IndexMap;
use toml::de::{DeTable, DeValue};

use super::account_section::AccountSection;
use super::sections::Sections;
use super::source_text::SourceText;
use super::{FILE_NAME, FILE_VARIABLE, ProcessEnv, line_to_show};
use crate::bounded::read_given;
use crate::cli::Cli;
use crate::error::{Error, Result};
use crate::paths::folder_of;

const MAX_FILE_BYTES: u64 = 1 << 20;

#[derive(Debug)]
pub struct File {
    pub path: PathBuf,
    /// True for `--config` or its variable; false for a file at one of the default places.
    pub is_named: bool,
    /// Settings for every account.
    pub sections: Sections,
    pub accounts: IndexMap<String, AccountSection>,
}

impl File {
    /// An error has the line and, for a key that no command has, the nearest known one.
    pub fn parse(text: &str, path: &Path, root: &Command) -> Result<File> {
        let source = SourceText { text, path, within: "" };
        let table = DeTable::parse(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            source.error(at, error.message().trim())
        })?;
        let mut file = File {
            path: path.into(),
            is_named: false,
            sections: Sections::default(),
            accounts: IndexMap::new(),
        };
        for (key, value) in table.get_ref() {
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("accounts", DeValue::Table(accounts)) => {
                    for (name, part) in accounts {
                        let part = AccountSection::parse(name, part, root, &source)?;
                        file.accounts.insert(part.source.name.clone(), part);
                    }
                }
                ("accounts", _) => {
                    let at = key.span().start;
                    return Err(source.error(at, "accounts: expected sections [accounts.NAME]"));
                }
                _ => file.sections.insert(key, value, root, &source)?,
            }
        }
        Ok(file)
    }
}

/// The file that the user named, else the file at a default place.
pub(super) fn locate(typed: &ArgMatches, env: &ProcessEnv, root: &Command) -> Result<Option<File>> {
    let config = |typed: &ArgMatches| typed.try_get_one::<PathBuf>("config").ok().flatten().cloned();
    // `config show` shows another command line, which may name the file.
    let of_line_to_show = || {
        let words = line_to_show(typed)?;
        config(&Cli::command().ignore_errors(true).try_get_matches_from(words).ok()?)
    };
    let named = config(typed).or_else(of_line_to_show);
    let named = named.or_else(|| env.variable(FILE_VARIABLE).map(PathBuf::from));
    let (path, is_named) = match named {
        Some(path) => (Some(path), true),
        None => (found(env)?, false),
    };
    let file = path.map(|path| read_file(&path, root)).transpose()?;
    Ok(file.map(|file| File { is_named, ..file }))
}

fn read_file(path: &Path, root: &Command) -> Result<File> {
    let text = read_given(path, MAX_FILE_BYTES).map_err(|error| unreadable(path, error))?;
    File::parse(&text, path, root)
}

fn unreadable(path: &Path, error: std::io::Error) -> Error {
    Error::Usage(format!(
        "cannot read the configuration file {}: {error}",
        path.display()
    ))
}

/// The file in the working folder, else the one in the user's configuration folder.
fn found(env: &ProcessEnv) -> Result<Option<PathBuf>> {
    let here = PathBuf::from(FILE_NAME);
    if here.is_file() {
        return is_ours(&here).map(|()| Some(here));
    }
    let home = || env.variable("HOME").map(|home| PathBuf::from(home).join(".config"));
    let folder = env.variable("XDG_CONFIG_HOME").map(PathBuf::from);
    let users = folder.filter(|folder| folder.is_absolute()).or_else(home);
    let file = users.map(|folder| folder.join("apify-runs").join(FILE_NAME));
    Ok(file.filter(|path| path.exists()))
}

/// The file can send the token to another host, so a file of another user in the working folder is refused, unless the folder is
/// that user's too, as a checkout is that a container's job works in.
fn is_ours(path: &Path) -> Result<()> {
    use std::os::unix::fs::MetadataExt;
    let metadata = std::fs::metadata(path).map_err(|error| unreadable(path, error))?;
    let user = rustix::process::geteuid().as_raw();
    let folder = std::fs::metadata(folder_of(path)).map_err(|error| unreadable(path, error))?;
    if is_trusted(metadata.uid(), folder.uid(), user) {
        return Ok(());
    }
    let path = path.display();
    Err(Error::Usage(format!(
        "{path} belongs to another user and could send your token elsewhere; to use it, give --config {path}"
    )))
}

fn is_trusted(file: u32, folder: u32, user: u32) -> bool {
    [user, 0, folder].contains(&file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_another_user_is_trusted_where_the_folder_is_that_users_too() {
        let (root, user, other, third) = (0, 1000, 1001, 1002);
        for (file, folder, user, expected) in [
            (user, user, user, true),
            (root, other, user, true),
            (other, other, user, true),
            (other, other, root, true),
            (other, user, user, false),
            (other, root, user, false),
            (other, root, root, false),
            (other, third, user, false),
        ] {
            assert_eq!(
                is_trusted(file, folder, user),
                expected,
                "{file} in {folder} for {user}"
            );
        }
    }
}
