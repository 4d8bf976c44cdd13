//! A whole network on this machine: storage nodes and gateways as child processes, each with its own
//! folder, all on the loopback interface. The same folder gives the same network again.

mod child;
mod control;
mod fleet;
mod folder;
mod guard;
mod plan;
mod running;
mod state;

use std::ffi::OsString;
use std::fs::{File, TryLockError};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::pin;

use anyhow::{Context, bail};
use chunker::Coding;
use network::NetworkFile;
use protocol::{Contact, NetworkId, PublicKey, Ticket};
use tokio::net::TcpListener;

use self::child::Role;
use self::fleet::Fleet;
use self::folder::Folder;
use self::plan::Plan;
use self::running::{Gateway, Running};
use crate::lifetime;
use crate::membership;
use crate::output::Output;
use crate::ready::GatewayReady;

pub(crate) use self::plan::Wish;

/// What the gateways of a devnet are told.
#[derive(Debug)]
pub(crate) struct Gateways {
    /// The coding of uploads.
    pub(crate) coding: Coding,
    /// The folder of the page that plays publications.
    pub(crate) page: Option<PathBuf>,
    /// The keys of the denylists that they follow.
    pub(crate) denylists: Vec<PublicKey>,
}

/// How the nodes of a devnet sell what is read from them.
#[derive(Debug)]
pub(crate) struct Selling {
    /// Micro-units for a GiB.
    pub(crate) price: u64,
    /// The address of the ledger, or its key.
    pub(crate) ledger: String,
}

/// A devnet that does not run yet: where it lies, its addresses, and what its gateways are told.
#[derive(Debug)]
pub(crate) struct Devnet {
    folder: Folder,
    plan: Plan,
    gateways: Gateways,
    selling: Option<Selling>,
    /// Held as long as the devnet runs, so that nothing else runs on the same folder.
    _lock: File,
}

impl Devnet {
    /// Opens or creates the devnet in `dir`.
    pub(crate) fn open(
        dir: &Path,
        network: Option<NetworkId>,
        wish: Wish,
        gateways: Gateways,
        selling: Option<Selling>,
    ) -> anyhow::Result<Self> {
        let folder = Folder::create(dir)?;
        let lock = File::create(folder.lock()).context("cannot create the devnet's lock file")?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                bail!("a devnet already runs in {}; stop it first", dir.display())
            }
            Err(TryLockError::Error(error)) => return Err(error).context("cannot lock the devnet's folder"),
        }
        folder.forget_state()?;
        let network = network.unwrap_or_else(membership::new_network_id);
        let plan = Plan::load(&folder, wish, || network.to_string())?;
        Ok(Self { folder, plan, gateways, selling, _lock: lock })
    }

    /// Runs until SIGINT or SIGTERM, then stops all children.
    pub(crate) async fn run(mut self, output: Output) -> anyhow::Result<()> {
        let mut ended = pin!(lifetime::ended(false));
        // While children start there is nothing to stop in order: dropped, they are killed.
        let mut running = tokio::select! {
            running = self.launch() => running?,
            ended = &mut ended => return ended,
        };
        let outcome = tokio::select! {
            outcome = running.watch(output) => outcome,
            ended = &mut ended => ended,
        };
        output.note("stopping");
        self.folder.forget_state()?;
        running.stop().await;
        outcome
    }

    async fn launch(&mut self) -> anyhow::Result<Running> {
        let token = self.folder.new_token()?;
        let fleet = Fleet::launch(self.node_role(0, None)?, |first| self.joining_roles(first)).await?;
        self.plan.nodes = fleet.addresses();
        self.plan.save(&self.folder)?;
        // Written twice: gateways read it before anybody knows their addresses.
        self.write_network(&fleet, None)?;
        let gateways = self.launch_gateways().await?;
        self.plan.gateways = gateways.iter().map(|gateway| gateway.addr).collect();
        let first = gateways.first().map(|gateway| gateway.url.clone());
        self.write_network(&fleet, first)?;

        let control = TcpListener::bind(self.plan.control)
            .await
            .with_context(|| format!("cannot listen on the control address {}", self.plan.control))?;
        self.plan.control = control.local_addr()?;
        self.plan.save(&self.folder)?;
        Running::new(self.folder.clone(), fleet, gateways, control, token)
    }

    /// The first node makes the network, the others join it as anybody would: with a ticket.
    fn joining_roles(&self, first: &str) -> anyhow::Result<Vec<(Role, PathBuf)>> {
        let network = self.plan.network()?;
        let first = membership::record_from_text(first, &network)?;
        let ticket = Ticket::new(network, true, vec![Contact::from(&first)])?.to_string();
        (1..self.plan.nodes.len()).map(|number| self.node_role(number, Some(&ticket))).collect()
    }

    fn node_role(&self, number: usize, ticket: Option<&str>) -> anyhow::Result<(Role, PathBuf)> {
        let dir = self.folder.node(number)?;
        let mut arguments: Vec<OsString> = ["node", "--open", "--same-site", "--dir"].map(Into::into).into();
        arguments.push(dir.clone().into());
        arguments.extend(match ticket {
            Some(ticket) => ["--join".into(), ticket.into()],
            None => ["--network-id".into(), OsString::from(&self.plan.network)],
        });
        if let Some(Selling { price, ledger }) = &self.selling {
            let price = price.to_string();
            arguments.extend(["--price-read", &price, "--ledger", ledger].map(OsString::from));
        }
        Ok((self.role(format!("node {}", number + 1), arguments, self.plan.nodes[number]), dir))
    }

    async fn launch_gateways(&self) -> anyhow::Result<Vec<Gateway>> {
        let mut gateways = Vec::with_capacity(self.plan.gateways.len());
        for (number, listen) in self.plan.gateways.iter().enumerate() {
            let mut token = OsString::from("@");
            token.push(self.folder.token());
            let mut arguments = vec![
                "gateway".into(),
                "--network".into(),
                self.folder.network().into(),
                "--account".into(),
                self.folder.gateway(number)?.join("account").into(),
                "--upload-token".into(),
                token,
                "--coding".into(),
                self.gateways.coding.to_string().into(),
                "--any-creator".into(),
                "--catalogue".into(),
                self.folder.gateway(number)?.join("catalogue.redb").into(),
                "--links".into(),
                self.folder.gateway(number)?.join("links.redb").into(),
                "--work-folder".into(),
                self.folder.gateway(number)?.into(),
            ];
            if let Some(page) = &self.gateways.page {
                arguments.extend(["--page".into(), page.clone().into()]);
            }
            for key in &self.gateways.denylists {
                arguments.extend(["--denylist".into(), key.to_string().into()]);
            }
            let name = format!("gateway {}", number + 1);
            let (process, ready) =
                self.role(name.clone(), arguments, *listen).start::<GatewayReady>().await?;
            gateways.push(Gateway { name, url: ready.url, addr: ready.addr, process });
        }
        Ok(gateways)
    }

    fn write_network(&self, fleet: &Fleet, gateway: Option<String>) -> anyhow::Result<()> {
        let network = self.plan.network()?;
        let decode = |text| membership::record_from_text(text, &network);
        let nodes = fleet.records().map(decode).collect::<Result<_, _>>()?;
        // One machine is one site, and every node on it a failure domain of its own.
        let path = self.folder.network();
        membership::save(&NetworkFile { network, same_site: true, gateway, nodes }, &path)?;
        membership::save_usual_coding(self.gateways.coding, &path)
    }

    fn role(&self, name: String, arguments: Vec<OsString>, listen: SocketAddr) -> Role {
        let log = self.folder.log(&name);
        Role { name, arguments, listen, log }
    }
}
