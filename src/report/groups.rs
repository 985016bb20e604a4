//! Which group a run belongs to, by rules that the user keeps in a CSV file. Pure: text to rules, a row to its
//! group. Patterns are the shell's simplest: `*` is any text, `?` one character.

mod index;

use std::collections::HashMap;

use anyhow::bail;

use crate::report::groups::index::RuleIndex;
use foldhash::fast::RandomState;
use wildmatch::WildMatch;

use crate::provenance::{Account, GroupRule};
use crate::runs::names::looks_like_an_id;
use crate::runs::row::Row;
use crate::text::csv_lines::LineCounter;

/// The group of runs that no rule matches.
pub const UNASSIGNED: &str = "unassigned";

/// Rules in their order: the first that matches counts.
#[derive(Debug, Clone)]
pub struct Groups {
    rules: Vec<GroupRule>,
    /// The lines of the rules' file, where they were read from one.
    lines: Vec<usize>,
    /// Which rules have given a run its group.
    matched: Vec<bool>,
    /// Of the rules that runs of the account can match.
    index: RuleIndex,
    /// Where these stand among all.
    places: Vec<usize>,
    /// The rule of what was seen lately: Actor, task and user, by IDs and names. None is no rule.
    seen: HashMap<Box<str>, Option<usize>, RandomState>,
    key: String,
}

/// Rules of a file that no run of a period matches.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnmatchedRules {
    pub rules: u64,
    /// The first of them, as `line 3 (actor apify/*)`.
    pub first: Vec<String>,
}

/// Most unmatched rules that are named.
const MAX_NAMED: usize = 3;
/// How much of what was seen is remembered: accounts may have very many Actors, tasks and users.
const MAX_SEEN: usize = 1 << 16;
/// Most rules: each is in the manifest of every export.
const MAX_RULES: usize = 100_000;

const SHAPE: &str = "expected CSV with a header: group, and at least one of actor, task, user and account, such as\nactor,group\napify/*,Marketing";

impl Groups {
    /// The rules of a CSV file; an error names the line.
    pub fn parse(text: &str) -> anyhow::Result<Groups> {
        let text = text.trim_start_matches('\u{feff}');
        let mut csv = csv::ReaderBuilder::new()
            .delimiter(separator_of(text))
            .flexible(true)
            .trim(csv::Trim::All)
            .from_reader(text.as_bytes());
        let header: Vec<String> = csv.headers()?.iter().map(str::to_lowercase).collect();
        if let Some(unknown) = header
            .iter()
            .find(|name| field(&mut GroupRule::default(), name).is_none())
        {
            bail!("unknown column {unknown:?}; {SHAPE}");
        }
        let mut columns = header.iter().enumerate();
        if let Some((_, twice)) = columns.find(|(at, name)| header[..*at].contains(name)) {
            bail!("the column {twice:?} occurs twice; {SHAPE}");
        }
        let has = |name: &str| header.iter().any(|column| column == name);
        if !has("group") || !["actor", "task", "user", "account"].into_iter().any(has) {
            bail!(SHAPE);
        }
        let (mut rules, mut lines) = (Vec::new(), Vec::new());
        let mut counter = LineCounter::new(text);
        for record in csv.records() {
            let record = record?;
            let line = record.position().map_or(0, |position| counter.line_of(position));
            if record.iter().all(str::is_empty) {
                continue;
            }
            if record.len() > header.len() {
                bail!("line {line} has more cells than the header");
            }
            let mut rule = GroupRule::default();
            for (name, cell) in header.iter().zip(&record).filter(|(_, cell)| !cell.is_empty()) {
                match field(&mut rule, name) {
                    Some(RuleField::Pattern(pattern)) => *pattern = Some(cell.into()),
                    Some(RuleField::Group(group)) => *group = cell.into(),
                    None => {}
                }
            }
            if rule.group.is_empty() {
                bail!("line {line} has no group");
            }
            if patterns(&rule).into_iter().all(|(_, pattern)| pattern.is_none()) {
                bail!("line {line} has no actor, task, user or account; to match all runs, use * as the actor");
            }
            if rules.len() == MAX_RULES {
                bail!("line {line}: too many rules; the limit is {MAX_RULES}");
            }
            lines.push(line);
            rules.push(rule);
        }
        Ok(Groups {
            lines,
            ..Groups::of(rules)
        })
    }

