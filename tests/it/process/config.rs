//! The configuration: layers in rising order, places in messages, and no secret in anything that is shown.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;

use crate::support::client::Served;
use crate::support::command::{Place, done};

fn place_with(config: &str) -> Place {
    let place = Place::new();
    fs::write(place.path("apify-runs.toml"), config).unwrap();
    place
}

/// The line of `config show` that is about an option.
#[track_caller]
fn shown(text: &str, section: &str, option: &str) -> String {
    let (_, rest) = text.split_once(&format!("[{section}]")).expect(section);
    let section = rest.split("\n[").next().unwrap();
    let line = section.lines().find(|line| line.starts_with(&format!("{option} = ")));
    line.unwrap_or_else(|| panic!("no {option} in\n{text}"))
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn the_command_line_beats_the_environment_beats_the_file() {
    let place = place_with("concurrency = 3\nretries = 4\n\n[export]\nretries = 5\nstrict = true\ntimeout = \"7s\"\n");
    let mut command = place.command(&["config", "show", "export", "--timeout", "9s"]);
    command
        .env("APIFY_RUNS_CONCURRENCY", "4")
        .env("APIFY_RUNS_TIMEOUT", "8s");
    let text = done(&mut command).exits(0).stdout.clone();
    let cases = [
        ("timeout", "timeout = \"9s\" # command line"),
        ("concurrency", "concurrency = \"4\" # APIFY_RUNS_CONCURRENCY"),
        ("retries", "retries = \"5\" # apify-runs.toml:5"),
        ("strict", "strict = true # apify-runs.toml:6"),
        ("settle", "settle = \"10m\" # default"),
    ];
    for (option, expected) in cases {
        assert_eq!(shown(&text, "export", option), expected);
    }
    // A variable of one command beats one of all; another command has its own.
    let mut command = place.command(&["config", "show"]);
    command
        .env("APIFY_RUNS_CONCURRENCY", "4")
        .env("APIFY_RUNS_EXPORT_CONCURRENCY", "5");
    let text = done(&mut command).exits(0).stdout.clone();
    assert_eq!(
        shown(&text, "export", "concurrency"),
        "concurrency = \"5\" # APIFY_RUNS_EXPORT_CONCURRENCY"
    );
    assert_eq!(
        shown(&text, "check", "concurrency"),
        "concurrency = \"4\" # APIFY_RUNS_CONCURRENCY"
    );
    assert_eq!(
        shown(&text, "reconcile", "retries"),
        "retries = \"4\" # apify-runs.toml:2"
    );
}

#[test]
fn what_is_in_force_is_what_happens() {
    let place = place_with(
        "[export]\nout = \"exports/{account}/{month}\"\nformat = [\"parquet\"]\nquiet = true\ndemo = true\n\
         month = \"2025-10\"\n",
    );
    let done = place.run(&["export"]);
    assert_eq!((&*done.exits(0).stdout, &*done.stderr), ("", ""));
    let names = crate::support::command::names(&place.path("exports/demo/2025-10"));
    assert!(
        names.contains(&"runs.parquet".into()) && !names.contains(&"runs.csv".into()),
        "{names:?}"
    );
}

#[test]
fn a_flag_is_off_again_in_a_higher_layer_and_lists_come_as_texts_too() {
    let place = place_with("[export]\nstrict = true\nexclude = \"extra,meta_client_ip\"\n");
    let mut command = place.command(&["config", "show", "export"]);
    command.env("APIFY_RUNS_STRICT", "false");
    let text = done(&mut command).exits(0).stdout.clone();
    assert_eq!(shown(&text, "export", "strict"), "strict = false # APIFY_RUNS_STRICT");
    assert!(shown(&text, "export", "exclude").contains("meta_client_ip"));
}

#[test]
fn a_typed_period_takes_the_place_of_a_configured_one() {
    let place = place_with("[export]\nmonth = \"2025-08\"\n");
    let done = place.run(&[
        "export",
        "--demo",
        "--from",
        "2025-09-01",
        "--to",
        "2025-09-02",
        "--dry-run",
    ]);
    done.exits(0).shows(&["1 September 2025"]);
    let done = place.run(&["export", "--demo", "--dry-run"]);
    done.exits(0).shows(&["1–31 August 2025"]);
}

#[test]
fn the_two_ends_of_a_period_may_stand_in_two_layers() {
    let place = place_with("[export]\nfrom = \"2025-09-01\"\nto = \"2025-09-02\"\n");
    let said = |command: &mut std::process::Command| done(command).exits(0).stdout.clone();
    let typed = said(&mut place.command(&["export", "--demo", "--to", "2025-09-04", "--out", "one"]));
    assert!(typed.contains("1–3 September 2025"), "{typed}");
    let mut command = place.command(&["export", "--demo", "--out", "two"]);
    let variable = said(command.env("APIFY_RUNS_FROM", "2025-08-31"));
    assert!(variable.contains("31 August – 1 September 2025"), "{variable}");
}

#[test]
fn what_a_command_needs_may_come_from_anywhere() {
    let (server, place) = (Served::demo(&["--runs", "50"]), Place::new());
    let mut command = place.command(&["reconcile", "--json"]);
    command
        .env("APIFY_TOKEN", "demo")
        .env("APIFY_RUNS_API_URL", server.url())
        .env("APIFY_RUNS_CYCLE", "2025-09-15");
    done(&mut command).exits(0).shows(&["\"runs\""]);
    place.run(&["reconcile", "--json"]).exits(2).says(&["--cycle"]);
}

#[test]
fn keys_that_nobody_knows_are_refused_with_the_nearest_one() {
    let cases = [
        (
            "time-zone = \"UTC\"",
            "apify-runs.toml:1: 'time-zone' is not an option of any command; did you mean 'timezone'?",
        ),
        (
            "\n[export]\nformt = \"csv\"",
            "apify-runs.toml:3: 'formt' is not an option of export; did you mean 'format'?",
        ),
        (
            "[exprt]\n",
            "apify-runs.toml:1: [exprt] is not a command; did you mean [export]?",
        ),
        ("token_file = \"x\"", "did you mean 'token-file'?"),
        (
            "[accounts.a]\ntoken-file = \"x\"\nrat = 3",
            "apify-runs.toml:3: 'rat' is not an option of any command; did you mean 'rate'?",
        ),
        ("[accounts.a]\nrate = 3", "needs either token-file or token-env"),
        (
            "[accounts.\"../evil\"]\ntoken-file = \"x\"",
            "it becomes the name of a folder",
        ),
        (
            "[accounts.a]\ntoken-file = \"x\"\noutcome = \"y\"",
            "apify-runs.toml:3: outcome is an option of the whole job",
        ),
        ("export = 3", "apify-runs.toml:1: export is a command"),
        (
            "[[export]]\nformat = \"csv\"",
            "put its options in one section [export]",
        ),
        ("[lake]\nclose = true", "apify-runs.toml:2: lake.close is a command"),
        (
            "[accounts.a]\ntoken-file = \"x\"\nexport = 3",
            "one section [accounts.a.export]",
        ),
        ("accounts = 3", "apify-runs.toml:1: accounts: expected sections"),
        ("[[accounts]]\nrate = 3", "accounts: expected sections"),
        ("rate = [1, ", "apify-runs.toml:1: "),
        ("config = \"other.toml\"", "'config' is not an option"),
    ];
    for (config, expected) in cases {
        let place = place_with(config);
        let done = place.run(&["export", "--demo"]);
        done.exits(2).says(&[expected]);
        assert_eq!(place.names(), ["apify-runs.toml"], "{config}");
    }
}

#[test]
fn values_that_make_no_sense_say_where_they_stand() {
    let cases = [
        (
            "concurrency = \"many\"",
            "apify-runs.toml:1: invalid value 'many' for '--concurrency <N>'",
        ),
        (
            "[export]\nstrict = \"yes\"",
            "apify-runs.toml:2: strict: expected false or true or incomplete",
        ),
        ("[export]\nout = true", "apify-runs.toml:2: out: expected a text"),
        ("[export]\ncolumns = [[\"id\"]]", "apify-runs.toml:2: expected a text"),
        (
            "[export]\nout = [\"a\", \"b\"]",
            "apify-runs.toml:2: out: expected one text",
        ),
    ];
    for (config, expected) in cases {
        place_with(config).run(&["export", "--demo"]).exits(2).says(&[expected]);
    }
    let place = Place::new();
    let mut command = place.command(&["export", "--demo"]);
    command.env("APIFY_RUNS_SETTLE", "soon");
    done(&mut command)
        .exits(2)
        .says(&["APIFY_RUNS_SETTLE: invalid value 'soon'"]);
    let mut command = place.command(&["export", "--demo"]);
    command.env("APIFY_RUNS_MONTH", OsStr::from_bytes(b"\xff"));
    done(&mut command).exits(2).says(&["APIFY_RUNS_MONTH: invalid UTF-8"]);
}

#[test]
fn the_help_of_a_command_line_that_is_asked_about_is_no_error() {
    let (place, all) = (Place::new(), "--parquet-compat");
    for (help, shows_all) in [("--help", false), ("--help-all", true)] {
        let help = place.run(&["config", "show", "export", help]);
        help.exits(0).shows(&["Usage: apify-runs export"]);
        assert_eq!((help.stdout.contains(all), &*help.stderr), (shows_all, ""));
    }
}

#[test]
fn a_help_that_cannot_be_written_is_an_error() {
    let place = Place::new();
    // Other systems than Linux have no such device.
    if let Ok(full) = fs::OpenOptions::new().write(true).open("/dev/full") {
        done(place.command(&["--help"]).stdout(full))
            .exits(1)
            .says(&["cannot write to stdout"]);
    }
}

#[test]
fn a_file_that_was_found_and_sends_the_token_elsewhere_is_warned_of_once() {
    let warned = |url: &str| {
        let config = format!("api-url = \"{url}\"\n[accounts.a]\ntoken-env = \"T\"\n[accounts.b]\ntoken-env = \"T\"\n");
        let place = place_with(&config);
        // No variable holds a token: nothing is asked.
        let done = place.run(&["export", "--all-accounts", "--month", "2025-09", "--out", "{account}"]);
        done.exits(3).stderr.matches("the token goes to").count()
    };
    assert_eq!(warned("https://api.apify.com/"), 0);
    assert_eq!(warned("https://api.apify.com.example/"), 1);
    assert_eq!(warned("https://example.com/"), 1);
}

#[test]
fn a_token_that_is_no_text_is_refused_and_no_other_is_taken() {
    let place = Place::new();
    fs::create_dir(place.path(".apify")).unwrap();
    fs::write(place.path(".apify/auth.json"), r#"{"token":"apify_api_other"}"#).unwrap();
    let mut command = place.command(&["export", "--month", "2025-09", "--api-url", "http://127.0.0.1:9"]);
    command.env("APIFY_TOKEN", OsStr::from_bytes(b"abc\xff"));
    done(&mut command)
        .exits(3)
        .says(&["APIFY_TOKEN has no valid API token"]);
}

#[test]
fn a_token_in_the_configuration_is_refused_and_not_repeated() {
    for config in [
        "token = \"apify_api_Secret0\"",
        "[accounts.a]\ntoken = \"apify_api_Secret0\"",
    ] {
        let done = place_with(config).run(&["config", "show"]);
        done.exits(2).says(&["token-file", "token-env"]);
        assert!(!format!("{done}").contains("Secret0"), "{done}");
    }
    let place =
        place_with("api-url = \"https://user:Secret0@example.com/?key=Secret1\"\n[accounts.a]\ntoken-env = \"T\"\n");
    let done = place.run(&["config", "show"]);
    done.exits(0).shows(&["[redacted]@example.com", "token-env = \"T\""]);
    assert!(!done.stdout.contains("Secret"), "{done}");
}

#[test]
fn the_file_is_named_by_a_flag_a_variable_or_its_place() {
    let place = Place::new();
    fs::create_dir_all(place.path(".config/apify-runs")).unwrap();
    fs::write(place.path(".config/apify-runs/apify-runs.toml"), "rate = 1\n").unwrap();
    fs::write(place.path("two.toml"), "rate = 2\n").unwrap();
    fs::write(place.path("three.toml"), "rate = 3\n").unwrap();
    let rate = |command: &mut std::process::Command| shown(&done(command).exits(0).stdout, "check", "rate");
    let show = ["config", "show", "check"];
    assert!(rate(&mut place.command(&show)).starts_with("rate = \"1\""));
    assert!(rate(place.command(&show).env("APIFY_RUNS_CONFIG", "two.toml")).ends_with("# two.toml:1"));
    let mut command = place.command(&["config", "show", "--config", "three.toml", "check"]);
    // After `show` all is the command line that is asked about.
    assert!(rate(command.env("APIFY_RUNS_CONFIG", "two.toml")).starts_with("rate = \"3\""));
    let asked = done(&mut place.command(&["config", "show", "check", "--config", "three.toml"]));
    assert!(shown(&asked.exits(0).stdout, "check", "rate").ends_with("# three.toml:1"));
    place
        .run(&["--config", "four.toml", "check"])
        .exits(2)
        .says(&["cannot read the configuration file four.toml"]);
    fs::write(place.path("apify-runs.toml"), "rate = 4\n").unwrap();
    assert!(rate(&mut place.command(&show)).starts_with("rate = \"4\""));
}

#[test]
fn variables_that_look_like_ours_and_are_none_are_told() {
    let place = Place::new();
    let mut command = place.command(&["export", "--demo", "--dry-run"]);
    command.env("APIFY_RUNS_TIMEZNE", "UTC").env("APIFY_RUNS_OUT", "");
    command.env("APIFY_RUNS_TOKEN", "Secret0").env("APIFY_RUNS_ZZZ", "1");
    let done = done(&mut command);
    done.exits(0).says(&[
        "warning: unknown variable APIFY_RUNS_TIMEZNE, ignored",
        "did you mean APIFY_RUNS_TIMEZONE?",
        "unknown variable APIFY_RUNS_TOKEN, ignored; the token belongs in APIFY_TOKEN",
        "unknown variable APIFY_RUNS_ZZZ, ignored\n",
    ]);
    assert!(!done.stderr.contains("Secret0"), "{done}");
}

#[test]
fn the_environments_token_and_address_beat_the_files() {
    let (server, place) = (
        Served::demo(&["--runs", "50"]),
        place_with("token-file = \"absent\"\napi-url = \"http://127.0.0.1:9\"\n"),
    );
    let mut command = place.command(&["check"]);
    command
        .env("APIFY_TOKEN", "demo")
        .env("APIFY_API_BASE_URL", server.url());
    done(&mut command).exits(0);
    // A flag beats both, and a configured account gives way to a typed token.
    let place = place_with("account = \"a\"\n[accounts.a]\ntoken-file = \"absent\"\n");
    fs::write(place.path("token"), "demo").unwrap();
    place
        .run(&["check", "--token-file", "token", "--api-url", &server.url()])
        .exits(0);
    place
        .run(&["check", "--api-url", &server.url()])
        .exits(3)
        .says(&["absent"]);
}

#[test]
fn each_placeholder_stands_for_what_readme_says() {
    let place = Place::new();
    let out = "{account}/{month}/{period}/{from}_{to}/{{a}}";
    place
        .run(&["export", "--demo", "--month", "2025-07", "--out", out])
        .exits(0);
    let folder = "demo/2025-07/2025-07/2025-07-01_2025-08-01/{a}";
    assert!(place.path(folder).join("manifest.json").exists());
}

#[test]
fn placeholders_that_stand_for_nothing_write_nothing() {
    let place = Place::new();
    let export = |out: &str, period: &[&str]| place.run(&[&["export", "--demo", "--out", out], period].concat());
    export("x/{acount}", &[])
        .exits(2)
        .says(&["unknown placeholder {acount}; did you mean {account}?"]);
    export("x/{month}", &["--last", "7d"])
        .exits(2)
        .says(&["{month}: the period is not a calendar month"]);
    export("x/{", &[]).exits(2).says(&["single {"]);
    assert_eq!(place.names(), [""; 0]);
    export("x/{{{from}_{to}}}", &["--month", "2025-07", "--quiet"]).exits(0);
    assert_eq!(
        crate::support::command::names(&place.path("x")),
        ["{2025-07-01_2025-08-01}"]
    );
}

#[test]
fn an_accounts_own_option_takes_the_place_of_the_files_and_a_flag_that_is_off_of_none() {
    let place = place_with(
        "[export]\nlast-month = true\njson = true\n[accounts.a]\ntoken-env = \"T\"\n[accounts.a.export]\nmonth = \"2025-09\"\n",
    );
    let mut command = place.command(&["config", "show", "export", "--account", "a"]);
    command.env("APIFY_RUNS_QUIET", "false");
    let text = done(&mut command).exits(0).stdout.clone();
    assert_eq!(
        shown(&text, "accounts.a.export", "month"),
        "month = \"2025-09\" # apify-runs.toml:7"
    );
    assert_eq!(
        shown(&text, "accounts.a.export", "last-month"),
        "last-month = false # default"
    );
    assert_eq!(
        shown(&text, "accounts.a.export", "json"),
        "json = true # apify-runs.toml:3"
    );
    assert!(text.contains("# token: from T (token-env of the account)"), "{text}");
}

#[test]
fn what_is_of_the_whole_job_is_refused_below_an_accounts_command_too_and_a_token_for_a_name() {
    let part = "[accounts.a]\ntoken-env = \"T\"\n[accounts.a.export]\ndeadline = \"1s\"\n";
    place_with(part)
        .run(&["export", "--demo"])
        .exits(2)
        .says(&["apify-runs.toml:4: deadline is an option of the whole job"]);
    let done = place_with("[accounts.a]\ntoken-env = \"apify_api_Secret0\"\n").run(&["export", "--demo"]);
    done.exits(2).says(&["token-env: expected the name of the variable"]);
    assert!(!format!("{done}").contains("Secret0"), "{done}");
}

#[test]
fn what_is_no_job_leaves_the_outcome_alone_and_needs_no_good_configuration() {
    let place = place_with("outcome = \"outcome.json\"\n");
    fs::write(place.path("outcome.json"), "last night's").unwrap();
    let no_jobs: [&[&str]; 4] = [
        &["export", "--outcome", "outcome.json", "--help"],
        &["completions", "bash"],
        &["config", "show", "export", "--outcome", "outcome.json"],
        &["man", "export"],
    ];
    for args in no_jobs {
        place.run(args).exits(0);
        assert_eq!(
            fs::read_to_string(place.path("outcome.json")).unwrap(),
            "last night's",
            "{args:?}"
        );
    }
    place
        .run(&["export", "--demo", "--dry-run", "--outcome", "--json"])
        .exits(2);
    assert!(!place.path("--json").exists());
    place_with("nonsense = 1").run(&["completions", "bash"]).exits(0);
}
