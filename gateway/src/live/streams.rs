//! The live streams of one gateway in memory: all that run, and the ended ones that somebody watches.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use bytes::Bytes;
use protocol::{NetworkId, PublicKey, Signed, UnixSeconds};
use quick_cache::sync::Cache;
use sharing::{LiveId, LiveStream, Prelude};
use tokio::sync::Semaphore;

use super::limits::{ENDED_IN_MEMORY, KEPT_FOR_S, LOADS_MAX, REMOVED_MAX, SILENCE_MAX_S};
use super::store::{LiveStore, Loaded};
use crate::gateway::now;
use crate::problem::Problem;
use crate::publications::{CatalogueError, Publications, nothing};

/// All that a gateway knows of live streams.
#[derive(Debug)]
pub(crate) struct Live {
    pub(super) store: LiveStore,
    running: RwLock<HashMap<LiveId, Arc<Stream>>>,
    ended: Cache<LiveId, Arc<Stream>>,
    /// Held by whoever writes.
    pub(super) turn: tokio::sync::Mutex<()>,
    /// Ended streams are loaded beside what runs, and a few at a time.
    loads: Semaphore,
    started: UnixSeconds,
}

/// One stream, and how far it has come.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(super) record: Signed<sharing::Live>,
    pub(super) prelude: Prelude,
    pub(super) encoded_prelude: Bytes,
    state: Mutex<State>,
}

/// What changes while a stream runs.
#[derive(Debug)]
pub(super) struct State {
    pub(super) live: LiveStream,
    pub(super) end: Option<Vec<u8>>,
    pub(super) is_withdrawn: bool,
    pub(super) heard: UnixSeconds,
    /// The media playlist of each track, and for how many segments it was written.
    pub(super) playlists: Vec<Option<Playlist>>,
}

/// A playlist as it was written last.
#[derive(Debug, Clone)]
pub(super) struct Playlist {
    pub(super) segments: usize,
    pub(super) has_ended: bool,
    pub(super) text: Bytes,
}

impl Stream {
    fn new(loaded: Loaded) -> Self {
        let prelude = loaded.announced.prelude().clone();
        let playlists = vec![None; prelude.tracks().len()];
        let state = State {
            live: loaded.live,
            end: loaded.end,
            is_withdrawn: loaded.is_withdrawn,
            heard: loaded.heard,
            playlists,
        };
        let encoded_prelude = prelude.encode().into();
        Self { record: loaded.announced.record().clone(), prelude, encoded_prelude, state: Mutex::new(state) }
    }

    pub(crate) fn id(&self) -> LiveId {
        self.prelude.id()
    }

    pub(super) fn creator(&self) -> PublicKey {
        self.prelude.creator()
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        // Every change is one step; what panicked beside it left it whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Live {
    /// The streams that were kept beside the file of the catalogue; without one they end with the process.
    pub(crate) fn open(catalogue: Option<&Path>, network: NetworkId) -> Result<Self, CatalogueError> {
        let path = catalogue.map(|path| path.with_extension("live.redb"));
        let store = LiveStore::open(path.as_deref(), network)?;
        let mut running = HashMap::new();
        for id in store.running()? {
            running.extend(store.load(id)?.map(|loaded| (id, Arc::new(Stream::new(loaded)))));
        }
        Ok(Self {
            store,
            running: RwLock::new(running),
            ended: Cache::new(ENDED_IN_MEMORY),
            turn: tokio::sync::Mutex::default(),
            loads: Semaphore::new(LOADS_MAX),
            started: now(),
        })
    }

    /// A stream, whether it runs or has ended.
    pub(crate) async fn get(&self, id: LiveId) -> Result<Arc<Stream>, Problem> {
        self.find(id).await?.ok_or_else(|| nothing("this gateway knows no such live stream"))
    }

    /// The same; `None` when it is not known here.
    pub(super) async fn find(&self, id: LiveId) -> Result<Option<Arc<Stream>>, Problem> {
        loop {
            if let Some(stream) = self.running_one(id) {
                return Ok(Some(stream));
            }
            let place = match self.ended.get_value_or_guard_async(&id).await {
                Ok(stream) => return Ok(Some(stream)),
                Err(place) => place,
            };
            let _turn = self.loads.acquire().await.expect("it is never closed");
            let loaded = self.blocking(move |store| store.load(id)).await?;
            // One that runs is in memory before anybody is told of it.
            let Some(loaded) = loaded.filter(|loaded| !loaded.live.is_running()) else { return Ok(None) };
            let stream = Arc::new(Stream::new(loaded));
            // It fails when the stream was withdrawn or removed meanwhile, and what was loaded is out of date.
            if place.insert(Arc::clone(&stream)).is_ok() {
                return Ok(Some(stream));
            }
        }
    }

    /// A stream that has just begun.
    pub(super) fn begin(&self, loaded: Loaded) {
        let stream = Arc::new(Stream::new(loaded));
        self.running.write().unwrap_or_else(PoisonError::into_inner).insert(stream.id(), stream);
    }

    /// A stream that has just ended.
    pub(super) fn retire(&self, stream: &Arc<Stream>) {
        self.ended.insert(stream.id(), Arc::clone(stream));
        self.running.write().unwrap_or_else(PoisonError::into_inner).remove(&stream.id());
    }

    /// All that run.
    pub(crate) fn running(&self) -> Vec<Arc<Stream>> {
        self.running.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Ends what nothing was heard of, and removes what ended long ago, with what it has held at `publications`.
    pub(crate) async fn sweep(&self, publications: &Publications) -> Result<(), Problem> {
        self.sweep_at(now(), async |over| publications.release_live(over).await).await
    }

    /// `release` gives back what streams hold that are about to be removed.
    pub(super) async fn sweep_at(
        &self,
        now: UnixSeconds,
        release: impl AsyncFnOnce(Vec<LiveId>) -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        for stream in self.running() {
            if self.is_silent(&stream, now) {
                self.close(&stream, now).await?;
            }
        }
        let before = UnixSeconds::new(now.get().saturating_sub(KEPT_FOR_S));
        let _turn = self.turn.lock().await;
        let over = self.blocking(move |store| store.ended_before(before, REMOVED_MAX)).await?;
        if over.is_empty() {
            return Ok(());
        }
        // What is held goes first: whatever happens in between, it goes again with the stream the next time.
        release(over.clone()).await?;
        let removed = over.clone();
        self.blocking(move |store| store.remove(&removed)).await?;
        for id in &over {
            self.ended.remove(id);
        }
        Ok(())
    }

    async fn close(&self, stream: &Arc<Stream>, now: UnixSeconds) -> Result<(), CatalogueError> {
        let _turn = self.turn.lock().await;
        // Something may have been heard meanwhile.
        if !self.is_silent(stream, now) || !stream.state().live.is_running() {
            return Ok(());
        }
        let id = stream.id();
        self.blocking(move |store| store.end(id, None, now)).await?;
        stream.state().live.close();
        self.retire(stream);
        tracing::info!(live = %id, "nothing was heard of it: ended");
        Ok(())
    }

    fn is_silent(&self, stream: &Stream, now: UnixSeconds) -> bool {
        now.seconds_since(stream.state().heard.max(self.started)) > SILENCE_MAX_S
    }

    fn running_one(&self, id: LiveId) -> Option<Arc<Stream>> {
        self.running.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    /// Waits for the disk on a thread that may.
    pub(super) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&LiveStore) -> Result<T, CatalogueError> + Send + 'static,
    ) -> Result<T, CatalogueError> {
        let store = self.store.clone();
        tokio::task::spawn_blocking(move || work(&store)).await.expect("the store does not panic")
    }
}
