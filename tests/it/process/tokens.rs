//! Tokens that are none are refused before any request, and shown nowhere; the API's refusal says where the token came from.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::support::command::{Place, done};
use crate::support::stand_in::{Account, Reply, StandIn, ms, runs};

fn server() -> StandIn {
    StandIn::of(Account {
        runs: runs(3, ms("2025-09-01T00:00:00Z"), 60_000),
        ..Account::default()
    })
}

#[test]
fn what_is_around_a_token_is_exit_3_before_any_request_and_shown_nowhere() {
    let (server, place) = (server(), Place::new());
    let url = server.url();
    for (text, why) in [
        ("\"apify_api_s3cret\"", "it has quotes"),
        ("'apify_api_s3cret'", "it has quotes"),
        (" \"apify_api_s3cret\n\" \n", "it has quotes"),
        ("apify_api_s3cret\"", "it has quotes"),
        ("Bearer apify_api_s3cret", "it begins with 'Bearer'"),
        ("APIFY_TOKEN=apify_api_s3cret", "it begins with the name of a variable"),
        (
            "export APIFY_TOKEN='apify_api_s3cret'",
            "it begins with the name of a variable",
        ),
        ("apify_api_s3cret\napify_api_s3cret2", "it has spaces or several lines"),
        ("${s3cret}", "it has characters that no token has"),
    ] {
        for args in [
            &["export", "--month", "2025-09", "--api-url", &url][..],
            &["check", "--api-url", &url],
        ] {
            let by_variable = done(place.command(args).env("APIFY_TOKEN", text));
            by_variable
                .exits(3)
                .says(&["the variable APIFY_TOKEN has no valid API token", why]);
            fs::write(place.path("token"), text).unwrap();
            fs::set_permissions(place.path("token"), fs::Permissions::from_mode(0o600)).unwrap();
            let by_file = place.run(&[args, &["--token-file", "token"]].concat());
            by_file
                .exits(3)
                .says(&["--token-file token has no valid API token", why]);
            for shown in [by_variable, by_file] {
                assert!(
                    !format!("{}{}", shown.stdout, shown.stderr).contains("s3cret"),
                    "{shown}"
                );
            }
        }
    }
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn a_token_of_a_few_characters_goes_to_no_other_machine_and_cuts_no_message() {
    let place = Place::new();
    for token in ["a", "apify_a"] {
        let args = ["check", "--api-url", "https://api.apify.invalid"];
        let refused = done(place.command(&args).env("APIFY_TOKEN", token));
        refused
            .exits(3)
            .says(&["the variable APIFY_TOKEN has fewer than 8 characters"]);
    }
    let server = StandIn::start(|_| Reply::error(400, "invalid-value", "An apparent mistake."));
    let args = ["export", "--month", "2025-09", "--api-url", &server.url()];
    let here = done(place.command(&args).env("APIFY_TOKEN", "a"));
    here.exits(1).says(&["An apparent mistake."]);
    assert!(!here.stderr.contains("[token]"), "{here}");
}

#[test]
fn a_refusal_says_where_the_token_came_from_and_what_it_lacks() {
    let place = Place::new();
    let refusing = |status| StandIn::start_raw(move |_| Reply::error(status, "refused", "No."));
    let (expired, limited) = (refusing(401), refusing(403));
    fs::create_dir(place.path(".apify")).unwrap();
    fs::write(place.path(".apify/auth.json"), r#"{"token":"apify_api_login"}"#).unwrap();
    fs::write(place.path("token"), "apify_api_file").unwrap();
    fs::set_permissions(place.path("token"), fs::Permissions::from_mode(0o600)).unwrap();
    let accounts = "[accounts.acme]\ntoken-env = \"ACME\"\n[accounts.beta]\ntoken-file = \"token\"\n";
    fs::write(place.path("apify-runs.toml"), accounts).unwrap();
    let sources: [(&[&str], &str); 4] = [
        (&[], "the API refused the token of the variable APIFY_TOKEN: "),
        (
            &["--token-file", "token"],
            "the API refused the token of --token-file token: ",
        ),
        (
            &["--account", "acme"],
            "of the variable ACME (token-env of account acme): ",
        ),
        (
            &["--account", "beta"],
            "of --token-file token (token-file of account beta): ",
        ),
    ];
    for (more, words) in sources {
        for (server, means) in [
            (
                &expired,
                "401 Unauthorized refused: No.; it may have expired or been revoked",
            ),
            (
                &limited,
                "403 Forbidden refused: No.; it lacks the permission to list the runs of all Actors",
            ),
        ] {
            let url = server.url();
            let args = [&["export", "--month", "2025-09", "--api-url", &url], more].concat();
            let refused = done(place.command(&args).env("ACME", "apify_api_acme"));
            refused.exits(3).says(&[words, means]);
        }
    }
    let args = ["export", "--month", "2025-09", "--api-url", &expired.url()];
    let login = done(place.command(&args).env_remove("APIFY_TOKEN"));
    login.exits(3).says(&[".apify/auth.json (apify login): 401"]);
}
