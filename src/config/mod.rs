//! What is in force: options from a file, the environment and the command line, in that rising order, become one command line
//! that clap judges as if all of it had been typed. No option is known here by what it does.

mod accounts;
mod blame;
mod file;
mod layers;
mod locate;
mod show;

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{ArgMatches, Command, CommandFactory, FromArgMatches, ValueEnum};

use crate::api::address::DEFAULT_API_URL;
use crate::cli::Cli;
pub use crate::config::blame::Composed;
use crate::config::file::options;
pub use crate::config::file::{AccountPart, File, nearest};
use crate::config::layers::leaf;
pub use crate::config::layers::{Layers, Origin};
pub use crate::config::show::show;
use crate::error::Error;
use crate::logging::LogFormat;
use crate::text::redacted;

/// The file's name, in the working folder.
pub const FILE_NAME: &str = "apify-runs.toml";
/// What the variables of this program begin with.
pub const PREFIX: &str = "APIFY_RUNS_";
/// The variable that names the file.
const FILE_VARIABLE: &str = "APIFY_RUNS_CONFIG";
/// A request for help with every option.
const HELP_ALL: &str = "--help-all";

/// Where an account's token comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountSource {
    /// Its name in the configuration.
    pub name: String,
    /// `token-file`.
    pub token_file: Option<PathBuf>,
    /// `token-env`: the name of a variable.
    pub token_env: Option<String>,
}

/// A command for one account, or for none in particular.
#[derive(Debug)]
pub struct Order {
    /// The account, where one was named.
    pub account: Option<AccountSource>,
    /// All that is in force.
    pub cli: Cli,
}

/// What is to be done.
#[derive(Debug)]
pub struct Orders {
    /// One an account; one where none was named.
    pub orders: Vec<Order>,
    /// Worth a word.
    pub warnings: Vec<String>,
    /// What was found besides the command line.
    pub layers: Layers,
}

/// Why there is nothing to be done.
#[derive(Debug)]
pub enum Refusal {
    /// Help, a version, or a command line that makes no sense.
    Clap(clap::Error),
    /// A configuration that makes no sense.
    Usage(Error),
}

impl Refusal {
    /// The problem, without clap's hints.
    pub fn in_a_line(&self) -> String {
        let text = match self {
            Refusal::Usage(error) => return error.to_string(),
            Refusal::Clap(error) => error.to_string(),
        };
        let problem: Vec<&str> = text
            .lines()
            .take_while(|line| !line.trim().is_empty())
            .map(str::trim)
            .collect();
        problem.join(" ").trim_start_matches("error: ").to_owned()
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Refusal {
        Refusal::Usage(error)
    }
}

impl From<clap::Error> for Refusal {
    fn from(error: clap::Error) -> Refusal {
        Refusal::Clap(error)
    }
}

/// What is to be told of the end, and how, as far as that is known even of a command line that makes no sense.
#[derive(Debug, Default)]
pub struct Telling {
    /// The command, if one was called.
    pub command: String,
    /// `--outcome`.
    pub outcome: Option<PathBuf>,
    /// `--log-format`.
    pub log_format: Option<LogFormat>,
}

/// What a process is told by others than its command line.
#[derive(Debug, Clone, Default)]
pub struct Outside {
    /// Its environment.
    pub variables: Vec<(OsString, OsString)>,
}

impl Outside {
    /// That of this process.
    pub fn of_this_process() -> Outside {
        Outside {
            variables: env::vars_os().collect(),
        }
    }

    /// A variable that is set, and not to nothing.
    pub fn variable(&self, name: &str) -> Option<&OsString> {
        let found = self.variables.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value).filter(|value| !value.is_empty())
    }
}

/// The command line's description, complete.
pub fn command() -> Command {
    let mut root = Cli::command();
    root.build();
    root
}

/// Reads the configuration, and makes of all layers what is to be done. The second part is known even
/// of a command line that makes no sense.
pub fn orders(argv: Vec<OsString>, outside: &Outside) -> (std::result::Result<Orders, Refusal>, Telling) {
    let end = argv.iter().position(|arg| arg == "--").unwrap_or(argv.len());
    if argv[..end].iter().any(|arg| arg == HELP_ALL) {
        let help = argv
            .into_iter()
            .map(|arg| if arg == HELP_ALL { "--help".into() } else { arg });
        let shown = |words: Vec<OsString>| unhidden(Cli::command()).try_get_matches_from(words);
        let shown = match shown(help.collect()) {
            Ok(typed) => asked_about(&typed).and_then(|words| shown(words).err()),
            Err(shown) => Some(shown),
        };
        let shown = shown.map_or_else(
            || Error::Usage("--help-all comes after a command".into()).into(),
            Refusal::Clap,
        );
        return (Err(shown), Telling::default());
    }
    let lenient = Cli::command().ignore_errors(true).try_get_matches_from(&argv).ok();
    let root = command();
    let called = lenient.as_ref().map(|typed| leaf(&root, typed));
    // What is no job has no end to tell of, and no options of its own to look for.
    let of_job = called
        .as_ref()
        .filter(|(_, command, _)| options(command).iter().any(|option| option == "outcome"));
    let typed = |option: &str| typed_value(&argv[..end], option);
    let format = |text: &OsString| LogFormat::from_str(&text.to_string_lossy(), true).ok();
    let typed_format = typed("--log-format").as_ref().and_then(format);
    let mut telling = Telling {
        command: called
            .as_ref()
            .and_then(|(path, _, _)| path.first().cloned())
            .unwrap_or_default(),
        outcome: of_job.and_then(|_| typed("--outcome")).map(PathBuf::from),
        // Should the file make no sense, what else is known.
        log_format: typed_format.or_else(|| outside.variable("APIFY_RUNS_LOG_FORMAT").and_then(format)),
    };
    let has_options = called
        .as_ref()
        .is_some_and(|(_, command, _)| command.get_name() == "show" || has_settings(command));
    let layers = match &lenient {
        Some(typed) if has_options => locate::layers(typed, outside, &root),
        _ => Ok(Layers::default()),
    };
    let layers = match layers {
        Ok(layers) => layers,
        Err(error) => return (Err(error.into()), telling),
    };
    if let Some((path, _, _)) = &called {
        let of_layers = || layers.text(path, "log-format").as_ref().and_then(format);
        telling.log_format = typed_format.or_else(of_layers).or(telling.log_format);
    }
    if let Some((path, _, _)) = of_job {
        telling.outcome = telling
            .outcome
            .or_else(|| layers.text(path, "outcome").map(PathBuf::from));
    }
    let judged = judge(argv, lenient.clone(), layers, &root);
    (judged, telling)
}

