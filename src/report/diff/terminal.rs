//! What `diff` prints: 80 columns, aligned, readable without colour. The Actors and runs that moved most; JSON and CSV have
//! all of them.

use super::ArchiveDiff;
use super::moves::{ActorMoves, MovedRuns, Moves};
use super::words::{dollars, side, signed, verdict, without_cost};
use crate::money::{SCALE, Usd, ratio_6_places};
use crate::report::console::{actor_url, run_url};
use crate::report::terminal::{TextStyle, WIDTH};
use crate::runs::run::Run;
use crate::text::{counted, escape_control, pad, thousands, truncate, wrap_labelled};

const LABEL: usize = 10;
/// Actors shown; the rest go into one line.
const ACTORS: usize = 10;

pub fn render(comparison: &ArchiveDiff, look: TextStyle) -> String {
    let look = look.of(comparison.new.source);
    let mut lines = Vec::new();
    lines.extend(comparison.notice().map(|notice| look.bold(&escape_control(notice))));
    let sentences = [
        ("Old", side(&comparison.old)),
        ("New", side(&comparison.new)),
        ("Caution", comparison.cautions()),
    ];
    for (label, sentences) in sentences {
        for (at, sentence) in sentences.iter().enumerate() {
            let label = if at == 0 { label } else { "" };
            lines.push(wrap_labelled(label, &escape_control(sentence), LABEL, WIDTH));
        }
    }
    let changes = &comparison.changes;
    lines.push(String::new());
    lines.extend(table(changes.total(), changes.unchanged, look));
    lines.push(String::new());
    lines.push(wrap_labelled("Verdict", &verdict(comparison), LABEL, WIDTH));
    lines.extend(actors(&changes.actors(), changes.total(), look));
    lines.extend(runs(changes.shown(), changes.total().changed.runs, look));
    look.letters(&(lines.join("\n") + "\n"))
}

fn table(total: &Moves, unchanged: u64, look: TextStyle) -> Vec<String> {
    let row = |name: &str, part: &MovedRuns| {
        let beside = without_cost(part.cost_unknown).map_or(String::new(), |beside| format!("  {beside}"));
        format!("{name:<18} {:>11} {:>16}{beside}", thousands(part.runs), dollars(part))
    };
    let mut lines = vec![
        look.bold(&format!("{:<18} {:>11} {:>16}", "", "runs", "usage")),
        row("New", &total.new),
        row("Changed", &total.changed),
        row("Vanished", &total.vanished),
        look.bold(&row("Total change", &total.net())),
        format!("{:<18} {:>11}", "Unchanged", thousands(unchanged)),
    ];
    let apart = |name: &str, part: &MovedRuns, other: &str| {
        let usage = part.usage().unwrap_or_default().dollars();
        let runs = thousands(part.runs);
        format!("{name:<18} {runs:>11} {usage:>16}  excluded: unknown in {other}")
    };
    if total.became_known.runs > 0 {
        lines.push(apart("Costs now known", &total.became_known, "OLD"));
    }
    if total.became_unknown.runs > 0 {
        lines.push(apart("Costs now unknown", &total.became_unknown, "NEW"));
    }
    lines
}

fn actors(actors: &[&ActorMoves], total: &Moves, look: TextStyle) -> Vec<String> {
    if actors.is_empty() {
        return Vec::new();
    }
    let head = ["Actor", "new", "changed", "vanished", "usage", "cost unknown"].map(String::from);
    let mut lines = vec![String::new(), look.bold(&row(head))];
    let shown = if actors.len() <= ACTORS + 1 {
        actors.len()
    } else {
        ACTORS
    };
    for actor in &actors[..shown] {
        let name = actor.act_name.as_deref().unwrap_or(&actor.act_id);
        let name = escape_control(name);
        let line = group(&name, &actor.moves);
        lines.push(look.link_start(&line, &name, &actor_url(&actor.act_id)));
    }
    if shown < actors.len() {
        let rest = actors[shown..]
            .iter()
            .fold(Moves::default(), |sum, actor| sum.and(&actor.moves));
        let name = counted((actors.len() - shown) as u64, "other Actor", "other Actors");
        lines.push(group(&name, &rest));
    }
    lines.push(look.bold(&group("Total", total)));
    lines
}

fn group(name: &str, moves: &Moves) -> String {
    let net = moves.net();
    row([
        name.into(),
        thousands(moves.new.runs),
        thousands(moves.changed.runs),
        thousands(moves.vanished.runs),
        dollars(&net),
        thousands(net.cost_unknown),
    ])
}

fn row([name, new, changed, vanished, usage, unknown]: [String; 6]) -> String {
    let name = pad(&name, 23);
    format!("{name} {new:>9} {changed:>9} {vanished:>9} {usage:>13} {unknown:>12}")
}

fn runs(shown: &[(Run, Run)], changed: u64, look: TextStyle) -> Vec<String> {
    if shown.is_empty() {
        return Vec::new();
    }
    let line = |id: &str, status: &str, cost: &str| {
        let line = format!("{} {} {cost}", pad(id, 17), pad(status, 24));
        truncate(line.trim_end(), WIDTH)
    };
    let mut lines = vec![String::new(), look.bold(&line("Changed run", "status", "cost"))];
    for (old, new) in shown {
        let status = from_to(&escape_control(&old.status), &escape_control(&new.status));
        let mut cost = costs(old.usage, new.usage);
        if old.status == new.status && old.usage == new.usage {
            let fields: Vec<&str> = super::differing(old, new);
            cost += &format!(" ({})", fields.join(", "));
        }
        let id = escape_control(&new.id);
        lines.push(look.link_start(&line(&id, &status, &cost), &id, &run_url(&new.id)));
    }
    let more = changed.saturating_sub(shown.len() as u64);
    if more > 0 {
        lines.push(format!(
            "and {} (--json and --csv list all)",
            counted(more, "other changed run", "other changed runs")
        ));
    }
    lines
}

fn from_to(old: &str, new: &str) -> String {
    if old == new {
        old.into()
    } else {
        format!("{old} → {new}")
    }
}

/// Two costs, with as many places as it takes to tell them apart.
fn costs(old: Option<Usd>, new: Option<Usd>) -> String {
    let shown = |places: fn(Usd) -> String| [old, new].map(|usd| usd.map_or("unknown".into(), places));
    let forms: [fn(Usd) -> String; 3] = [
        Usd::dollars,
        |usd| {
            let places = ratio_6_places(usd.0, 10_i128.pow(SCALE));
            places.map_or(String::new(), |places| format!("${places}"))
        },
        |usd| format!("${usd}"),
    ];
    let told = forms.into_iter().map(shown).find(|[a, b]| a != b || old == new);
    let [a, b] = told.unwrap_or_default();
    let moved = old.zip(new).map(|(old, new)| Usd(new.0.saturating_sub(old.0)));
    let moved = moved
        .filter(|usd| usd.0 != 0)
        .map_or(String::new(), |usd| format!(" ({})", signed(usd)));
    format!("{}{moved}", from_to(&a, &b))
}
