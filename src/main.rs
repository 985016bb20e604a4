//! Parses the command line, runs one job, prints its error, exits with its code. Nothing else exits or prints errors.

fn main() {}
