//! Runs the program; what it does is the library's.

use std::process::ExitCode;

fn main() -> ExitCode {
    apify_runs::run()
}
