//! Help that fits a screen, its examples, completions and the manual.

use std::collections::BTreeSet;
use std::io::BufRead;
use std::process::Stdio;

use crate::support::account::Apify;
use crate::support::client::Served;
use crate::support::command::{COMMANDS, Place, done, names};
use crate::support::stand_in::{ms, runs};

/// Lines of a screen, and its columns.
const SCREEN: (usize, usize) = (40, 80);

fn help(place: &Place, command: &str, flag: &str) -> String {
    let args: Vec<&str> = command.split_whitespace().chain([flag]).collect();
    place.run(&args).exits(0).stdout.clone()
}

/// The options that a help names.
fn options(help: &str) -> BTreeSet<String> {
    let words = help
        .lines()
        .filter(|line| line.trim_start().starts_with('-'))
        .flat_map(|line| {
            let names = line.trim_start().split("  ").next().unwrap_or_default();
            names.split([' ', ',', '=', '[']).map(String::from).collect::<Vec<_>>()
        });
    words
        .filter(|word| word.starts_with("--"))
        .map(|word| word.trim_end_matches('.').to_string())
        .collect()
}

/// Every command and group of commands; the first is the program itself.
fn all_commands() -> Vec<&'static str> {
    ["", "lake", "config"].into_iter().chain(COMMANDS).collect()
}

#[test]
fn every_short_help_fits_a_screen() {
    let place = Place::new();
    for command in all_commands() {
        let short = help(&place, command, "-h");
        let (lines, columns) = (
            short.lines().count(),
            short.lines().map(|line| line.chars().count()).max(),
        );
        assert!(lines <= SCREEN.0 && columns <= Some(SCREEN.1), "{lines} lines\n{short}");
    }
    let short = options(&help(&place, "export", "-h"));
    for option in ["--groups", "--compare", "--budget"] {
        assert!(short.contains(option), "{option}");
    }
}

#[test]
fn long_help_has_the_exit_codes_and_help_all_every_option_too() {
    let place = Place::new();
    for command in all_commands() {
        let [short, long, all] = ["-h", "--help", "--help-all"].map(|flag| help(&place, command, flag));
        let (_, exit_codes) = long.split_once("\nExit codes:\n").unwrap();
        assert_eq!(long, format!("{short}\nExit codes:\n{exit_codes}"));
        assert!(all.ends_with(&format!("\nExit codes:\n{exit_codes}")), "{all}");
        let codes = exit_codes.lines().map(|line| &line[..15]);
        let codes: Vec<&str> = codes.flat_map(str::split_whitespace).collect();
        let expected = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "129", "130", "143"];
        assert_eq!(codes, expected);
        assert!(options(&short).is_subset(&options(&all)));
        assert!(
            long.lines()
                .chain(all.lines())
                .all(|line| line.chars().count() <= SCREEN.1)
        );
    }
    let [short, all] = ["-h", "--help-all"].map(|flag| options(&help(&place, "export", flag)));
    for option in [
        "--concurrency",
        "--config",
        "--api-url",
        "--allow-incomplete",
        "--help-all",
    ] {
        assert!(all.contains(option) && !short.contains(option), "{option}");
    }
}

#[test]
fn there_are_at_most_100_options() {
    let place = Place::new();
    let all = all_commands().into_iter();
    let distinct: BTreeSet<String> = all
        .flat_map(|command| options(&help(&place, command, "--help-all")))
        .collect();
    assert!(distinct.len() <= 100, "{}: {distinct:?}", distinct.len());
}

