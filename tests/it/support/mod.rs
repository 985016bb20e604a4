//! What tests share: the binary as a process, the API's stand-in, and a client of what the binary serves.

/// An account of the stand-in with all that a job asks beside the run list.
pub mod account;
/// A client of the binary's servers.
pub mod client;
/// The binary as a process, in a folder and an environment of its own.
pub mod command;
/// The made-up account's export and lake, made once.
pub mod made_up;
/// The crate's source as text.
pub mod source;
/// The API's stand-in: a server that misbehaves on request.
pub mod stand_in;
/// TLS with a certificate of choice, and other protocols than HTTP.
pub mod tls;
