//! Several accounts in one job: each with its own token, folder and fate.

use std::fs;
use std::io::{self, BufRead, BufReader};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::support::account::Apify;
use crate::support::client::Served;
use crate::support::command::{Exported, Place, done, names, wait};
use crate::support::stand_in::{StandIn, ms, runs};

/// `acme` at a stand-in, `beta` at a made-up account, each with a token that the other refuses.
struct Two {
    acme: StandIn,
    _beta: Served,
    place: Place,
}

fn two(more: &str) -> Two {
    let acme = Apify::of(runs(40, ms("2025-09-01T00:00:00Z"), 60_000)).start();
    let beta = Served::demo(&["--runs", "50", "--actors", "5"]);
    let place = Place::new();
    fs::write(place.path("beta.token"), "demo\n").unwrap();
    fs::set_permissions(place.path("beta.token"), fs::Permissions::from_mode(0o600)).unwrap();
    let config = format!(
        "outcome = \"outcome.json\"\n[export]\nout = \"exports/{{account}}/{{month}}\"\nmonth = \"2025-09\"\nrate = 0\n{more}\n\
         [accounts.acme]\ntoken-env = \"ACME_TOKEN\"\napi-url = \"{}\"\n\
         [accounts.beta]\ntoken-file = \"beta.token\"\napi-url = \"{}\"\n[accounts.beta.export]\nformat = \"parquet\"\n",
        acme.url(),
        beta.url()
    );
    fs::write(place.path("apify-runs.toml"), config).unwrap();
    Two {
        acme,
        _beta: beta,
        place,
    }
}

fn with_token(place: &Place, args: &[&str]) -> Command {
    let mut command = place.command(args);
    command
        .env_remove("APIFY_TOKEN")
        .env("ACME_TOKEN", crate::support::stand_in::TOKEN);
    command
}

/// An account's part of a configuration.
fn account(name: &str, url: &str, more: &str) -> String {
    format!("[accounts.{name}]\ntoken-env = \"ACME_TOKEN\"\napi-url = \"{url}\"\n{more}\n")
}

fn outcome(place: &Place) -> Value {
    let text = fs::read_to_string(place.path("outcome.json")).unwrap();
    assert!(text.len() <= 4096 && text.ends_with("}\n"), "{text}");
    serde_json::from_str(&text).unwrap()
}

#[test]
fn each_has_its_own_token_folder_and_options() {
    let two = two("");
    let done = done(&mut with_token(&two.place, &["export", "--all-accounts"]));
    done.exits(0).shows(&["== acme Period", "== beta Period"]);
    let exported = |account: &str| Exported {
        out: two.place.path(&format!("exports/{account}/2025-09")),
    };
    assert_eq!(exported("acme").json("manifest.json")["totals"]["runs"], 40);
    assert_eq!(exported("beta").json("manifest.json")["totals"]["runs"], 50);
    assert!(names(&exported("acme").out).contains(&"runs.csv".into()));
    assert!(!names(&exported("beta").out).contains(&"runs.csv".into()));
    let told = outcome(&two.place);
    assert_eq!(told["exit_code"], 0);
    assert_eq!(told["totals"]["runs"], 90);
    assert_eq!(told["accounts"]["acme"]["totals"]["usage_total_usd"], "0.4");
    assert_eq!(told["accounts"]["beta"]["out"], "exports/beta/2025-09");
    assert_eq!(
        told["proof"],
        serde_json::json!({"proven": true, "counted": 90, "fetched": 90})
    );
}

#[test]
fn one_of_them_is_exported_alone_by_name() {
    let two = two("");
    done(&mut with_token(&two.place, &["export", "--account", "beta", "--quiet"])).exits(0);
    assert_eq!(names(&two.place.path("exports")), ["beta"]);
    assert_eq!(two.acme.requests().len(), 0);
    let wrong = done(&mut with_token(&two.place, &["export", "--account", "bta"]));
    wrong
        .exits(2)
        .says(&["unknown account 'bta'; did you mean beta?", "acme, beta"]);
    let none = Place::new().run(&["export", "--all-accounts", "--last-month"]);
    none.exits(2).says(&["no account is configured", "apify-runs.toml"]);
}

