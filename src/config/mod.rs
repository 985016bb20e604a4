//! Options from a file, the environment and the command line, in rising order of priority, become one command line, which clap
//! checks as if the user had typed all of it. The meaning of an option is not known here.

mod account_section;
mod accounts;
mod command_line;
mod commands;
pub mod file;
mod layers;
mod refusal;
mod sections;
mod setting;
mod show;
mod source_text;
mod used;
mod view;

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::error::ErrorKind::MissingRequiredArgument;
use clap::{ArgMatches, Command, CommandFactory, FromArgMatches, ValueEnum};

pub use self::account_section::AccountSource;
use self::command_line::CommandLine;
pub use self::commands::with_all_help;
use self::commands::{CalledCommand, argv, command, settable, with_exit_codes};
pub use self::layers::Layers;
use self::setting::Origin;
pub use self::show::show;
pub use self::used::UsedSetting;
#[cfg(any(test, fuzzing))]
pub use self::{
    commands::command as command_with_all_options,
    sections::{Section, Sections},
    setting::ValueForm,
};
use crate::api::address::DEFAULT_API_URL;
use crate::cli::Cli;
use crate::error::Error;
use crate::logging::LogFormat;
use crate::text::redacted;

pub const FILE_NAME: &str = "apify-runs.toml";
/// The prefix of our variables.
pub const PREFIX: &str = "APIFY_RUNS_";
const FILE_VARIABLE: &str = "APIFY_RUNS_CONFIG";
/// Changes what the help of a command shows.
type HelpExtension = fn(Command) -> Command;
/// Help with the exit codes, and help with all options too. `-h` is clap's.
const LONG_HELPS: [(&str, HelpExtension); 2] = [("--help-all", with_all_help), ("--help", with_exit_codes)];

/// A command for one account of the configuration, or without one.
#[derive(Debug)]
pub struct Invocation {
    pub account: Option<AccountSource>,
    pub cli: Cli,
}

#[derive(Debug)]
pub struct Invocations {
    /// One for each selected account, or a single one without account.
    pub each: Vec<Invocation>,
    pub warnings: Vec<String>,
    pub layers: Layers,
}

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Help, a version, or a wrong command line.
    #[error(transparent)]
    Clap(#[from] clap::Error),
    /// A wrong configuration.
    #[error(transparent)]
    Usage(#[from] Error),
}

impl ConfigError {
    /// The problem in one line, with what there is instead.
    pub fn in_a_line(&self) -> String {
        let text = self.to_string();
        if matches!(self, ConfigError::Usage(_)) {
            return text;
        }
        refusal::in_a_line(&text)
    }
}

/// How the end of the job is reported; known even for a wrong command line, as far as it could be parsed.
#[derive(Debug, Default)]
pub struct ReportingOptions {
    /// Empty without a command.
    pub command: String,
    pub outcome: Option<PathBuf>,
    pub log_format: Option<LogFormat>,
}

#[derive(Debug, Clone, Default)]
pub struct ProcessEnv {
    pub variables: Vec<(OsString, OsString)>,
}

impl ProcessEnv {
    pub fn of_this_process() -> ProcessEnv {
        let variables = env::vars_os().collect();
        ProcessEnv { variables }
    }

    /// The value of a variable that is set and not empty.
    pub fn variable(&self, name: &str) -> Option<&OsString> {
        let found = self.variables.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value).filter(|value| !value.is_empty())
    }
}

/// Makes invocations from all layers. Reporting options are returned even if the command line is wrong.
pub fn resolve(words: Vec<OsString>, env: &ProcessEnv) -> (Result<Invocations, ConfigError>, ReportingOptions) {
    let end = words.iter().position(|word| word == "--").unwrap_or(words.len());
    let mut helps = LONG_HELPS.into_iter();
    if let Some((_, extended)) = helps.find(|(flag, _)| words[..end].iter().any(|word| word == flag)) {
        return (Err(long_help(words, extended)), ReportingOptions::default());
    }
    let lenient = Cli::command().ignore_errors(true).try_get_matches_from(&words).ok();
    let root = command();
    let called = lenient.as_ref().map(|typed| CalledCommand::new(&root, typed));
    let layers = match (&lenient, &called) {
        (Some(typed), Some(called)) if has_settings(called.command) => {
            let env = env.clone();
            file::locate(typed, &env, &root).map(|file| Layers { file, env })
        }
        _ => Ok(Layers::default()),
    };
    // Only jobs have options of reporting.
    let is_job = called.as_ref().is_some_and(|called| called.has_option("outcome"));
    let in_layers = |option| layers.as_ref().ok()?.text(&called.as_ref()?.path, option);
    let typed = |option| typed_value(&words[..end], option);
    let format = |text: OsString| LogFormat::from_str(&text.to_string_lossy(), true).ok();
    let reporting = ReportingOptions {
        command: called
            .as_ref()
            .and_then(|called| called.path.first().cloned())
            .unwrap_or_default(),
        outcome: typed("--outcome")
            .or_else(|| in_layers("outcome"))
            .filter(|_| is_job)
            .map(PathBuf::from),
        log_format: (typed("--log-format").and_then(format))
            .or_else(|| in_layers("log-format").and_then(format))
            // For a file with errors, the environment still counts.
            .or_else(|| env.variable("APIFY_RUNS_LOG_FORMAT").cloned().and_then(format)),
    };
    let layers = layers.map_err(ConfigError::Usage);
    (
        layers.and_then(|layers| compose(&words, lenient, layers, &root)),
        reporting,
    )
}