    /// Rules that have been parsed before.
    pub fn of(rules: Vec<GroupRule>) -> Groups {
        let mut groups = Groups {
            index: RuleIndex::of(&[]),
            places: Vec::new(),
            lines: Vec::new(),
            matched: vec![false; rules.len()],
            rules,
            seen: HashMap::default(),
            key: String::new(),
        };
        groups.turn_to(None);
        groups
    }

    /// The same rules for runs of this account; rules of an account match no run of an unknown one.
    pub fn for_account(mut self, account: Option<&Account>) -> Groups {
        self.turn_to(account);
        self
    }

    /// Runs that follow are of this account.
    pub fn turn_to(&mut self, account: Option<&Account>) {
        let is_of = |account: &Account, pattern: &str| {
            let pattern = WildMatch::new(pattern);
            let texts = [Some(&account.id), account.username.as_ref()];
            texts.into_iter().flatten().any(|text| pattern.matches(text))
        };
        let can_match = |rule: &GroupRule| match &rule.account {
            None => true,
            Some(pattern) => account.is_some_and(|account| is_of(account, pattern)),
        };
        let rules = self.rules.iter().enumerate().filter(|(_, rule)| can_match(rule));
        let (places, rules): (Vec<usize>, Vec<GroupRule>) = rules.map(|(at, rule)| (at, rule.clone())).unzip();
        self.index = RuleIndex::of(&rules);
        self.places = places;
        self.seen.clear();
    }

    /// Whether any rule is of some accounts alone.
    pub fn go_by_accounts(&self) -> bool {
        self.rules().any(|rule| rule.account.is_some())
    }

    pub fn rules(&self) -> impl Iterator<Item = &GroupRule> {
        self.rules.iter()
    }

    pub fn has(&self, group: &str) -> bool {
        group == UNASSIGNED || self.rules().any(|rule| rule.group == group)
    }

    /// Whether any rule may mean a name, not an ID.
    pub fn go_by_names(&self) -> bool {
        let patterns = self.rules().flat_map(|rule| [&rule.actor, &rule.task]).flatten();
        patterns.into_iter().any(|pattern| !looks_like_an_id(pattern))
    }

    /// The columns by which they tell groups apart.
    pub fn needed_columns(&self) -> Vec<&'static str> {
        let uses = |pattern: fn(&GroupRule) -> &Option<String>| self.rules().any(|rule| pattern(rule).is_some());
        let mut needed = Vec::new();
        if uses(|rule| &rule.actor) {
            needed.push("act_name");
        }
        if uses(|rule| &rule.task) {
            needed.extend(["actor_task_id", "actor_task_name"]);
        }
        if uses(|rule| &rule.user) {
            needed.push("user_id");
        }
        needed
    }

    /// How many rules of a file no run has matched, and the first of them in words, with their lines.
    pub fn unmatched(&self) -> UnmatchedRules {
        let rules = self.lines.iter().zip(&self.rules).zip(&self.matched);
        let rules: Vec<_> = rules.filter(|(_, matched)| !**matched).collect();
        let words = rules.iter().take(MAX_NAMED).map(|((line, rule), _)| {
            let given = patterns(rule).into_iter();
            let given = given.filter_map(|(name, pattern)| Some(format!("{name} {}", pattern.as_ref()?)));
            format!("line {line} ({})", given.collect::<Vec<_>>().join(", "))
        });
        UnmatchedRules {
            first: words.collect(),
            rules: rules.len() as u64,
        }
    }

    pub fn group_of(&mut self, row: &Row) -> &str {
        self.key.clear();
        let subjects = [
            Some(row.act_id),
            row.act_name,
            row.actor_task_id,
            row.actor_task_name,
            row.user_id,
        ];
        for part in subjects {
            // Absent is not empty.
            self.key.push_str(part.unwrap_or("\u{1}"));
            self.key.push('\0');
        }
        let rule = match self.seen.get(&*self.key) {
            Some(rule) => *rule,
            None => {
                let rule = self.index.first(row).map(|at| self.places[at]);
                if let Some(rule) = rule {
                    self.matched[rule] = true;
                }
                if self.seen.len() == MAX_SEEN {
                    self.seen.clear();
                }
                self.seen.insert((*self.key).into(), rule);
                rule
            }
        };
        rule.map_or(UNASSIGNED, |rule| &self.rules[rule].group)
    }
}

/// What stands between the cells of a CSV file that people keep: a comma, or a semicolon where the header has one, as spreadsheets
/// write it in countries with a decimal comma.
pub fn separator_of(text: &str) -> u8 {
    let header = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    if header.contains(';') { b';' } else { b',' }
}