#[test]
fn ones_failure_is_not_the_others() {
    let two = two("");
    fs::write(two.place.path("beta.token"), "wrong").unwrap();
    let done = done(&mut with_token(&two.place, &["export", "--all-accounts", "--quiet"]));
    done.exits(3).says(&["apify-runs: beta: ", "401"]);
    assert!(!done.stderr.contains("acme"), "{done}");
    assert!(two.place.path("exports/acme/2025-09").is_dir() && !two.place.path("exports/beta").exists());
    let told = outcome(&two.place);
    assert_eq!(
        (&told["exit_code"], &told["exit_name"]),
        (&3.into(), &"not_authorised".into())
    );
    assert_eq!(told["accounts"]["beta"]["exit_code"], 3);
    assert_eq!(told["accounts"]["acme"]["exit_code"], 0);
    // What isn't known of all of them is no total.
    assert!(told["totals"].is_null(), "{told}");
    assert!(
        told["error"]
            .as_str()
            .unwrap()
            .starts_with("1 of 2 accounts failed: beta; beta: the API refused"),
        "{told}"
    );
    assert!(told["error"].as_str().unwrap().contains("401"), "{told}");
    let mut command = with_token(&two.place, &["export", "--account", "acme"]);
    let unset = crate::support::command::done(command.env_remove("ACME_TOKEN"));
    unset
        .exits(3)
        .says(&["the variable ACME_TOKEN (token-env of account acme) has no token"]);
}

#[test]
fn json_is_one_document_with_each_report_as_it_is() {
    let two = two("");
    let done = done(&mut with_token(&two.place, &["export", "--all-accounts", "--json"]));
    let printed: Value = serde_json::from_str(&done.exits(0).stdout).unwrap();
    for account in ["acme", "beta"] {
        let text = fs::read_to_string(two.place.path(&format!("exports/{account}/2025-09/report.json"))).unwrap();
        assert_eq!(
            printed["accounts"][account],
            serde_json::from_str::<Value>(&text).unwrap()
        );
    }
}

#[test]
fn two_names_of_one_account_are_noticed_and_counted_once() {
    let server = Apify::of(runs(40, ms("2025-09-01T00:00:00Z"), 60_000)).start();
    let place = Place::new();
    let config = account("one", &server.url(), "") + &account("other", &server.url(), "");
    fs::write(place.path("apify-runs.toml"), config).unwrap();
    let args = [
        "export",
        "--all-accounts",
        "--month",
        "2025-09",
        "--rate",
        "0",
        "--quiet",
        "--outcome",
        "outcome.json",
    ];
    let done = done(&mut with_token(&place, &args));
    done.exits(0).says(&["warning: one and other are the same account"]);
    // Without --out each has a folder of its own, too.
    assert!(place.path("apify-runs-one-2025-09").is_dir() && place.path("apify-runs-other-2025-09").is_dir());
    let told = outcome(&place);
    assert_eq!(told["totals"]["runs"], 40);
    assert_eq!(
        told["caveats"],
        serde_json::json!(["one and other are the same account, which is counted once"])
    );
}

#[test]
fn one_place_for_several_accounts_is_refused_before_anything_is_asked() {
    let two = two("");
    let done = done(&mut with_token(
        &two.place,
        &["export", "--all-accounts", "--out", "out"],
    ));
    done.exits(2)
        .says(&["--out out is the same for several accounts", "{account}"]);
    assert_eq!(two.acme.requests().len(), 0);
    assert!(!two.place.path("out").exists());
}

#[test]
fn a_second_job_of_the_same_configuration_finds_the_outputs_held() {
    let two = two("");
    let held = two.place.path("exports/acme");
    fs::create_dir_all(&held).unwrap();
    let lock = fs::File::create(held.join(".2025-09.apify-runs.lock")).unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let done = done(&mut with_token(&two.place, &["export", "--all-accounts", "--quiet"]));
    done.exits(8).says(&["apify-runs: acme: another apify-runs process"]);
    assert_eq!(outcome(&two.place)["accounts"]["beta"]["exit_code"], 0);
}

#[test]
fn two_places_of_their_own_need_no_placeholder() {
    let server = Apify::of(runs(40, ms("2025-09-01T00:00:00Z"), 60_000)).start();
    let place = Place::new();
    let config = account("one", &server.url(), "out = \"one\"") + &account("other", &server.url(), "out = \"other\"");
    fs::write(place.path("apify-runs.toml"), config).unwrap();
    let args = [
        "export",
        "--all-accounts",
        "--month",
        "2025-09",
        "--rate",
        "0",
        "--quiet",
    ];
    done(&mut with_token(&place, &args)).exits(0);
    assert!(place.path("one/manifest.json").exists() && place.path("other/manifest.json").exists());
    done(&mut with_token(
        &place,
        &[&args[..], &["--out", "e/{{account}}"]].concat(),
    ))
    .exits(2);
}

#[test]
fn one_place_in_two_spellings_is_one() {
    let server = Apify::of(runs(4, ms("2025-09-01T00:00:00Z"), 60_000)).start();
    let place = Place::new();
    fs::create_dir(place.path("real")).unwrap();
    std::os::unix::fs::symlink("real", place.path("link")).unwrap();
    for (one, other) in [
        ("place", "./place/"),
        ("real/x", "link/x"),
        ("place", "other/../place"),
        ("place", "place/inside"),
        ("{account}/../same", "{account}/../same"),
    ] {
        let out = |place: &str| format!("out = \"{place}\"");
        let config = account("one", &server.url(), &out(one)) + &account("other", &server.url(), &out(other));
        fs::write(place.path("apify-runs.toml"), config).unwrap();
        let done = done(&mut with_token(
            &place,
            &["export", "--all-accounts", "--month", "2025-09", "--replace"],
        ));
        done.exits(2).says(&["is the same for several accounts"]);
    }
    assert_eq!(server.requests().len(), 0);
    assert_eq!(place.names(), ["apify-runs.toml", "link", "real"]);
}

