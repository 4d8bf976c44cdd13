//! Reading records: one by its name or link, or all of a pack in one pass.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use bytes::{Buf as _, Bytes, BytesMut};
use client::{Client, Object, OpenObjectError, ReadError};
use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, StreamExt as _};
use proofs::Cid;
use sharing::{
    CATALOGUE_LEN_MAX, CATALOGUE_TYPE, Catalogue, CatalogueError, IndexPath, PackError, PackRef, RecordLink,
    RecordPlace, Search, SearchStep,
};

/// Opened packs, and tops of packs, that a folder keeps at hand.
const PACKS_AT_HAND_MAX: usize = 64;

/// Why records cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadRecordsError {
    /// An object is not there, or not now.
    #[error(transparent)]
    Open(#[from] OpenObjectError),
    /// Its bytes do not come.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It is another kind of object.
    #[error("{object} is no folder of records")]
    NoCatalogue {
        /// Which.
        object: Cid,
    },
    /// The catalogue is none.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// A pack is not what its catalogue says.
    #[error("pack {pack}: {source}")]
    Pack {
        /// Its object.
        pack: Cid,
        /// What is wrong.
        source: PackError,
    },
    /// A pack has another length than its catalogue says.
    #[error("pack {pack} has {len} bytes, its catalogue says {said}")]
    Length {
        /// Its object.
        pack: Cid,
        /// Bytes it has.
        len: u64,
        /// Bytes it should have.
        said: u64,
    },
}

/// A folder of records, opened by its catalogue.
#[derive(Debug)]
pub struct RecordFolder {
    client: Client,
    catalogue: Catalogue,
    at_hand: Mutex<HashMap<usize, AtHand>>,
}

/// What is remembered of a pack. A top is small, and every search begins with one.
#[derive(Debug, Clone)]
struct AtHand {
    object: Object,
    top: Option<Bytes>,
}

/// The record behind a record link.
pub async fn read_record(client: &Client, link: &RecordLink) -> Result<Vec<u8>, ReadRecordsError> {
    let object = client.open(link.pack()).await?;
    let sealed = bytes_of(&object, link.place().range()).await?;
    link.open(&sealed).map_err(|source| ReadRecordsError::Pack { pack: object.cid(), source })
}

impl RecordFolder {
    /// Whether an object says of itself that it is a catalogue.
    pub fn is_one(object: &Object) -> bool {
        object.media_type() == Some(CATALOGUE_TYPE)
    }

    /// Reads the catalogue in an object.
    pub async fn open(client: &Client, object: &Object) -> Result<Self, ReadRecordsError> {
        if !Self::is_one(object) {
            return Err(ReadRecordsError::NoCatalogue { object: object.cid() });
        }
        let len = object.len();
        if len > CATALOGUE_LEN_MAX as u64 {
            let len = usize::try_from(len).unwrap_or(usize::MAX);
            return Err(CatalogueError::TooLong { len }.into());
        }
        Ok(Self::of(client, Catalogue::decode(&bytes_of(object, 0..len).await?)?))
    }

    /// The folder that has this catalogue.
    pub fn of(client: &Client, catalogue: Catalogue) -> Self {
        Self { client: client.clone(), catalogue, at_hand: Mutex::default() }
    }

    /// The catalogue.
    pub const fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// What reads the record with this name, if there is one.
    pub async fn find(&self, name: &IndexPath) -> Result<Option<RecordLink>, ReadRecordsError> {
        let mut search = Search::new(&self.catalogue, name);
        self.go_on(&mut search).await.map(|found| found.map(|(_, record)| record))
    }

    /// The numbers of all packs that have a record with this name.
    pub async fn packs_with(&self, name: &IndexPath) -> Result<Vec<usize>, ReadRecordsError> {
        let mut search = Search::new(&self.catalogue, name);
        let mut packs = Vec::new();
        while let Some((pack, _)) = self.go_on(&mut search).await? {
            packs.push(pack);
            search.go_on();
        }
        Ok(packs)
    }

    /// The record with this name, if there is one.
    pub async fn read(&self, name: &IndexPath) -> Result<Option<Vec<u8>>, ReadRecordsError> {
        let mut search = Search::new(&self.catalogue, name);
        let Some((pack, record)) = self.go_on(&mut search).await? else { return Ok(None) };
        let sealed = bytes_of(&self.object(pack).await?, record.place().range()).await?;
        record.open(&sealed).map(Some).map_err(|source| self.wrong(pack, source))
    }

    /// The names in a pack and where they lie, ascending by name.
    pub async fn entries(&self, pack: usize) -> Result<Vec<(IndexPath, RecordPlace)>, ReadRecordsError> {
        let said = self.pack(pack);
        let top = said.open_top(&self.top(pack).await?).map_err(|source| self.wrong(pack, source))?;
        let index = bytes_of(&self.object(pack).await?, top.index_range()).await?;
        let mut entries = Vec::new();
        for place in top.blocks() {
            let within = |at: u64| {
                usize::try_from(at - top.records_len()).expect("an index is far below what memory holds")
            };
            let sealed = &index[within(place.range.start)..within(place.range.end)];
            let block = said.open_block(&top, place, sealed).map_err(|source| self.wrong(pack, source))?;
            entries.extend(block.into_entries());
        }
        Ok(entries)
    }

