//! Fetching a manifest.

use std::collections::HashMap;

use bytes::Bytes;
use proofs::Cid;
use protocol::PublicKey;
use tokio::task::JoinSet;

use crate::client::Client;
use crate::error::FetchError;
use crate::plan::fetch::{Action, Event, Fetch};
use crate::wire::WireError;

/// The bytes at an address, their hash checked.
pub(crate) async fn fetch(client: &Client, cid: &Cid) -> Result<Bytes, FetchError> {
    let wire = &client.wire;
    let ranking = client.placement().rank(cid.root().as_bytes());
    if ranking.is_empty() {
        return Err(FetchError::NoNodes);
    }
    let mut plan = Fetch::new(&ranking, wire.now(), &mut wire.health());
    let mut asked: JoinSet<(PublicKey, Result<Bytes, WireError>)> = JoinSet::new();
    let mut fetched = HashMap::new();
    let mut wake = wire.now();
    let mut event = Event::Wake;
    loop {
        plan.handle(wire.now(), event, &mut wire.health());
        while let Some(action) = plan.next_action() {
            match action {
                Action::Fetch(node, within) => {
                    let (wire, root) = (wire.clone(), cid.root());
                    asked.spawn(async move { (node, wire.fetch(node, root, within).await) });
                }
                Action::Probe(node) => {
                    let wire = wire.clone();
                    tokio::spawn(async move { wire.probe(node).await });
                }
                Action::WakeAt(at) => wake = at,
                Action::Finish(node) => {
                    return Ok(fetched.remove(&node).expect("the plan names a node that answered"));
                }
                Action::Fail { asked, silent: 0 } => return Err(FetchError::NotHeld { cid: *cid, asked }),
                Action::Fail { asked, silent } => {
                    return Err(FetchError::Unavailable { cid: *cid, asked, silent });
                }
            }
        }
        event = tokio::select! {
            biased;
            Some(answer) = asked.join_next() => match answer.expect("fetching does not panic and is not cancelled") {
                (node, Ok(bytes)) => {
                    fetched.insert(node, bytes);
                    Event::Fetched(node)
                }
                (node, Err(error)) => {
                    tracing::debug!(node = %node.fmt_short(), %cid, %error, "no manifest");
                    Event::Failed(node, error.failure())
                }
            },
            () = tokio::time::sleep_until(wire.instant(wake)) => Event::Wake,
        };
    }
}
