//! The fold held against figures worked out by hand, and against a naive comparison by ID of plain numbers.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::period::parse_instant;
use crate::provenance::ChangeTotals;
use crate::report::diff::prices::VerdictKind;
use crate::report::diff::*;
use crate::runs::cost_state::{PROVISIONAL, SETTLED, UNKNOWN};

const CENT: i128 = 10_i128.pow(16);

fn run(id: &str, cost: Option<i128>) -> Run {
    Run {
        id: id.into(),
        act_id: format!("actor-{}", &id[..1]),
        act_name: None,
        status: "SUCCEEDED".into(),
        started_at_ms: 1000,
        finished_at_ms: Some(Some(2000)),
        usage: cost.map(Usd),
        cost_state: if cost.is_some() { SETTLED } else { UNKNOWN }.into(),
    }
}

fn folded(pairs: &[Pair]) -> Changes {
    let mut changes = Changes::default();
    pairs.iter().for_each(|pair| changes.add(pair).unwrap());
    changes
}

fn verdict(pairs: &[Pair]) -> PriceVerdict {
    let changes = folded(pairs);
    let mut alike = changes.prices.candidate();
    if let Some(alike) = &mut alike {
        pairs.iter().for_each(|pair| alike.add(pair));
    }
    changes.prices.verdict(alike)
}

/// A run of two costs, in units of 10^-18 dollars.
fn both(at: usize, old: i128, new: i128) -> Pair {
    let id = format!("r{at}");
    Pair::Both(run(&id, Some(old)), run(&id, Some(new)))
}

#[test]
fn dollars_are_of_known_costs_and_what_became_known_or_unknown_stands_apart() {
    let mut running = run("e", Some(CENT));
    running.status = "RUNNING".into();
    running.cost_state = PROVISIONAL.into();
    let changes = folded(&[
        Pair::New(run("a", Some(5 * CENT))),
        Pair::New(run("a2", None)),
        Pair::Old(run("b", Some(2 * CENT))),
        Pair::Both(run("c", None), run("c", Some(30 * CENT))),
        Pair::Both(run("d", Some(7 * CENT)), run("d", None)),
        Pair::Both(running, run("e", Some(4 * CENT))),
        Pair::Both(run("f", Some(9)), run("f", Some(9))),
        Pair::Both(run("g", None), run("g", None)),
    ]);
    let expected = ChangeTotals {
        runs_new: 2,
        runs_changed: 3,
        runs_vanished: 1,
        usage_new_usd: Usd::parse_plain("0.05"),
        usage_changed_usd: Usd::parse_plain("0.03"),
        usage_vanished_usd: Usd::parse_plain("-0.02"),
        usage_moved_usd: Usd::parse_plain("0.06"),
        runs_cost_unknown: 3,
        costs_became_known: 1,
        usage_became_known_usd: Usd::parse_plain("0.3").unwrap(),
        costs_became_unknown: 1,
        usage_became_unknown_usd: Usd::parse_plain("0.07").unwrap(),
    };
    assert_eq!(ChangeTotals::from(changes.total()), expected);
    assert_eq!(changes.unchanged, 2);
    let actors: Vec<_> = changes.actors().iter().map(|actor| actor.act_id.clone()).collect();
    assert_eq!(actors, ["actor-a", "actor-e", "actor-b", "actor-c", "actor-d"]);
    let shown: Vec<_> = changes.shown().iter().map(|(old, _)| old.id.clone()).collect();
    assert_eq!(shown, ["c", "d", "e"]);
}

#[test]
fn dollars_are_unknown_and_not_zero_where_no_cost_is_known() {
    let text = ChangeTotals::from(folded(&[Pair::New(run("a", None))]).total());
    assert_eq!((text.usage_new_usd, text.usage_moved_usd), (None, None));
    assert_eq!(text.usage_changed_usd, Usd::parse_plain("0"));
}

#[test]
fn names_and_left_out_columns_are_no_difference_and_every_other_is_named() {
    let old = run("a", Some(1));
    let differs = |change: fn(&mut Run)| {
        let mut new = old.clone();
        change(&mut new);
        let pair = Pair::Both(old.clone(), new);
        Difference::of(&pair).map(|difference| difference.fields.join(" "))
    };
    assert_eq!(differs(|run| run.act_name = Some("renamed".into())), None);
    assert_eq!(differs(|run| run.finished_at_ms = None), None);
    assert_eq!(differs(|run| run.finished_at_ms = Some(None)).unwrap(), "finished_at");
    assert_eq!(differs(|run| run.started_at_ms += 1).unwrap(), "started_at");
    assert_eq!(
        differs(|run| (run.status, run.cost_state) = ("FAILED".into(), PROVISIONAL.into())).unwrap(),
        "status cost_state"
    );
    assert_eq!(differs(|run| run.usage = None).unwrap(), "usage_total_usd");
}

