//! Every command at every verbosity, ended in every way that the table of exit codes has: no credential that was at hand is in
//! what it wrote, to its streams or into files.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::fs::{FlockOperation, flock};
use rustix::process::{Pid, Signal, kill_process};

use crate::support::account::Apify;
use crate::support::command::{COMMANDS, Done, Place, copy_all, done, names, wait};
use crate::support::stand_in::{Account, PROXY_PASSWORD, Quirks, Reply, Request, Run, StandIn, TOKEN, ms, runs, user};

/// The other credentials of the environment: a store's, and a proxy's.
const STORE_KEY: &str = "canary+store/key0123456789";
const SESSION: &str = "canary-session-0123456789";
const PROXY: &str = "canary-proxy-0123456789";
/// Of a login by Apify's own command line, which APIFY_TOKEN goes before.
const LOGIN: &str = "apify_api_LoginCanary0123456789";
const CYCLE: &str = r#"{"data":{"usageCycle":{"startAt":"2025-09-01T00:00:00.000Z","endAt":"2025-09-30T23:59:59.999Z"},
    "monthlyServiceUsage":{},"totalUsageCreditsUsdBeforeVolumeDiscount":0,"totalUsageCreditsUsdAfterVolumeDiscount":0}}"#;
const NOW: &str = "Wed, 01 Oct 2025 06:00:00 GMT";

/// What is the matter when a command runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Matter {
    Nothing,
    /// The API calls each request invalid, and repeats the token.
    Invalid,
    /// The token is given as an option.
    Misplaced,
    /// The API refuses the token, and repeats it.
    Refused,
    /// The variable has more than the token.
    Quoted,
    /// The API fails, and repeats the token.
    Failing,
    /// The list is shorter than its count, and files are damaged.
    Damaged,
    /// The places to write to are somebody else's.
    Occupied,
    /// Conditions that do not hold.
    Condition,
    /// Another process uses the places.
    Busy,
    /// The places are in a store that refuses the session, and repeats it.
    Store,
}

use Matter::*;

const MATTERS: [Matter; 11] = [
    Nothing, Invalid, Misplaced, Refused, Quoted, Failing, Damaged, Occupied, Condition, Busy, Store,
];

/// How each command ends, by what is the matter in the order above; `-` where that is none of its business.
const CODES: [(&str, &str); 16] = [
    ("export", "0 1 2 3 3 4 5 6 7 8 3"),
    ("verify", "0 - 2 - - - 5 - - - 3"),
    ("sync", "0 1 2 3 3 4 5 6 7 8 3"),
    ("report", "0 - 2 - - - 5 6 7 8 3"),
    ("reconcile", "0 1 2 3 3 4 5 6 7 8 -"),
    ("diff", "0 - 2 - - - 5 - - - -"),
    ("check", "0 1 2 3 3 4 - 6 - - 3"),
    ("lake close", "0 0 2 0 0 0 5 6 - 8 3"),
    ("lake optimize", "0 - 2 - - - 5 - - - 3"),
    ("lake vacuum", "0 - 2 - - - 5 - - - 3"),
    ("lake repair", "0 - 2 - - - 5 - - - 3"),
    ("lake info", "0 - 2 - - - 5 - - - 3"),
    ("serve", "0 - 2 - 2 - 5 - - - 3"),
    ("config show", "0 - 2 - - - - - - - -"),
    ("completions", "0 - 2 - - - - - - - -"),
    ("man", "0 - 2 - - - - - - - -"),
];

