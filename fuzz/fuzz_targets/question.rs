//! What may stand in a request's first line: a path and a query string, in any bytes. Nothing in it may make the server fail.
#![no_main]

use apify_runs::is_question;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|line: &[u8]| {
    let line = String::from_utf8_lossy(line);
    let (path, query) = line.split_once('?').unwrap_or((&line, ""));
    is_question(path, query);
    // Most paths lead nowhere: each query is tried on the lists, too.
    for list in ["/v2/actor-runs", "/v2/actor-tasks/x/runs", "/v2/actors", "/v2/actor-builds", "/v2/users/me/usage/monthly"] {
        is_question(list, query);
    }
});
