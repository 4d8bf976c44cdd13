//! The one writer of the index: orders that come while it works are done together, with one push to the network.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use account::{Account, Freshness, KeyStore, LocalError, LocalIndex, Synced};
use chunker::{Coding, Salt};
use client::Client;
use proofs::Cid;
use sharing::FileEntry;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout, timeout_at};

use crate::clock::now;
use crate::orders::{Order, Refusal};
use crate::shelf::Shelf;

/// Orders that wait; further clients wait to give theirs.
const ORDERS_MAX: usize = 1024;
/// How long others may follow the first order of a batch.
const GATHER: Duration = Duration::from_millis(50);
/// How often to look for what other devices wrote when nobody wants anything.
const SYNC_EVERY: Duration = Duration::from_secs(30);

/// Why a change is not in the index, or not known to be safe there.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum WriteError {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("the index on this machine cannot be written: {0}")]
    Local(String),
    #[error("the change is on this machine, but not yet safe on the network: {0}")]
    NotPushed(String),
    #[error("the server is stopping")]
    Stopped,
}

/// Where the index is, and who writes it.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) client: Client,
    pub(crate) account: Account,
    pub(crate) keys: KeyStore,
    pub(crate) folder: PathBuf,
    pub(crate) coding: Coding,
    pub(crate) shelf: Arc<Shelf>,
}

/// Gives orders to the writer.
#[derive(Debug, Clone)]
pub(crate) struct Orders(mpsc::Sender<Ticket>);

/// An order and who waits for it.
#[derive(Debug)]
struct Ticket {
    order: Order,
    done: oneshot::Sender<Result<(), WriteError>>,
}

impl Orders {
    /// Has an order done: it is durable here, and at enough nodes, when this returns.
    pub(crate) async fn give(&self, order: Order) -> Result<(), WriteError> {
        let (done, answer) = oneshot::channel();
        self.0.send(Ticket { order, done }).await.map_err(|_| WriteError::Stopped)?;
        answer.await.map_err(|_| WriteError::Stopped)?
    }
}

impl Writer {
    /// The writer at work, until nobody can give orders any more; and how to give them.
    pub(crate) fn start(self) -> (Orders, impl Future<Output = ()> + Send) {
        let (send, orders) = mpsc::channel(ORDERS_MAX);
        (Orders(send), self.run(orders))
    }

    async fn run(self, mut orders: mpsc::Receiver<Ticket>) {
        let mut first = None;
        loop {
            let next = match first.take() {
                Some(ticket) => Ok(Some(ticket)),
                None => timeout(SYNC_EVERY, orders.recv()).await,
            };
            let batch = match next {
                Ok(Some(ticket)) => gather(ticket, &mut orders).await,
                Ok(None) => return,
                Err(_) => Vec::new(),
            };
            let Some(local) = self.commit(batch).await else { continue };
            // Nobody waits for releases; they wait for the next moment without orders.
            tokio::select! {
                biased;
                ticket = orders.recv() => match ticket {
                    Some(ticket) => first = Some(ticket),
                    None => return,
                },
                released = account::release_pending(&self.client, &self.account, &local) => {
                    if let Err(error) = released {
                        tracing::warn!(%error, "what was removed is released later");
                    }
                }
            }
        }
    }

    /// Does a batch and answers it. The index stays open for releases, when enough nodes have told what other devices have
    /// written and have taken what is new: what is to be released may have another name by now.
    async fn commit(&self, batch: Vec<Ticket>) -> Option<LocalIndex> {
        let mut local = match self.open().await {
            Ok(local) => local,
            Err(error) => {
                answer(batch, &Err(WriteError::Local(error)));
                return None;
            }
        };
        let (size, begun) = (batch.len(), Instant::now());
        let (followed, refused) = decide(&mut local, batch);
        let written = self.write(&mut local, &followed, &refused).await;
        let is_agreed = written.as_ref().is_ok_and(Freshness::has_quorum);
        let outcome = written.map(drop);
        // What is not on the disk is not in the index: it is read anew for the next batch.
        let is_here = !matches!(outcome, Err(WriteError::Local(_)));
        if is_here {
            self.shelf.replace(local.index().clone(), &self.folder);
        }
        tracing::debug!(orders = size, ms = begun.elapsed().as_millis(), "index written");
        for (ticket, refusal) in refused {
            answer(vec![ticket], &Err(refusal));
        }
        answer(followed.into_iter().map(|(ticket, _)| ticket).collect(), &outcome);
        is_agreed.then_some(local)
    }

