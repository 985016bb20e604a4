//! What `--actor` and `--task` mean: IDs as they are, names looked up. Filters hold IDs alone, so that a rename is no other
//! export.

use crate::api::auxiliary::NameKind;
use crate::error::{Error, Result};
use crate::fetch::names::NameBook;
use crate::provenance::Filters;
use crate::runs::names::looks_like_an_id;

/// An option that chooses runs by what has a name.
struct NameFilter {
    option: &'static str,
    named: NameKind,
    noun: &'static str,
}

const ACTOR: NameFilter = NameFilter {
    option: "--actor",
    named: NameKind::Actors,
    noun: "Actor",
};
const TASK: NameFilter = NameFilter {
    option: "--task",
    named: NameKind::Tasks,
    noun: "task",
};

/// The filters as asked for, statuses included.
pub async fn resolve(status: &[String], actors: &[String], tasks: &[String], names: &NameBook) -> Result<Filters> {
    if !actors.is_empty() || !tasks.is_empty() {
        names.fetch_lists().await;
    }
    Ok(Filters {
        status: sorted(status.to_vec()),
        actor: ACTOR.ids(actors, names).await?,
        task: TASK.ids(tasks, names).await?,
    })
}

fn sorted(mut list: Vec<String>) -> Vec<String> {
    list.sort();
    list.dedup();
    list
}

impl NameFilter {
    async fn ids(&self, elements: &[String], names: &NameBook) -> Result<Vec<String>> {
        let mut ids = Vec::with_capacity(elements.len());
        for element in elements {
            ids.push(self.id(element, names).await?);
        }
        Ok(sorted(ids))
    }

    /// The ID that an element means.
    async fn id(&self, element: &str, names: &NameBook) -> Result<String> {
        let NameFilter { option, named, noun } = *self;
        if looks_like_an_id(element) || (names.is_silent() && !element.contains(['/', '~'])) {
            return Ok(element.into());
        }
        if names.is_silent() {
            return Err(Error::Usage(format!(
                "{option} {element}: with --no-names, names cannot be looked up: give the ID"
            )));
        }
        if !names.is_whole(named) {
            return Err(Error::Unreachable(format!(
                "{option} {element}: some names of {} could not be read, so this name is unknown: give IDs, or run again",
                named.what()
            )));
        }
        let found = names.ids_of(named, element);
        match found.as_slice() {
            [id] => return Ok(id.clone()),
            [] => {}
            several => {
                return Err(Error::Usage(format!(
                    "{option} {element}: {} have this name ({}): give an ID, or the full name",
                    several.len(),
                    several.join(", ")
                )));
            }
        }
        if !element.contains(['/', '~']) {
            // An ID; also one of what is no longer there, whose runs still are.
            return Ok(element.into());
        }
        match names.find(named, &element.replace('/', "~")).await? {
            Some(item) => Ok(item.id),
            None => Err(Error::Usage(format!(
                "{option} {element}: this token finds no {noun} with this name: give the ID"
            ))),
        }
    }
}
