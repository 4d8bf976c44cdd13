//! Putting an object that was sealed elsewhere: its cells come in order, parity is made here, and no key is needed.

use bytes::{Bytes, BytesMut};
use chunker::{Manifest, SealedEncoder, SealedManifest};
use protocol::{Mandate, Signed};
use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::ledger::Ledger;
use super::placing::Leave;
use super::put::Sending;
use super::segment::PutContext;
use super::{manifest, probe_suspects};
use crate::client::Client;
use crate::error::PutError;
use crate::report::MissingPart;

/// Bytes read from the reader at a time.
const READ_LEN: usize = 256 << 10;

/// See [`Client::put_sealed`].
pub(crate) async fn put_sealed(
    client: &Client,
    reader: impl AsyncRead + Send + Unpin,
    sealed: SealedManifest,
    mandate: Signed<Mandate>,
) -> Result<(Manifest, Bytes, Vec<MissingPart>), PutError> {
    if client.wire.pool().payer() != Some(mandate.body().holder) {
        return Err(PutError::NoPayer);
    }
    probe_suspects(client).await;
    let (coding, required) = (sealed.geometry.coding(), sealed.required.clone());
    // Its owner alone can release what a failed put leaves; their leases end by themselves.
    let ledger = Ledger::without_release(client.wire.clone());
    let context = PutContext {
        client: client.clone(),
        coding,
        placement: client.placement_requiring(&required),
        required,
        seed: sealed.seed,
        leave: Leave { expires: mandate.body().expires, mandate },
        entry: ledger.entry(),
    };
    context.check_compliance(manifest::needed(coding), context.placement.open())?;
    let sent = send_all(reader, &sealed, context.clone()).await?;
    let manifest = Manifest::of_sealed(sealed, sent.roots)?;
    let encoded = Bytes::from(manifest.encode());
    let mut missing = sent.missing;
    missing.extend(manifest::put(&context, manifest.cid(), &encoded).await?);
    Ok((manifest, encoded, missing))
}

async fn send_all(
    mut reader: impl AsyncRead + Send + Unpin,
    sealed: &SealedManifest,
    context: PutContext,
) -> Result<super::put::Sent, PutError> {
    let (mut encoder, mut sending) = (SealedEncoder::new(sealed.geometry), Sending::new(context));
    let mut buffer = BytesMut::new();
    while encoder.missing() > 0 {
        buffer.reserve(READ_LEN);
        if reader.read_buf(&mut buffer).await? == 0 {
            return Err(PutError::Input(std::io::ErrorKind::UnexpectedEof.into()));
        }
        while let Some(block) = encoder.push(&mut buffer) {
            sending.send(&block).await?;
        }
    }
    if !buffer.is_empty() || reader.read_buf(&mut buffer).await? > 0 {
        return Err(PutError::Input(std::io::Error::other("more follows the last cell")));
    }
    sending.finish().await
}