#[test]
fn only_the_runs_that_moved_most_are_kept() {
    let pairs: Vec<Pair> = (1..=100).map(|at| both(at, 1000, 1000 + at as i128)).collect();
    let changes = folded(&pairs);
    let shown: Vec<_> = changes.shown().iter().map(|(old, _)| old.id.clone()).collect();
    let expected: Vec<_> = (81..=100).rev().map(|at| format!("r{at}")).collect();
    assert_eq!(shown, expected);
}

#[test]
fn a_sum_that_no_longer_fits_is_an_error() {
    let mut changes = Changes::default();
    let most = 10_i128.pow(38) - 1;
    changes.add(&Pair::New(run("a", Some(most)))).unwrap();
    assert!(changes.add(&Pair::New(run("b", Some(1)))).is_err());
}

#[test]
fn one_factor_for_all_costs_is_a_change_of_prices() {
    // From a cent up, in steps that don't divide evenly; each × 0.92, cut at the last place.
    let repriced = |count: i128| -> Vec<Pair> {
        (0..count)
            .map(|at| {
                let old = CENT + at * 1_234_567_890_123;
                both(at as usize, old, old * 92 / 100)
            })
            .collect()
    };
    let told = |pairs: &[Pair]| {
        let found = verdict(pairs);
        (found.kind, found.compared, found.changed, found.alike, found.factor)
    };
    let factor = Some("0.92".to_string());
    assert_eq!(
        told(&repriced(1000)),
        (VerdictKind::PricesMoved, 1000, 1000, Some(1000), factor.clone())
    );
    assert_eq!(
        told(&repriced(2)),
        (VerdictKind::PricesMoved, 2, 2, Some(2), factor.clone())
    );
    // One cost alone shows no more than that it moved.
    assert_eq!(told(&repriced(1)), (VerdictKind::UsageMoved, 1, 1, None, None));
    // One in a hundred may have stayed, two may not.
    let mut most = repriced(99);
    most.push(both(500, CENT, CENT));
    assert_eq!(
        told(&most),
        (VerdictKind::PricesMoved, 100, 99, Some(99), factor.clone())
    );
    most.push(both(501, CENT, CENT));
    assert_eq!(
        told(&most),
        (VerdictKind::SomeMovedAlike, 101, 99, Some(99), factor.clone())
    );
    // Half of what changed is some; less is not.
    let mut half = repriced(10);
    half.extend((0..10).map(|at| both(600 + at, CENT, CENT * (3 + at as i128))));
    assert_eq!(told(&half), (VerdictKind::SomeMovedAlike, 20, 20, Some(10), factor));
    half.push(both(700, CENT, CENT * 100));
    assert_eq!(told(&half), (VerdictKind::UsageMoved, 21, 21, None, None));
}

#[test]
fn costs_so_small_that_rounding_shows_fit_a_factor_and_name_none() {
    let tiny = [(3, 3), (10, 9), (25, 23), (101, 93), (7, 6)];
    let mut pairs: Vec<Pair> = tiny
        .iter()
        .enumerate()
        .map(|(at, (old, new))| both(at, *old, *new))
        .collect();
    assert_eq!(verdict(&pairs).kind, VerdictKind::UsageMoved);
    pairs.extend((0..1000).map(|at| both(100 + at, CENT * 25, CENT * 23)));
    let found = verdict(&pairs);
    // All but the one that stayed at 3 units.
    assert_eq!(
        (found.kind, found.changed, found.alike),
        (VerdictKind::PricesMoved, 1004, Some(1004))
    );
    assert_eq!(found.factor.as_deref(), Some("0.92"));
}

#[test]
fn runs_that_may_have_used_more_say_nothing_of_prices() {
    let mut pairs = Vec::new();
    for change in [
        (|run: &mut Run| run.status = "RUNNING".into()) as fn(&mut Run),
        |run| run.finished_at_ms = Some(Some(2001)),
        |run| run.cost_state = PROVISIONAL.into(),
        |run| run.usage = Some(Usd(0)),
        |run| run.usage = None,
    ] {
        let mut old = run("a", Some(2 * CENT));
        change(&mut old);
        pairs.push(Pair::Both(old, run("a", Some(CENT))));
    }
    let found = verdict(&pairs);
    assert_eq!((found.kind, found.compared), (VerdictKind::NothingComparable, 0));
    pairs.push(both(1, CENT, CENT));
    assert_eq!(verdict(&pairs).kind, VerdictKind::NothingMoved);
}

