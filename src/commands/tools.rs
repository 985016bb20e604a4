//! `config show` and `man`: descriptions of the command line.

use std::fs;
use std::path::Path;

use clap::{Command, CommandFactory};

use crate::cli::{Cli, ConfigArgs, ConfigCommand, ManArgs};
use crate::config::{ConfigError, Layers, show, with_all_help};
use crate::context::terminal::print;
use crate::disk::{ONE_PARENT, make_parents};
use crate::error::{Error, Result};
use crate::text::json_document;
use crate::text::nearest::did_you_mean;

pub const NAME: &str = "apify-runs";

pub fn config(args: ConfigArgs, layers: &Layers) -> Result<()> {
    let ConfigCommand::Show(args) = args.command;
    let text = match show(layers, &args.command_line) {
        Ok(shown) if args.json => json_document(&shown),
        Ok(shown) => shown.to_toml(),
        Err(ConfigError::Usage(error)) => return Err(error),
        // The command line to show asks for help.
        Err(ConfigError::Clap(shown)) if !shown.use_stderr() => shown.to_string(),
        Err(ConfigError::Clap(error)) => {
            let text = error.to_string();
            let text = text.strip_prefix("error: ").unwrap_or(&text).trim_end();
            return Err(Error::Usage(text.to_owned()));
        }
    };
    print(&text)
}

pub fn man(args: ManArgs) -> Result<()> {
    let mut root = with_all_help(Cli::command());
    root.build();
    if let Some(folder) = args.out {
        let made = make_parents(&folder.join(NAME), ONE_PARENT + 1);
        made.map_err(|error| Error::output("create", &folder, error))?;
        return write_pages(&root, NAME, &folder);
    }
    let (mut command, mut name) = (&root, NAME.to_string());
    for word in args.command.iter().flat_map(|words| words.split_whitespace()) {
        let known = command.get_subcommands().map(Command::get_name);
        command = command.find_subcommand(word).ok_or_else(|| {
            let near = did_you_mean(word, known);
            Error::Usage(format!("{name} has no command '{word}'{near}; see {NAME} --help"))
        })?;
        name += &format!("-{word}");
    }
    print(&page(command, &name)?)
}

fn page(command: &Command, name: &str) -> Result<String> {
    let named = command.clone().display_name(name.to_owned());
    let man = clap_mangen::Man::new(named)
        .title(name.to_uppercase())
        .source(concat!("apify-runs ", env!("CARGO_PKG_VERSION")))
        .manual("apify-runs");
    let mut text = Vec::new();
    man.render(&mut text).map_err(anyhow::Error::from)?;
    // clap_mangen leaves the date out without leaving a place for it.
    Ok(String::from_utf8_lossy(&text).replacen("1  \"", "1 \"\" \"", 1))
}

fn write_pages(command: &Command, name: &str, folder: &Path) -> Result<()> {
    let path = folder.join(format!("{name}.1"));
    fs::write(&path, page(command, name)?).map_err(|error| Error::output("write", &path, error))?;
    for below in command.get_subcommands().filter(|below| below.get_name() != "help") {
        write_pages(below, &format!("{name}-{}", below.get_name()), folder)?;
    }
    Ok(())
}
