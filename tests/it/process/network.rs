//! What no retry mends is said within seconds, with its cause and the setting that mends it; what may pass is tried again, and told
//! while it is. Each fault is injected by a server on loopback.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::account::Make;
use crate::support::command::{Done, Place, done, export_args, wait};
use crate::support::stand_in::{Account, Reply, StandIn, ms, runs};
use crate::support::tls::{certificate, read_head, serve_proxy, serve_raw, serve_tls};

/// The variables of a command's environment that are about the network.
type Variables<'a> = &'a [(&'a str, &'a str)];

fn account() -> Account {
    Account {
        runs: runs(3, ms("2025-09-01T00:00:00Z"), 60_000),
        ..Account::default()
    }
}

fn with<'c>(command: &'c mut Command, variables: Variables) -> &'c mut Command {
    for (name, value) in variables {
        command.env(name, value);
    }
    command
}

/// `check` and `export` with an API's address: neither may take longer than it is promised, and both say the same.
#[track_caller]
fn fails_soon(url: &str, variables: Variables, code: i32, parts: &[&str]) {
    let place = Place::new();
    let authority = certificate("authority.pem");
    let run = |args: &[&str], most: u64| {
        let start = Instant::now();
        let mut command = place.command(args);
        command.env("SSL_CERT_FILE", &authority);
        let done = done(with(&mut command, variables));
        let took = start.elapsed();
        assert!(took < Duration::from_secs(most), "it took {took:?}\n{done}");
        done
    };
    let checked = run(&["check", "--api-url", url], 10);
    checked.exits(code).says(parts);
    assert!(checked.stdout.starts_with("FAIL  api: "), "{checked}");
    let exported = run(&export_args(url, &["--quiet"]), 20);
    exported.exits(code).says(parts);
    if exported.stderr.contains("GET ") {
        exported.says(&["nothing was published"]);
    }
    assert!(!exported.stderr.contains("safe to run again"), "{exported}");
    assert_eq!(exported.stderr.lines().count(), 1, "{exported}");
    assert_eq!(place.names(), [""; 0]);
}

/// Tries all cases at the same time: nearly all of their time is waiting, for a second attempt or for an answer.
fn side_by_side<C: Send>(cases: impl IntoIterator<Item = C>, try_one: impl Fn(C) + Sync) {
    let try_one = &try_one;
    std::thread::scope(|scope| {
        for case in cases {
            scope.spawn(move || try_one(case));
        }
    });
}

#[test]
fn a_name_that_no_server_knows_is_said_within_seconds() {
    // Whatever this machine's resolver says of it.
    fails_soon(
        "https://api.apify.invalid",
        &[],
        4,
        &["the host api.apify.invalid was not found", "--api-url"],
    );
}

#[test]
fn a_certificate_that_is_not_trusted_is_said_with_its_reason() {
    let api = StandIn::of(account());
    let cases = [
        ("expired.pem", "it has expired"),
        ("early.pem", "it is not valid yet; set this machine's clock"),
        ("other_host.pem", "it belongs to another host"),
        ("self_signed.pem", "SSL_CERT_FILE"),
        ("self_signed_server.pem", "SSL_CERT_FILE"),
    ];
    let api_url = api.url();
    side_by_side(cases, |(pem, words)| {
        let url = format!("https://localhost:{}", serve_tls(pem, &api_url));
        fails_soon(
            &url,
            &[],
            4,
            &["the certificate of localhost:", "is not trusted", words],
        );
    });
    // By an authority that this machine doesn't know.
    let url = format!("https://localhost:{}", serve_tls("good.pem", &api.url()));
    let other = certificate("self_signed.pem");
    fails_soon(
        &url,
        &[("SSL_CERT_FILE", other.to_str().unwrap())],
        4,
        &["issued by an authority that this machine does not know"],
    );
    assert_eq!(api.requests().len(), 0);
    // And one that is trusted serves.
    let place = Place::new();
    let mut command = place.command(&export_args(&url, &[]));
    done(
        command
            .env("SSL_CERT_FILE", certificate("authority.pem"))
            .env("APIFY_RUNS_NOW", "2025-11-01T00:00:00Z"),
    )
    .exits(0);
}

