//! Setting and reading the pointers of an account at the nodes that keep them.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use protocol::{Pointer, PublicKey, Signed};
use tokio::time::{Instant, timeout_at};

use crate::client::Client;
use crate::pointers::{PointerWrite, PointersRead, Quorum};
use crate::wire::WireError;

/// How long a node may take to send an account's pointers.
const READ_WITHIN: Duration = Duration::from_secs(4);
/// How long a write waits for further nodes once it has its quorum.
const LINGER: Duration = Duration::from_millis(300);

/// See [`Client::set_pointer`].
pub(crate) async fn set(client: &Client, pointer: &Signed<Pointer>) -> PointerWrite {
    let quorum = Quorum::in_network_of(client.placement().len());
    let nodes = keepers(client, pointer.by(), quorum.copies());
    let mut write = PointerWrite { quorum, kept: Vec::new(), failed: Vec::new() };
    let asked = nodes.iter().map(|&node| async move { (node, client.wire.set_pointer(node, pointer).await) });
    gather(asked.collect(), quorum.write(), LINGER, |node, answer| match answer {
        Ok(()) => write.kept.push(node),
        Err(error) => write.failed.push((node, error.to_string())),
    })
    .await;
    let late = silent(&nodes, &write.kept, &write.failed);
    write.failed.extend(late);
    write
}

/// See [`Client::pointers`].
pub(crate) async fn read(client: &Client, owner: PublicKey, patience: Duration) -> PointersRead {
    let quorum = Quorum::in_network_of(client.placement().len());
    let nodes = keepers(client, owner, quorum.copies());
    let mut read = PointersRead { quorum, answered: Vec::new(), failed: Vec::new(), slots: BTreeMap::new() };
    let asked =
        nodes.iter().map(|&node| async move { (node, client.wire.pointers(node, owner, READ_WITHIN).await) });
    gather(asked.collect(), quorum.read(), patience, |node, answer| match answer {
        Ok(pointers) => {
            read.enter(pointers);
            read.answered.push(node);
        }
        Err(error) => read.failed.push((node, error.to_string())),
    })
    .await;
    let late = silent(&nodes, &read.answered, &read.failed);
    read.failed.extend(late);
    read
}

/// The nodes that keep the pointers which this key signs (spec §12).
fn keepers(client: &Client, owner: PublicKey, count: usize) -> Vec<PublicKey> {
    let seed = blake3::hash(owner.as_bytes());
    client.placement().rank(seed.as_bytes()).into_iter().take(count).map(|node| node.id).collect()
}

/// Takes answers as they come; once `enough` good ones are there, the rest have `patience` left.
async fn gather<T>(
    mut asked: FuturesUnordered<impl Future<Output = (PublicKey, Result<T, WireError>)>>,
    enough: usize,
    patience: Duration,
    mut enter: impl FnMut(PublicKey, Result<T, WireError>),
) {
    let (mut good, mut deadline) = (0, None);
    loop {
        let next = match deadline {
            Some(deadline) => timeout_at(deadline, asked.next()).await.unwrap_or(None),
            None => asked.next().await,
        };
        let Some((node, answer)) = next else { return };
        good += usize::from(answer.is_ok());
        enter(node, answer);
        if good >= enough && deadline.is_none() {
            deadline = Some(Instant::now() + patience);
        }
    }
}

/// Those of `nodes` from which nothing was heard.
fn silent(
    nodes: &[PublicKey],
    answered: &[PublicKey],
    failed: &[(PublicKey, String)],
) -> Vec<(PublicKey, String)> {
    let is_heard = |node| answered.contains(node) || failed.iter().any(|(failed, _)| failed == node);
    let silent = nodes.iter().filter(|node| !is_heard(node));
    silent.map(|node| (*node, "did not answer in time".to_owned())).collect()
}
