//! `headwater s3`: the account's folders as buckets, for programs that speak S3.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use account::Account;
use anyhow::Context;
use chunker::Coding;
use clap::Args;
use s3::{Credentials, Server, ServerConfig};
use serde::Serialize;
use tokio::net::TcpListener;

use crate::arguments::Globals;
use crate::failure::{Outcome, Usage};
use crate::membership::Network;
use crate::quantity::{ByteSize, Duration};
use crate::ready::{Ready, S3Ready};
use crate::{account as account_file, folders, lifetime, names};

/// Serve your folders as S3 buckets to programs on this machine
///
/// What rclone, boto3 and other S3 clients put goes encrypted to the network and into your index; a folder at the top of it is a
/// bucket. Keys stay on this machine: run it where you are, not where others are. Which operations are served, and how clients
/// are set up, stands in docs/s3.md. Clients sign with credentials that follow from your account.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater s3
  headwater s3 --credentials
  headwater s3 --listen 127.0.0.1:9000 --keep 730d --coding 4+2
  rclone copy album headwater:photos/album                 with the settings in docs/s3.md")]
pub(crate) struct S3 {
    /// The TCP address to listen on; only of this machine
    #[arg(long, value_name = "IP:PORT", default_value_t = LISTEN, env = "HEADWATER_S3_LISTEN")]
    listen: SocketAddr,

    /// Show the access key and the secret key that clients sign with, and end
    #[arg(long)]
    credentials: bool,

    /// Data and parity shards of what is put [default: what suits the number of nodes]
    #[arg(long, value_name = "K+M", env = "HEADWATER_CODING")]
    coding: Option<Coding>,

    /// How long the nodes are to keep what is put
    #[arg(long, value_name = "TIME", default_value = "365d")]
    keep: Duration,

    /// Where parts of uploads wait, encrypted, until all are there [default: s3 in your folder for data]
    #[arg(long, value_name = "DIR", env = "HEADWATER_S3_SPOOL")]
    spool: Option<PathBuf>,

    /// What all parts that wait there may take
    #[arg(long, value_name = "SIZE", default_value = "200GiB")]
    spool_max: ByteSize,

    /// Stop when standard input ends
    #[arg(long, hide = true)]
    managed: bool,
}

const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9000);

/// The answer of `--credentials`.
#[derive(Serialize)]
struct Answer {
    access_key: String,
    secret_key: String,
}

impl S3 {
    /// Whether it runs until it is ended.
    pub(crate) const fn is_a_role(&self) -> bool {
        !self.credentials
    }

    pub(crate) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let output = globals.output();
        let account = Account::new(account_file::open(globals.account.as_deref(), output)?);
        if self.credentials {
            let credentials = Credentials::of(&account);
            output.answer(&Answer {
                access_key: credentials.access_key().to_owned(),
                secret_key: credentials.expose_secret_key().to_owned(),
            })?;
            return Ok(Outcome::Complete);
        }
        if !self.listen.ip().is_loopback() {
            return Err(Usage::because(format!(
                "{} is not an address of this machine alone: S3 is served here without TLS, to its owner",
                self.listen
            )));
        }
        let network = Network::load(globals.network.as_deref()).await?;
        let listener = TcpListener::bind(self.listen).await;
        let listener = listener.with_context(|| format!("cannot listen on {}", self.listen))?;
        let addr = listener.local_addr()?;
        let pool = network.pool(Some(account_file::payer(account.secret()))).await?;
        let client = network.client(pool.clone());
        network.refresh(&client).await;
        let config = self.config(globals, network.usual_coding(&client)?, account)?;
        let server = tokio::task::block_in_place(|| Server::start(config, client))?;
        let access_key = server.credentials().access_key().to_owned();
        output.answer(&Ready { ready: S3Ready { addr, url: format!("http://{addr}"), access_key } })?;
        let managed = self.managed;
        server.serve(listener, async move { drop(lifetime::ended(managed).await) }).await;
        pool.close().await;
        Ok(Outcome::Complete)
    }

    fn config(
        &self,
        globals: &Globals,
        index_coding: Coding,
        account: Account,
    ) -> anyhow::Result<ServerConfig> {
        Ok(ServerConfig {
            account,
            keys: names::key_store(globals)?,
            index: names::index_folder(globals)?,
            spool: match &self.spool {
                Some(folder) => folder.clone(),
                None => folders::data()?.join("s3"),
            },
            spool_len_max: self.spool_max.bytes(),
            coding: self.coding.unwrap_or(index_coding),
            index_coding,
            keep_s: self.keep.seconds(),
        })
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "access key  {}", self.access_key)?;
        writeln!(f, "secret key  {}", self.secret_key)
    }
}
