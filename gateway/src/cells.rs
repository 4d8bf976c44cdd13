//! The opened cells of one object in order: from the cache where it has them, from the network where it does not.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use client::{OpenedCell, Origin, ReadError};
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use prometheus_client::metrics::counter::Counter;

use crate::cache::{CellCache, ObjectId};
use crate::fetches::{Busy, Fetches, Parked, Place};
use crate::flights::{Flight, Flights};

/// How far ahead the cache is searched for a place where a fetch may end.
const LOOKAHEAD_CELLS: u64 = 1024;

/// A fetch goes on through fewer cached cells than this: to start another costs more than to fetch them again.
const ISLAND_CELLS: u64 = 64;

/// What the readers of all objects share.
#[derive(Debug, Clone)]
pub(crate) struct Shelf {
    cache: Arc<CellCache>,
    flights: Arc<Flights>,
    fetches: Arc<Fetches<Fetch>>,
    pub(crate) hits: Counter,
    pub(crate) misses: Counter,
}

/// The cells of a fetch, in order.
pub(crate) type Cells = BoxStream<'static, Result<OpenedCell, ReadError>>;

/// Starts to fetch a run of one object's cells from the network.
pub(crate) type CellSource = Arc<dyn Fn(Range<u64>) -> Cells + Send + Sync>;

/// Reads cells of one object, one after the other. One that is dropped stops what it fetches.
pub(crate) struct CellReader {
    shelf: Shelf,
    id: ObjectId,
    source: CellSource,
    next: u64,
    end: u64,
    parked: Arc<Parked<Fetch>>,
}

/// A fetch of cells up to `end`.
struct Fetch {
    cells: Cells,
    flight: Flight,
    end: u64,
    _place: Place,
}

/// Why the next cell does not come.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CellError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Busy(#[from] Busy),
}

impl Shelf {
    /// A shelf with room for `capacity` bytes of cells, whose readers fetch `fetches` runs of cells at once.
    pub(crate) fn new(capacity: u64, fetches: usize) -> Self {
        Self {
            cache: Arc::new(CellCache::new(capacity)),
            flights: Arc::default(),
            fetches: Arc::new(Fetches::new(fetches)),
            hits: Counter::default(),
            misses: Counter::default(),
        }
    }

    /// A reader of these cells, which come from `source` where the cache does not have them.
    pub(crate) fn reader(&self, id: ObjectId, cells: Range<u64>, source: CellSource) -> CellReader {
        let Range { start: next, end } = cells;
        CellReader { shelf: self.clone(), id, source, next, end, parked: Arc::default() }
    }

    /// Bytes in the cache.
    pub(crate) fn weight(&self) -> u64 {
        self.cache.weight()
    }

    /// Where a cell came from, as long as the cache has it.
    pub(crate) fn origin(&self, id: ObjectId, cell: u64) -> Option<Origin> {
        self.cache.origin(id, cell)
    }

    /// Whether the cache has a cell.
    pub(crate) fn has(&self, id: ObjectId, cell: u64) -> bool {
        self.cache.contains(id, cell)
    }

    /// Where a fetch that begins at the missing cell `first` should end: before the next long stretch of cached cells.
    fn end_of_run(&self, id: ObjectId, first: u64, end: u64) -> u64 {
        let mut stretch = 0;
        for cell in first + 1..end.min(first + LOOKAHEAD_CELLS) {
            stretch = if self.cache.contains(id, cell) { stretch + 1 } else { 0 };
            if stretch == ISLAND_CELLS || (stretch > 0 && cell + 1 == end) {
                return cell + 1 - stretch;
            }
        }
        end
    }
}

impl CellReader {
    /// The next cell's plaintext, or nothing after the last.
    pub(crate) async fn next(&mut self) -> Option<Result<Bytes, CellError>> {
        if self.next == self.end {
            return None;
        }
        if let Some(fetch) = self.parked.take() {
            return Some(self.pull(fetch).await);
        }
        if let Some(plaintext) = self.look().await {
            self.shelf.hits.inc();
            self.next += 1;
            return Some(Ok(plaintext));
        }
        match self.start().await {
            Ok(fetch) => Some(self.pull(fetch).await),
            Err(busy) => Some(Err(busy.into())),
        }
    }

