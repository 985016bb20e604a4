//! `docs/options.md` is made from the help texts: this test makes it anew, and fails where the file differs. With
//! `UPDATE_DOCS=1` it writes the file.

use std::fmt::Write;

use super::pages::assert_made;
use crate::support::command::{COMMANDS, Place};

const HEAD: &str = "\
# Options

For everyone: every command with every option, as `apify-runs COMMAND --help-all` prints them. `-h` prints the options that
are used most, `--help` adds the exit codes. A test makes this page from the program (`UPDATE_DOCS=1 cargo test --test it options`); do not edit it.

Every option can also be set in `apify-runs.toml` and in the environment: see [Configuration](operations.md#configuration).

| command | what it does |
|---|---|
";

const ENVIRONMENT: &str = "
## Environment

| variable | use |
|---|---|
| `APIFY_TOKEN` | the API token. `--token-file` takes precedence over it; it takes precedence over the login of the official CLI (`~/.apify/auth.json`) |
| `APIFY_API_BASE_URL` | the API's address; `--api-url` takes precedence. `http://` is refused, except for this machine |
| `APIFY_RUNS_…` | any option, such as `APIFY_RUNS_TIMEZONE` for all commands or `APIFY_RUNS_EXPORT_OUT` for one: see [Configuration](operations.md#configuration) |
| `APIFY_RUNS_CONFIG` | the configuration file; `--config` takes precedence |
| `APIFY_RUNS_NOW` | sets the clock of this machine for the job, such as `2025-10-03T06:00:00Z`; for rehearsals and tests |
| `HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY` | the proxy for HTTPS (`http://HOST:PORT` or `https://HOST:PORT`; the first that is set counts), and the hosts that are reached without it |
| `AWS_…`, `GOOGLE_APPLICATION_CREDENTIALS`, `AZURE_STORAGE_…` | credentials of object stores, with the names of their own tools (builds with the lake) |
| `SSL_CERT_FILE`, `SSL_CERT_DIR` | certificates to use instead of the system's (Linux) |
| `TZDIR` | the folder of this machine's time zones, which is only compared with the rules that are compiled in; `/usr/share/zoneinfo` by default |
| `NO_COLOR` | no bold headings on a terminal |
";

#[test]
fn the_reference_of_options_is_made_from_the_help_texts() {
    let place = Place::new();
    let (mut table, mut sections) = (String::new(), String::new());
    for command in COMMANDS {
        let args: Vec<&str> = command.split(' ').chain(["--help-all"]).collect();
        let help = place.run(&args).exits(0).stdout.trim_end().to_string();
        let about = help.split("\n\n").next().unwrap().replace('\n', " ");
        let anchor = command.replace(' ', "-");
        writeln!(table, "| [`{command}`](#{anchor}) | {about} |").unwrap();
        write!(sections, "\n## {command}\n\n```text\n{help}\n```\n").unwrap();
    }
    let made = format!(
        "{HEAD}{table}| [environment](#environment) | variables that the program reads |\n{sections}{ENVIRONMENT}"
    );
    assert_made("docs/options.md", &made);
}
