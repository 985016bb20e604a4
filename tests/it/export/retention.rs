//! What retention has deleted is in no list: every output says so first, and no total claims to be all.

use crate::support::account::{Apify, Make};
use crate::support::command::{Done, Place};
use crate::support::stand_in::{Reply, StandIn, ms, runs};

const HEADLINE: &str = "INCOMPLETE: 17 of 30 days are past retention";

fn apify() -> Apify {
    Apify::of(runs(20, ms("2025-09-25T00:00:00Z"), 60_000))
}

/// September, of which a plan of 14 days has kept what began on the 18th.
fn expired() -> StandIn {
    apify().keeps(14).dated("Thu, 02 Oct 2025 00:00:00 GMT").start()
}

#[test]
fn a_period_that_begins_before_what_is_kept_is_headed_incomplete_in_every_output_and_its_totals_are_at_least() {
    let (server, place) = (expired(), Place::new());
    let done = place.export(&server.url(), &[]);
    done.exits(0).shows(&[
        &format!("Complete {HEADLINE}: 20 runs fetched, 20 counted by the API"),
        "Usage at least $0.20",
    ]);
    let exported = place.exported();
    let text = exported.text("report.md");
    assert!(
        text.contains(&format!("- **Complete:** {HEADLINE}: 20 runs fetched")),
        "{text}"
    );
    assert!(text.contains(r"- **Usage:** at least \$0.20"), "{text}");
    for name in ["report.json", "manifest.json"] {
        let told = exported.json(name);
        let caveat = told["caveats"][0].as_str().unwrap();
        assert!(
            caveat.starts_with(&format!("{HEADLINE}: ")) && caveat.contains("every total is a minimum"),
            "{name}: {caveat}"
        );
        let retention = serde_json::json!({"days": 14, "expired_days": 17, "period_days": 30});
        assert_eq!(told["retention"], retention, "{name}");
    }
    // What was asked of the API is proven all the same.
    assert_eq!(exported.json("manifest.json")["proof"]["proven"], true);
    place.run(&["verify", "out"]).exits(0);
    let printed = place.export(&server.url(), &["--json"]);
    assert!(printed.exits(0).stdout.contains(HEADLINE), "{printed}");
}

#[test]
fn strict_exits_7_and_names_it_after_publishing() {
    let (server, place) = (expired(), Place::new());
    place.export(&server.url(), &["--strict"]).exits(7).says(&[HEADLINE]);
    assert_eq!(place.exported().ids().len(), 20);
}

#[test]
fn a_dry_run_says_it_before_anything_is_read() {
    let (server, place) = (expired(), Place::new());
    place.export(&server.url(), &["--dry-run"]).exits(0).shows(&[HEADLINE]);
    let done = place.export(&server.url(), &["--dry-run", "--json"]);
    let told: serde_json::Value = serde_json::from_str(&done.exits(0).stdout).unwrap();
    assert_eq!(told["retention"]["expired_days"], 17);
    assert_eq!(place.names(), [""; 0]);
}

fn strictly(days: u64, date: &'static str) -> (Done, Place) {
    let server = apify().keeps(days).dated(date).start();
    let place = Place::new();
    (place.export(&server.url(), &["--strict"]), place)
}

#[test]
fn a_period_within_what_is_kept_is_not_spoken_of() {
    // To the millisecond: 31 days before the end of 1 October is the beginning of September.
    for (days, date) in [
        (31, "Thu, 02 Oct 2025 00:00:00 GMT"),
        (90, "Thu, 02 Oct 2025 06:00:00 GMT"),
    ] {
        let (done, place) = strictly(days, date);
        done.exits(0).shows(&["Complete yes: 20 runs fetched", "Usage $0.20"]);
        assert!(!done.stdout.contains("retention"), "{done}");
        let manifest = place.exported().json("manifest.json");
        assert_eq!(
            (&manifest["retention"]["expired_days"], &manifest["caveats"]),
            (&0.into(), &serde_json::json!([]))
        );
    }
}

#[test]
fn a_day_that_is_gone_in_part_counts_and_a_period_that_is_gone_counts_whole() {
    for (days, date, headline) in [
        (
            31,
            "Thu, 02 Oct 2025 00:00:01 GMT",
            "INCOMPLETE: 1 of 30 days are past retention",
        ),
        (
            30,
            "Thu, 02 Oct 2025 00:00:00 GMT",
            "INCOMPLETE: 1 of 30 days are past retention",
        ),
        (
            7,
            "Wed, 31 Dec 2025 00:00:00 GMT",
            "INCOMPLETE: 30 of 30 days are past retention",
        ),
        (
            0,
            "Wed, 01 Oct 2025 00:00:00 GMT",
            "INCOMPLETE: 30 of 30 days are past retention",
        ),
    ] {
        let (done, _) = strictly(days, date);
        done.exits(7).shows(&[headline]);
    }
}

#[test]
fn a_token_that_may_not_read_limits_is_said_and_not_failed_also_when_strict() {
    let replies: [(Make, &str); 4] = [
        (
            || Reply::error(403, "insufficient-permissions", "Not for this token."),
            "403",
        ),
        (|| Reply::error(404, "record-not-found", "Nothing."), "404"),
        (|| Reply::error(500, "internal-error", "Oops."), "500"),
        (
            || {
                Reply::Answer(
                    200,
                    vec![("Retry-After", "0".into())],
                    br#"{"data":{"limits":{}}}"#.to_vec(),
                )
            },
            "data.limits.dataRetentionDays is missing",
        ),
    ];
    for (reply, says) in replies {
        let server = apify().at("/v2/users/me/limits", move |_| reply()).start();
        let place = Place::new();
        let done = place.export(&server.url(), &["--strict"]);
        done.exits(0)
            .shows(&["Complete yes: 20 runs fetched", "Apify's retention is unknown", says]);
        let manifest = place.exported().json("manifest.json");
        assert_eq!(
            (&manifest["retention"], &manifest["caveats"]),
            (&serde_json::Value::Null, &serde_json::json!([]))
        );
        let notes = manifest["proof"]["notes"].to_string();
        assert!(notes.contains("is unknown") && notes.contains(says), "{notes}");
        let asked = server
            .requests()
            .iter()
            .filter(|request| request.path.ends_with("/limits"))
            .count();
        assert!(asked <= 3, "{asked} attempts");
        place.run(&["verify", "out"]).exits(0);
    }
}