    /// The next cell from the cache, if need be from somebody else's fetch that is about to bring it.
    async fn look(&self) -> Option<Bytes> {
        if let Some(plaintext) = self.shelf.cache.get(self.id, self.next) {
            return Some(plaintext);
        }
        let arrived = self.shelf.flights.follow(self.id, self.next).await;
        if arrived { self.shelf.cache.get(self.id, self.next) } else { None }
    }

    async fn start(&mut self) -> Result<Fetch, Busy> {
        let place = self.shelf.fetches.place(&self.parked).await?;
        let end = self.shelf.end_of_run(self.id, self.next, self.end);
        let flight = self.shelf.flights.lead(self.id, self.next, end);
        Ok(Fetch { cells: (self.source)(self.next..end), flight, end, _place: place })
    }

    /// The next cell from a fetch, which is left in its place when more is to come.
    async fn pull(&mut self, mut fetch: Fetch) -> Result<Bytes, CellError> {
        let cell = fetch.cells.next().await.expect("a fetch brings every cell of its run, or an error");
        let OpenedCell { index, plaintext, origin } = cell?;
        assert_eq!(index, self.next, "a fetch brings its cells in order");
        self.shelf.misses.inc();
        self.shelf.cache.insert(self.id, index, &plaintext, origin);
        self.next += 1;
        fetch.flight.arrived(self.next);
        if self.next < fetch.end {
            self.parked.leave(fetch);
        }
        Ok(plaintext)
    }
}

