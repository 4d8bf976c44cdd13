//! `headwater witness`: cosigns the checkpoints of logs, so that none can be shown in two versions.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use ledger::tlog::{KeyName, VerifierKey};
use protocol::SecretKey;
use tokio::net::TcpListener;
use zeroize::Zeroizing;

use crate::arguments::Globals;
use crate::failure::{Outcome, Usage};
use crate::folders::write_privately;
use crate::lifetime;
use crate::ready::{Ready, WitnessReady};

/// Witness logs: cosign every checkpoint that continues the one before
///
/// A log that shows different things to different readers is found out by the first witness that has seen both. Run one for
/// a ledger that is not yours. It speaks tlog-witness of C2SP, and keeps one small file for each log.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater witness --dir /srv/witness --name witness.example --log ledger.example/2026+1234abcd+AQ…
  headwater witness --dir /srv/witness --name witness.example --log \"$(curl -s http://127.0.0.1:8700/v1/terms | jq -r .log)\"

In the policy of the ledger (headwater ledger serve --policy):
  witness W1 KEY http://127.0.0.1:8701
  quorum W1")]
pub(crate) struct Witness {
    /// Where it keeps its key and what it has seen
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,

    /// Its name, for example a domain
    #[arg(long, value_name = "NAME")]
    name: String,

    /// A log that it witnesses, by its verifier key; may be given several times
    #[arg(long = "log", value_name = "KEY", required = true)]
    logs: Vec<VerifierKey>,

    /// The TCP address to listen on; put a server with TLS in front of it for others
    #[arg(long, value_name = "IP:PORT", default_value_t = LISTEN, env = "HEADWATER_WITNESS_LISTEN")]
    listen: SocketAddr,

    /// Stop when standard input ends
    #[arg(long, hide = true)]
    managed: bool,
}

const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8701);

impl Witness {
    pub(crate) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let name = KeyName::new(&self.name);
        let name = name.ok_or_else(|| Usage::because("a name has no spaces and no plus signs"))?;
        fs::create_dir_all(&self.dir).with_context(|| format!("cannot make {}", self.dir.display()))?;
        let secret = secret(&self.dir.join("witness.key"))?;
        let witness = ledger_service::Witness::open(&self.dir, name, secret, self.logs)?;
        let listener = TcpListener::bind(self.listen).await;
        let listener = listener.with_context(|| format!("cannot listen on {}", self.listen))?;
        let addr = listener.local_addr()?;
        let ready = WitnessReady { addr, url: format!("http://{addr}"), key: witness.key().to_string() };
        globals.output().answer(&Ready { ready })?;
        let managed = self.managed;
        witness.serve(listener, async move { drop(lifetime::ended(managed).await) }).await;
        Ok(Outcome::Complete)
    }
}

/// The key in this file, which is made when it is not there.
fn secret(path: &Path) -> anyhow::Result<SecretKey> {
    let name = path.display();
    if !path.exists() {
        let text = Zeroizing::new(HEXLOWER.encode(&rand::random::<[u8; 32]>()));
        write_privately(path, text.as_bytes()).with_context(|| format!("cannot write {name}"))?;
    }
    let text = Zeroizing::new(fs::read_to_string(path).with_context(|| format!("cannot read {name}"))?);
    let bytes =
        HEXLOWER_PERMISSIVE.decode(text.trim().as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
    let bytes: [u8; 32] = bytes.with_context(|| format!("{name} is not 64 hexadecimal digits"))?;
    Ok(SecretKey::from_bytes(&bytes))
}
