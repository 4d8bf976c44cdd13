//! Putting an object: one pass from the reader to the nodes' leases, then the manifest.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use chunker::{
    Block, ContentKey, ControlKey, Encoder, Ending, Link, Manifest, ManifestParts, ObjectHeader,
    PlacementSeed, PlainBlock,
};
use proofs::Root;
use protocol::{ByteHours, Lease, Mandate, PublicKey, Signed};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::task::JoinHandle;

use super::ledger::Ledger;
use super::manifest;
use super::placing::Leave;
use super::segment::{PutContext, SegmentDone, SegmentPut};
use crate::client::Client;
use crate::error::PutError;
use crate::options::PutOptions;
use crate::report::{MissingPart, PutProgress, PutReport};

/// Bytes read from the reader at a time.
const READ_LEN: usize = 256 << 10;
/// Blocks of about 1 MiB that are being sealed at the same time.
const SEALING_MAX: usize = 3;
/// Segments whose leases are awaited while the next one is being sent.
const FINISHING_MAX: usize = 1;

/// See [`Client::put`].
pub(crate) async fn put(
    client: &Client,
    reader: impl AsyncRead + Send + Unpin,
    options: PutOptions,
    progress: impl FnMut(PutProgress) + Send,
) -> Result<PutReport, PutError> {
    let payer = client.wire.pool().payer().ok_or(PutError::NoPayer)?;
    // Name and media type are checked before a byte is read.
    ObjectHeader::new(0, options.name.clone(), options.media_type.clone())?;
    super::probe_suspects(client).await;
    let ledger = Ledger::new(client.wire.clone(), options.secrets.control.clone());
    let context = PutContext {
        client: client.clone(),
        coding: options.coding,
        placement: client.placement_requiring(&options.required),
        required: options.required.clone(),
        seed: PlacementSeed::from_bytes(rand::random()),
        leave: Leave { mandate: own_mandate(client, &options, payer), expires: options.expires },
        entry: ledger.entry(),
    };
    // Copies of the manifest take so many nodes in any case.
    context.check_compliance(manifest::needed(options.coding), context.placement.open())?;
    match Put::new(reader, &options, context, progress).run(&options).await {
        Ok(done) => Ok(done.report(&options, ledger.keep())),
        Err(error) => {
            ledger.abandon().await;
            Err(error)
        }
    }
}

/// The owner's leave for its own payer, without a limit of its own.
fn own_mandate(client: &Client, options: &PutOptions, payer: PublicKey) -> Signed<Mandate> {
    let mandate = Mandate {
        byte_hours: ByteHours::new(u64::MAX),
        expires: options.expires,
        holder: payer,
        object: None,
    };
    Signed::sign(&options.secrets.control, &client.wire.pool().network(), mandate)
}

/// A put under way.
struct Put<R, P> {
    input: Input<R>,
    sending: Sending,
    progress: P,
    sealing: VecDeque<JoinHandle<Block>>,
}

/// Blocks on their way to nodes, segment by segment.
pub(crate) struct Sending {
    context: PutContext,
    segment: Option<SegmentPut>,
    finishing: VecDeque<JoinHandle<Result<SegmentDone, PutError>>>,
    sent: Sent,
}

/// What is known of the shards that were sent.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    /// Their roots, in order.
    pub(crate) roots: Vec<Root>,
    pub(crate) missing: Vec<MissingPart>,
}

/// What is known when everything has been put.
struct Done {
    manifest: Manifest,
    size: u64,
    missing: Vec<MissingPart>,
}

impl<R: AsyncRead + Send + Unpin, P: FnMut(PutProgress) + Send> Put<R, P> {
    fn new(reader: R, options: &PutOptions, context: PutContext, progress: P) -> Self {
        let key = options.secrets.content_key.clone();
        let encoder = Encoder::new(options.coding, options.padding, key, options.secrets.salt);
        Self {
            input: Input { reader, buffer: BytesMut::new(), read: 0, state: InputState::Reading(encoder) },
            sending: Sending::new(context),
            progress,
            sealing: VecDeque::new(),
        }
    }

    async fn run(mut self, options: &PutOptions) -> Result<Done, PutError> {
        loop {
            while self.sealing.len() < SEALING_MAX
                && let Some(block) = self.input.next_block().await?
            {
                self.sealing.push_back(tokio::task::spawn_blocking(|| block.seal()));
            }
            let Some(sealed) = self.sealing.pop_front() else { break };
            let block = sealed.await.expect("sealing does not panic and is not cancelled");
            self.sending.send(&block).await?;
            (self.progress)(PutProgress { read: self.input.read, leased: self.sending.leased() });
        }
        self.put_manifest(options).await
    }

