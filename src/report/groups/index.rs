//! Which rule is the first to match a run, without looking at every rule: there may be tens of thousands, and as many Actors. It knows
//! patterns, and nothing of groups.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use wildmatch::WildMatch;

use crate::provenance::GroupRule;
use crate::runs::row::Row;

/// What patterns are of: the Actor, the task, the user.
const SUBJECTS: usize = 3;
const FRAGMENT: usize = 3;

type Fragment = [u8; FRAGMENT];
/// What a run's subjects are called: by ID and by name.
type Texts<'a> = [[Option<&'a str>; 2]; SUBJECTS];
type Places<K> = HashMap<K, Vec<u32>, RandomState>;

#[derive(Debug, Clone)]
pub(super) struct RuleIndex {
    rules: Vec<[Option<Pattern>; SUBJECTS]>,
    subjects: [Subject; SUBJECTS],
    /// Rules whose patterns are nearly all wildcards, such as `*`, in order.
    others: Vec<u32>,
}

/// The rules that stand under something of one subject, in order.
#[derive(Debug, Clone, Default)]
struct Subject {
    texts: Places<Box<str>>,
    fragments: Places<Fragment>,
}

#[derive(Debug, Clone)]
enum Pattern {
    Text(Box<str>),
    Wild(WildMatch),
}

impl Pattern {
    fn of(pattern: &str) -> Pattern {
        if pattern.contains(['*', '?']) {
            Pattern::Wild(WildMatch::new(pattern))
        } else {
            Pattern::Text(pattern.into())
        }
    }

    fn matches(&self, text: &str) -> bool {
        match self {
            Pattern::Text(whole) => **whole == *text,
            Pattern::Wild(pattern) => pattern.matches(text),
        }
    }
}

/// The parts of a pattern that any text has that it matches.
fn fragments(pattern: &str) -> impl Iterator<Item = Fragment> {
    let literals = pattern.split(['*', '?']);
    literals.flat_map(|literal| {
        literal
            .as_bytes()
            .windows(FRAGMENT)
            .filter_map(|part| part.try_into().ok())
    })
}

fn patterns(rule: &GroupRule) -> [Option<&str>; SUBJECTS] {
    [&rule.actor, &rule.task, &rule.user].map(Option::as_deref)
}

impl RuleIndex {
    pub(super) fn of(rules: &[GroupRule]) -> RuleIndex {
        let counts = KeyCounts::of(rules);
        let mut index = RuleIndex {
            rules: rules
                .iter()
                .map(|rule| patterns(rule).map(|text| text.map(Pattern::of)))
                .collect(),
            subjects: Default::default(),
            others: Vec::new(),
        };
        for (at, rule) in (0..).zip(rules) {
            match counts.rarest(rule) {
                Some((subject, RuleKey::Text(text))) => {
                    let texts = &mut index.subjects[subject].texts;
                    texts.entry(text.into()).or_default().push(at);
                }
                Some((subject, RuleKey::Fragment(part))) => {
                    let fragments = &mut index.subjects[subject].fragments;
                    fragments.entry(part).or_default().push(at);
                }
                None => index.others.push(at),
            }
        }
        index
    }

    /// The first rule of which every pattern that is given matches.
    pub(super) fn first(&self, row: &Row) -> Option<usize> {
        let texts = [
            [Some(row.act_id), row.act_name],
            [row.actor_task_id, row.actor_task_name],
            [row.user_id, None],
        ];
        let mut first = self.rules.len();
        let mut look_at = |places: &[u32]| {
            let earlier = places.iter().map(|at| *at as usize);
            let found = earlier
                .take_while(|at| *at < first)
                .find(|at| self.matches(*at, &texts));
            first = found.unwrap_or(first);
        };
        for (subject, texts) in self.subjects.iter().zip(&texts) {
            let texts = texts.iter().flatten();
            texts
                .clone()
                .filter_map(|text| subject.texts.get(*text))
                .for_each(|places| look_at(places));
            if subject.fragments.is_empty() {
                continue;
            }
            let parts = texts.flat_map(|text| text.as_bytes().windows(FRAGMENT));
            let parts = parts.filter_map(|part| subject.fragments.get(part));
            parts.for_each(|places| look_at(places));
        }
        look_at(&self.others);
        (first < self.rules.len()).then_some(first)
    }

    fn matches(&self, at: usize, texts: &Texts) -> bool {
        let matches_one = |(pattern, texts): (&Option<Pattern>, &[Option<&str>; 2])| {
            let any = |pattern: &Pattern| texts.iter().flatten().any(|text| pattern.matches(text));
            pattern.as_ref().is_none_or(any)
        };
        self.rules[at].iter().zip(texts).all(matches_one)
    }
}

#[derive(Debug, Clone, Copy)]
enum RuleKey<'r> {
    Text(&'r str),
    Fragment(Fragment),
}

/// How many patterns have each whole text and each fragment: the fewer rules stand under one key, the fewer are looked at.
struct KeyCounts<'r> {
    texts: [HashMap<&'r str, u32, RandomState>; SUBJECTS],
    fragments: [HashMap<Fragment, u32, RandomState>; SUBJECTS],
}