/// The command line that `config show` is asked about.
fn asked_about(typed: &ArgMatches) -> Option<Vec<OsString>> {
    let root = command();
    let (_, _, typed) = leaf(&root, typed);
    let words = typed.try_get_many::<OsString>("command_line").ok().flatten()?;
    Some(std::iter::once("apify-runs".into()).chain(words.cloned()).collect())
}

/// Whether a command has options of its own that a layer could hold.
fn has_settings(command: &Command) -> bool {
    let own = command.get_arguments().filter(|arg| !arg.is_global_set());
    own.filter_map(|arg| arg.get_long())
        .any(|long| options(command).iter().any(|option| option == long))
}

/// Every option that a help leaves out is in it.
pub fn unhidden(command: Command) -> Command {
    let mut command = command.mut_args(|arg| arg.hide(false));
    let names: Vec<String> = command.get_subcommands().map(|sub| sub.get_name().into()).collect();
    for name in names {
        command = command.mut_subcommand(name, unhidden);
    }
    command
}

fn judge(
    argv: Vec<OsString>,
    lenient: Option<ArgMatches>,
    layers: Layers,
    root: &Command,
) -> std::result::Result<Orders, Refusal> {
    use clap::error::ErrorKind::MissingRequiredArgument;
    let strict = Cli::command().try_get_matches_from(&argv);
    let typed = match (strict, lenient) {
        (Ok(typed), _) => typed,
        // What is missing may be in another layer.
        (Err(error), Some(typed)) if error.kind() == MissingRequiredArgument => typed,
        (Err(error), _) => return Err(error.into()),
    };
    let accounts = layers.accounts(root, &typed)?;
    let mut orders = Vec::new();
    let mut warnings = layers.unknown_variables(root);
    for account in &accounts {
        orders.push(order(&layers, root, &typed, &argv, Some(account), &mut warnings)?);
    }
    if accounts.is_empty() {
        orders.push(order(&layers, root, &typed, &argv, None, &mut warnings)?);
    }
    Ok(Orders {
        orders,
        warnings,
        layers,
    })
}

fn order(
    layers: &Layers,
    root: &Command,
    typed: &ArgMatches,
    argv: &[OsString],
    account: Option<&AccountPart>,
    warnings: &mut Vec<String>,
) -> std::result::Result<Order, Refusal> {
    let composed = layers.compose(root, typed, argv, account)?;
    warnings.extend(elsewhere(layers, &composed).filter(|warning| !warnings.contains(warning)));
    let parsed = Cli::command().try_get_matches_from(&composed.argv);
    let parsed = parsed.map_err(|error| composed.blamed(error))?;
    Ok(Order {
        account: account.map(|account| account.source.clone()),
        cli: Cli::from_arg_matches(&parsed)?,
    })
}

/// That a file which nobody named sends the token elsewhere.
fn elsewhere(layers: &Layers, composed: &Composed) -> Option<String> {
    let file = layers.file.as_ref().filter(|file| !file.is_named)?;
    let added = composed.added.iter().find(|added| added.option == "api-url")?;
    let url = added.texts.first()?.to_string_lossy();
    let is_of_file = matches!(&added.origin, Origin::File(path, _) if Path::new(path) == file.path);
    let origin = |url: &str| reqwest::Url::parse(url).ok().map(|url| url.origin());
    // http:// is this machine, or refused.
    let is_near = url.starts_with("http://") || origin(&url) == origin(DEFAULT_API_URL);
    (is_of_file && !is_near).then(|| {
        let (url, origin) = (redacted(&url), &added.origin);
        format!("the token goes to {url} ({origin}); if that is meant, name the file with --config to silence this")
    })
}

/// An option's value on a command line that may make no sense otherwise: the last one.
fn typed_value(argv: &[OsString], option: &str) -> Option<OsString> {
    let is_it = |arg: &OsString| arg.to_string_lossy().split('=').next() == Some(option);
    let at = argv.iter().rposition(is_it)?;
    match argv[at].to_str().and_then(|arg| arg.split_once('=')) {
        Some((_, value)) => Some(value.into()),
        None => argv
            .get(at + 1)
            .filter(|next| !next.as_encoded_bytes().starts_with(b"-"))
            .cloned(),
    }
}
