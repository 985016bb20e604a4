//! The made-up account, for tests that read what was made of it, once for all tests of the process. A test gets a copy, to do with
//! it what it likes.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;

use crate::support::command::{Done, Place, copy_all};

/// The folder that `export --demo` names itself.
pub const DEMO: &str = "apify-runs-demo-2025-09";

/// One day of the made-up account: as many peculiarities as any other, and a thirtieth of its runs.
pub const DEMO_DAY: [&str; 6] = ["export", "--demo", "--from", "2025-09-01", "--to", "2025-09-02"];

/// What commands have left, for as long as this process runs.
pub struct Made {
    folder: PathBuf,
    /// What the last of them printed.
    pub done: Done,
    _remover: Child,
}

impl Made {
    /// What a function leaves in a folder.
    pub fn of(make: impl FnOnce(&Place) -> Done) -> Made {
        let place = Place::new();
        let done = make(&place);
        // Nothing drops a static: a shell removes the folder once its input ends, which it does with this process.
        let remove = r#"trap "" HUP INT TERM; read -r _; rm -rf "$1""#;
        let mut shell = Command::new("sh");
        shell
            .args(["-c", remove, "sh"])
            .arg(place.path(""))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Made {
            folder: place.keep(),
            done,
            _remover: shell.spawn().unwrap(),
        }
    }

    /// The names in it, in order.
    pub fn names(&self) -> Vec<String> {
        crate::support::command::names(&self.folder)
    }

    /// Its copy.
    pub fn copy(&self) -> Place {
        let place = Place::new();
        copy_all(&self.folder, &place.path(""));
        place
    }

    /// A copy of one of its folders, by another name in another place.
    pub fn copy_to(&self, name: &str, place: &Place, copy: &str) {
        copy_all(&self.folder.join(name), &place.path(copy));
    }
}

/// What `export --demo` leaves and prints.
pub fn demo_export() -> &'static Made {
    static MADE: LazyLock<Made> = LazyLock::new(|| {
        Made::of(|place| {
            let done = place.run(&["export", "--demo"]);
            done.exits(0);
            done
        })
    });
    &MADE
}
