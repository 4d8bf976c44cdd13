//! Performing the exchange: joining at first, then one round after the other.

use std::sync::Arc;
use std::time::Duration;

use network::{Peer, Round, announce, ask_all, ask_page};
use protocol::{Code, Contact, NodeRecord, PublicKey, Refusal, Signed};
use rand::seq::SliceRandom as _;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{sleep, timeout};

use super::{LEAVING_FILE, LEFT_FILE, Membership, Shared};
use crate::store::Store;

/// Nodes that are asked at the same time when joining.
const JOIN_CONTACTS_MAX: usize = 8;
/// How long one node may take for all that is asked of it, and told to it, in one round.
const EXCHANGE_WITHIN: Duration = Duration::from_secs(10);
/// While there is news to tell, rounds follow each other so many times as fast.
const HURRY: u32 = 10;
/// How long one node may take to give its whole list.
const LIST_WITHIN: Duration = Duration::from_mins(2);

/// Joins, then goes on in rounds without end; the task is aborted.
pub(crate) async fn run(membership: Shared, store: Arc<Store>, every: Duration) {
    let answered = membership.clone().join().await;
    membership.joined.send_replace(Some(answered));
    // Nodes that were started together do not speak all at once for ever.
    sleep((every / HURRY).mul_f64(rand::random())).await;
    loop {
        membership.renew();
        if membership.is_alone() {
            membership.clone().join().await;
        }
        membership.clone().round().await;
        let (saving, store) = (membership.clone(), store.clone());
        let told = spawn_blocking(move || {
            saving.save();
            saving.tell_whether_left(&store);
        });
        if told.await.is_err() {
            tracing::error!("writing down the known nodes panicked");
        }
        sleep(if membership.state().gossip.is_quiet() { every } else { every / HURRY }).await;
    }
}

impl Membership {
    /// Makes itself known to the nodes that it was told of or knew before, and asks them for all others. Returns how many
    /// answered.
    pub(crate) async fn join(self: Arc<Self>) -> usize {
        let mut joining = JoinSet::new();
        for contact in self.contacts_to_join() {
            let membership = self.clone();
            joining.spawn(async move { membership.join_at(&contact).await });
        }
        joining.join_all().await.into_iter().filter(|joined| *joined).count()
    }

    fn contacts_to_join(&self) -> Vec<Contact> {
        let mut known: Vec<_> = self.others().iter().map(Contact::from).collect();
        known.shuffle(&mut rand::rng());
        let named = self.contacts.iter().filter(|contact| contact.id != self.profile.id()).cloned();
        let mut contacts: Vec<Contact> = named.collect();
        known.retain(|contact| contacts.iter().all(|named| named.id != contact.id));
        contacts.extend(known);
        contacts.truncate(JOIN_CONTACTS_MAX);
        contacts
    }

    pub(super) async fn join_at(&self, contact: &Contact) -> bool {
        let joined = timeout(LIST_WITHIN, async {
            let peer = self.pool.dial(contact).await.map_err(|error| error.to_string())?;
            self.take_in_or_say(peer.record().clone());
            self.tell(&peer, &self.own.get()).await.map_err(|refusal| refusal.to_string())?;
            let list = ask_all(&peer, &self.profile.network()).await.map_err(|error| error.to_string())?;
            for record in list {
                self.take_in_or_say(record);
            }
            Ok::<_, String>(())
        });
        let outcome = joined.await.unwrap_or_else(|_| Err("it took too long".to_owned()));
        self.pool.disconnect(&contact.id).await;
        match outcome {
            Ok(()) => true,
            Err(error) => {
                tracing::info!(node = %contact.id.fmt_short(), %error, "a node to join at did not help");
                false
            }
        }
    }

