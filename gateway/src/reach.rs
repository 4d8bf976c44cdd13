//! Whether the nodes answer: what a load balancer needs to know before it sends anybody here.

use std::time::Duration;

use client::Client;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use protocol::{PublicKey, Signed};
use rand::seq::IteratorRandom as _;
use serde::Serialize;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};
use utoipa::ToSchema;

/// Nodes that are asked how they are, out of all.
const ASKED_MAX: usize = 8;
/// How long they have to answer.
const PATIENCE: Duration = Duration::from_millis(500);
/// How long their answers are taken for true, so that nobody makes us ask the network again and again.
const KEPT_FOR: Duration = Duration::from_secs(5);

/// What the nodes answered lately.
#[derive(Debug, Default)]
pub(crate) struct Reach {
    seen: Mutex<Option<(Instant, Nodes)>>,
}

/// How many nodes there are, and how many of some of them answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Nodes {
    /// In the network, as far as is known here.
    pub(crate) known: usize,
    /// Asked a few seconds ago or just now, chosen at random.
    pub(crate) asked: usize,
    /// Of those asked.
    pub(crate) reachable: usize,
}

impl Reach {
    /// What some nodes answer now, or answered a few seconds ago. Those who ask meanwhile wait for the same answers.
    pub(crate) async fn nodes(&self, client: &Client) -> Nodes {
        let mut seen = self.seen.lock().await;
        if let Some((at, nodes)) = *seen
            && at.elapsed() < KEPT_FOR
        {
            return nodes;
        }
        let nodes = ask(client).await;
        *seen = Some((Instant::now(), nodes));
        nodes
    }
}

async fn ask(client: &Client) -> Nodes {
    let members = client.members();
    let chosen: Vec<PublicKey> = members.iter().map(Signed::by).sample(&mut rand::rng(), ASKED_MAX);
    let (known, asked) = (members.len(), chosen.len());
    let answers = chosen.into_iter().map(|node| timeout(PATIENCE, client.node_status(node)));
    let mut answers: FuturesUnordered<_> = answers.collect();
    let mut reachable = 0;
    while let Some(answer) = answers.next().await {
        reachable += usize::from(matches!(answer, Ok(Ok(_))));
    }
    Nodes { known, asked, reachable }
}