#[test]
fn factors_of_any_size_break_nothing() {
    // Beyond any sum, so no fold: prices alone.
    let most = 10_i128.pow(38) - 1;
    let mut prices = Prices::default();
    for (old, new) in [(1, most), (most, 1), (most, most - 1), (1, 2)] {
        prices.add(&run("a", Some(old)), &run("a", Some(new)));
    }
    let found = prices.verdict(prices.candidate());
    assert_eq!((found.compared, found.changed), (4, 4));
    let grown = verdict(&[
        both(1, 10_i128.pow(20), 10_i128.pow(28)),
        both(2, 10_i128.pow(21), 10_i128.pow(29)),
    ]);
    assert_eq!(
        (grown.kind, grown.factor.as_deref()),
        (VerdictKind::PricesMoved, Some("100000000"))
    );
    let shrunk = verdict(&[
        both(1, 10_i128.pow(28), 10_i128.pow(20)),
        both(2, 10_i128.pow(29), 10_i128.pow(21)),
    ]);
    assert_eq!(
        (shrunk.kind, shrunk.factor.as_deref()),
        (VerdictKind::PricesMoved, Some("0"))
    );
    assert_eq!(
        words::price_verdict(&shrunk),
        "prices changed: factor below 0.000001 for 2 of 2 costs"
    );
}

#[test]
fn a_line_says_what_moved_and_leaves_out_what_is_nothing() {
    let line = |pairs: &[Pair]| {
        words::line(
            &folded(pairs).total().into(),
            parse_instant("2025-10-02T06:00:00.000Z").unwrap(),
        )
    };
    assert_eq!(line(&[]), "no change since 2025-10-02");
    assert_eq!(
        line(&[Pair::New(run("a", Some(1)))]),
        "+1 run, +<$0.01 since 2025-10-02"
    );
    let mut moved = vec![Pair::New(run("a", Some(3120 * CENT))), Pair::New(run("b", None))];
    moved.extend([both(1, CENT, 2 * CENT), Pair::Old(run("d", Some(CENT)))]);
    assert_eq!(
        line(&moved),
        "+2 runs, 1 vanished, 1 changed, +$31.20, and 1 run of unknown cost since 2025-10-02"
    );
    let known = Pair::Both(run("c", None), run("c", Some(30 * CENT)));
    assert_eq!(
        line(&[known]),
        "1 changed, and 1 run of unknown cost, 1 cost became known ($0.30) since 2025-10-02"
    );
}

fn account() -> impl Strategy<Value = BTreeMap<String, (Option<i64>, bool)>> {
    prop::collection::btree_map("[a-d][0-4]", (prop::option::of(0..4_i64), any::<bool>()), 0..16)
}

proptest! {
    /// Held against maps of plain numbers, which know nothing of pairs, parts or Actors.
    #[test]
    fn sums_are_those_of_a_naive_comparison_and_lead_from_one_total_to_the_other(old in account(), new in account()) {
        let as_run = |id: &String, (cost, failed): &(Option<i64>, bool)| {
            let mut run = run(id, cost.map(i128::from));
            if *failed {
                run.status = "FAILED".into();
            }
            run
        };
        let mut pairs = Vec::new();
        for (id, was) in &old {
            pairs.push(match new.get(id) {
                Some(is) => Pair::Both(as_run(id, was), as_run(id, is)),
                None => Pair::Old(as_run(id, was)),
            });
        }
        let only_new = new.iter().filter(|(id, _)| !old.contains_key(*id));
        pairs.extend(only_new.map(|(id, is)| Pair::New(as_run(id, is))));
        let changes = folded(&pairs);
        let total = changes.total();
        let changed = old.iter().filter(|(id, was)| new.get(*id).is_some_and(|is| is != *was)).count() as u64;
        prop_assert_eq!(total.changed.runs, changed);
        prop_assert_eq!(total.new.runs + old.len() as u64, total.vanished.runs + new.len() as u64);
        prop_assert_eq!(changes.unchanged + changed + total.vanished.runs, old.len() as u64);
        let sum = |runs: &BTreeMap<String, (Option<i64>, bool)>| runs.values().filter_map(|run| run.0).sum::<i64>();
        let led = i128::from(sum(&old)) + total.net().usage.0 + total.became_known.usage.0 - total.became_unknown.usage.0;
        prop_assert_eq!(led, i128::from(sum(&new)));
        let actors = changes.actors().iter().fold(Moves::default(), |sum, actor| sum.and(&actor.moves));
        prop_assert_eq!(&actors, total);
    }
}