#[test]
fn an_account_that_was_done_stays_done_when_the_job_is_stopped() {
    let two = two("");
    let slow = Served::demo(&["--latency", "60s", "--runs", "10"]);
    let config = fs::read_to_string(two.place.path("apify-runs.toml")).unwrap();
    let (before, _) = config.rsplit_once("api-url").unwrap();
    fs::write(
        two.place.path("apify-runs.toml"),
        format!("{before}api-url = \"{}\"\n", slow.url()),
    )
    .unwrap();
    let mut command = with_token(&two.place, &["export", "--all-accounts", "--log-format", "json", "-v"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let is_done = |line: &String| line.contains("\"message\":\"done: ") && line.contains("\"account\":\"acme\"");
    assert!(lines.map(Result::unwrap).any(|line| is_done(&line)));
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::TERM).unwrap();
    wait(child).exits(143);
    let told = outcome(&two.place);
    assert_eq!(
        (&told["exit_code"], &told["accounts"]["beta"]["exit_code"]),
        (&143.into(), &143.into())
    );
    assert_eq!(told["accounts"]["acme"]["exit_code"], 0);
    assert_eq!(told["accounts"]["acme"]["totals"]["runs"], 40);
    assert_eq!(told["error"], "stopped by SIGTERM; 1 of 2 accounts had finished: acme");
    assert_eq!(
        told["accounts"]["beta"]["error"],
        "stopped by SIGTERM; nothing was published"
    );
}

#[test]
fn places_of_accounts_that_lie_beside_each_other_are_not_one() {
    let apify = Apify::of(runs(3, ms("2025-09-01T00:00:00Z"), 60_000)).start();
    let place = Place::new();
    let config = |lake: &str| {
        let sync = |lake: &str| format!("lake = \"{lake}\"");
        let one = account(
            "acme",
            &apify.url(),
            &format!("out = \"exports/{{month}}\"\n{}", sync("lake")),
        );
        let other = account(
            "beta",
            &apify.url(),
            &format!("out = \"exports/beta/{{month}}\"\n{}", sync(lake)),
        );
        fs::write(place.path("apify-runs.toml"), one + &other).unwrap();
    };
    config("other");
    done(&mut with_token(
        &place,
        &["export", "--all-accounts", "--month", "2025-09"],
    ))
    .exits(0);
    let url = format!("file://{}", place.path("lake").display());
    config(&url);
    done(&mut with_token(
        &place,
        &["sync", "--all-accounts", "--since", "2025-09-01"],
    ))
    .exits(2)
    .says(&["is the same for several accounts"]);
}

#[test]
fn an_account_that_is_done_keeps_no_connection_from_the_next() {
    // As many connections as one account's job needs at once. Others wait until one ends: ten seconds if it is idle, which is
    // more than --timeout.
    let server = Served::demo(&["--runs", "50", "--actors", "5"]);
    let (place, url) = (Place::new(), relay(server.address().to_owned(), 3));
    let accounts: String = (0..5).map(|at| account(&format!("a{at}"), &url, "")).collect();
    fs::write(place.path("apify-runs.toml"), accounts).unwrap();
    let args = [
        "export --month 2025-09 --all-accounts --accounts-at-once 1 --concurrency 1 --details none --no-names",
        "--rate 0 --retries 0 --timeout 5s --out {account}",
    ];
    let args: Vec<&str> = args.iter().flat_map(|args| args.split(' ')).collect();
    done(place.command(&args).env("ACME_TOKEN", "demo")).exits(0);
}

/// Passes connections on to a server, at most so many at once; further clients wait. Ends with the process.
fn relay(server: String, at_once: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (take_place, places) = std::sync::mpsc::sync_channel(at_once);
    let places = Arc::new(Mutex::new(places));
    std::thread::spawn(move || {
        while take_place.send(()).is_ok() {
            let client = listener.accept().unwrap().0;
            let (server, places) = (TcpStream::connect(&server).unwrap(), places.clone());
            std::thread::spawn(move || {
                let (mut from_client, mut to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                let requests = std::thread::spawn(move || {
                    let _ = io::copy(&mut from_client, &mut to_server);
                    let _ = to_server.shutdown(Shutdown::Both);
                });
                let _ = io::copy(&mut &server, &mut &client);
                let _ = client.shutdown(Shutdown::Both);
                requests.join().unwrap();
                places.lock().unwrap().recv().unwrap();
            });
        }
    });
    url
}