impl fmt::Debug for CellReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CellReader({}..{})", self.next, self.end)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use futures_util::stream;

    use super::*;

    const CELL_LEN: usize = 1008;

    type Log = Arc<Mutex<Vec<(u64, u64)>>>;

    fn cell(index: u64) -> Bytes {
        vec![u8::try_from(index % 251).unwrap(); CELL_LEN].into()
    }

    fn opened(index: u64) -> OpenedCell {
        OpenedCell { index, plaintext: cell(index), origin: Origin::Rebuilt(Vec::new().into()) }
    }

    fn gone() -> ReadError {
        ReadError::Unavailable { segment: 0, required: 5, available: 4 }
    }

    /// A fetch that works, and the list of what was fetched.
    fn network() -> (Log, CellSource) {
        let log = Log::default();
        let fetched = Arc::clone(&log);
        let source = move |run: Range<u64>| -> Cells {
            fetched.lock().unwrap().push((run.start, run.end));
            stream::iter(run)
                .then(|i| async move {
                    tokio::task::yield_now().await;
                    Ok(opened(i))
                })
                .boxed()
        };
        (log, Arc::new(source))
    }

    fn id() -> ObjectId {
        ObjectId::new([7; 36])
    }

    async fn read(shelf: &Shelf, cells: Range<u64>, fetch: CellSource) {
        let mut reader = shelf.reader(id(), cells.clone(), fetch);
        for index in cells {
            assert_eq!(reader.next().await.unwrap().unwrap(), cell(index));
        }
        assert!(reader.next().await.is_none());
    }

    #[tokio::test]
    async fn a_cold_read_is_one_fetch_and_a_warm_one_none() {
        let ((log, fetch), shelf) = (network(), Shelf::new(1 << 24, 8));
        read(&shelf, 10..200, fetch.clone()).await;
        read(&shelf, 10..200, fetch.clone()).await;
        read(&shelf, 50..60, fetch).await;
        assert_eq!(*log.lock().unwrap(), [(10, 200)]);
        assert_eq!((shelf.misses.get(), shelf.hits.get()), (190, 200));
    }

    #[tokio::test]
    async fn fetches_only_what_is_missing() {
        let ((log, fetch), shelf) = (network(), Shelf::new(1 << 24, 8));
        read(&shelf, 100..200, fetch.clone()).await;
        read(&shelf, 0..300, fetch.clone()).await;
        read(&shelf, 250..350, fetch).await;
        assert_eq!(*log.lock().unwrap(), [(100, 200), (0, 100), (200, 300), (300, 350)]);
    }

    #[tokio::test]
    async fn a_fetch_goes_on_through_islands() {
        let ((log, fetch), shelf) = (network(), Shelf::new(1 << 24, 8));
        for start in [10, 100] {
            read(&shelf, start..start + ISLAND_CELLS - 1, fetch.clone()).await;
        }
        log.lock().unwrap().clear();
        read(&shelf, 0..500, fetch.clone()).await;
        assert_eq!(*log.lock().unwrap(), [(0, 500)]);
    }

    #[tokio::test]
    async fn without_a_cache_everything_is_fetched() {
        let ((log, fetch), shelf) = (network(), Shelf::new(0, 8));
        read(&shelf, 0..10, fetch.clone()).await;
        read(&shelf, 0..10, fetch).await;
        assert_eq!(*log.lock().unwrap(), [(0, 10), (0, 10)]);
    }

    #[tokio::test]
    async fn readers_at_once_share_a_fetch() {
        let ((log, fetch), shelf) = (network(), Shelf::new(1 << 24, 8));
        let readers = (0..8).map(|_| read(&shelf, 0..300, fetch.clone()));
        futures_util::future::join_all(readers).await;
        assert_eq!(*log.lock().unwrap(), [(0, 300)]);
        assert_eq!((shelf.misses.get(), shelf.hits.get()), (300, 7 * 300));
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_stands_still_holds_up_nobody() {
        let ((log, fetch), shelf) = (network(), Shelf::new(1 << 24, 8));
        let mut still = shelf.reader(id(), 0..300, fetch.clone());
        assert!(still.next().await.is_some());
        read(&shelf, 0..300, fetch).await;
        assert_eq!(*log.lock().unwrap(), [(0, 300), (1, 300)]);
    }

    #[tokio::test]
    async fn an_error_ends_the_fetch_and_is_not_cached() {
        let shelf = Shelf::new(1 << 24, 8);
        let source = |run: Range<u64>| -> Cells {
            stream::iter(run).map(|i| if i == 3 { Err(gone()) } else { Ok(opened(i)) }).boxed()
        };
        let mut reader = shelf.reader(id(), 0..10, Arc::new(source));
        for _ in 0..3 {
            assert!(reader.next().await.unwrap().is_ok());
        }
        assert!(matches!(reader.next().await, Some(Err(CellError::Read(_)))));
        drop(reader);
        let (log, fetch) = network();
        read(&shelf, 0..10, fetch).await;
        assert_eq!(*log.lock().unwrap(), [(3, 10)]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_fetch_makes_room_and_is_begun_anew() {
        let ((log, fetch), shelf) = (network(), Shelf::new(0, 1));
        let mut idle = shelf.reader(id(), 0..10, fetch.clone());
        assert!(idle.next().await.unwrap().is_ok());
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
        read(&shelf, 20..30, fetch).await;
        for index in 1..10 {
            assert_eq!(idle.next().await.unwrap().unwrap(), cell(index));
        }
        assert_eq!(*log.lock().unwrap(), [(0, 10), (20, 30), (1, 10)]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_fetch_in_use_is_not_given_up() {
        let ((_, fetch), shelf) = (network(), Shelf::new(0, 1));
        let mut stuck = shelf.reader(id(), 0..10, Arc::new(|_| stream::pending().boxed()));
        let mut late = shelf.reader(id(), 20..30, fetch);
        tokio::select! {
            biased;
            _ = stuck.next() => panic!("it never brings anything"),
            next = late.next() => assert!(matches!(next, Some(Err(CellError::Busy(_))))),
        }
    }
}
