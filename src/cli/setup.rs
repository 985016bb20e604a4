//! What `config`, `completions` and `man` take.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use clap_complete::Shell;

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
    /// Print what is in force, and where each value comes from
    Show(ShowArgs),
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  apify-runs config show
  apify-runs config show export --month 2025-09")]
pub struct ShowArgs {
    /// A command, and options as they would be given to it [default: every command]
    #[arg(value_name = "COMMAND", trailing_var_arg = true, allow_hyphen_values = true)]
    pub command_line: Vec<OsString>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  apify-runs completions bash
  apify-runs completions zsh")]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub shell: Shell,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  apify-runs man export
  apify-runs man --out man")]
pub struct ManArgs {
    /// The command whose page is printed, such as export or lake close [default: the first page]
    #[arg(value_name = "COMMAND")]
    pub command: Vec<String>,
    /// Write all pages into this folder instead
    #[arg(long, value_name = "DIR", conflicts_with = "command")]
    pub out: Option<PathBuf>,
}
