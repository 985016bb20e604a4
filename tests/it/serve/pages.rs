//! Pages of `serve`: the report of a period, its tables and its runs, for a browser. Figures are held against those of `report`
//! over the same archive, and a run's page against its row of `runs.csv`.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::support::client::{Answer, Served};
use crate::support::command::{Place, done};

const TOKEN: &str = "a-token-of-the-archive";

/// A browser's GET.
fn get(served: &Served, target: &str, headers: &str) -> Answer {
    let request = format!(
        "GET {target} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{headers}\r\n",
        served.address()
    );
    Answer::of(&served.exchange(request.as_bytes()).unwrap())
}

fn text(answer: &Answer) -> String {
    String::from_utf8(answer.body.clone()).unwrap()
}

/// September of a made-up account with groups, in `out`.
fn exported(place: &Place) -> Served {
    let demo = Served::demo(&["--runs", "2000", "--actors", "30"]);
    fs::write(
        place.path("groups.csv"),
        "actor,group\nmade-up-account/*,Own\nsomebody/*,\"Ops, EU\"\n",
    )
    .unwrap();
    let url = demo.url();
    let args = [
        "export",
        "--month",
        "2025-09",
        "--out",
        "out",
        "--groups",
        "groups.csv",
        "--quiet",
    ];
    let source = ["--rate", "0", "--api-url", &url];
    done(place.command(&[&args[..], &source].concat()).env("APIFY_TOKEN", "demo")).exits(0);
    demo
}

#[test]
fn tables_are_those_of_report_with_the_same_period_and_filter() {
    let place = Place::new();
    let _demo = exported(&place);
    let served = Served::start(&place, &["out"], None);
    for (query, options) in [
        ("", &[][..]),
        (
            "from=2025-09-08&to=2025-09-15",
            &["--from", "2025-09-08", "--to", "2025-09-15"][..],
        ),
        ("status=FAILED,TIMED-OUT", &["--where", "status=FAILED,TIMED-OUT"]),
        ("from=2025-09-20", &["--from", "2025-09-20", "--to", "2025-10-01"]),
        (
            "from=2025-09-01&to=2025-09-20&to=2025-09-03&month=2025-09",
            &["--from", "2025-09-01", "--to", "2025-09-03"],
        ),
        (
            "month=2025-09&group=Ops%2C+EU",
            &["--month", "2025-09", "--where", "group=Ops%2C EU"],
        ),
        (
            "from=2025-09-02&to=2025-09-30&timezone=Europe/Prague&status=FAILED&group=Own",
            &[
                "--from",
                "2025-09-02",
                "--to",
                "2025-09-30",
                "--timezone",
                "Europe/Prague",
                "--where",
                "status=FAILED,group=Own",
            ],
        ),
    ] {
        let report = |more: &[&str]| {
            place
                .run(&[&["report", "out"], options, more].concat())
                .exits(0)
                .stdout
                .clone()
        };
        for table in [
            "cost_by_actor",
            "cost_by_day",
            "status_summary",
            "dearest_runs",
            "cost_by_group",
        ] {
            let shown = get(&served, &format!("/report/{table}.csv?{query}"), "");
            assert_eq!(
                (shown.status, &*shown.headers["content-type"]),
                (200, "text/csv; charset=utf-8")
            );
            assert_eq!(
                text(&shown),
                report(&["--only", table, "--format", "csv"]),
                "{table} {query}"
            );
            assert_eq!(
                shown.headers["content-disposition"],
                format!("attachment; filename=\"{table}.csv\"")
            );
            let shown = get(&served, &format!("/report/{table}.json?{query}"), "");
            assert_eq!(
                text(&shown),
                report(&["--only", table, "--format", "json"]),
                "{table} {query}"
            );
        }
        let pair = get(&served, &format!("/report/cost_by_actor_and_status.csv?{query}"), "");
        assert_eq!(
            text(&pair),
            report(&["--by", "actor,status", "--format", "csv"]),
            "{query}"
        );
    }
}

