//! `serve`: the API's endpoints, asked by a client of a few lines.

/// `serve PATH`: an archive.
mod archive;
/// `serve --demo`: the made-up account.
mod demo;
/// The headers of lists.
mod pagination;