    async fn write(
        &self,
        local: &mut LocalIndex,
        followed: &[(Ticket, Option<FileEntry>)],
        refused: &[(Ticket, WriteError)],
    ) -> Result<Freshness, WriteError> {
        let losers = followed.iter().filter_map(|(_, loser)| loser.as_ref());
        let unwanted = refused.iter().filter_map(|(ticket, _)| ticket.order.unwanted());
        let salts = let_go(local, losers.chain(unwanted)).map_err(|e| local_error(&e))?;
        local.flush().map_err(|e| local_error(&e))?;
        self.destroy_keys(&salts).map_err(|e| local_error(&e))?;
        let synced = account::exchange(&self.client, &self.account, local, self.coding).await;
        let Synced { pushed, freshness } = synced.map_err(|error| local_error(&error))?;
        pushed.map_err(|error| WriteError::NotPushed(error.to_string()))?;
        Ok(freshness)
    }

    /// Once the names are gone for good: before, a failure would leave a name without its key.
    fn destroy_keys(&self, salts: &[Salt]) -> Result<(), LocalError> {
        salts.iter().try_for_each(|salt| {
            let path = self.keys.folder().to_owned();
            self.keys.destroy(salt).map(drop).map_err(|source| LocalError::Io { path, source })
        })
    }

    async fn open(&self) -> Result<LocalIndex, String> {
        let folder = self.folder.clone();
        let opened = tokio::task::spawn_blocking(move || LocalIndex::open(&folder)).await;
        opened.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
    }
}

/// Has the leases of what has no name any more ended, later. Written down before the names go: what still has a name then
/// is not released. Returns the salts of the keys that go with them.
fn let_go<'a>(
    local: &LocalIndex,
    files: impl Iterator<Item = &'a FileEntry>,
) -> Result<Vec<Salt>, LocalError> {
    let mut gone: HashMap<Cid, Option<Salt>> = files.map(|file| (file.object, file.erasable)).collect();
    if gone.is_empty() {
        return Ok(Vec::new());
    }
    let named: HashSet<Cid> = local.index().files().map(|(_, file)| file.object).collect();
    gone.retain(|object, _| !named.contains(object));
    let salts = gone.values().flatten().copied().collect();
    local.release_all_later(gone.into_keys(), now())?;
    Ok(salts)
}

/// The first order, and those that follow it within a moment.
async fn gather(first: Ticket, orders: &mut mpsc::Receiver<Ticket>) -> Vec<Ticket> {
    let until = Instant::now() + GATHER;
    let mut batch = vec![first];
    while batch.len() < ORDERS_MAX
        && let Ok(Some(ticket)) = timeout_at(until, orders.recv()).await
    {
        batch.push(ticket);
    }
    batch
}

type Decided = (Vec<(Ticket, Option<FileEntry>)>, Vec<(Ticket, WriteError)>);

/// Decides orders one after the other, each on what those before have made of the index.
fn decide(local: &mut LocalIndex, batch: Vec<Ticket>) -> Decided {
    let (mut followed, mut refused) = (Vec::new(), Vec::new());
    for ticket in batch {
        let staged =
            ticket.order.decide(local.index(), now()).map_err(WriteError::from).and_then(|decision| {
                let changes = decision.changes.into_iter().map(|wanted| wanted.into_change(now()));
                local.stage(changes.collect()).map_err(|error| local_error(&error))?;
                Ok(decision.loser)
            });
        match staged {
            Ok(loser) => followed.push((ticket, loser)),
            Err(error) => refused.push((ticket, error)),
        }
    }
    (followed, refused)
}

fn local_error(error: &LocalError) -> WriteError {
    tracing::error!(%error, "the index on this machine cannot be written");
    WriteError::Local(error.to_string())
}

fn answer(tickets: Vec<Ticket>, outcome: &Result<(), WriteError>) {
    for ticket in tickets {
        // A client that went away need not know.
        ticket.done.send(outcome.clone()).ok();
    }
}
