//! What Actors, tasks and their owners are called: mostly as in the Store, and some with text that nobody wants to meet in a
//! spreadsheet, a table or a page.

use super::random::Random;

const SUBJECTS: &str = "news jobs maps shop hotel flights prices reviews property recipes events careers leads social video podcast \
    forum stocks weather tenders patents auction menu rental";
const TRADES: &str = "scraper crawler monitor extractor watcher sync cleaner checker finder tracker importer exporter enricher \
    matcher indexer alerts";
const OWNERS: &str = "somebody data-kitchen crawl-craft nimble-bits old-harbour scrape-shop tiny-robots paper-trail";
const OCCASIONS: &str = "daily hourly weekly nightly backfill germany france us-east test for-finance";

/// Names as third parties may choose them.
const HOSTILE: [&str; 12] = [
    "\"quoted\", with commas, and 'more'",
    "=cmd|'/c calc'!A1",
    "\u{202e}repaers\u{202c} \u{200f}right to left\u{200e}",
    "🕷\u{fe0f} spider 👩\u{200d}💻",
    "pipe | and `back` ``ticks``",
    "<img src=x onerror=alert(1)><b>bold</b>",
    "+SUM(1,2)",
    "@mention -1",
    "two\nlines\tand a tab",
    "[link](javascript:alert(1)) **bold** | --- |",
    "  spaces around  ",
    "ünïcode ナマエ, null",
];

/// The name of the account's `at`th Actor; no two are the same.
pub(super) fn actor_name(at: u64) -> String {
    if at == 0 {
        return "web-scraper".into();
    }
    if at % 29 == 21 {
        return hostile(at / 29);
    }
    let (subjects, trades) = (words(SUBJECTS), words(TRADES));
    let kinds = (subjects.len() * trades.len()) as u64;
    // 101 has no factor in common with the number of kinds: each comes once a round.
    let kind = (at * 101 % kinds) as usize;
    let name = format!("{}-{}", subjects[kind / trades.len()], trades[kind % trades.len()]);
    numbered(name, at / kinds, "-")
}

/// The name of its `at`th task, likewise.
pub(super) fn task_name(at: u64, actor_name: &str) -> String {
    if at % 19 == 8 {
        return hostile(at / 19);
    }
    let occasions = words(OCCASIONS);
    format!("{actor_name}-{}-{at}", occasions[at as usize % occasions.len()])
}

/// The name of its `at`th schedule.
pub(super) fn schedule_name(at: u64) -> String {
    let occasions = words(OCCASIONS);
    format!("{}-{at}", occasions[at as usize % occasions.len()])
}

/// The user of somebody else's Actor.
pub(super) fn owner(random: &mut Random) -> &'static str {
    let owners = words(OWNERS);
    owners[random.below(owners.len() as u64) as usize]
}

/// A name in words.
pub(super) fn title(name: &str) -> String {
    let words = name.split('-').map(|word| {
        let (first, rest) = word.split_at(word.chars().next().map_or(0, char::len_utf8));
        first.to_uppercase() + rest
    });
    words.collect::<Vec<_>>().join(" ")
}

fn words(list: &'static str) -> Vec<&'static str> {
    list.split(' ').collect()
}

fn hostile(at: u64) -> String {
    let kinds = HOSTILE.len() as u64;
    numbered(HOSTILE[(at % kinds) as usize].into(), at / kinds, " ")
}

fn numbered(name: String, round: u64, between: &str) -> String {
    match round {
        0 => name,
        _ => format!("{name}{between}{}", round + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_two_are_called_the_same() {
        let actors: HashSet<String> = (0..20_000).map(actor_name).collect();
        let tasks: HashSet<String> = (0..20_000).map(|at| task_name(at, "x")).collect();
        assert_eq!((actors.len(), tasks.len()), (20_000, 20_000));
    }

    #[test]
    fn the_account_of_ordinary_size_has_nearly_all_that_is_hostile() {
        let names: Vec<String> = (0..340).map(actor_name).collect();
        for part in [
            "\"quoted\", ",
            "=cmd|'/c calc'!A1",
            "\u{202e}",
            "🕷",
            "| and `back`",
            "<b>",
            "\n",
        ] {
            assert!(names.iter().any(|name| name.contains(part)), "{part:?}");
        }
    }
}