/// What a rule's patterns are of, by the columns of the file, and each that is given.
fn patterns(rule: &GroupRule) -> [(&'static str, &Option<String>); 4] {
    [
        ("actor", &rule.actor),
        ("task", &rule.task),
        ("user", &rule.user),
        ("account", &rule.account),
    ]
}

enum RuleField<'r> {
    Pattern(&'r mut Option<String>),
    Group(&'r mut String),
}

/// Where a column's cell goes.
fn field<'r>(rule: &'r mut GroupRule, column: &str) -> Option<RuleField<'r>> {
    Some(match column {
        "actor" => RuleField::Pattern(&mut rule.actor),
        "task" => RuleField::Pattern(&mut rule.task),
        "user" => RuleField::Pattern(&mut rule.user),
        "account" => RuleField::Pattern(&mut rule.account),
        "group" => RuleField::Group(&mut rule.group),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(
        act_id: &'static str,
        act_name: Option<&'static str>,
        task: Option<&'static str>,
        user: Option<&'static str>,
    ) -> Row<'static> {
        Row {
            id: "r",
            act_id,
            user_id: user,
            actor_task_id: task,
            status: "SUCCEEDED",
            cost_state: "unknown",
            act_name,
            ..Row::default()
        }
    }

    #[test]
    fn the_first_rule_of_which_every_pattern_matches_names_the_group() {
        let text =
            "Actor, task ,user,group\n,nightly?,,Ops\napify/*,,u1,\"Research, EU\"\napify/*,,,Vendors\n\na1,,,One\n";
        let mut groups = Groups::parse(text).unwrap();
        let mut group = |row| groups.group_of(&row).to_string();
        assert_eq!(group(row("x", Some("apify/crawler"), None, Some("u1"))), "Research, EU");
        assert_eq!(group(row("x", Some("apify/crawler"), None, None)), "Vendors");
        assert_eq!(
            group(row("x", Some("apify/crawler"), Some("nightly1"), Some("u1"))),
            "Ops"
        );
        assert_eq!(group(row("a1", None, None, None)), "One");
        assert_eq!(group(row("a2", None, Some("nightly12"), None)), UNASSIGNED);
        assert_eq!(groups.rules().count(), 4);
    }

    #[test]
    fn a_rule_of_an_account_matches_runs_of_no_other() {
        let text = "account;actor;group\nacme;a*;Acme\nu-2;;Beta\n;a1;One\n";
        let account = |id: &str, username: Option<&str>| Account {
            id: id.into(),
            username: username.map(String::from),
        };
        let mut groups = Groups::parse(text).unwrap();
        let run = || row("a1", None, None, None);
        assert_eq!(groups.group_of(&run()), "One");
        groups.turn_to(Some(&account("u-1", Some("acme"))));
        assert_eq!(groups.group_of(&run()), "Acme");
        assert_eq!(groups.group_of(&row("b", None, None, None)), UNASSIGNED);
        let unmatched = groups.unmatched().first;
        assert_eq!(unmatched, ["line 3 (account u-2)"]);
        groups.turn_to(Some(&account("u-2", None)));
        assert_eq!(groups.group_of(&run()), "Beta");
        assert!(groups.go_by_accounts() && groups.unmatched().rules == 0);
    }

    #[test]
    fn a_rule_that_no_run_matches_is_named_by_the_line_on_which_it_begins() {
        let text = "actor,group\r\na,One\r\n\r\n\"b\",\"Two\r\nlines\"\r\nc,Three\r\n";
        assert_eq!(
            Groups::parse(text).unwrap().unmatched(),
            UnmatchedRules {
                rules: 3,
                first: ["line 2 (actor a)", "line 4 (actor b)", "line 6 (actor c)"]
                    .map(String::from)
                    .into(),
            }
        );
    }

    #[test]
    fn a_file_that_makes_no_sense_is_refused_by_line() {
        for (text, what) in [
            ("", "header"),
            ("actor,team\n", "\"team\""),
            ("group\nx\n", "header"),
            ("actor,group,group\na,b,c\n", "twice"),
            ("actor,group\na,\n", "line 2 has no group"),
            ("actor,group\n,x\n", "line 2 has no actor"),
            ("actor,group\na,b,c\n", "line 2 has more"),
            ("actor,group\r\n\r\n\r\na,\r\n", "line 4 has no group"),
        ] {
            let error = Groups::parse(text).unwrap_err().to_string();
            assert!(error.contains(what), "{text:?}: {error}");
        }
    }
}
