//! `headwater ledger serve`: a ledger as a long-running role.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use ledger::{LedgerHost, TextError};
use ledger_service::{LedgerConfig, PostgresStore, RunningLedger};
use tokio::net::TcpListener;

use super::{Folder, open_journal};
use crate::arguments::Globals;
use crate::failure::Outcome;
use crate::ledger_folder::LedgerFolder;
use crate::ready::{LedgerReady, Ready};
use crate::{ledger_api, lifetime};

/// Serve a ledger: take records, grant, settle on schedule, publish the log
///
/// It may be killed at any time: what it has answered is kept. Two of them over one database write one journal, in turn.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater ledger serve --dir /srv/ledger
  headwater ledger serve --dir /srv/ledger --database postgres://ledger@127.0.0.1/ledger
  headwater ledger serve --dir /srv/ledger --database 'postgres://ledger@db.example/ledger?sslmode=verify-full&sslrootcert=/etc/ssl/db.pem'
  headwater ledger serve --dir /srv/ledger --host ledger.example
  headwater ledger serve --dir /srv/ledger --policy witnesses.policy")]
pub(super) struct Serve {
    #[command(flatten)]
    folder: Folder,

    /// The TCP address to listen on; put a server with TLS in front of it for others
    #[arg(long, value_name = "IP:PORT", default_value_t = LISTEN, env = "HEADWATER_LEDGER_LISTEN")]
    listen: SocketAddr,

    /// The host under which others reach it, with its port unless it is 443: whoever asks about an account elsewhere is refused
    #[arg(long, value_name = "NAME", value_parser = ledger_host, value_delimiter = ',', env = "HEADWATER_LEDGER_HOST")]
    host: Vec<LedgerHost>,

    /// The database of the journal, its password in PGPASSWORD or ~/.pgpass [default: a file in the folder]
    #[arg(long, value_name = "postgres://…", env = "HEADWATER_LEDGER_DATABASE", hide_env_values = true)]
    database: Option<String>,

    /// Which witnesses are asked to cosign the log: a file in the format tlog-policy of C2SP [default: nobody]
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,

    /// Stop when standard input ends
    #[arg(long, hide = true)]
    managed: bool,
}

const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8700);

fn ledger_host(text: &str) -> Result<LedgerHost, TextError> {
    LedgerHost::new(text)
}

impl Serve {
    pub(super) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let folder = LedgerFolder::open(&self.folder.dir)?;
        let issuer = folder.terms.issuer.to_string();
        let ledger = self.start(&folder).await?;
        let listener = TcpListener::bind(self.listen).await;
        let listener = listener.with_context(|| format!("cannot listen on {}", self.listen))?;
        let addr = listener.local_addr()?;
        let ready = LedgerReady { addr, url: format!("http://{addr}"), issuer };
        globals.output().answer(&Ready { ready })?;
        let managed = self.managed;
        ledger.serve(listener, async move { drop(lifetime::ended(managed).await) }).await?;
        Ok(Outcome::Complete)
    }

    /// The names that it was given, and the address that it listens on.
    fn hosts(&self) -> anyhow::Result<Vec<LedgerHost>> {
        let own = LedgerHost::new(self.listen.to_string())?;
        Ok(self.host.iter().cloned().chain([own]).collect())
    }

    async fn start(&self, folder: &LedgerFolder) -> anyhow::Result<RunningLedger> {
        let policy = self.policy.as_ref().map(|path| {
            fs::read_to_string(path).with_context(|| format!("cannot read the policy {}", path.display()))
        });
        let config = LedgerConfig {
            keys: folder.keys.clone(),
            terms: folder.terms.clone(),
            schedule: folder.schedule,
            log: folder.log(),
            hosts: self.hosts()?,
            operator: Some(folder.operator()?),
            policy: policy.transpose()?,
            http: ledger_api::client()?,
        };
        let Some(url) = &self.database else {
            let store = open_journal(&folder.current_journal()?, &folder.terms)?;
            return Ok(RunningLedger::start(store, config).await?);
        };
        let store = PostgresStore::open(url, &folder.terms).await?;
        Ok(RunningLedger::start(store, config).await?)
    }
}