#[test]
fn the_page_has_the_figure_of_its_period_and_the_way_to_others() {
    let place = Place::new();
    let _demo = exported(&place);
    let served = Served::start(&place, &["out"], None);
    let whole: Value = serde_json::from_str(&place.run(&["report", "out", "--format", "json"]).stdout).unwrap();
    let week = [
        "report",
        "out",
        "--from",
        "2025-09-08",
        "--to",
        "2025-09-15",
        "--format",
        "json",
    ];
    let week: Value = serde_json::from_str(&place.run(&week).stdout).unwrap();
    for (query, report) in [("", &whole), ("?from=2025-09-08&to=2025-09-15", &week)] {
        let page = get(&served, &format!("/{query}"), "");
        assert_eq!(
            (page.status, &*page.headers["content-type"]),
            (200, "text/html; charset=utf-8")
        );
        let html = text(&page);
        let exact = report["totals"]["usage_total_usd"].as_str().unwrap();
        assert!(html.contains(exact), "{query}: {exact}");
        assert!(html.contains(r#"<a href="/?month=2025-09""#));
        let escaped = query.replace('&', "&amp;");
        assert!(
            html.contains(&format!(r#"href="/report/cost_by_actor.csv{escaped}""#)),
            "{query}"
        );
        // The policy of the header is the page's own.
        let policy = &page.headers["content-security-policy"];
        let own = html.split_once("Content-Security-Policy\" content=\"").unwrap().1;
        assert_eq!(
            own.split_once('"')
                .unwrap()
                .0
                .replace("&#x27;", "'")
                .replace("&#x2f;", "/"),
            *policy
        );
    }
    // The most expensive run leads to its own page.
    let id = whole["dearest_runs"][0]["id"].as_str().unwrap();
    let page = text(&get(&served, "/", "")).replace("&#x2f;", "/");
    assert!(page.contains(&format!(r#"href="/runs/{id}""#)));
}

/// An export that began within a day and ended within a month had links to months that the server refused.
#[test]
fn every_link_to_a_period_is_answered() {
    let place = Place::new();
    let demo = Served::demo(&["--runs", "2000", "--actors", "30"]);
    let url = demo.url();
    let edges = ["--from", "2025-08-25T06:00:00Z", "--to", "2025-09-05T12:00:00Z"];
    let source = ["--rate", "0", "--api-url", &url, "--out", "out", "--quiet"];
    done(
        place
            .command(&[&["export"][..], &edges, &source].concat())
            .env("APIFY_TOKEN", "demo"),
    )
    .exits(0);
    let served = Served::start(&place, &["out"], None);
    for query in ["", "?timezone=Europe/Prague"] {
        let page = text(&get(&served, &format!("/{query}"), "")).replace("&#x2f;", "/");
        let nav = page
            .split_once("id=\"periods\"")
            .unwrap()
            .1
            .split_once("</nav>")
            .unwrap()
            .0;
        let links: Vec<String> = nav
            .split("href=\"")
            .skip(1)
            .map(|rest| rest.split_once('"').unwrap().0.replace("&amp;", "&"))
            .collect();
        assert_eq!(links.len(), 3, "{nav}");
        for link in links {
            let answer = get(&served, &link, "");
            assert_eq!(answer.status, 200, "{link}: {}", text(&answer));
            let zone = if query.is_empty() { "UTC" } else { "Europe/Prague" };
            assert!(text(&answer).replace("&#x2f;", "/").contains(zone), "{link}");
        }
    }
}

#[test]
fn a_run_has_a_page_with_every_column_that_is_kept_of_it() {
    let place = Place::new();
    let _demo = exported(&place);
    let served = Served::start(&place, &["out"], None);
    let rows: Vec<BTreeMap<String, String>> = place.exported().rows("runs.csv");
    for row in rows.iter().step_by(311) {
        let page = get(&served, &format!("/runs/{}", row["id"]), "");
        assert_eq!(page.status, 200);
        let html = text(&page);
        for (column, value) in row {
            let value = value.strip_prefix('\'').unwrap_or(value);
            let escaped = value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            let escaped = escaped
                .replace('"', "&quot;")
                .replace('\'', "&#x27;")
                .replace('/', "&#x2f;");
            let cell = match &*escaped {
                "" => "<i>none</i>".to_string(),
                text => format!("<bdi>{text}</bdi>"),
            };
            let line = format!("<code>{column}</code></th><td>{cell}</td>");
            assert!(html.contains(&line), "{line}\n{html}");
        }
    }
    let none = get(&served, "/runs/nobody%3Cb%3E", "");
    assert_eq!(
        (none.status, &*text(&none)),
        (404, "There is no run \"nobody<b>\" here.\n")
    );
    assert_eq!(none.headers["content-type"], "text/plain; charset=utf-8");
}

#[test]
fn a_wrong_question_is_answered_with_what_to_ask() {
    let place = Place::new();
    let _demo = exported(&place);
    let served = Served::start(&place, &["out"], None);
    for (target, status, words) in [
        ("/?form=2025-09-01", 400, "did you mean from?"),
        ("/?month=2025-13", 400, "2025-13"),
        ("/?month=2025-08", 400, "1–30 September 2025"),
        ("/?timezone=Moon", 400, "Moon"),
        ("/?status=", 400, "status has no value"),
        ("/report/cost_by_acto.csv", 404, "did you mean cost_by_actor?"),
        ("/report/cost_by_actor.xml", 404, "endpoint"),
    ] {
        let answer = get(&served, target, "");
        assert_eq!(answer.status, status, "{target}");
        assert!(text(&answer).contains(words), "{target}: {}", text(&answer));
    }
    assert_eq!(get(&served, "/favicon.ico", "").status, 204);
    let post = format!(
        "POST / HTTP/1.1\r\nHost: {}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        served.address()
    );
    assert_eq!(Answer::of(&served.exchange(post.as_bytes()).unwrap()).status, 405);
}

#[test]
fn no_other_site_and_nobody_without_the_token_reads_a_page() {
    let place = Place::new();
    let _demo = exported(&place);
    let served = Served::start(&place, &["out"], Some(TOKEN));
    for target in [
        "/",
        "/report/cost_by_actor.csv",
        "/report/cost_by_actor.json",
        "/runs/x",
    ] {
        let refused = get(&served, target, "");
        assert_eq!(refused.status, 401, "{target}");
        assert!(refused.headers["www-authenticate"].starts_with("Basic "));
        // printf 'anyone:a-token-of-the-archive' | base64
        let basic = "Authorization: Basic YW55b25lOmEtdG9rZW4tb2YtdGhlLWFyY2hpdmU=\r\n";
        assert_ne!(get(&served, target, basic).status, 401, "{target}");
        // printf 'a-token-of-the-archive:' | base64
        let as_user = "Authorization: Basic YS10b2tlbi1vZi10aGUtYXJjaGl2ZTo=\r\n";
        assert_eq!(get(&served, target, as_user).status, 401, "{target}");
        for hosts in [
            "",
            "Host: rebound.example\r\n",
            "Host: localhost\r\nHost: rebound.example\r\n",
            "Host: localhost\r\nHost: localhost\r\n",
        ] {
            let request = format!("GET {target} HTTP/1.1\r\n{hosts}Connection: close\r\n{basic}\r\n");
            let answer = Answer::of(&served.exchange(request.as_bytes()).unwrap());
            assert_eq!(answer.status, 400, "{target} {hosts:?}");
        }
        let answer = get(&served, target, basic);
        for (header, value) in [
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("x-frame-options", "DENY"),
        ] {
            assert_eq!(answer.headers[header], value, "{target}");
        }
        assert!(
            answer.headers["content-security-policy"].starts_with("default-src 'none'"),
            "{target}"
        );
        assert!(
            !answer.headers.contains_key("set-cookie") && !answer.headers.contains_key("access-control-allow-origin")
        );
    }
    // The API's own paths stay as they are, for clients that name it otherwise.
    let api = served.get("/v2/actor-runs?limit=1");
    assert_eq!((api.status, api.headers.get("cache-control")), (200, None));
}

#[test]
fn the_made_up_account_has_pages_of_the_same_figures_as_its_export() {
    let place = Place::new();
    let demo = exported(&place);
    let basic = "Authorization: Bearer demo\r\n";
    let figures = |text: &str| -> Value {
        let report: Value = serde_json::from_str(text).unwrap();
        serde_json::json!([report["totals"], report["cost_by_actor"], report["source"]])
    };
    let shown = figures(&text(&get(&demo, "/report/cost_by_actor.json?month=2025-09", basic)));
    let mut exported = figures(&fs::read_to_string(place.path("out/report.json")).unwrap());
    exported[2] = "demo".into();
    assert_eq!(shown, exported);
    let page = text(&get(&demo, "/", basic));
    assert!(page.contains("MADE-UP ACCOUNT") && page.contains(exported[0]["usage_total_usd"].as_str().unwrap()));
}

#[test]
fn a_server_that_ends_leaves_nothing_of_the_made_up_account() {
    let place = Place::new();
    fs::create_dir(place.path("tmp")).unwrap();
    let mut command = place.command(&["serve", "--demo", "--runs", "50", "--actors", "3"]);
    command.env("TMPDIR", place.path("tmp"));
    let served = Served::from(&mut command, None);
    assert_eq!(get(&served, "/", "Authorization: Bearer demo\r\n").status, 200);
    assert_eq!(fs::read_dir(place.path("tmp")).unwrap().count(), 1);
    let id = rustix::process::Pid::from_raw(served.id() as i32).unwrap();
    rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
    served.wait();
    assert_eq!(fs::read_dir(place.path("tmp")).unwrap().count(), 0);
}

#[test]
fn open_gives_the_address_to_the_desktop_and_without_one_says_so() {
    let place = Place::new();
    let _demo = exported(&place);
    fs::create_dir(place.path("bin")).unwrap();
    let opener = place.path("bin/xdg-open");
    // A pipe, so that the test needn't wait for a file to fill.
    let pipe = place.path("opened");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    fs::write(&opener, format!("#!/bin/sh\necho \"$@\" > {}\n", pipe.display())).unwrap();
    fs::set_permissions(&opener, fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = place.command(&["serve", "out", "--open"]);
    command.env("PATH", format!("{}:/usr/bin:/bin", place.path("bin").display()));
    let served = Served::from(&mut command, None);
    assert_eq!(fs::read_to_string(&pipe).unwrap().trim(), served.url());
    drop(served);
    let mut command = place.command(&["serve", "out", "--open"]);
    command.env("PATH", place.path("nowhere"));
    let served = Served::from(&mut command, None);
    let id = rustix::process::Pid::from_raw(served.id() as i32).unwrap();
    let url = served.url();
    assert_eq!(get(&served, "/favicon.ico", "").status, 204);
    rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
    let ended = served.wait();
    assert!(
        ended.stderr.contains(&format!("open {url} yourself")),
        "{}",
        ended.stderr
    );
}
