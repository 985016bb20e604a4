//! What is wrong with a job that was read: what it left over, its rows beside those of the account, its proof.

use std::collections::HashMap;

use super::job::{HandedRow, Simulation};
use crate::fetch::FetchResult;
use crate::fetch::plan::{MAX_HELD_PAGES, MAX_WINDOW_PAGES};
use crate::runs::cost_state::SETTLED;

impl Simulation {
    /// What is still under way, or in memory, after the end.
    pub(super) fn left_over(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let state = self.server.state();
        let in_flight = state.lists.in_flight + state.details.in_flight;
        drop(state);
        if in_flight > 0 {
            problems.push(format!("{in_flight} requests are in flight after the end"));
        }
        if let Some(cause) = self.api.attempts().cause() {
            problems.push(format!("a request waits after the end: {cause}"));
        }
        let mut pages = self.pages.lock().unwrap();
        let most = pages.most_runs;
        if pages.are_left() {
            problems.push("pages are in memory after the end".into());
        }
        let bound = self.most_runs();
        if most > bound {
            problems.push(format!(
                "pages of {most} runs were in memory at once; at most {bound} are allowed"
            ));
        }
        problems
    }

    /// Runs of pages in memory at most: of windows that are read or wait, and of the one that is written. A millisecond of more than a
    /// page can't be cut; three windows have it, its own one and its neighbours.
    fn most_runs(&self) -> usize {
        let at_once = self.server.scenario.concurrency as u64 * MAX_WINDOW_PAGES;
        let pages = at_once.min(MAX_HELD_PAGES) + MAX_WINDOW_PAGES;
        (pages * self.server.account.habits.page_items + 3 * self.server.account.overfull()) as usize
    }

    /// Whether the rows are those of the account, each once and in order; of a job that was ended, the first ones.
    pub(super) fn problems_of_rows(&self, rows: &[HandedRow], is_whole: bool) -> Vec<String> {
        let (account, scenario) = (&self.server.account, &self.server.scenario);
        let mut problems = Vec::new();
        if let Some(pair) = rows
            .windows(2)
            .find(|pair| (pair[0].start, &pair[0].id) >= (pair[1].start, &pair[1].id))
        {
            problems.push(format!("rows are not in order: {pair:?}"));
        }
        let mut left: HashMap<&str, &HandedRow> = rows.iter().map(|row| (row.id.as_str(), row)).collect();
        if left.len() < rows.len() {
            problems.push("a run came twice".into());
        }
        let mut missing = Vec::new();
        let last = rows.last().map(|row| (row.start, row.id.clone()));
        for run in account.expected() {
            let Some(row) = left.remove(run.id.as_str()) else {
                let is_due = is_whole
                    || last
                        .as_ref()
                        .is_some_and(|last| (run.start, &run.id) < (last.0, &last.1));
                if is_due && run.is_stable() {
                    missing.push(&run.id);
                }
                continue;
            };
            let micros = |cost: Option<u64>| cost.map(|cost| i128::from(cost) * 1_000_000_000_000);
            let with_detail = micros(account.cost(run, true));
            // Of a run that goes, or where requests fail for good, the detail may be missing.
            let may_lack_detail = scenario.is_harsh || !run.is_stable();
            let is_right = row.cost == with_detail || (may_lack_detail && row.cost == micros(account.cost(run, false)));
            if !is_right || row.start != run.start {
                problems.push(format!("run {run:?} came as {row:?}"));
            }
            let state = account.due(run).map(|_| SETTLED);
            if row.state != state && !may_lack_detail {
                problems.push(format!("run {} came as {:?}; expected {state:?}", run.id, row.state));
            }
        }
        if !missing.is_empty() {
            problems.push(format!("runs did not come: {missing:?}"));
        }
        if !left.is_empty() {
            problems.push(format!(
                "runs came that the account does not have in the period: {left:?}"
            ));
        }
        problems
    }

    pub(super) fn problems_of_proof(&self, fetched: &FetchResult) -> Vec<String> {
        let (account, proof) = (&self.server.account, &fetched.proof);
        let expected = account.expected().len() as u64;
        let is_right = if !account.is_stable() {
            proof.proven
        } else if account.lists_once() {
            let counts = (proof.counted, proof.fetched) == (expected, expected);
            proof.proven && counts && proof.notes.is_empty() && !fetched.changed_meanwhile
        } else {
            proof.proven && proof.fetched == expected && proof.counted >= expected
        };
        let problem = format!(
            "the proof of {expected} runs is {proof:?}, changed: {}",
            fetched.changed_meanwhile
        );
        if is_right { Vec::new() } else { vec![problem] }
    }
}
