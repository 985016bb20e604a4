//! What the page's script adds up from: the runs of each day by Actor, status and group, once, as JSON. It never says more than the
//! tables may: no user, no caller.

use std::collections::{BTreeMap, HashSet};

use serde::Serialize;

use crate::money::Usd;
use crate::period::Millis;
use crate::provenance::Source;
use crate::report::Report;
use crate::report::account_usage::sums_by_actor;
use crate::report::console::{ACTOR, RUN, SERVED_RUN};
use crate::report::dimension::Dimension;
use crate::report::figures::{Breakdown, Cube, CubeCell, Group, Values};
use crate::report::measures::Outcome;
use crate::text::thousands;

/// More cells would make a page that is slow to send and to open.
const MAX_CELLS: usize = 60_000;
/// Actors of which the dearest runs are listed.
const ACTORS_WITH_RUNS: usize = 400;

/// Amounts are whole numbers of 10^-18 US dollars, as text: no number of JavaScript holds them. Actors stand dearest first.
#[derive(Debug, Serialize)]
pub struct PageCube<'r> {
    /// The period's first day and the one after its last, in its time zone.
    from: String,
    to: String,
    /// Whether runs may be missing: every total is then a minimum.
    lacks_runs: bool,
    /// What the addresses of runs and of Actors begin with, where there are any.
    runs_at: Option<&'static str>,
    actors_at: Option<&'static str>,
    days: Vec<&'r str>,
    /// Each with its name, as far as that is known.
    actors: Vec<(&'r str, Option<&'r str>)>,
    /// Actors whose runs are added up under the place after the last Actor's.
    others: usize,
    statuses: Vec<&'r str>,
    /// Empty where there are no groups.
    groups: Vec<&'r str>,
    /// Of each cell: how much greater its place is than the one's before. A place is
    /// `(((actor * days + day) * statuses + status) * groups + group) * 2`, and one more if its costs are provisional.
    steps: Vec<u64>,
    runs: Vec<u64>,
    /// Cells with runs of unknown cost, and how many.
    unknown: Vec<(usize, u64)>,
    /// Of each cell in order, with a space between; nothing where no cost is known.
    usd: String,
    /// Of each Actor with builds: their usage, nothing where it is unknown, and how many. Empty where none are known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    builds: Vec<Option<(String, u64)>>,
    /// The dearest runs of the first Actors.
    dearest: Vec<Vec<PageRun<'r>>>,
}

/// ID, status, start, and usage.
#[derive(Debug, Serialize)]
struct PageRun<'r>(&'r str, usize, Millis, String);

/// A cell by the page's own places: Actor, day, status, group, and whether its costs are provisional.
type PagePlace = [usize; 5];

impl PageCube<'_> {
    /// As JSON that can stand in a script element.
    pub fn json(&self) -> String {
        escaped(&serde_json::to_string(self).expect("texts and numbers are JSON"))
    }

    pub fn bounds(&self) -> CubeBounds {
        CubeBounds {
            from: self.from.clone(),
            to: self.to.clone(),
            others: (self.others > 0).then(|| thousands(self.others as u64)),
        }
    }
}

/// What the page says of the data in words.
#[derive(Debug, Serialize)]
pub struct CubeBounds {
    from: String,
    to: String,
    /// How many Actors share a sum, where any do.
    others: Option<String>,
}

/// The same JSON in ASCII: nothing in it ends the script element, hides, or turns text around. Such letters stand in texts alone.
fn escaped(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_ascii_graphic() && c != '<' || c == ' ' {
            escaped.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                escaped += &format!("\\u{unit:04x}");
            }
        }
    }
    escaped
}

