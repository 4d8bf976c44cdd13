//! Meeting the nodes before anybody waits for what they have.

use std::time::Duration;

use protocol::{PublicKey, Signed};
use rand::seq::IteratorRandom as _;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::client::Client;
use crate::health::Fault;

/// Nodes that are met at most; the connections to all others are made when they are needed.
const MET_MAX: usize = 64;
/// How long dialling and the first answer may take in the background, when nobody waits for them any longer.
const ANSWER_WITHIN: Duration = Duration::from_secs(4);

/// See [`Client::meet_nodes`].
pub(crate) async fn meet(client: &Client, within: Duration) -> usize {
    let nodes = client.members().iter().map(Signed::by).sample(&mut rand::rng(), MET_MAX);
    let mut silent = nodes.clone();
    let mut met = 0;
    let mut asked = JoinSet::new();
    for node in nodes {
        let wire = client.wire.clone();
        asked.spawn(async move { (node, wire.status(node, ANSWER_WITHIN).await) });
    }
    let answers = async {
        while let Some(Ok((node, answer))) = asked.join_next().await {
            silent.retain(|other| *other != node);
            match answer {
                Ok(_) => met += 1,
                Err(error) => {
                    tracing::debug!(node = %node.fmt_short(), %error, "node cannot be met");
                    note(client, node, error.failure().fault());
                }
            }
        }
    };
    // Whoever is late is asked last, and trusted again as soon as the answer comes after all.
    let _ = timeout(within, answers).await;
    asked.detach_all();
    for node in silent {
        note(client, node, Some(Fault::Silent));
    }
    met
}

fn note(client: &Client, node: PublicKey, fault: Option<Fault>) {
    if let Some(fault) = fault {
        let now = client.wire.now();
        client.wire.health().failed(node, fault, now);
    }
}
