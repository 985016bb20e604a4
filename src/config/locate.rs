//! Where the configuration file is, and whether it may be gone by.

use std::path::{Path, PathBuf};

use clap::{ArgMatches, Command, CommandFactory};

use crate::bounded::read_given;
use crate::cli::Cli;
use crate::config::{FILE_NAME, FILE_VARIABLE, File, Layers, ProcessEnv, line_to_show};
use crate::error::{Error, Result};

const MAX_FILE_BYTES: u64 = 1 << 20;

/// What there is besides the command line.
pub fn layers(typed: &ArgMatches, env: &ProcessEnv, root: &Command) -> Result<Layers> {
    let config = |typed: &ArgMatches| typed.try_get_one::<PathBuf>("config").ok().flatten().cloned();
    // `config show` asks about another command line.
    let of_line_to_show = || {
        let words = line_to_show(typed)?;
        config(&Cli::command().ignore_errors(true).try_get_matches_from(words).ok()?)
    };
    let named = config(typed).or_else(of_line_to_show);
    let named = named.or_else(|| env.variable(FILE_VARIABLE).map(PathBuf::from));
    let file = match named {
        Some(path) => {
            let file = read_file(&path, root)?;
            Some(File { is_named: true, ..file })
        }
        None => found(env)?.map(|path| read_file(&path, root)).transpose()?,
    };
    Ok(Layers { file, env: env.clone() })
}

fn read_file(path: &Path, root: &Command) -> Result<File> {
    let text = read_given(path, MAX_FILE_BYTES).map_err(|error| unreadable(path, error))?;
    File::parse(&text, path, root)
}

fn unreadable(path: &Path, error: std::io::Error) -> Error {
    Error::Usage(format!("cannot read the configuration {}: {error}", path.display()))
}

/// The working folder's file, else the user's.
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

/// A file in the working folder says where the token goes: one that another user put there must not.
fn is_ours(path: &Path) -> Result<()> {
    use std::os::unix::fs::MetadataExt;
    let metadata = std::fs::metadata(path).map_err(|error| unreadable(path, error))?;
    let user = rustix::process::geteuid().as_raw();
    if [user, 0].contains(&metadata.uid()) {
        return Ok(());
    }
    let path = path.display();
    Err(Error::Usage(format!(
        "{path} is another user's, and could send your token elsewhere: name it with --config {path} if it is meant"
    )))
}