/// None where nothing can be asked: no run has a known cost, or there are too many days and groups.
pub fn page_cube(report: &Report, is_served: bool) -> Option<PageCube<'_>> {
    let cube = &report.figures.cube;
    let by_actor = report.figures.by(Dimension::Actor)?;
    report.figures.totals.usage()?;
    let ranks: BTreeMap<&str, usize> = by_actor.groups().filter_map(|group| group.key(0)).zip(0..).collect();
    let actor_of: Vec<usize> = cube
        .actors
        .keys()
        .map(|id| ranks.get(&**id).copied().unwrap_or(0))
        .collect();
    let (days, day_of) = sorted(&cube.days);
    let (statuses, status_of) = sorted(&cube.statuses);
    let (groups, group_of) = sorted(&cube.groups);
    let place = |cell: &CubeCell| -> PagePlace {
        let place = cell.place;
        [
            actor_of[place.actor as usize],
            day_of[place.day as usize],
            status_of[place.status() as usize],
            group_of.get(place.group as usize).copied().unwrap_or(0),
            usize::from(place.is_provisional()),
        ]
    };
    let mut cells: Vec<(PagePlace, Outcome)> = cube.cells.iter().map(|cell| (place(cell), cell.runs)).collect();
    cells.sort_unstable_by_key(|(place, _)| *place);
    let shown = actors_that_fit(&cells, ranks.len(), MAX_CELLS)?;
    let cells = with_others(cells, shown);
    let sizes = [days.len(), statuses.len(), groups.len().max(1), 2];
    let mut last = 0;
    let step = |(place, _): &(PagePlace, Outcome)| {
        let at = (0..4).fold(place[0] as u64, |at, axis| {
            at * sizes[axis] as u64 + place[axis + 1] as u64
        });
        at - std::mem::replace(&mut last, at)
    };
    let is_of_api = report.facts.source == Source::Api;
    let period = report.facts.period.days();
    let (first, last) = period.first().zip(period.last())?;
    let names = by_actor.groups().take(shown);
    Some(PageCube {
        from: first.to_string(),
        to: last.succ_opt().unwrap_or(*last).to_string(),
        lacks_runs: report.facts.lacks_runs(),
        runs_at: if is_served {
            Some(SERVED_RUN)
        } else {
            is_of_api.then_some(RUN)
        },
        actors_at: is_of_api.then_some(ACTOR),
        actors: names
            .map(|actor| (actor.key(0).unwrap_or_default(), actor.label(0, 0)))
            .collect(),
        others: ranks.len() - shown,
        steps: cells.iter().map(step).collect(),
        runs: cells.iter().map(|(_, cell)| cell.runs).collect(),
        unknown: unknown(&cells),
        usd: amounts(&cells),
        builds: builds(report, by_actor, shown),
        dearest: dearest(report, cube, &ranks, &statuses),
        days,
        statuses,
        groups,
    })
}

/// The values in their order, and the place in it of each.
fn sorted(values: &Values) -> (Vec<&str>, Vec<usize>) {
    let mut order: Vec<(&str, usize)> = values.keys().map(|key| &**key).zip(0..).collect();
    order.sort_unstable();
    let mut places = vec![0; order.len()];
    for (at, (_, place)) in order.iter().enumerate() {
        places[*place] = at;
    }
    (order.into_iter().map(|(key, _)| key).collect(), places)
}

/// How many of the dearest Actors have cells of their own, so that there are at most so many cells with those that all others
/// share; none where even the shared ones are too many. Cells are in order of their place.
fn actors_that_fit(cells: &[(PagePlace, Outcome)], actors: usize, most: usize) -> Option<usize> {
    if cells.len() <= most {
        return Some(actors);
    }
    let mut shared: HashSet<&[usize]> = HashSet::new();
    let mut own = cells.len();
    for of_actor in cells.chunk_by(|(one, _), (next, _)| one[0] == next[0]).rev() {
        shared.extend(of_actor.iter().map(|(place, _)| &place[1..]));
        own -= of_actor.len();
        if own + shared.len() <= most {
            return Some(of_actor[0].0[0]);
        }
    }
    None
}

/// The cells of Actors beyond the first ones added up under one place.
fn with_others(mut cells: Vec<(PagePlace, Outcome)>, shown: usize) -> Vec<(PagePlace, Outcome)> {
    for (place, _) in &mut cells {
        place[0] = place[0].min(shown);
    }
    cells.sort_by_key(|(place, _)| *place);
    cells.dedup_by(|(place, cell), (first, sum)| {
        let is_same = place == first;
        if is_same {
            *sum = sum.and(cell);
        }
        is_same
    });
    cells
}

