//! What is said of a command line that clap refuses: what there is instead. clap's own tips are left out: some suggest what is no
//! option here, or how to pass a value that nobody takes.

use std::ffi::OsString;

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command};

use super::commands::{leaves, names};
use crate::text::nearest::nearest;

const CLAPS_TIPS: [ContextKind; 4] = [
    ContextKind::Suggested,
    ContextKind::SuggestedArg,
    ContextKind::SuggestedSubcommand,
    ContextKind::SuggestedValue,
];

/// The error with tips of ours.
pub fn with_own_tips(mut error: clap::Error, root: &Command, words: &[OsString]) -> clap::Error {
    if !error.use_stderr() {
        return error;
    }
    let command = called(root, words);
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        _ => None,
    };
    let tip = match error.kind() {
        ErrorKind::UnknownArgument => {
            text(ContextKind::InvalidArg).and_then(|word| tip_for_argument(&word, command, root))
        }
        ErrorKind::InvalidSubcommand => {
            text(ContextKind::InvalidSubcommand).map(|word| tip_for_command(&word, &subcommands(command)))
        }
        ErrorKind::InvalidValue => match (text(ContextKind::InvalidValue), error.get(ContextKind::ValidValue)) {
            (Some(word), Some(ContextValue::Strings(valid))) => meant(&word, valid.iter().map(String::as_str), ""),
            _ => None,
        },
        _ => None,
    };
    for kind in CLAPS_TIPS {
        error.remove(kind);
    }
    if error.kind() == ErrorKind::UnknownArgument {
        // clap's names the option that it suggested.
        let usage = command.clone().render_usage();
        error.insert(ContextKind::Usage, ContextValue::StyledStr(usage));
    }
    if let Some(tip) = tip {
        error.insert(
            ContextKind::Suggested,
            ContextValue::StyledStrs(vec![StyledStr::from(tip)]),
        );
    }
    error
}

/// What an error says, in one line: the problem and the tips.
pub fn in_a_line(text: &str) -> String {
    let lines = || text.lines().map(str::trim);
    let problem: Vec<&str> = lines().take_while(|line| !line.is_empty()).collect();
    let tips = lines().filter_map(|line| line.strip_prefix("tip: "));
    let tips: String = tips.map(|tip| format!("; {tip}")).collect();
    problem.join(" ").trim_start_matches("error: ").to_owned() + &tips
}

/// The command that a command line calls, as far as its words name one.
fn called<'c>(root: &'c Command, words: &[OsString]) -> &'c Command {
    let words = words.iter().skip(1).filter_map(|word| word.to_str());
    // Words that name none, such as values of options, are passed over.
    words.fold(root, |found, word| found.find_subcommand(word).unwrap_or(found))
}

fn subcommands(command: &Command) -> Vec<String> {
    let mut names = names(command);
    names.retain(|name| name != "help");
    names
}

fn meant<'k>(word: &str, known: impl IntoIterator<Item = &'k str>, prefix: &str) -> Option<String> {
    let near = nearest(word, known);
    let near: Vec<String> = near.iter().map(|near| format!("'{prefix}{near}'")).collect();
    (!near.is_empty()).then(|| format!("did you mean {}?", near.join(" or ")))
}

fn tip_for_command(word: &str, known: &[String]) -> String {
    let near = meant(word, known.iter().map(String::as_str), "");
    near.unwrap_or_else(|| format!("the commands are: {}", known.join(", ")))
}

