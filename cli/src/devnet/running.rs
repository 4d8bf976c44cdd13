//! A devnet that runs: its children are watched and its state is published.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio::task::{JoinHandle, JoinSet};

use super::child;
use super::control;
use super::fleet::Fleet;
use super::folder::Folder;
use super::state::{ControlState, GatewayState, State};
use crate::folders;
use crate::output::Output;

/// How often the children are looked at.
const WATCH_INTERVAL: Duration = Duration::from_millis(500);

/// Everything of a devnet that serves.
#[derive(Debug)]
pub(super) struct Running {
    published: Arc<Published>,
    gateways: Vec<Gateway>,
    control: JoinHandle<std::io::Result<()>>,
}

/// A gateway that serves.
#[derive(Debug)]
pub(super) struct Gateway {
    pub(super) name: String,
    pub(super) url: String,
    pub(super) addr: SocketAddr,
    pub(super) process: child::Running,
}

/// The nodes together with the file that tells which of them run.
#[derive(Debug)]
pub(super) struct Published {
    pub(super) fleet: Fleet,
    folder: Folder,
    /// `devnet.json` but for its nodes, which are asked each time. The lock makes one writer of it.
    frame: Mutex<State>,
}

impl Running {
    /// Begins to serve the control address; everything else serves already.
    pub(super) fn new(
        folder: Folder,
        fleet: Fleet,
        gateways: Vec<Gateway>,
        control: TcpListener,
        token: String,
    ) -> anyhow::Result<Self> {
        let url = format!("http://{}", control.local_addr()?);
        let frame = State {
            gateways: gateways.iter().map(Gateway::state).collect(),
            gateway: gateways.first().map(|gateway| gateway.url.clone()),
            nodes: Vec::new(),
            services: BTreeMap::new(),
            control: ControlState { url, token: token.clone() },
            network: folder.network(),
        };
        let published = Arc::new(Published { fleet, folder, frame: Mutex::new(frame) });
        let control = tokio::spawn(control::serve(control, token, Arc::clone(&published)));
        Ok(Self { published, gateways, control })
    }

    /// Says that the devnet serves, then tells of every child that ends by itself. Never completes
    /// but with an error.
    pub(super) async fn watch(&mut self, output: Output) -> anyhow::Result<()> {
        output.answer(&self.published.publish().await?)?;
        let mut ticks = tokio::time::interval(WATCH_INTERVAL);
        loop {
            ticks.tick().await;
            let ended = self.published.fleet.reap();
            for (name, status) in &ended {
                output.note(format_args!("{name} ended: {status}"));
            }
            if !ended.is_empty() {
                self.published.publish().await?;
            }
            self.gateways.retain_mut(|gateway| match gateway.process.ended() {
                None => true,
                Some(status) => {
                    output.note(format_args!("{} ended: {status}", gateway.name));
                    false
                }
            });
        }
    }

    /// Stops all children: the gateways first, so that nobody asks nodes that are gone.
    pub(super) async fn stop(self) {
        self.control.abort();
        let stopping: JoinSet<()> = self.gateways.into_iter().map(|gateway| gateway.process.stop()).collect();
        stopping.join_all().await;
        self.published.fleet.stop_all().await;
    }
}

impl Published {
    /// The URLs of the gateways.
    pub(super) async fn gateways(&self) -> Vec<String> {
        self.frame.lock().await.gateways.iter().map(|gateway| gateway.url.clone()).collect()
    }

    /// Writes `devnet.json` as things are now, and returns it.
    pub(super) async fn publish(&self) -> anyhow::Result<State> {
        let frame = self.frame.lock().await;
        let state = State { nodes: self.fleet.states().await, ..frame.clone() };
        let path = self.folder.state();
        folders::write_privately(&path, &serde_json::to_vec_pretty(&state)?)
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(state)
    }
}

impl Gateway {
    fn state(&self) -> GatewayState {
        GatewayState { id: self.name.replace(' ', "-"), url: self.url.clone(), pid: self.process.pid() }
    }
}