fn unknown(cells: &[(PagePlace, Outcome)]) -> Vec<(usize, u64)> {
    let unknown = cells.iter().map(|(_, cell)| cell.cost_unknown).enumerate();
    unknown.filter(|(_, count)| *count > 0).collect()
}

fn amounts(cells: &[(PagePlace, Outcome)]) -> String {
    let amounts = cells.iter().map(|(_, cell)| cell.usage().map_or(String::new(), whole));
    amounts.collect::<Vec<_>>().join(" ")
}

fn builds(report: &Report, by_actor: &Breakdown, shown: usize) -> Vec<Option<(String, u64)>> {
    let Some(usage) = report.usage.as_ref().filter(|usage| !usage.builds.is_empty()) else {
        return Vec::new();
    };
    let sums = sums_by_actor(&usage.builds);
    let of_actor = |actor: Group| {
        let sums = sums.get(&actor.key(0))?;
        Some((sums.usage.map_or(String::new(), whole), sums.builds))
    };
    by_actor.groups().take(shown).map(of_actor).collect()
}

fn whole(usd: Usd) -> String {
    usd.0.to_string()
}

fn dearest<'r>(
    report: &'r Report,
    cube: &Cube,
    ranks: &BTreeMap<&str, usize>,
    statuses: &[&str],
) -> Vec<Vec<PageRun<'r>>> {
    let mut dearest: Vec<Vec<PageRun>> = Vec::new();
    dearest.resize_with(ranks.len().min(ACTORS_WITH_RUNS), Vec::new);
    for (id, runs) in cube.actors.keys().zip(&report.figures.dearest_of_actors) {
        let place = ranks.get(&**id).copied();
        let Some(shown) = place.and_then(|place| dearest.get_mut(place)) else {
            continue;
        };
        let status_of = |name: &str| statuses.iter().position(|status| *status == name).unwrap_or(0);
        let run = |run: &'r crate::report::figures::ActorRun| {
            PageRun(&run.id, status_of(&run.status), run.started_at_ms, whole(run.usage))
        };
        *shown = runs.iter().map(run).collect();
    }
    dearest
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A cell of one run for each Actor and day.
    fn cells(places: impl IntoIterator<Item = (usize, usize)>) -> Vec<(PagePlace, Outcome)> {
        let cell = |(actor, day)| {
            let mut runs = Outcome::default();
            runs.count(Some(Usd(1)));
            ([actor, day, 0, 0, 0], runs)
        };
        places.into_iter().map(cell).collect()
    }

    #[test]
    fn the_least_dear_actors_share_their_cells_where_there_are_too_many() {
        let cells = cells([(0, 0), (0, 1), (1, 0), (1, 1), (2, 0)]);
        let fit = |most| actors_that_fit(&cells, 3, most);
        // Five as they are; four with the first Actor alone and two that are shared; those two.
        assert_eq!([5, 4, 3, 2, 1].map(fit), [Some(3), Some(1), Some(0), Some(0), None]);
        let shared = with_others(cells.clone(), 1);
        let counted: Vec<(usize, usize, u64, Option<Usd>)> = shared
            .iter()
            .map(|(place, runs)| (place[0], place[1], runs.runs, runs.usage()))
            .collect();
        assert_eq!(
            counted,
            [
                (0, 0, 1, Some(Usd(1))),
                (0, 1, 1, Some(Usd(1))),
                (1, 0, 2, Some(Usd(2))),
                (1, 1, 1, Some(Usd(1)))
            ]
        );
    }

    #[test]
    fn sixty_thousand_cells_fit_and_one_more_makes_two_actors_share() {
        let fit = |actors| actors_that_fit(&cells((0..actors).map(|actor| (actor, 0))), actors, MAX_CELLS);
        assert_eq!((fit(60_000), fit(60_001)), (Some(60_000), Some(59_999)));
    }
}
