//! The token goes to the API's own host, in a header; it and what `users/me` holds show up nowhere else.

use crate::support::account::{Apify, Make};
use crate::support::command::{Done, Place, names};
use crate::support::made_up::DEMO_DAY;
use crate::support::stand_in::{Account, PROXY_PASSWORD, Reply, StandIn, TOKEN, ms, runs};

/// The credential that the made-up account's `users/me` holds.
const DEMO_PROXY_PASSWORD: &str = "apify_proxy_made_up_dem0Passw0rd";

/// Neither in what a command wrote to its streams nor in what it left behind.
#[track_caller]
fn keeps_secrets(done: &Done, place: &Place) {
    let mut texts = vec![done.stdout.clone(), done.stderr.clone()];
    if place.path("out").is_dir() {
        let files = names(&place.path("out"))
            .into_iter()
            .map(|name| place.path("out").join(name));
        texts.extend(files.map(|file| String::from_utf8_lossy(&std::fs::read(file).unwrap()).into_owned()));
    }
    for text in texts {
        // A beginning of it is too much already.
        for secret in [&TOKEN[..16], PROXY_PASSWORD, DEMO_PROXY_PASSWORD] {
            assert!(!text.contains(secret), "{secret} shows up in\n{text}");
        }
    }
}

#[test]
fn a_good_export_holds_no_secret() {
    let account = Account {
        runs: runs(100, ms("2025-09-01T00:00:00Z"), 1000),
        ..Account::default()
    };
    let server = StandIn::of(account);
    let place = Place::new();
    let done = place.export(&server.url(), &["-v"]);
    done.exits(0);
    assert_eq!(
        place.exported().json("manifest.json")["account"]["username"],
        "stand-in"
    );
    keeps_secrets(&done, &place);
    for request in server.requests() {
        let (line, headers) = request.head.split_once("\r\n").unwrap();
        assert!(!line.contains(TOKEN), "{line}");
        assert!(headers.contains(&format!("Bearer {TOKEN}")), "{headers}");
    }
}

#[test]
fn an_api_that_repeats_the_token_in_its_answers_gives_nothing_away() {
    let echoes: [fn() -> Reply; 5] = [
        || {
            Reply::error(
                401,
                "user-or-token-not-found",
                &format!("No user has the token {TOKEN}."),
            )
        },
        || Reply::error(400, TOKEN, "As a type."),
        || Reply::error(500, "internal-error", &format!("Failed for {TOKEN}")),
        // Where the message is cut short, just within the token.
        || Reply::error(500, "internal-error", &format!("{}{TOKEN}", "x".repeat(175))),
        || {
            Reply::Answer(
                502,
                vec![("Retry-After", "0".into())],
                format!("<p>Bearer {TOKEN}</p>").into_bytes(),
            )
        },
    ];
    for echo in echoes {
        let server = StandIn::start(move |_| echo());
        let place = Place::new();
        let done = place.export(&server.url(), &["--retries", "1"]);
        assert_ne!(done.code, Some(0));
        keeps_secrets(&done, &place);
    }
}

#[test]
fn a_token_goes_over_plain_http_to_this_machine_only() {
    let place = Place::new();
    for url in [
        "http://api.apify.com",
        "http://127.0.0.1.example.com:1",
        "ftp://127.0.0.1",
        "https://u:p@127.0.0.1",
    ] {
        let done = place.export(url, &[]);
        done.exits(2).says(&["--api-url"]);
        assert_eq!(place.names(), [""; 0]);
    }
}

#[test]
fn what_is_no_token_is_refused_without_being_shown() {
    let place = Place::new();
    let args = crate::support::command::export_args("http://127.0.0.1:9", &[]);
    let done = crate::support::command::done(place.command(&args).env("APIFY_TOKEN", "two secret words"));
    done.exits(3).says(&["APIFY_TOKEN"]);
    assert!(!done.stderr.contains("secret"), "{done}");
}

#[test]
fn the_proxy_password_of_users_me_shows_up_nowhere_whatever_the_answer_is() {
    // As documented; of another shape, so that decoding it fails; as an error that repeats it; with a status of its own.
    let answers: [Make; 5] = [
        || Reply::json(crate::support::stand_in::user("user1")),
        || {
            Reply::Answer(
                200,
                vec![("Retry-After", "0".into())],
                format!(r#"{{"data":{{"proxy":{{"password":"{PROXY_PASSWORD}"}}}}}}"#).into(),
            )
        },
        || {
            Reply::Answer(
                200,
                vec![("Retry-After", "0".into())],
                format!(r#"{{"data":"{PROXY_PASSWORD}"}}"#).into(),
            )
        },
        || Reply::error(403, "insufficient-permissions", PROXY_PASSWORD),
        || Reply::error(500, PROXY_PASSWORD, PROXY_PASSWORD),
    ];
    for answer in answers {
        let usage = r#"{"data":{"usageCycle":{"startAt":"2025-09-01T00:00:00.000Z","endAt":"2025-09-30T23:59:59.999Z"},"monthlyServiceUsage":{},
            "totalUsageCreditsUsdBeforeVolumeDiscount":0,"totalUsageCreditsUsdAfterVolumeDiscount":0}}"#;
        let server = Apify::of(runs(10, ms("2025-09-01T00:00:00Z"), 1000))
            .at("/v2/users/me", move |_| answer())
            .at("/v2/users/me/usage/monthly", move |_| Reply::json(usage.into()))
            .dated("Wed, 01 Oct 2025 06:00:00 GMT")
            .start();
        let (place, url) = (Place::new(), server.url());
        let done = place.export(&url, &["-v", "-v", "--retries", "1"]);
        keeps_secrets(done.exits(0), &place);
        assert!(
            server.requests().iter().any(|request| request.path == "/v2/users/me"),
            "{done}"
        );
        for args in [
            &[
                "reconcile",
                "--cycle",
                "2025-09-15",
                "out",
                "--retries",
                "1",
                "--api-url",
                &url,
            ][..],
            &[
                "reconcile",
                "--cycle",
                "2025-09-15",
                "out",
                "--json",
                "--retries",
                "1",
                "--api-url",
                &url,
            ],
            &["check", "--retries", "1", "--api-url", &url],
            &["verify", "out"],
        ] {
            let done = place.run(args);
            keeps_secrets(done.exits(0), &place);
        }
        let done = place.export(&url, &["--retries", "1", "--replace", "--status", "FAILED", "--json"]);
        keeps_secrets(done.exits(0), &place);
    }
}

#[test]
fn the_made_up_account_s_credentials_are_as_safe() {
    let place = Place::new();
    // A cycle of few runs: what is asked beside them holds the credentials.
    for args in [
        &[&DEMO_DAY[..], &["--out", "out", "-v"]].concat()[..],
        &["check", "--demo"],
        &["reconcile", "--demo", "--cycle", "2025-07-15"],
        &["reconcile", "--demo", "--cycle", "2025-07-15", "--json", "out"],
    ] {
        let done = place.run(args);
        keeps_secrets(done.exits(0), &place);
    }
}