    async fn round(self: Arc<Self>) {
        let others: Vec<PublicKey> = self.others().iter().map(Signed::by).collect();
        let Round { tell, ask } = self.state().gossip.round(&others, |limit| rand::random_range(0..limit));
        let mut exchanges = JoinSet::new();
        let met: Vec<_> = tell.iter().map(|(peer, _)| *peer).chain(ask.map(|(peer, _)| peer)).collect();
        for (peer, about) in tell {
            let membership = self.clone();
            exchanges.spawn(async move { membership.tell_about(peer, about).await });
        }
        if let Some((peer, after)) = ask {
            let membership = self.clone();
            exchanges.spawn(async move { membership.ask(peer, after).await });
        }
        exchanges.join_all().await;
        // There may be thousands of nodes, too many to stay connected with all of them.
        for peer in met {
            self.pool.disconnect(&peer).await;
        }
    }

    async fn tell_about(&self, peer: PublicKey, about: Vec<PublicKey>) {
        self.meet(peer, async |peer: &Peer| {
            for id in about {
                let Some(record) = self.state().members.get(&id).cloned() else { continue };
                match self.tell(peer, &record).await {
                    Ok(was_news) => self.state().gossip.told(id, was_news),
                    Err(refusal) if refusal.code() == Code::Busy => return,
                    // Whoever does not take it in need not hear of it again.
                    Err(_) => self.state().gossip.told(id, false),
                }
            }
        })
        .await;
    }

    /// Tells a node of another one; a failure of the connection counts as busy.
    async fn tell(&self, peer: &Peer, record: &Signed<NodeRecord>) -> Result<bool, Refusal> {
        let told = announce(peer, record).await;
        told.map_err(|error| match error {
            network::RequestError::Refused(refusal) => {
                if refusal.code() == Code::Expired && record.by() == self.profile.id() {
                    tracing::warn!(%refusal, "another node refuses this one's record: is the clock right?");
                }
                refusal
            }
            other => Refusal::new(Code::Busy, other.to_string()),
        })
    }

    async fn ask(&self, peer: PublicKey, after: Option<PublicKey>) {
        self.meet(peer, async |peer: &Peer| match ask_page(peer, &self.profile.network(), after).await {
            Ok(page) => page.records.into_iter().for_each(|record| self.take_in_or_say(record)),
            Err(error) => tracing::debug!(%error, "no page"),
        })
        .await;
    }

    /// Connects to a known node.
    async fn meet(&self, id: PublicKey, exchange: impl AsyncFnOnce(&Peer)) {
        let Some(record) = self.state().members.get(&id).cloned() else { return };
        let met = timeout(EXCHANGE_WITHIN, async {
            match self.pool.connect(&record).await {
                Ok(peer) => {
                    // A node that was dialled shows its newest record.
                    self.take_in_or_say(peer.record().clone());
                    exchange(&peer).await;
                }
                Err(error) => tracing::debug!(%error, "a known node was not met"),
            }
        });
        if met.await.is_err() {
            tracing::debug!(node = %id.fmt_short(), "a known node took too long");
        }
    }

    fn take_in_or_say(&self, record: Signed<NodeRecord>) {
        let id = record.by();
        if let Err(refusal) = self.take_in(record) {
            tracing::debug!(node = %id.fmt_short(), %refusal, "record not taken in");
        }
    }

    fn others(&self) -> Vec<Signed<NodeRecord>> {
        let own = self.profile.id();
        self.state().members.iter().filter(|record| record.by() != own).cloned().collect()
    }

    fn is_alone(&self) -> bool {
        self.state().members.len() <= 1
    }

    /// Says with a file when the node is to leave and nothing is under a lease any more.
    fn tell_whether_left(&self, store: &Store) {
        let left = self.dir.join(LEFT_FILE);
        let is_left = self.dir.join(LEAVING_FILE).exists()
            && store.has_live_lease(self.clock.now()).is_ok_and(|has_lease| !has_lease);
        let changed = match (is_left, left.exists()) {
            (true, false) => std::fs::write(&left, "nothing is under a lease any more\n"),
            (false, true) => std::fs::remove_file(&left),
            _ => Ok(()),
        };
        if let Err(error) = changed {
            tracing::warn!(%error, "cannot say whether everything is gone");
        }
    }
}