#[test]
fn every_help_has_two_examples_and_they_work() {
    let (server, place) = (Served::demo(&["--runs", "200", "--actors", "9"]), Place::new());
    let mut seen = Vec::new();
    for command in COMMANDS {
        let help = help(&place, command, "--help");
        let (_, examples) = help
            .split_once("\nExamples:\n")
            .unwrap_or_else(|| panic!("{command} has no examples"));
        let examples: Vec<&str> = examples
            .lines()
            .map(str::trim)
            .take_while(|line| !line.is_empty())
            .collect();
        assert!(examples.len() >= 2, "{command}: {examples:?}");
        seen.extend(examples.iter().map(|line| (command, line.to_string())));
    }
    // `verify lake` needs the lake that sync's examples make.
    seen.sort_by_key(|(_, line)| {
        (
            line.contains("verify lake"),
            line.contains("lake vacuum"),
            line.contains(" serve "),
        )
    });
    for (command, line) in seen {
        if cfg!(not(feature = "lake")) && line.contains("lake") {
            continue;
        }
        // The port of an example may be taken.
        let line = line.replace("--port 8080", "--port 0");
        let args: Vec<&str> = line.strip_prefix("apify-runs ").unwrap().split(' ').collect();
        let mut started = place.command(&args);
        started
            .env("APIFY_TOKEN", "demo")
            .env("APIFY_API_BASE_URL", server.url())
            .env("APIFY_RUNS_RATE", "0");
        if command != "serve" {
            done(&mut started).exits(0);
            continue;
        }
        started.env_remove("APIFY_TOKEN");
        // One that listens says where.
        let mut child = started.stdout(Stdio::piped()).spawn().unwrap();
        let mut first = String::new();
        std::io::BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut first)
            .unwrap();
        assert!(first.starts_with("http://127.0.0.1:"), "{first}");
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

#[test]
fn completions_know_commands_and_options_that_help_leaves_out() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = place.run(&["completions", shell]).exits(0).stdout.clone();
        for word in ["reconcile", "detail-concurrency", "vacuum"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    place.run(&["completions", "tcsh"]).exits(2).says(&["bash"]);
}

#[test]
fn the_manual_has_a_page_for_each_command_with_each_option() {
    let place = Place::new();
    place.run(&["man", "--out", "man"]).exits(0);
    let pages = names(&place.path("man"));
    for command in COMMANDS {
        let name = format!("apify-runs-{}.1", command.replace(' ', "-"));
        assert!(pages.contains(&name), "{name} is not in {pages:?}");
        let page = std::fs::read_to_string(place.path("man").join(&name)).unwrap();
        let printed = place.run(&[&["man"], &command.split(' ').collect::<Vec<_>>()[..]].concat());
        assert_eq!(printed.exits(0).stdout, page);
        let page = page.replace('\\', "");
        for option in options(&help(&place, command, "--help-all")) {
            assert!(page.contains(&option), "{name} lacks {option}");
        }
    }
    place
        .run(&["man", "exprt"])
        .exits(2)
        .says(&["apify-runs has no command 'exprt'"]);
}

#[test]
fn a_wrong_command_line_names_what_there_is() {
    let place = Place::new();
    for (line, parts) in [
        ("export --last-mont", &["did you mean '--last-month'?"][..]),
        (
            "export --last-month --status FAILD",
            &["unknown status 'FAILD'; did you mean FAILED?", "TIMED-OUT"],
        ),
        ("export --status TIMED_OUT", &["did you mean TIMED-OUT?"]),
        ("export --demo --format parqet", &["did you mean 'parquet'?"]),
        (
            "export --demo --timezone Europe/Pargue",
            &["did you mean Europe/Prague?"],
        ),
        ("export --demo --timezone Prague", &["did you mean Europe/Prague?"]),
        (
            "export --demo --columns id,stauts",
            &["unknown column \"stauts\"; did you mean status?"],
        ),
        ("export --month 2025-13", &["'2025-13' is not a month", "YYYY-MM"]),
        ("export --from 2025-09-05 --to 2025-09-01", &["the period is empty"]),
        ("report x --by Actr", &["did you mean actor?", "week"]),
        ("report --sql cost_by_actr", &["did you mean cost_by_actor?"]),
        ("exprt", &["did you mean 'export'?"]),
        ("man exprt", &["did you mean export?"]),
        ("config show exprt", &["did you mean 'export'?"]),
    ] {
        let args: Vec<&str> = line.split(' ').collect();
        let done = place.run(&args);
        done.exits(2).says(parts);
        assert!(
            !done.stderr.contains("-- --") && !done.stderr.contains("similar"),
            "{done}"
        );
    }
    let server = Apify::of(runs(3, ms("2025-09-01T00:00:00Z"), 60_000)).start();
    place.export(&server.url(), &["--quiet"]).exits(0);
    let done = place.run(&["report", "out", "--only", "cost_by_actr"]);
    done.exits(2).says(&["did you mean cost_by_actor?"]);
    // A status that is like none may be a new one: the API decides.
    let asked = server.requests().len();
    place.export(&server.url(), &["--status", "PAUSED-BY-OWNER", "--replace"]);
    assert!(server.requests().len() > asked);
}
