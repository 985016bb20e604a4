//! The made-up account as pages show it: exported by the same job as any other account, when a page is first asked for, into a
//! folder that goes with the server.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use clap::Parser;
use tempfile::TempDir;
use tokio::runtime::Handle;

use crate::cli::{ArchiveAddress, Cli, Command};
use crate::commands::export;
use crate::context::Context;
use crate::context::journal::Journal;
use crate::error::{Error, Result};
use crate::period::{Millis, format_instant};
use crate::serve::archived::ServedArchive;
use crate::serve::made_up::MadeUpAccount;

/// An export that is made when it is first needed.
pub struct DemoExport {
    account: Arc<MadeUpAccount>,
    context: Context,
    /// The runtime of the server, on which the export works.
    runtime: Handle,
    made: Mutex<Option<Arc<MadeExport>>>,
}

pub struct MadeExport {
    folder: TempDir,
    served: Arc<ServedArchive>,
}

impl DemoExport {
    /// Of all runs of an account.
    pub fn new(account: Arc<MadeUpAccount>, context: &Context) -> DemoExport {
        let context = Context {
            made_up: Some(account.clone()),
            quiet: true,
            stderr_is_terminal: false,
            journal: Journal::default(),
            ..context.clone()
        };
        DemoExport {
            account,
            context,
            runtime: Handle::current(),
            made: Mutex::default(),
        }
    }

    /// Makes it, or waits for whoever makes it. Blocks.
    pub fn made(&self) -> Result<Arc<MadeExport>> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(made) = &*made {
            return Ok(made.clone());
        }
        let folder = TempDir::new().map_err(|error| Error::output("create", &std::env::temp_dir(), error))?;
        let place = folder.path().join("export");
        self.runtime.block_on(self.export(&place))?;
        let site = ArchiveAddress::Path(place);
        let served = super::load(&site, None, None)?.map(|(served, ..)| Arc::new(served));
        let served = served.ok_or_else(|| Error::Other(anyhow::anyhow!("the made-up account has no export")))?;
        let export = Arc::new(MadeExport { folder, served });
        *made = Some(export.clone());
        Ok(export)
    }

    async fn export(&self, place: &Path) -> Result<()> {
        let (from, to): (Millis, Millis) = self.account.span();
        let [from, to] = [from, to].map(format_instant);
        let arguments = [
            "apify-runs",
            "export",
            "--demo",
            "--format",
            "parquet",
            "--quiet",
            "--from",
            &from,
            "--to",
            &to,
        ];
        let cli = Cli::try_parse_from(arguments).map_err(|error| anyhow::anyhow!("{error}"))?;
        let Command::Export(mut args) = cli.command else {
            unreachable!("the arguments are those of an export");
        };
        args.out = Some(place.into());
        export::run(*args, self.context.clone()).await
    }
}

impl MadeExport {
    pub fn site(&self) -> ArchiveAddress {
        ArchiveAddress::Path(self.folder.path().join("export"))
    }

    pub fn served(&self) -> Arc<ServedArchive> {
        self.served.clone()
    }
}