/// The arguments of a command, but for verbosity; `out`, `other` and `lake` are there.
fn arguments(command: &'static str, matter: Matter, url: &str) -> Vec<String> {
    // What it writes anew, where it writes figures, the export and the lake that it reads.
    let (place, figures, export, lake) = match matter {
        Occupied => ("foreign", "other", "out", "lake"),
        Store => ("s3://bucket/out", "new", "s3://bucket/lake", "s3://bucket/lake"),
        _ => ("out", "new", "out", "lake"),
    };
    let own: &[&str] = match command {
        "export" => &["--month", "2025-09", "--out", place],
        "verify" | "serve" => &[export],
        "sync" if matter == Occupied => &["--lake", place],
        "sync" => &["--lake", lake],
        "report" => &[export, "--out", figures, "--format", "json"],
        "reconcile" => &["--cycle", "2025-09-15", "--out", figures],
        "diff" => &["other", "out"],
        "check" => &["--out", place],
        "lake close" if matter == Occupied => &[lake, "--month", "2025-09", "--out", place],
        "lake close" => &[lake, "--month", "2025-09", "--out", figures],
        "lake optimize" | "lake vacuum" | "lake repair" | "lake info" => &[lake],
        "config show" => &["export"],
        "completions" => &["bash"],
        "man" => &["--out", figures],
        other => panic!("{other} has no arguments here"),
    };
    let mut words: Vec<String> = command
        .split(' ')
        .chain(own.iter().copied())
        .map(String::from)
        .collect();
    if asks(command) {
        words.extend(["--api-url", url, "--rate", "0", "--retries", "0"].map(String::from));
    }
    let condition: &[&str] = match (matter, command) {
        (Misplaced, _) => &["--token", TOKEN],
        (Condition, "export" | "report") => &["--strict"],
        (Condition, "sync") => &["--fail-unusual"],
        (Condition, "reconcile") => &["--fail-unexplained"],
        _ => &[],
    };
    words.extend(condition.iter().map(|word| word.to_string()));
    words
}

/// Whether it asks the API, or would.
fn asks(command: &str) -> bool {
    matches!(command, "export" | "sync" | "reconcile" | "check" | "lake close")
}

/// An account of two months whose last day stands out, with a run whose cost nobody knows.
fn account() -> Vec<Run> {
    let mut runs: Vec<Run> = runs(61, ms("2025-08-01T12:00:00Z"), 86_400_000);
    for run in &mut runs[60..] {
        run.rest = run.rest.replace("0.01", "100");
    }
    let unknown = r#""actId":"actor","finishedAt":"2025-09-02T12:30:00.000Z","meta":{"origin":"API"},"buildId":"b""#;
    runs.push(Run::new("unknown", ms("2025-09-02T12:00:00Z")).with(unknown));
    runs
}

/// The API for what is the matter.
fn server(matter: Matter) -> StandIn {
    let echo = |status, kind: &'static str| move || Reply::error(status, kind, &format!("For Bearer {TOKEN}."));
    let (status, kind) = match matter {
        Invalid => (400, "invalid-value"),
        Refused => (401, "user-or-token-not-found"),
        Failing => (500, "internal-error"),
        _ => {
            let quirks = Quirks {
                total_off_by: if matter == Damaged { 3 } else { 0 },
                ..Quirks::default()
            };
            let account = Account {
                runs: account(),
                quirks,
            };
            return Apify::of(Vec::new())
                .at("/v2/actor-runs", move |request| Reply::json(account.list(request)))
                .at("/v2/users/me", |_| Reply::json(user("user1")))
                .at("/v2/users/me/usage/monthly", |_| Reply::json(CYCLE.into()))
                .dated(NOW)
                .start();
        }
    };
    Apify::of(Vec::new())
        .at("/", move |_| echo(status, kind)())
        .dated(NOW)
        .start()
}

/// What commands read: two exports and a lake.
fn archives() -> Place {
    let (place, server) = (Place::new(), server(Nothing));
    for out in ["out", "other"] {
        let args = [
            "export",
            "--month",
            "2025-09",
            "--out",
            out,
            "--rate",
            "0",
            "--api-url",
            &server.url(),
        ];
        place.run(&args).exits(0);
    }
    #[cfg(feature = "lake")]
    place
        .run(&[
            "sync",
            "--lake",
            "lake",
            "--since",
            "2025-08-01",
            "--rate",
            "0",
            "--api-url",
            &server.url(),
        ])
        .exits(0);
    place
}

/// What keeps places busy, for as long as it is there.
#[derive(Default)]
struct Holder {
    locked: Vec<fs::File>,
    process: Option<(Child, StandIn)>,
}