#[test]
fn another_protocol_on_the_port_is_said() {
    let api = StandIn::of(account());
    let plain = api.url().replace("http://127.0.0.1", "https://localhost");
    let tls = format!("http://127.0.0.1:{}", serve_tls("good.pem", &api.url()));
    // One that waits for a whole request, and then only says that it was a bad one.
    let patient = serve_raw(|mut stream| {
        let _ = read_head(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    });
    let patient = format!("https://localhost:{patient}");
    let ssh = serve_raw(|mut stream| {
        let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.6\r\n");
        let _ = stream.read(&mut [0; 4096]);
    });
    let ssh = [format!("https://localhost:{ssh}"), format!("http://127.0.0.1:{ssh}")];
    let two_seconds = [("APIFY_RUNS_TIMEOUT", "2s")];
    let cases: [(&str, Variables, &[&str]); 5] = [
        (&plain, &[], &["answers in plain HTTP, not in HTTPS", "--api-url"]),
        (&tls, &[], &["plain HTTP", "https://"]),
        (&patient, &two_seconds, &["answers in plain HTTP, not in HTTPS"]),
        (&ssh[0], &[], &["does not speak HTTPS"]),
        (&ssh[1], &[], &["does not speak plain HTTP"]),
    ];
    side_by_side(cases, |(url, variables, words)| fails_soon(url, variables, 4, words));
}

#[test]
fn a_proxy_that_refuses_is_named_by_its_variable_and_never_by_its_value() {
    let api = StandIn::of(account());
    let https = serve_tls("good.pem", &api.url());
    let url = format!("https://localhost:{https}");
    let by = |port: u16| format!("http://ann:s3cret@127.0.0.1:{port}");
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let banner = serve_raw(|mut stream| drop(stream.write_all(b"220 smtp ESMTP\r\n")));
    let closing = serve_raw(drop);
    let cases = [
        (
            "HTTPS_PROXY",
            serve_proxy("407 Proxy Authentication Required", https),
            "407",
        ),
        ("https_proxy", serve_proxy("403 Forbidden", https), "403"),
        ("ALL_PROXY", serve_proxy("403 Forbidden", https), "403"),
        ("all_proxy", nobody, "refuses connections"),
        ("HTTPS_PROXY", banner, "does not answer as an HTTP proxy"),
        ("HTTPS_PROXY", closing, "closes connections without an answer"),
    ];
    side_by_side(cases, |(variable, port, words)| {
        let proxy = by(port);
        fails_soon(&url, &[(variable, &proxy)], 4, &[variable, words]);
        let place = Place::new();
        let mut command = place.command(&["check", "--api-url", &url]);
        let done = done(with(&mut command, &[(variable, &proxy)]));
        assert!(!format!("{}{}", done.stdout, done.stderr).contains("s3cret"), "{done}");
    });
    for value in ["ftp://s3cret:1", "socks5://s3cret:1080", "s3 cret"] {
        fails_soon(
            &url,
            &[("HTTPS_PROXY", value)],
            4,
            &["HTTPS_PROXY", "expected http://HOST:PORT"],
        );
    }
    assert_eq!(api.requests().len(), 0);
    // One that makes the tunnel serves; where the host is an exception, none is judged.
    for variables in [
        &[("HTTPS_PROXY", &*by(serve_proxy("200 OK", https)))][..],
        &[("HTTPS_PROXY", "ftp://x"), ("NO_PROXY", "localhost")],
    ] {
        let place = Place::new();
        let mut command = place.command(&export_args(&url, &[]));
        command.env("SSL_CERT_FILE", certificate("authority.pem"));
        done(with(&mut command, variables)).exits(0);
    }
}

#[test]
fn an_answer_that_is_not_the_api_s_is_said_after_two_attempts() {
    let html = || Reply::Answer(200, vec![], b"<!DOCTYPE html><title>Log in</title>".to_vec());
    let redirect = || {
        Reply::Answer(
            302,
            vec![("Location", "http://127.0.0.1:9/login?token=s3cret".into())],
            vec![],
        )
    };
    let cases: [(Make, i32, &str); 8] = [
        (html, 5, "it is an HTML page"),
        (
            || Reply::json("{\"ok\":true}".into()),
            5,
            "the body is JSON without \"data\"",
        ),
        (|| Reply::json("[]".into()), 5, "not have the form of the Apify API"),
        (
            || Reply::json("{\"data\":{\"total\":2.5,\"items\":[]}}".into()),
            5,
            "without a number in \"data.total\"",
        ),
        (|| Reply::json(String::new()), 5, "the body is empty"),
        (|| Reply::Answer(204, vec![], vec![]), 5, "204 No Content"),
        (redirect, 4, "302 Found, a redirect"),
        (
            || Reply::Answer(404, vec![], b"<html>nginx</html>".to_vec()),
            4,
            "not an answer of the Apify API",
        ),
    ];
    side_by_side(cases, |(reply, code, words)| {
        let server = StandIn::start_raw(move |_| reply());
        fails_soon(&server.url(), &[], code, &[words, "/v2/actor-runs"]);
        // Two by `check`, two by `export`, which may ask for other things meanwhile.
        assert_eq!(server.list_requests().len(), 4, "{words}");
    });
}

#[test]
fn check_answers_within_ten_seconds_whatever_happens() {
    let silent = serve_raw(|mut stream| {
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let dripping = serve_raw(|mut stream| {
        if read_head(&mut stream).is_some() {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n{");
            while stream.write_all(b" ").is_ok() {
                std::thread::sleep(Duration::from_millis(50));
            }
        }
    });
    let limited = StandIn::start_raw(|_| Reply::Answer(429, vec![("Retry-After", "3600".into())], vec![]));
    let busy = StandIn::start_raw(|_| Reply::Answer(503, vec![("Retry-After", "0".into())], vec![]));
    let stalled_limits = StandIn::start_raw(|request| match request.path.as_str() {
        "/v2/actor-runs" => Reply::json(account().list(request)),
        _ => Reply::Stall,
    });
    let cases = [
        (format!("http://127.0.0.1:{silent}"), 4, "no complete answer"),
        (format!("https://localhost:{silent}"), 4, "localhost"),
        (format!("http://127.0.0.1:{dripping}"), 4, "no complete answer"),
        (limited.url(), 4, "429"),
        (busy.url(), 4, "503"),
        (stalled_limits.url(), 0, ""),
    ];
    side_by_side(cases, |(url, code, words)| {
        let (place, start) = (Place::new(), Instant::now());
        let mut command = place.command(&["check", "--api-url", &url]);
        let done = done(command.env("SSL_CERT_FILE", certificate("authority.pem")));
        assert!(
            start.elapsed() < Duration::from_secs(10),
            "{url} took {:?}\n{done}",
            start.elapsed()
        );
        done.exits(code).says(&[words]);
    });
}

/// A job whose first attempts are answered with 503 for some seconds; how it ended.
fn told_of(more: &[&str]) -> (Place, Done, StandIn) {
    let start = Instant::now();
    let account = account();
    let server = StandIn::start(move |request| {
        if start.elapsed() < Duration::from_millis(6500) {
            Reply::error(503, "unavailable", "Soon.")
        } else {
            Reply::json(account.list(request))
        }
    });
    let place = Place::new();
    let done = place.export(&server.url(), more);
    (place, done, server)
}

#[test]
fn what_may_pass_is_told_while_it_is_tried_again_and_never_hurried() {
    let ((_place, done, server), (_, quiet, _)) = std::thread::scope(|scope| {
        let quiet = scope.spawn(|| told_of(&["--quiet"]));
        (told_of(&[]), quiet.join().unwrap())
    });
    done.exits(0);
    let mut lines = done.stderr.lines().filter(|line| line.contains("still trying"));
    let line = lines.next().unwrap_or_else(|| panic!("no line\n{done}"));
    let start = "apify-runs: warning: still trying: 503, attempt ";
    assert!(
        line.starts_with(start) && line.contains(", next in ") && line.ends_with(" s"),
        "{done}"
    );
    assert_eq!(lines.next(), None, "{done}");
    // `Retry-After: 0` is what the server asks for: half a second, one, two and four are the least waits of our own.
    assert!(server.list_requests().len() <= 6, "{}", server.list_requests().len());
    assert_eq!((&*quiet.exits(0).stderr, &*quiet.stdout), ("", ""));
}

#[test]
fn a_job_that_is_stopped_while_it_waits_says_for_what() {
    let failing = StandIn::start(|_| Reply::error(503, "unavailable", "Down for now."));
    let cause = "GET /v2/actor-runs failed";
    let answer = "the last answer: 503 Service Unavailable unavailable: Down for now.";
    let outcome = |place: &Place| std::fs::read_to_string(place.path("outcome.json")).unwrap();

    let place = Place::new();
    let done = place.export(&failing.url(), &["--deadline", "2s", "--outcome", "outcome.json"]);
    done.exits(4)
        .says(&["within 2s (--deadline)", cause, answer, "nothing was published"]);
    assert!(
        outcome(&place).contains(cause) && outcome(&place).contains(answer),
        "{}",
        outcome(&place)
    );

    let silent = StandIn::start(|_| Reply::Stall);
    let place = Place::new();
    let done = place.export(&silent.url(), &["--deadline", "6s"]);
    done.exits(4).says(&["GET /v2/actor-runs had no answer for "]);

    let place = Place::new();
    let url = failing.url();
    let before = failing.list_requests().len();
    let child = place.start(&export_args(&url, &["--outcome", "outcome.json"]));
    while failing.list_requests().len() < before + 2 {
        std::thread::sleep(Duration::from_millis(10));
    }
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let stopped = wait(child);
    stopped
        .exits(143)
        .says(&["stopped by SIGTERM while", cause, answer, "nothing was published"]);
    assert!(
        outcome(&place).contains(cause) && outcome(&place).contains(answer),
        "{}",
        outcome(&place)
    );
}