    async fn put_manifest(self, options: &PutOptions) -> Result<Done, PutError> {
        let InputState::Ending(ending) = &self.input.state else { unreachable!("the input has ended") };
        let size = ending.object_len();
        let header = ObjectHeader::new(size, options.name.clone(), options.media_type.clone())?;
        let control = options.secrets.control.public();
        let context = self.sending.context.clone();
        let Sent { roots, mut missing } = self.sending.finish().await?;
        let manifest = Manifest::new(ManifestParts {
            geometry: *ending.geometry(),
            content_key: &options.secrets.content_key,
            salt: options.secrets.salt,
            seed: context.seed,
            control: ControlKey::from_bytes(*control.as_bytes()).expect("a public key is a curve point"),
            roots,
            required: options.required.clone(),
            header: &header,
        })?;
        let encoded = Bytes::from(manifest.encode());
        missing.extend(manifest::put(&context, manifest.cid(), &encoded).await?);
        Ok(Done { manifest, size, missing })
    }
}

impl Sending {
    pub(crate) fn new(context: PutContext) -> Self {
        Self { context, segment: None, finishing: VecDeque::new(), sent: Sent::default() }
    }

    /// Shards that nodes have taken so far.
    fn leased(&self) -> usize {
        self.sent.roots.len() - self.sent.missing.len()
    }

    /// Hands a block to the nodes of its segment; waits while one of them is full.
    pub(crate) async fn send(&mut self, block: &Block) -> Result<(), PutError> {
        let mut segment = match self.segment.take() {
            Some(segment) if segment.index() == block.segment() => segment,
            _ => SegmentPut::begin(self.context.clone(), block).await?,
        };
        segment.push(block).await;
        if !block.is_end_of_segment() {
            self.segment = Some(segment);
            return Ok(());
        }
        while self.finishing.len() >= FINISHING_MAX {
            self.settle_oldest().await?;
        }
        self.finishing.push_back(tokio::spawn(segment.finish()));
        Ok(())
    }

    /// Waits for all leases.
    pub(crate) async fn finish(mut self) -> Result<Sent, PutError> {
        while !self.finishing.is_empty() {
            self.settle_oldest().await?;
        }
        Ok(self.sent)
    }

    async fn settle_oldest(&mut self) -> Result<(), PutError> {
        let Some(oldest) = self.finishing.pop_front() else { return Ok(()) };
        let done = oldest.await.expect("finishing does not panic and is not cancelled")?;
        debug_assert_eq!(
            done.index as usize,
            self.sent.roots.len() / usize::from(self.context.coding.total())
        );
        self.sent.roots.extend(done.roots);
        self.sent.missing.extend(done.missing);
        Ok(())
    }
}

impl Done {
    fn report(self, options: &PutOptions, leases: Vec<Signed<Lease>>) -> PutReport {
        let key: &ContentKey = &options.secrets.content_key;
        PutReport {
            link: Link::new(self.manifest.cid(), key.clone()),
            cid: self.manifest.cid(),
            size: self.size,
            coding: options.coding,
            shards: self.manifest.geometry().shards(),
            stored_bytes: leases.iter().map(|lease| lease.body().len().get()).sum(),
            leases,
            missing: self.missing,
        }
    }
}

/// The reader, cut into blocks.
struct Input<R> {
    reader: R,
    buffer: BytesMut,
    read: u64,
    state: InputState,
}

enum InputState {
    Reading(Encoder),
    Ending(Ending),
    Moving,
}

impl<R: AsyncRead + Unpin> Input<R> {
    async fn next_block(&mut self) -> Result<Option<PlainBlock>, PutError> {
        loop {
            match std::mem::replace(&mut self.state, InputState::Moving) {
                InputState::Reading(mut encoder) => {
                    let block = encoder.push(&mut self.buffer)?;
                    if block.is_some() {
                        self.state = InputState::Reading(encoder);
                        return Ok(block);
                    }
                    self.buffer.reserve(READ_LEN);
                    let read = self.reader.read_buf(&mut self.buffer).await?;
                    self.read += read as u64;
                    self.state = if read == 0 {
                        InputState::Ending(encoder.finish()?)
                    } else {
                        InputState::Reading(encoder)
                    };
                }
                InputState::Ending(mut ending) => {
                    let block = ending.next();
                    self.state = InputState::Ending(ending);
                    return Ok(block);
                }
                InputState::Moving => unreachable!("after an error nothing is asked for"),
            }
        }
    }
}