    /// These records of a pack in the order in which they lie there, read in one pass.
    pub async fn records(
        &self,
        pack: usize,
        mut entries: Vec<(IndexPath, RecordPlace)>,
    ) -> Result<
        impl Stream<Item = Result<(IndexPath, Vec<u8>), ReadRecordsError>> + Send + use<>,
        ReadRecordsError,
    > {
        entries.sort_by_key(|(_, place)| place.at);
        let begin = entries.first().map_or(0, |(_, place)| place.at);
        let end = entries.iter().map(|(_, place)| place.range().end).max().unwrap_or(begin);
        let pieces = self.object(pack).await?.read(begin..end).boxed();
        let cutter =
            Cutter { pack: self.pack(pack).clone(), pieces, buffer: BytesMut::new(), position: begin };
        let state = (cutter, entries.into_iter());
        Ok(stream::try_unfold(state, |(mut cutter, mut entries)| async move {
            let Some((name, place)) = entries.next() else { return Ok(None) };
            let record = cutter.cut(place).await?;
            Ok(Some(((name, record), (cutter, entries))))
        }))
    }

    async fn go_on(&self, search: &mut Search<'_>) -> Result<Option<(usize, RecordLink)>, ReadRecordsError> {
        loop {
            match search.step() {
                SearchStep::Read { pack, range } => {
                    let bytes = if range == self.pack(pack).top_range() {
                        self.top(pack).await?
                    } else {
                        bytes_of(&self.object(pack).await?, range).await?.freeze()
                    };
                    search.take(&bytes).map_err(|source| self.wrong(pack, source))?;
                }
                SearchStep::Found { pack, record } => return Ok(Some((pack, record))),
                SearchStep::Absent => return Ok(None),
            }
        }
    }

    fn pack(&self, number: usize) -> &PackRef {
        &self.catalogue.packs()[number]
    }

    fn wrong(&self, pack: usize, source: PackError) -> ReadRecordsError {
        ReadRecordsError::Pack { pack: self.pack(pack).object(), source }
    }

    async fn object(&self, pack: usize) -> Result<Object, ReadRecordsError> {
        if let Some(known) = self.known(pack) {
            return Ok(known.object);
        }
        let said = self.pack(pack);
        let object = self.client.open(&said.link()).await?;
        if object.len() != said.len() {
            let (pack, len, said) = (said.object(), object.len(), said.len());
            return Err(ReadRecordsError::Length { pack, len, said });
        }
        self.remember(pack, AtHand { object: object.clone(), top: None });
        Ok(object)
    }

    async fn top(&self, pack: usize) -> Result<Bytes, ReadRecordsError> {
        if let Some(AtHand { top: Some(top), .. }) = self.known(pack) {
            return Ok(top);
        }
        let object = self.object(pack).await?;
        let top = bytes_of(&object, self.pack(pack).top_range()).await?.freeze();
        self.remember(pack, AtHand { object, top: Some(top.clone()) });
        Ok(top)
    }

    fn known(&self, pack: usize) -> Option<AtHand> {
        self.at_hand.lock().unwrap_or_else(PoisonError::into_inner).get(&pack).cloned()
    }

    fn remember(&self, pack: usize, what: AtHand) {
        let mut at_hand = self.at_hand.lock().unwrap_or_else(PoisonError::into_inner);
        if at_hand.len() >= PACKS_AT_HAND_MAX {
            at_hand.clear();
        }
        at_hand.insert(pack, what);
    }
}

/// Cuts records out of what is read of a pack.
struct Cutter {
    pack: PackRef,
    pieces: BoxStream<'static, Result<Bytes, ReadError>>,
    buffer: BytesMut,
    /// Where the buffer begins in the pack.
    position: u64,
}

impl Cutter {
    /// The record at a place that is not before the end of the last one.
    async fn cut(&mut self, place: RecordPlace) -> Result<Vec<u8>, ReadRecordsError> {
        let range = place.range();
        // Two names may not stand for the same bytes: then each would have been read once already.
        let skipped = range.start.checked_sub(self.position).ok_or(PackError::Place { number: 0 });
        let skipped = skipped.map_err(|source| self.wrong(source))?;
        let skipped = usize::try_from(skipped).expect("a pack fits into memory");
        let len = usize::try_from(range.end - range.start).expect("a pack fits into memory");
        self.skip(skipped).await?;
        self.fill(len).await?;
        let sealed = self.buffer.split_to(len);
        self.position = range.end;
        self.pack.record(place).open(&sealed).map_err(|source| self.wrong(source))
    }

    /// Drops the next bytes as they come.
    async fn skip(&mut self, mut len: usize) -> Result<(), ReadRecordsError> {
        while len > 0 {
            self.fill(1).await?;
            let here = self.buffer.len().min(len);
            self.buffer.advance(here);
            len -= here;
        }
        Ok(())
    }

    /// Reads until so many bytes are in the buffer.
    async fn fill(&mut self, len: usize) -> Result<(), ReadRecordsError> {
        while self.buffer.len() < len {
            let Some(piece) = self.pieces.next().await.transpose()? else {
                let expected = len as u64;
                return Err(self.wrong(PackError::Length { len: self.buffer.len(), expected }));
            };
            self.buffer.extend_from_slice(&piece);
        }
        Ok(())
    }

    fn wrong(&self, source: PackError) -> ReadRecordsError {
        ReadRecordsError::Pack { pack: self.pack.object(), source }
    }
}

async fn bytes_of(object: &Object, range: Range<u64>) -> Result<BytesMut, ReadRecordsError> {
    let wanted = range.end.min(object.len()).saturating_sub(range.start);
    let mut bytes = BytesMut::with_capacity(usize::try_from(wanted).unwrap_or(0));
    let mut pieces = object.read(range);
    while let Some(piece) = pieces.next().await {
        bytes.extend_from_slice(&piece?);
    }
    Ok(bytes)
}