impl Drop for Holder {
    fn drop(&mut self) {
        if let Some((child, _)) = &mut self.process {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        self.locked.clear();
    }
}

/// Makes the places as they have to be for what is the matter.
fn prepare(name: &str, matter: Matter, place: &Place) -> Holder {
    fs::create_dir(place.path("tmp")).unwrap();
    let mut holder = Holder::default();
    match matter {
        Damaged => {
            for name in [
                "out/runs.csv",
                "out/runs.parquet",
                "lake/_delta_log/00000000000000000000.json",
            ] {
                let Ok(bytes) = fs::read(place.path(name)) else {
                    continue;
                };
                fs::write(place.path(name), &bytes[..bytes.len() - 9]).unwrap();
            }
        }
        Occupied => {
            fs::create_dir(place.path("foreign")).unwrap();
            fs::write(place.path("foreign/notes.txt"), "somebody's").unwrap();
        }
        Busy => {
            fs::create_dir(place.path("new")).unwrap();
            let locks = [
                ".out.apify-runs.lock",
                ".new.apify-runs.lock",
                "new/.apify-runs-report.lock",
            ];
            holder.locked = locks.map(|name| held(&place.path(name))).into();
            if name == "sync" {
                // It asks for the API's clock first.
                let list = Account {
                    runs: account(),
                    quirks: Quirks::default(),
                };
                let stall = move |request: &Request| match request.number {
                    0 => Reply::json(list.list(request)),
                    _ => Reply::Stall,
                };
                let server = Apify::of(Vec::new()).at("/v2/actor-runs", stall).dated(NOW).start();
                let words = ["sync", "--lake", "lake", "--api-url", &server.url()];
                let mut stalling = place.command(&words);
                stalling
                    .env("TMPDIR", place.path("tmp"))
                    .stdout(Stdio::null())
                    .stderr(Stdio::null());
                let child = stalling.spawn().unwrap();
                let is_held = || names(&place.path("tmp")).iter().any(|name| name.ends_with("staging"));
                while !is_held() {
                    std::thread::yield_now();
                }
                holder.process = Some((child, server));
            }
        }
        _ => {}
    }
    holder
}

/// A file that this process has locked.
fn held(path: &Path) -> fs::File {
    let file = fs::File::create(path).unwrap();
    flock(&file, FlockOperation::NonBlockingLockExclusive).unwrap();
    file
}

/// The command, with every credential at hand.
fn command(place: &Place, words: &[String], matter: Matter, store: &str) -> Command {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut command = place.command(&words);
    let proxy = format!("http://somebody:{PROXY}@127.0.0.1:9");
    command
        .env("TMPDIR", place.path("tmp"))
        .env(
            "APIFY_TOKEN",
            if matter == Quoted {
                format!("Bearer {TOKEN}")
            } else {
                TOKEN.into()
            },
        )
        .env("AWS_ENDPOINT_URL_S3", store)
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "key")
        .env("AWS_SECRET_ACCESS_KEY", STORE_KEY)
        .env("AWS_SESSION_TOKEN", SESSION)
        .env("HTTPS_PROXY", &proxy)
        .env("ALL_PROXY", &proxy)
        .env("NO_PROXY", "127.0.0.1")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Every file below a folder, but for the one that holds a login.
fn texts_below(folder: &Path, texts: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            texts_below(&path, texts);
        } else if !path.ends_with(".apify/auth.json") {
            texts.push(format!(
                "{}\n{}",
                path.display(),
                String::from_utf8_lossy(&fs::read(&path).unwrap())
            ));
        }
    }
}

/// No credential is in what it wrote.
#[track_caller]
fn keeps_secrets(done: &Done, place: &Place) {
    let mut texts = vec![done.stdout.clone(), done.stderr.clone()];
    texts_below(&place.path(""), &mut texts);
    for text in texts {
        // A beginning of it is too much already.
        for secret in [TOKEN, STORE_KEY, SESSION, PROXY, LOGIN, PROXY_PASSWORD] {
            assert!(
                !text.contains(&secret[..16]),
                "{secret} shows up in\n{text}\nof\n{done}"
            );
        }
    }
}

/// Runs a command to its end; one that serves is asked for its page, for a run without the token, and ended.
fn ended(mut command: Command, serves: bool) -> Done {
    if !serves {
        return done(&mut command);
    }
    let mut child = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let Some(address) = line.trim().strip_prefix("http://") else {
        return wait(child);
    };
    let mut answers = String::new();
    for head in [
        format!("GET / HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {TOKEN}\r\n"),
        format!("GET /v2/users/me HTTP/1.1\r\nHost: {address}\r\n"),
    ] {
        let mut stream = TcpStream::connect(address).unwrap();
        stream
            .write_all(format!("{head}Connection: close\r\n\r\n").as_bytes())
            .unwrap();
        stream.read_to_string(&mut answers).unwrap();
    }
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    let mut done = wait(child);
    done.stdout += &answers;
    // A server has no other end.
    done.code = if done.code == Some(143) { Some(0) } else { done.code };
    done
}