impl<'r> KeyCounts<'r> {
    fn of(rules: &'r [GroupRule]) -> KeyCounts<'r> {
        let mut counts = KeyCounts {
            texts: Default::default(),
            fragments: Default::default(),
        };
        for (subject, key) in rules.iter().flat_map(keys) {
            *match key {
                RuleKey::Text(text) => counts.texts[subject].entry(text).or_default(),
                RuleKey::Fragment(part) => counts.fragments[subject].entry(part).or_default(),
            } += 1;
        }
        counts
    }

    /// The key of a rule that it shares with the fewest others; none where its patterns have no fragment.
    fn rarest(&self, rule: &'r GroupRule) -> Option<(usize, RuleKey<'r>)> {
        keys(rule).min_by_key(|(subject, key)| match key {
            RuleKey::Text(text) => self.texts[*subject].get(text),
            RuleKey::Fragment(part) => self.fragments[*subject].get(part),
        })
    }
}

fn keys(rule: &GroupRule) -> impl Iterator<Item = (usize, RuleKey<'_>)> {
    let given = patterns(rule).into_iter().enumerate();
    given.flat_map(|(subject, pattern)| {
        let pattern = pattern.unwrap_or("*");
        let is_whole = !pattern.contains(['*', '?']);
        let whole = is_whole.then_some((subject, RuleKey::Text(pattern)));
        let parts = fragments(pattern).filter(move |_| !is_whole);
        whole
            .into_iter()
            .chain(parts.map(move |part| (subject, RuleKey::Fragment(part))))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Whether a pattern matches, by its definition alone.
    fn is_like(pattern: &[char], text: &[char]) -> bool {
        match (pattern.first(), text.first()) {
            (None, None) => true,
            (Some('*'), _) => is_like(&pattern[1..], text) || (!text.is_empty() && is_like(pattern, &text[1..])),
            (Some('?'), Some(_)) => is_like(&pattern[1..], &text[1..]),
            (Some(one), Some(other)) => one == other && is_like(&pattern[1..], &text[1..]),
            _ => false,
        }
    }

    fn any_is_like(pattern: Option<&String>, texts: [Option<&String>; 2]) -> bool {
        let chars = |text: &String| text.chars().collect::<Vec<_>>();
        pattern.is_none_or(|pattern| {
            texts
                .into_iter()
                .flatten()
                .any(|text| is_like(&chars(pattern), &chars(text)))
        })
    }

    fn pattern() -> impl Strategy<Value = Option<String>> {
        proptest::option::weighted(0.7, "[abé]{0,4}[abé*?]{0,5}[ab]{0,4}")
    }

    fn rule() -> impl Strategy<Value = GroupRule> {
        (pattern(), pattern(), pattern()).prop_map(|(actor, task, user)| GroupRule {
            actor,
            task,
            user,
            account: None,
            group: "g".into(),
        })
    }

    type Run = (String, [Option<String>; 4]);

    fn run() -> impl Strategy<Value = Run> {
        let text = || proptest::option::weighted(0.8, "[abé]{0,7}");
        ("[abé]{0,7}", [text(), text(), text(), text()])
    }

    proptest! {
        #[test]
        fn the_first_rule_is_that_of_a_scan_over_all(
            rules in proptest::collection::vec(rule(), 0..40),
            runs in proptest::collection::vec(run(), 1..20),
        ) {
            let index = RuleIndex::of(&rules);
            for (act_id, [act_name, task, task_name, user]) in &runs {
                let scanned = rules.iter().position(|rule| {
                    any_is_like(rule.actor.as_ref(), [Some(act_id), act_name.as_ref()])
                        && any_is_like(rule.task.as_ref(), [task.as_ref(), task_name.as_ref()])
                        && any_is_like(rule.user.as_ref(), [user.as_ref(), None])
                });
                let row = Row {
                    act_id,
                    act_name: act_name.as_deref(),
                    actor_task_id: task.as_deref(),
                    actor_task_name: task_name.as_deref(),
                    user_id: user.as_deref(),
                    ..Row::default()
                };
                prop_assert_eq!(index.first(&row), scanned, "{:?}", row);
            }
        }
    }

    #[test]
    fn rules_of_one_long_prefix_are_told_apart_by_what_is_rare_in_them() {
        let rules: Vec<GroupRule> = (0..5000)
            .map(|at| GroupRule {
                actor: Some(format!("company/team-{at}-*")),
                user: Some("everybody".into()),
                ..GroupRule::default()
            })
            .collect();
        let index = RuleIndex::of(&rules);
        let fullest = |subject: &Subject| {
            subject
                .fragments
                .values()
                .chain(subject.texts.values())
                .map(Vec::len)
                .max()
        };
        let fullest = index.subjects.iter().filter_map(fullest).max();
        assert!(
            fullest.is_some_and(|rules| rules < 200) && index.others.is_empty(),
            "{fullest:?}"
        );
    }
}
