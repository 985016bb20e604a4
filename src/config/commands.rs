//! The commands and options as clap describes them. The meaning of an option is not known here, except for the forms of a
//! period.

use std::ffi::OsString;

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, CommandFactory};

use crate::cli::Cli;
use crate::error::EXIT_CODES;

/// Options that only the command line can have: they are about one call.
pub(super) const NOT_IN_LAYERS: [&str; 4] = ["config", "help", "help-all", "version"];
/// The forms of a period: one replaces another.
const PERIOD: [&str; 6] = ["month", "last_month", "last", "from", "to", "cycle"];

/// All commands and options.
pub fn command() -> Command {
    let mut root = Cli::command();
    root.build();
    root
}

/// The command with all options and the exit codes in its help.
pub fn with_all_help(command: Command) -> Command {
    with_exit_codes(with_hidden_options(command))
}

fn with_hidden_options(command: Command) -> Command {
    let command = command.mut_args(|arg| arg.hide(false));
    command.mut_subcommands(with_hidden_options)
}

/// The command with the exit codes at the end of its help.
pub(super) fn with_exit_codes(command: Command) -> Command {
    let rows = EXIT_CODES.map(|(code, meaning)| format!("\n  {code:11}  {meaning}"));
    let codes = format!("Exit codes:{}", rows.concat());
    let after = command
        .get_after_help()
        .map_or(codes.clone(), |text| format!("{text}\n\n{codes}"));
    command.after_help(after).mut_subcommands(with_exit_codes)
}

pub(super) fn argv(words: impl IntoIterator<Item = impl Into<OsString>>) -> Vec<OsString> {
    let words = words.into_iter().map(Into::into);
    std::iter::once("apify-runs".into()).chain(words).collect()
}

/// The command that was called, and what was typed for it.
pub(super) struct CalledCommand<'c> {
    pub(super) path: Vec<String>,
    pub(super) command: &'c Command,
    pub(super) typed: &'c ArgMatches,
}

impl<'c> CalledCommand<'c> {
    pub(super) fn new(root: &'c Command, typed: &'c ArgMatches) -> CalledCommand<'c> {
        let (mut path, mut command, mut typed) = (Vec::new(), root, typed);
        while let Some((name, below)) = typed.subcommand()
            && let Some(found) = command.find_subcommand(name)
        {
            path.push(name.to_owned());
            (command, typed) = (found, below);
        }
        CalledCommand { path, command, typed }
    }

    pub(super) fn is_typed(&self, id: &str) -> bool {
        self.typed.value_source(id) == Some(ValueSource::CommandLine)
    }

    pub(super) fn has_option(&self, option: &str) -> bool {
        settable(self.command).any(|(_, long)| long == option)
    }
}

/// Every command that can be run, with its path.
pub(super) fn leaves<'c>(command: &'c Command, path: &[String]) -> Vec<(Vec<String>, &'c Command)> {
    let below = command.get_subcommands().flat_map(|command| {
        let path = [path, &[command.get_name().to_owned()]].concat();
        if command.has_subcommands() {
            leaves(command, &path)
        } else {
            vec![(path, command)]
        }
    });
    below.collect()
}

/// The options of a command that a file or variable can set, with their long names.
pub(super) fn settable(command: &Command) -> impl Iterator<Item = (&Arg, &str)> {
    let longs = command.get_arguments().filter_map(|arg| Some((arg, arg.get_long()?)));
    longs.filter(|(_, long)| !NOT_IN_LAYERS.contains(long))
}

pub(super) fn options(command: &Command) -> Vec<String> {
    settable(command).map(|(_, long)| long.to_owned()).collect()
}

/// The options of a command and of all its subcommands, each once.
pub(super) fn options_below(root: &Command) -> Vec<String> {
    let below = root.get_subcommands().flat_map(options_below);
    let mut all: Vec<String> = options(root).into_iter().chain(below).collect();
    all.sort();
    all.dedup();
    all
}

pub(super) fn names(command: &Command) -> Vec<String> {
    let commands = command.get_subcommands();
    commands.map(|command| command.get_name().into()).collect()
}

/// Whether two options exclude each other.
pub(super) fn clash(command: &Command, one: &Arg, other: &Arg) -> bool {
    let is_of = |ids: &[&str]| [one, other].iter().all(|arg| ids.contains(&arg.get_id().as_str()));
    // `--from` and `--to` are one form.
    let two_periods = is_of(&PERIOD) && !is_of(&["from", "to"]);
    let excludes = |one: &Arg, other: &Arg| {
        let excluded = command.get_arg_conflicts_with(one);
        excluded.iter().any(|excluded| excluded.get_id() == other.get_id())
    };
    let is_alone = [one, other].iter().any(|arg| arg.is_exclusive_set());
    is_alone || two_periods || excludes(one, other) || excludes(other, one)
}