/// The extended help of a command, or of the command line that `config show` shows.
fn long_help(words: Vec<OsString>, extended: HelpExtension) -> ConfigError {
    let is_long = |word: &OsString| LONG_HELPS.iter().any(|(flag, _)| word == flag);
    let help = words.into_iter();
    let help = help.map(|word| if is_long(&word) { "-h".into() } else { word });
    let parsed = |words: Vec<OsString>| extended(Cli::command()).try_get_matches_from(words);
    let shown = match parsed(help.collect()) {
        Ok(typed) => line_to_show(&typed).and_then(|words| parsed(words).err()),
        Err(shown) => Some(shown),
    };
    let misplaced = || Error::usage("--help and --help-all come after a command").into();
    shown.map_or_else(misplaced, ConfigError::Clap)
}

/// The command line that `config show` shows.
fn line_to_show(typed: &ArgMatches) -> Option<Vec<OsString>> {
    let root = command();
    let typed = CalledCommand::new(&root, typed).typed;
    let words = typed.try_get_many::<OsString>("command_line").ok().flatten()?;
    Some(argv(words.cloned()))
}

/// Whether a command has options that a file or variable can set, or shows them.
fn has_settings(command: &Command) -> bool {
    command.get_name() == "show" || settable(command).any(|(arg, _)| !arg.is_global_set())
}

fn compose(
    words: &[OsString],
    lenient: Option<ArgMatches>,
    layers: Layers,
    root: &Command,
) -> Result<Invocations, ConfigError> {
    let typed = match (Cli::command().try_get_matches_from(words), lenient) {
        (Ok(typed), _) => typed,
        // A missing option may come from another layer.
        (Err(error), Some(typed)) if error.kind() == MissingRequiredArgument => typed,
        (Err(error), _) => return Err(refusal::with_own_tips(error, root, words).into()),
    };
    let accounts = layers.accounts(root, &typed)?;
    let mut warnings = layers.unknown_variables(root);
    let mut each = Vec::new();
    for account in accounts {
        let line = layers.compose(root, &typed, words, account)?;
        warnings.extend(warn_foreign_api_url(&layers, &line).filter(|warning| !warnings.contains(warning)));
        let parsed = Cli::command().try_get_matches_from(&line.argv);
        let explained = |error| refusal::with_own_tips(error, root, &line.argv);
        let parsed = parsed.map_err(|error| line.attribute_error(explained(error)))?;
        each.push(Invocation {
            account: account.map(|account| account.source.clone()),
            cli: Cli::from_arg_matches(&parsed)?,
        });
    }
    Ok(Invocations { each, warnings, layers })
}

/// A warning where a configuration file that was not named on the command line sends the token to another host.
fn warn_foreign_api_url(layers: &Layers, line: &CommandLine) -> Option<String> {
    let file = layers.file.as_ref().filter(|file| !file.is_named)?;
    let setting = &line.added("api-url")?.setting;
    let url = setting.texts.first()?.to_string_lossy();
    let is_of_file = matches!(&setting.origin, Origin::File(path, _) if Path::new(path) == file.path);
    let host = |url: &str| reqwest::Url::parse(url).ok().map(|url| url.origin());
    // http:// is allowed for this machine only.
    let is_near = url.starts_with("http://") || host(&url) == host(DEFAULT_API_URL);
    let (url, origin) = (redacted(&url), &setting.origin);
    (is_of_file && !is_near).then(|| {
        format!(
            "the token goes to {url} ({origin}); if this is intended, name the file with --config to stop this warning"
        )
    })
}

/// The last value of an option on a command line that may have errors: even a lenient clap stops at the first one.
fn typed_value(words: &[OsString], option: &str) -> Option<OsString> {
    let is_it = |word: &OsString| word.to_string_lossy().split('=').next() == Some(option);
    let at = words.iter().rposition(is_it)?;
    match words[at].to_str().and_then(|word| word.split_once('=')) {
        Some((_, value)) => Some(value.into()),
        None => {
            let next = words.get(at + 1);
            next.filter(|next| !next.as_encoded_bytes().starts_with(b"-")).cloned()
        }
    }
}