/// For an option, or a word without one, that the command hasn't.
fn tip_for_argument(argument: &str, command: &Command, root: &Command) -> Option<String> {
    let typed = argument.split('=').next().unwrap_or_default();
    let word = typed.trim_start_matches('-');
    let longs = || command.get_arguments().filter_map(Arg::get_long);
    if !typed.starts_with('-') {
        return tip_for_word(typed, command, root);
    }
    if !typed.starts_with("--") {
        return None;
    }
    if matches!(word, "token" | "api-token" | "apify-token") {
        return Some("no option takes the token itself: use '--token-file', or the variable APIFY_TOKEN".into());
    }
    let of_others = commands_with(word, root);
    if !of_others.is_empty() {
        return Some(format!("'--{word}' is an option of {}", of_others.join(", ")));
    }
    let is_value = |arg: &&Arg| arg.get_possible_values().iter().any(|value| value.matches(word, true));
    if let Some(long) = command.get_arguments().find(is_value).and_then(Arg::get_long) {
        return Some(format!("did you mean '--{long} {word}'?"));
    }
    let all = || format!("all options: 'apify-runs {} --help-all'", command.get_name());
    let tip = meant(word, longs(), "--");
    tip.or_else(|| (!command.has_subcommands()).then(all))
}

/// For a word that is neither an option nor what the command reads.
fn tip_for_word(word: &str, command: &Command, root: &Command) -> Option<String> {
    let has = |long: &str| command.get_arguments().any(|arg| arg.get_long() == Some(long));
    let is_month = crate::period::parse_month(word).is_ok();
    match word {
        _ if is_month && has("month") => Some(format!("did you mean '--month {word}'?")),
        _ if has(word) => Some(format!("did you mean '--{word}'?")),
        _ if command.get_positionals().next().is_some() || root.find_subcommand(word).is_some() => None,
        _ if has("lake") => Some(format!("did you mean '--lake {word}'?")),
        _ if has("out") => Some(format!("did you mean '--out {word}'?")),
        _ => None,
    }
}

/// Which commands have an option, by their whole names.
fn commands_with(long: &str, root: &Command) -> Vec<String> {
    let with = leaves(root, &[])
        .into_iter()
        .filter(|(path, _)| path.first().is_none_or(|first| first != "help"))
        .filter(|(_, command)| command.get_arguments().any(|arg| arg.get_long() == Some(long)));
    with.map(|(path, _)| path.join(" ")).collect()
}

#[cfg(test)]
mod tests {
    use super::super::commands::command;
    use super::*;
    use crate::cli::Cli;
    use clap::CommandFactory;

    fn refused(line: &str) -> String {
        let words: Vec<OsString> = format!("apify-runs {line}").split(' ').map(OsString::from).collect();
        let error = Cli::command().try_get_matches_from(&words).unwrap_err();
        with_own_tips(error, &command(), &words).to_string()
    }

    #[test]
    fn what_there_is_is_named_and_nothing_else() {
        for (line, tip) in [
            ("export --last-mont", "did you mean '--last-month'?"),
            ("export --strikt", "did you mean '--strict'?"),
            ("export --output x", "did you mean '--out'?"),
            ("export --parquet", "did you mean '--format parquet'?"),
            ("export --format parqet", "did you mean 'parquet'?"),
            ("export --strict=incomplet", "did you mean 'incomplete'?"),
            ("export 2025-09", "did you mean '--month 2025-09'?"),
            ("export last-month", "did you mean '--last-month'?"),
            ("export september", "did you mean '--out september'?"),
            ("export --token=abc", "no option takes the token itself"),
            ("sync --month 2025-09", "'--month' is an option of export, report"),
            ("exprt --demo", "did you mean 'export'?"),
            ("lake clos", "did you mean 'close'?"),
            ("help exprt", "did you mean 'export'?"),
            ("frobnicate", "the commands are: export, report, verify"),
            ("export --frobnicate", "all options: 'apify-runs export --help-all'"),
            ("completions bahs", "did you mean 'bash'?"),
        ] {
            let text = refused(line);
            assert!(text.contains(tip), "{line}: {text}");
            assert_eq!(text.matches("tip:").count(), 1, "{line}: {text}");
            assert!(!text.contains("similar") && !text.contains("-- --"), "{line}: {text}");
        }
    }

    #[test]
    fn a_token_is_not_repeated() {
        assert!(!refused("export --token=apify_api_secret").contains("apify_api_secret"));
    }

    #[test]
    fn a_line_has_the_tip_too() {
        let line = in_a_line(&refused("export --last-mont"));
        assert_eq!(
            line,
            "unexpected argument '--last-mont' found; did you mean '--last-month'?"
        );
    }
}
