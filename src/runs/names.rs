//! Names of Actors, tasks and schedules, and the columns that they make. Where they come from is `fetch`'s.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch};
use foldhash::fast::RandomState;

use super::schema::col;

#[derive(Debug, Default)]
pub struct NamesById(HashMap<Box<str>, Box<str>, RandomState>);

impl NamesById {
    pub fn insert(&mut self, id: &str, name: &str) {
        self.0.insert(id.into(), name.into());
    }

    pub fn get(&self, id: &str) -> Option<&str> {
        self.0.get(id).map(|name| &**name)
    }

    /// The IDs of everything of that name: in full, with `~` for `/` as the API also writes it, or without its user.
    pub fn ids_of(&self, name: &str) -> Vec<&str> {
        let asked = name.replace('~', "/");
        let is_it = |known: &str| known == asked || known.rsplit_once('/').is_some_and(|(_, name)| name == asked);
        let known = self.0.iter().filter(|(_, known)| is_it(known));
        let mut ids: Vec<&str> = known.map(|(id, _)| &**id).collect();
        ids.sort_unstable();
        ids
    }

    /// The names that go with a column of IDs.
    fn column(&self, ids: &dyn Array) -> ArrayRef {
        let ids = ids.as_string::<i32>();
        let mut names = StringBuilder::with_capacity(ids.len(), ids.len() * 16);
        for id in ids.iter() {
            names.append_option(id.and_then(|id| self.get(id)));
        }
        Arc::new(names.finish())
    }
}

/// Whether a text has the form of every ID of Apify's that was seen, seventeen letters and digits: such a filter needs no list of
/// names.
pub fn looks_like_an_id(text: &str) -> bool {
    text.len() == 17 && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Names of everything that runs point at.
#[derive(Debug, Default)]
pub struct Names {
    /// As `username/name`.
    pub actors: NamesById,
    pub tasks: NamesById,
    pub schedules: NamesById,
}

impl Names {
    /// The columns `act_name`, `actor_task_name` and `meta_schedule_name` of rows.
    pub fn columns(&self, rows: &RecordBatch) -> [ArrayRef; 3] {
        [
            self.actors.column(rows.column(col::ACT_ID)),
            self.tasks.column(rows.column(col::ACTOR_TASK_ID)),
            self.schedules.column(rows.column(col::META_SCHEDULE_ID)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_in_full_or_without_its_user() {
        let mut names = NamesById::default();
        names.insert("a1", "ann/crawler");
        names.insert("b1", "bob/crawler");
        names.insert("b2", "bob/other");
        assert_eq!(names.ids_of("ann/crawler"), ["a1"]);
        assert_eq!(names.ids_of("ann~crawler"), ["a1"]);
        assert_eq!(names.ids_of("crawler"), ["a1", "b1"]);
        assert_eq!(names.ids_of("a1"), [""; 0]);
    }
}
