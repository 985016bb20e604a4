//! Folders and object stores, by path or URL: which there are, their credentials, and their errors as this project's. What is
//! kept in them is not known here.

#[cfg(feature = "lake")]
mod address;
#[cfg(feature = "lake")]
mod answers;
#[cfg(feature = "lake")]
mod aws;
#[cfg(feature = "lake")]
mod body;
#[cfg(feature = "lake")]
mod errors;
#[cfg(feature = "lake")]
mod failures;
#[cfg(feature = "lake")]
mod google_azure;
#[cfg(feature = "lake")]
mod http;
#[cfg(feature = "lake")]
mod location;
#[cfg(feature = "lake")]
mod log_view;
#[cfg(feature = "lake")]
mod objects;
#[cfg(feature = "lake")]
mod patience;
#[cfg(feature = "lake")]
mod patient;
#[cfg(feature = "lake")]
mod probe;
#[cfg(all(test, feature = "lake"))]
mod tests;

use std::path::Path;

#[cfg(feature = "lake")]
pub use location::{Location, OWN};
#[cfg(feature = "lake")]
pub use objects::{ListedObject, Put};

/// Whether a path names a place in an object store.
pub fn names_store(path: &Path) -> bool {
    let text = path.to_string_lossy();
    let scheme = text.split_once("://").map(|(scheme, _)| scheme);
    scheme.is_some_and(|scheme| matches!(scheme, "s3" | "s3a" | "gs" | "az" | "abfs" | "abfss"))
}