/// The options of verbosity that a command has, each a way to run it.
fn verbosities(place: &Place, command: &str) -> Vec<Vec<&'static str>> {
    let help = place
        .run(&command.split(' ').chain(["--help-all"]).collect::<Vec<_>>())
        .stdout;
    let all: [&[&str]; 6] = [
        &[],
        &["--quiet"],
        &["-v"],
        &["-v", "-v"],
        &["--json"],
        &["--log-format", "json", "-v", "-v"],
    ];
    let has = |options: &&&[&str]| options.first().is_none_or(|first| help.contains(first));
    all.iter().filter(has).map(|options| options.to_vec()).collect()
}

#[test]
fn no_credential_is_in_what_any_command_writes_however_it_ends() {
    let archives = archives();
    let commands = CODES
        .iter()
        .filter(|(name, _)| cfg!(feature = "lake") || !name.starts_with("lake") && *name != "sync");
    let commands: Vec<_> = commands
        .map(|(name, codes)| (*name, *codes, verbosities(&archives, name)))
        .collect();
    // As S3 refuses a session that is over.
    let store = StandIn::start_raw(|_| {
        let body = format!(
            "<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message><Token-0>{SESSION}</Token-0></Error>"
        );
        Reply::Answer(400, Vec::new(), body.into_bytes())
    });
    let store_url = store.url();
    let try_all = |matter: Matter| {
        let (server, mut reached) = (server(matter), BTreeSet::new());
        for (name, codes, verbosities) in &commands {
            let Ok(code) = codes.split(' ').nth(matter as usize).unwrap().parse::<i32>() else {
                continue;
            };
            for verbosity in verbosities {
                let place = Place::new();
                copy_all(&archives.path(""), &place.path(""));
                let _holder = prepare(name, matter, &place);
                let mut words = arguments(name, matter, &server.url());
                words.extend(verbosity.iter().map(|word| word.to_string()));
                let done = ended(command(&place, &words, matter, &store_url), *name == "serve");
                assert_eq!(done.code, Some(code), "{matter:?}: {done}");
                keeps_secrets(&done, &place);
            }
            reached.insert(code);
        }
        reached
    };
    let stop_all = |(signal, code): (Signal, i32)| {
        for (name, _, verbosities) in commands
            .iter()
            .filter(|(name, _, _)| asks(name) && *name != "lake close")
        {
            for verbosity in verbosities {
                let (server, place) = (StandIn::start_raw(|_| Reply::Stall), Place::new());
                copy_all(&archives.path(""), &place.path(""));
                fs::create_dir(place.path("tmp")).unwrap();
                let mut words = arguments(name, Nothing, &server.url());
                words.extend(verbosity.iter().map(|word| word.to_string()));
                let mut child = command(&place, &words, Nothing, &store_url).spawn().unwrap();
                while server.requests().is_empty() && child.try_wait().unwrap().is_none() {
                    std::thread::yield_now();
                }
                kill_process(Pid::from_child(&child), signal).unwrap();
                let done = wait(child);
                assert_eq!(done.code, Some(code), "{words:?}: {done}");
                keeps_secrets(&done, &place);
                assert!(server.requests()[0].head.contains(&format!("Bearer {TOKEN}")));
            }
        }
        BTreeSet::from([code])
    };
    let reached: BTreeSet<i32> = std::thread::scope(|scope| {
        let mut threads: Vec<_> = MATTERS.map(|matter| scope.spawn(move || try_all(matter))).into();
        let signals = [(Signal::HUP, 129), (Signal::INT, 130), (Signal::TERM, 143)];
        threads.extend(signals.map(|signal| scope.spawn(move || stop_all(signal))));
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(reached, (0..=8).chain([129, 130, 143]).collect());
    let names: Vec<_> = CODES.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, COMMANDS);
}
