//! Keeping the member list up to date: a few nodes are asked whom they know.

use std::time::{Duration, SystemTime};

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use network::ask_all;
use protocol::{Contact, NodeRecord, Signed, UnixSeconds};
use rand::seq::SliceRandom as _;
use tokio::time::timeout;

use crate::client::Client;
use crate::error::RefreshError;
use crate::health::Standing;
use crate::report::Refreshed;

/// Nodes whose lists are wanted: one alone could leave out whom it does not like.
const LISTS_WANTED: usize = 2;
/// Nodes that are asked at the same time, so that one that is down costs nothing.
const ASKED_AT_ONCE: usize = 4;

/// See [`Client::refresh_members`].
pub(crate) async fn refresh(client: &Client, within: Duration) -> Result<Refreshed, RefreshError> {
    let members = client.members();
    let mut known: Vec<Contact> = {
        let (now, health) = (client.wire.now(), client.wire.health());
        let mut records: Vec<_> = members.iter().collect();
        records.shuffle(&mut rand::rng());
        records.sort_by_key(|record| health.standing(record.by(), now) == Standing::Suspect);
        records.into_iter().map(Contact::from).collect()
    };
    known.truncate(ASKED_AT_ONCE * 2);
    join(client, known, within).await
}

/// See [`Client::join`].
pub(crate) async fn join(
    client: &Client,
    contacts: Vec<Contact>,
    within: Duration,
) -> Result<Refreshed, RefreshError> {
    let mut refreshed = Refreshed { lists: 0, news: 0 };
    let mut reason = "no node is known".to_owned();
    let mut waiting = contacts.into_iter();
    let mut asking: FuturesUnordered<_> =
        waiting.by_ref().take(ASKED_AT_ONCE).map(|contact| list(client, contact)).collect();
    let all = async {
        while refreshed.lists < LISTS_WANTED
            && let Some(answer) = asking.next().await
        {
            match answer {
                Ok(records) => {
                    refreshed.lists += 1;
                    let now = UnixSeconds::from(SystemTime::now());
                    refreshed.news += client.wire.roster().learn(records, now);
                    client.wire.avoid_dear_nodes();
                }
                Err(error) => {
                    reason = error;
                    asking.extend(waiting.next().map(|contact| list(client, contact)));
                }
            }
        }
    };
    if timeout(within, all).await.is_err() {
        reason = format!("no answer within {} ms", within.as_millis());
    }
    if refreshed.lists == 0 { Err(RefreshError { reason }) } else { Ok(refreshed) }
}

/// The list of a node, its own record included.
async fn list(client: &Client, contact: Contact) -> Result<Vec<Signed<NodeRecord>>, String> {
    let pool = client.wire.pool();
    let peer = pool.dial(&contact).await.map_err(|error| error.to_string())?;
    let mut records = ask_all(&peer, &pool.network()).await.map_err(|error| error.to_string())?;
    records.push(peer.record().clone());
    Ok(records)
}
