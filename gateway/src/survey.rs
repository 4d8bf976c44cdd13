//! How the nodes of the network are, by their own word: asked now and then, for the page that shows them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use client::Client;
use futures_util::{StreamExt as _, stream};
use protocol::{NodeStatus, PublicKey, Signed, UnixSeconds};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::gateway::now;

/// Nodes that are asked and shown, in the order of their keys; those beyond are only counted.
pub(crate) const NODES_MAX: usize = 256;
/// Nodes that are asked at the same time.
const ASKED_ABREAST: usize = 64;
/// How long each has to answer.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long the answers are taken for true, so that nobody makes us ask the network again and again.
const KEPT_FOR: Duration = Duration::from_secs(5);

/// What the nodes answered lately.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    last: Mutex<Option<(Instant, Arc<Findings>)>>,
}

/// The answers to one round of questions.
#[derive(Debug)]
pub(crate) struct Findings {
    pub(crate) at: UnixSeconds,
    pub(crate) nodes: BTreeMap<PublicKey, Finding>,
}

/// What is known of one node.
#[derive(Debug, Clone)]
pub(crate) struct Finding {
    /// What it said just now; `None` when it did not answer.
    pub(crate) status: Option<NodeStatus>,
    /// When it last answered this gateway.
    pub(crate) seen: Option<UnixSeconds>,
    pub(crate) answered_ms: Option<u64>,
}

impl Survey {
    /// What the nodes answer now, or answered a few seconds ago. Those who ask meanwhile wait for the same answers.
    pub(crate) async fn findings(&self, client: &Client) -> Arc<Findings> {
        let mut last = self.last.lock().await;
        if let Some((at, findings)) = &*last
            && at.elapsed() < KEPT_FOR
        {
            return Arc::clone(findings);
        }
        let before = last.as_ref().map(|(_, findings)| Arc::clone(findings));
        let findings = Arc::new(ask(client, before.as_deref()).await);
        *last = Some((Instant::now(), Arc::clone(&findings)));
        findings
    }
}

async fn ask(client: &Client, before: Option<&Findings>) -> Findings {
    let members = client.members();
    let mut nodes: Vec<_> = members.iter().map(Signed::by).collect();
    nodes.sort_unstable();
    nodes.truncate(NODES_MAX);
    let asked = stream::iter(nodes).map(async |node| (node, ask_one(client, node).await));
    let mut nodes: BTreeMap<_, _> = asked.buffer_unordered(ASKED_ABREAST).collect().await;
    for (node, finding) in &mut nodes {
        finding.seen = finding.seen.or_else(|| before?.nodes.get(node)?.seen);
    }
    Findings { at: now(), nodes }
}

async fn ask_one(client: &Client, node: PublicKey) -> Finding {
    let began = Instant::now();
    let status = timeout(PATIENCE, client.node_status(node)).await.ok().and_then(Result::ok);
    let answered_ms = status.as_ref().and_then(|_| u64::try_from(began.elapsed().as_millis()).ok());
    Finding { seen: status.as_ref().map(|_| now()), status, answered_ms }
}
