//! The body of an answer: pieces of one object, exactly as many bytes as were promised, or a failure that cuts the connection.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use client::Object;
use futures_util::StreamExt as _;
use futures_util::stream::{self, Stream};
use tokio::time::timeout;

use crate::cache::ObjectId;
use crate::cells::{CellError, CellReader, CellSource, Shelf};
use crate::rfc9110::{ByteRange, Segment};

/// An object that brings no cell for this long has failed.
const STALL_TIMEOUT: Duration = Duration::from_secs(30);

/// Where the bytes of an object come from.
#[derive(Clone)]
pub(crate) struct Source {
    pub(crate) id: ObjectId,
    /// Bytes of plaintext in each cell.
    pub(crate) cell_len: u64,
    pub(crate) cells: CellSource,
}

impl Source {
    /// The cells of an opened object.
    pub(crate) fn of(object: &Object) -> Self {
        let id = ObjectId::new(object.cid().to_bytes());
        let (cell_len, object) = (object.cell_plain_len(), object.clone());
        Self { id, cell_len, cells: Arc::new(move |run| object.cells(run).boxed()) }
    }
}

/// The rest of a body.
pub(crate) struct ObjectBody {
    shelf: Shelf,
    source: Source,
    segments: VecDeque<Segment>,
    reading: Option<Reading>,
    ahead: VecDeque<Bytes>,
}

/// One range of bytes being read.
struct Reading {
    cells: CellReader,
    /// Bytes of the next cell that come before the range.
    skip: u64,
    /// Bytes of the range still to come.
    left: u64,
}

/// Why a body ends before its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    /// The object cannot be read on.
    #[error(transparent)]
    Cell(#[from] CellError),
    /// No cell came for too long.
    #[error("nothing arrived for {} s", STALL_TIMEOUT.as_secs())]
    Stalled,
}

impl ObjectBody {
    pub(crate) fn new(shelf: Shelf, source: Source, segments: Vec<Segment>) -> Self {
        Self { shelf, source, segments: segments.into(), reading: None, ahead: VecDeque::new() }
    }

    /// Reads as far as the first bytes of the object, so that a failure so far is known before an answer is begun.
    pub(crate) async fn begin(&mut self) -> Result<(), BodyError> {
        loop {
            let is_head =
                self.reading.is_none() && matches!(self.segments.front(), Some(Segment::Literal(_)));
            let Some(piece) = self.step().await else { return Ok(()) };
            self.ahead.push_back(piece?);
            if !is_head {
                return Ok(());
            }
        }
    }

    /// The pieces. Nothing follows an error.
    pub(crate) fn into_stream(self) -> impl Stream<Item = Result<Bytes, BodyError>> {
        stream::unfold(Some(self), |body| async {
            let mut body = body?;
            let piece = match body.ahead.pop_front() {
                Some(piece) => Ok(piece),
                None => body.step().await?,
            };
            let rest = piece.is_ok().then_some(body);
            Some((piece, rest))
        })
    }

    async fn step(&mut self) -> Option<Result<Bytes, BodyError>> {
        if self.reading.is_none() {
            match self.segments.pop_front()? {
                Segment::Literal(text) => return Some(Ok(text)),
                Segment::Content(range) => self.reading = Some(self.read(range)),
            }
        }
        let reading = self.reading.as_mut().expect("it was just begun");
        let piece = reading.next().await;
        if reading.left == 0 {
            self.reading = None;
        }
        Some(piece)
    }

    fn read(&self, range: ByteRange) -> Reading {
        let Source { id, cell_len, cells } = self.source.clone();
        let covering = range.start() / cell_len..range.end().div_ceil(cell_len);
        Reading {
            skip: range.start() % cell_len,
            left: range.len(),
            cells: self.shelf.reader(id, covering, cells),
        }
    }
}

