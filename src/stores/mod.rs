//! Folders and object stores, by path or URL: which there are, their credentials, and their errors as this project's. What is
//! kept in them is not known here.

mod address;
mod answers;
mod aws;
mod body;
mod errors;
mod failures;
mod folder_store;
mod google_azure;
mod google_identity;
mod http;
mod location;
mod log_view;
mod objects;
mod patience;
mod patient;
mod probe;
#[cfg(test)]
mod tests;

pub use location::{Location, OWN};
pub use objects::{ListedObject, Put};
