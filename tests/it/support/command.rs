//! Runs the built binary as a user would, in a folder and an environment of its own. Where something isn't as expected, the
//! panic shows command, exit code, stdout and stderr.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::stand_in::{TOKEN, date_at};

/// The binary under test.
pub const BINARY: &str = env!("CARGO_BIN_EXE_apify-runs");

/// The commands that have options, in an order in which each finds what it reads.
pub const COMMANDS: [&str; 16] = [
    "export",
    "verify",
    "sync",
    "report",
    "reconcile",
    "diff",
    "check",
    "lake close",
    "lake optimize",
    "lake vacuum",
    "lake repair",
    "lake info",
    "serve",
    "config show",
    "completions",
    "man",
];

/// This machine's clock, where no stand-in of the command line tells another time: the made-up account's.
pub const NOW: &str = "2025-10-03T06:00:00Z";

/// A folder that commands run in.
pub struct Place {
    folder: TempDir,
}

/// A command that has ended.
#[derive(Debug)]
pub struct Done {
    command: String,
    /// Its exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// What it wrote to stdout.
    pub stdout: String,
    /// What it wrote to stderr.
    pub stderr: String,
}

impl Place {
    /// An empty one.
    pub fn new() -> Place {
        Place {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// A path in it.
    pub fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    /// Its path, at which it stays.
    pub fn keep(self) -> PathBuf {
        self.folder.keep()
    }

    /// The names in it, in order.
    pub fn names(&self) -> Vec<String> {
        names(self.folder.path())
    }

    /// A command in it, with nothing of this process's environment but a token. This machine's clock is that of the stand-in
    /// which it asks.
    pub fn command(&self, args: &[&str]) -> Command {
        let asked = args.iter().position(|arg| *arg == "--api-url");
        let now = asked.and_then(|at| date_at(args.get(at + 1)?));
        let mut command = Command::new(BINARY);
        command
            .args(args)
            .current_dir(self.folder.path())
            .env_clear()
            .env("HOME", self.folder.path())
            .env("APIFY_TOKEN", TOKEN)
            .env("APIFY_RUNS_NOW", now.as_deref().unwrap_or(NOW))
            .stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, args: &[&str]) -> Done {
        done(&mut self.command(args))
    }

    /// Runs a command to its end, with this machine's clock at an instant.
    pub fn run_at(&self, now: &str, args: &[&str]) -> Done {
        done(self.command(args).env("APIFY_RUNS_NOW", now))
    }

    /// Starts a command whose output is kept until it has ended.
    pub fn start(&self, args: &[&str]) -> Child {
        let mut command = self.command(args);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Exports September 2025 from a server into `out`, as fast as it can.
    pub fn export(&self, url: &str, more: &[&str]) -> Done {
        self.run(&export_args(url, more))
    }

    /// The export in `out`.
    pub fn exported(&self) -> Exported {
        Exported { out: self.path("out") }
    }
}

/// The arguments of an export of September 2025 into `out`.
pub fn export_args<'a>(url: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut args = vec!["export", "--month", "2025-09", "--out", "out", "--api-url", url];
    if !more.contains(&"--rate") {
        args.extend(["--rate", "0"]);
    }
    args.extend(more);
    args
}

/// The same command under another umask.
pub fn under_umask(umask: &str, command: &Command) -> Command {
    let mut shell = Command::new("/bin/sh");
    shell
        .args(["-c", &format!("umask {umask} && exec \"$@\""), "sh"])
        .arg(command.get_program())
        .args(command.get_args())
        .env_clear()
        .envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .current_dir(command.get_current_dir().expect("it has a folder"))
        .stdin(Stdio::null());
    shell
}

/// Runs a command to its end.
pub fn done(command: &mut Command) -> Done {
    let mut shown = command.get_program().to_string_lossy().into_owned();
    command
        .get_args()
        .for_each(|arg| shown += &format!(" {}", arg.to_string_lossy()));
    finished(shown, command.output().unwrap())
}

/// Waits for the end of a command that was started.
pub fn wait(child: Child) -> Done {
    finished("(started)".into(), child.wait_with_output().unwrap())
}

fn finished(command: String, output: std::process::Output) -> Done {
    Done {
        command,
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

impl Done {
    /// It ended with this exit code.
    #[track_caller]
    pub fn exits(&self, code: i32) -> &Done {
        assert!(self.code == Some(code), "expected exit {code}\n{self}");
        self
    }

    /// Its stderr says all of these.
    #[track_caller]
    pub fn says(&self, parts: &[&str]) -> &Done {
        for part in parts {
            assert!(self.stderr.contains(part), "expected on stderr: {part}\n{self}");
        }
        self
    }

    /// Its stdout shows all of these, however lines are wrapped.
    #[track_caller]
    pub fn shows(&self, parts: &[&str]) -> &Done {
        let text = self.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        for part in parts {
            assert!(text.contains(part), "expected on stdout: {part}\n{self}");
        }
        self
    }
}

impl std::fmt::Display for Done {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let Done {
            command,
            code,
            stdout,
            stderr,
        } = self;
        write!(
            f,
            "command: {command}\nexit: {code:?}\n--- stdout\n{stdout}--- stderr\n{stderr}"
        )
    }
}

/// Makes a file so long that it isn't read to its end while a test looks on; it takes no space.
pub fn make_endless(path: &Path) {
    fs::File::create(path).unwrap().set_len(1 << 40).unwrap();
}

/// Waits until a command that was started has opened a file.
pub fn wait_until_open(child: &Child, path: &Path) {
    let path = path.canonicalize().unwrap();
    let opened = format!("/proc/{}/fd", child.id());
    let is_open = || {
        let mut files = fs::read_dir(&opened).unwrap().flatten();
        files.any(|file| fs::read_link(file.path()).is_ok_and(|file| file == path))
    };
    while !is_open() {
        std::thread::yield_now();
    }
}

/// The names in a folder, in order.
pub fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Copies a folder with all that is in it.
pub fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for name in names(from) {
        let (from, to) = (from.join(&name), to.join(&name));
        if from.is_dir() {
            copy_all(&from, &to);
        } else {
            fs::copy(&from, &to).unwrap();
        }
    }
}

/// A published folder.
pub struct Exported {
    /// Where it is.
    pub out: PathBuf,
}

impl Exported {
    /// A file's text.
    pub fn text(&self, name: &str) -> String {
        let path = self.out.join(name);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// The manifest, or another JSON document.
    pub fn json(&self, name: &str) -> Value {
        serde_json::from_str(&self.text(name)).unwrap()
    }

    /// A CSV file's rows, cells by column.
    pub fn rows(&self, name: &str) -> Vec<BTreeMap<String, String>> {
        let mut csv = csv::Reader::from_path(self.out.join(name)).unwrap();
        csv.deserialize().map(|row| row.unwrap()).collect()
    }

    /// The runs' IDs in the order of `runs.csv`.
    pub fn ids(&self) -> Vec<String> {
        self.rows("runs.csv")
            .into_iter()
            .map(|mut row| row.remove("id").unwrap())
            .collect()
    }

    /// The rows of `runs.parquet`, which are few.
    pub fn batch(&self) -> RecordBatch {
        let file = fs::File::open(self.out.join("runs.parquet")).unwrap();
        let mut reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
        let batch = reader.next().expect("there are rows").unwrap();
        assert!(reader.next().is_none(), "more rows than fit a batch");
        batch
    }

    /// A column of text of `runs.parquet`.
    pub fn texts(&self, column: &str) -> Vec<Option<String>> {
        let batch = self.batch();
        let column = batch.column_by_name(column).expect(column).as_string::<i32>();
        column.iter().map(|text| text.map(String::from)).collect()
    }

    /// A column of `runs.csv` by run ID.
    pub fn by_id(&self, column: &str) -> BTreeMap<String, String> {
        let rows = self.rows("runs.csv").into_iter();
        rows.map(|row| (row["id"].clone(), row[column].clone())).collect()
    }

    /// Every file's bytes, by path, to see that nothing changed.
    pub fn bytes(&self) -> BTreeMap<String, Vec<u8>> {
        names(&self.out)
            .into_iter()
            .map(|name| (name.clone(), fs::read(self.out.join(&name)).unwrap_or_default()))
            .collect()
    }
}