impl Reading {
    async fn next(&mut self) -> Result<Bytes, BodyError> {
        let cell = timeout(STALL_TIMEOUT, self.cells.next()).await.map_err(|_| BodyError::Stalled)?;
        let cell = cell.expect("the cells cover the range")?;
        let have = (cell.len() as u64).checked_sub(self.skip).expect("a range begins inside its first cell");
        let take = have.min(self.left);
        assert!(take > 0, "a cell of {} bytes brings none of the {} to come", cell.len(), self.left);
        let start = usize::try_from(self.skip).expect("it is inside a cell");
        let end = start + usize::try_from(take).expect("it is inside a cell");
        (self.skip, self.left) = (0, self.left - take);
        Ok(cell.slice(start..end))
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use client::{OpenedCell, Origin, ReadError};
    use proptest::prelude::*;

    use super::*;
    use crate::cells::Cells;
    use crate::rfc9110::Multipart;

    const CELL_LEN: u64 = 48;
    const LEN: u64 = 1000;

    fn content() -> Vec<u8> {
        (0..LEN).map(|i| u8::try_from(i * 7 % 251).unwrap()).collect()
    }

    /// Fetches cells of [`content`]; those from `bad` on fail.
    fn source(bad: u64) -> Source {
        let fetch = move |run: Range<u64>| -> Cells {
            let cells = run.map(move |i| {
                let all = content();
                let end = all.len().min(usize::try_from((i + 1) * CELL_LEN).unwrap());
                let cell = Bytes::copy_from_slice(&all[usize::try_from(i * CELL_LEN).unwrap()..end]);
                if i < bad {
                    Ok(OpenedCell { index: i, plaintext: cell, origin: Origin::Rebuilt(Vec::new().into()) })
                } else {
                    Err(ReadError::Unavailable { segment: 0, required: 5, available: 4 })
                }
            });
            stream::iter(cells).boxed()
        };
        Source { id: ObjectId::new([7; 36]), cell_len: CELL_LEN, cells: Arc::new(fetch) }
    }

    async fn collect(segments: Vec<Segment>, bad: u64) -> (Vec<u8>, Option<BodyError>) {
        let mut body = ObjectBody::new(Shelf::new(1 << 20, 8), source(bad), segments);
        if let Err(error) = body.begin().await {
            return (Vec::new(), Some(error));
        }
        let mut pieces = std::pin::pin!(body.into_stream());
        let mut bytes = Vec::new();
        while let Some(piece) = pieces.next().await {
            match piece {
                Ok(piece) => bytes.extend_from_slice(&piece),
                Err(error) => {
                    assert!(pieces.next().await.is_none(), "something follows an error");
                    return (bytes, Some(error));
                }
            }
        }
        (bytes, None)
    }

    fn range(start: u64, end: u64) -> ByteRange {
        ByteRange::new(start, end).unwrap()
    }

    #[tokio::test]
    async fn several_parts() {
        let parts = [range(0, 10), range(40, 60), range(990, 1000)];
        let plan = Multipart::new(&parts, "video/mp4", LEN, 7);
        let want = plan.len();
        let (bytes, error) = collect(plan.into_segments(), u64::MAX).await;
        assert!(error.is_none() && bytes.len() as u64 == want);
        let whole = content();
        for part in [&whole[..10], &whole[40..60], &whole[990..]] {
            assert!(bytes.windows(part.len()).any(|window| window == part));
        }
    }

    #[tokio::test]
    async fn a_failure_at_the_first_bytes_comes_before_the_answer() {
        let mut body = ObjectBody::new(Shelf::new(0, 8), source(0), vec![Segment::Content(range(0, 10))]);
        assert!(matches!(body.begin().await, Err(BodyError::Cell(_))));
        let plan = Multipart::new(&[range(0, 10), range(100, 110)], "video/mp4", LEN, 7);
        let mut body = ObjectBody::new(Shelf::new(0, 8), source(0), plan.into_segments());
        assert!(matches!(body.begin().await, Err(BodyError::Cell(_))), "the head of a part is no beginning");
    }

    #[tokio::test]
    async fn a_failure_in_the_middle_ends_with_an_error() {
        let (bytes, error) = collect(vec![Segment::Content(range(10, 500))], 5).await;
        assert!(matches!(error, Some(BodyError::Cell(_))));
        assert_eq!(bytes, content()[10..5 * 48], "what was verified before it is sent");
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_a_failure() {
        let silent = Source {
            id: ObjectId::new([7; 36]),
            cell_len: CELL_LEN,
            cells: Arc::new(|_| stream::pending().boxed()),
        };
        let mut body = ObjectBody::new(Shelf::new(0, 8), silent, vec![Segment::Content(range(0, 10))]);
        assert!(matches!(body.begin().await, Err(BodyError::Stalled)));
    }

    #[tokio::test]
    async fn nothing_is_a_whole_body_too() {
        let (bytes, error) = collect(Vec::new(), 0).await;
        assert!(bytes.is_empty() && error.is_none());
    }

    proptest! {
        #[test]
        fn any_range_gives_its_bytes(start in 0..LEN, len in 1..LEN) {
            let end = (start + len).min(LEN);
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
            let (bytes, error) = runtime.block_on(collect(vec![Segment::Content(range(start, end))], u64::MAX));
            prop_assert!(error.is_none());
            prop_assert_eq!(&bytes[..], &content()[usize::try_from(start).unwrap()..usize::try_from(end).unwrap()]);
        }
    }
}
