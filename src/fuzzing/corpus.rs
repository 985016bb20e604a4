//! The seeds of `fuzz/corpus`, and simple mutations of them, held to the same as by cargo-fuzz.

use std::fs;
use std::path::Path;

/// Mutations of each seed.
const MUTATIONS: usize = 24;
/// Bytes that mean something to some reader.
const BYTES: &[u8] = b"\0\n\r\t \"'%&+,-./0159:;=?E[\\]e{}\x7f\xc3\xff";

/// Feeds one function every seed of its folder, and mutations of them.
fn feed(target: &str, function: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    // A package of the sources has no seeds.
    let Ok(entries) = fs::read_dir(&folder) else {
        assert!(
            !folder.parent().is_some_and(Path::exists),
            "{} has no seeds",
            folder.display()
        );
        return;
    };
    let mut seeds: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    seeds.sort();
    assert!(!seeds.is_empty(), "{} has no seeds", folder.display());
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut below = |bound: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random % bound.max(1) as u64) as usize
    };
    for path in seeds {
        let seed = fs::read(&path).unwrap();
        function(&seed);
        for _ in 0..MUTATIONS {
            let mut bytes = seed.clone();
            for _ in 0..=below(2) {
                let at = below(bytes.len());
                match below(4) {
                    0 => bytes.truncate(at),
                    1 if !bytes.is_empty() => bytes[at] = BYTES[below(BYTES.len())],
                    2 => bytes.insert(at, BYTES[below(BYTES.len())]),
                    _ => drop(bytes.drain(at..bytes.len().min(at + 1 + below(8)))),
                }
            }
            function(&bytes);
        }
    }
}

macro_rules! targets {
    ($($(#[$attribute:meta])* $target:ident)*) => {$(
        $(#[$attribute])*
        #[test]
        fn $target() {
            feed(stringify!($target), super::$target);
        }
    )*};
}

targets! {
    amount budgets configuration detail faults groups headers item manifest monthly_usage page period question run_filter runs_csv
    runs_parquet
    #[cfg(feature = "lake")]
    state
}

#[test]
fn every_target_has_a_file_and_a_function_has_a_target() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let Ok(manifest) = fs::read_to_string(fuzz.join("Cargo.toml")) else {
        return;
    };
    let targets = |folder: &str| {
        let entries = fs::read_dir(fuzz.join(folder)).unwrap();
        let names = entries.map(|entry| {
            entry
                .unwrap()
                .path()
                .file_stem()
                .unwrap()
                .to_string_lossy()
                .into_owned()
        });
        names.collect::<std::collections::BTreeSet<_>>()
    };
    let seeds = targets("corpus");
    assert_eq!(targets("fuzz_targets"), seeds);
    let named = manifest
        .lines()
        .filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'));
    let named = named.filter(|name| *name != "apify-runs-fuzz").map(String::from);
    assert_eq!(named.collect::<std::collections::BTreeSet<_>>(), seeds);
    let ours = include_str!("corpus.rs")
        .split("targets! {")
        .nth(1)
        .unwrap()
        .split('}')
        .next()
        .unwrap();
    assert!(
        seeds
            .iter()
            .all(|seed| ours.split_whitespace().any(|word| word == seed)),
        "{seeds:?}"
    );
}
