//! Options of `config`, `completions` and `man`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use clap_complete::Shell;

use super::OUTPUT;

#[derive(Debug, Args)]
#[command(
    arg_required_else_help = true,
    after_help = "Examples:
  apify-runs config show
  apify-runs config show export --month 2025-09"
)]
pub struct ConfigArgs {
    #[command(subcommand)]
    pub command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Print each setting with its value and origin
    Show(ShowArgs),
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  apify-runs config show
  apify-runs config show export --month 2025-09")]
pub struct ShowArgs {
    /// Print the result as JSON
    #[arg(long, help_heading = OUTPUT)]
    pub json: bool,
    /// Command with its options [default: all commands]
    #[arg(value_name = "COMMAND", trailing_var_arg = true, allow_hyphen_values = true)]
    pub command_line: Vec<OsString>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  apify-runs completions bash
  apify-runs completions zsh")]
pub struct CompletionsArgs {
    /// Shell
    #[arg(value_name = "SHELL")]
    pub shell: Shell,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  apify-runs man export
  apify-runs man --out man")]
pub struct ManArgs {
    /// Command, such as export or lake close [default: the main page]
    #[arg(value_name = "COMMAND")]
    pub command: Vec<String>,
    /// Write all pages to this folder
    #[arg(long, value_name = "DIR", conflicts_with = "command", help_heading = OUTPUT)]
    pub out: Option<PathBuf>,
}
