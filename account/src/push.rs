//! Writing the index to the network: changed pages, a root, and a pointer at more than half of its nodes.

use chunker::{Coding, Padding, RequiredTags, Salt};
use client::{Client, PutError, PutOptions};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use proofs::Cid;
use protocol::limits::POINTER_SLOTS_MAX;
use protocol::{Pointer, Sequence, Signed, Slot, UnixSeconds};
use rand::seq::IndexedRandom as _;
use sharing::{ContentHash, IndexFull, IndexPage, IndexRoot, PageRef, PointerContents, RootError};

use crate::freshness::{Freshness, KnownSlot};
use crate::keys::Account;
use crate::local::{LocalError, LocalIndex};
use crate::pull::now;

/// How long the index is kept without its device coming back, in seconds: the longest lease, less a few days.
pub const INDEX_KEPT_S: u64 = 390 * 86_400;
/// A page whose leases end earlier than this is put again, in seconds.
pub(crate) const RENEWED_BEFORE_S: u64 = INDEX_KEPT_S / 2;
/// Most copies of an object of the index where too few nodes are alive to code it.
const COPIES_MAX: usize = 8;
/// Pages that are put at the same time.
const PAGES_ABREAST: usize = 4;

/// Why the index is not on the network. It is on this device, and is pushed at a later command.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// Too few nodes say what there is.
    #[error("{answered} of {copies} nodes that keep the account's pointers answered, {needed} are needed")]
    Unreachable {
        /// How many answered.
        answered: usize,
        /// How many keep them.
        copies: usize,
        /// How many are needed.
        needed: usize,
    },
    /// A page or the root was not taken.
    #[error(transparent)]
    Put(#[from] PutError),
    /// Too few nodes keep the new pointer.
    #[error("{kept} of {copies} nodes keep the new pointer, {needed} are needed; {reason}")]
    NoQuorum {
        /// How many do.
        kept: usize,
        /// How many should.
        copies: usize,
        /// How many are needed.
        needed: usize,
        /// What the last one said that does not.
        reason: String,
    },
    /// There is no room for this device's pointer.
    #[error(
        "all {POINTER_SLOTS_MAX} pointers of the account are taken by devices whose indices could not be read"
    )]
    NoSlot,
    /// There is no room in the index.
    #[error(transparent)]
    Full(#[from] IndexFull),
    /// The pages make no root.
    #[error(transparent)]
    Root(#[from] RootError),
    /// This device's own files.
    #[error(transparent)]
    Local(#[from] LocalError),
}

/// Pushes what is here. Afterwards the journal is empty, and what was replaced is to be released.
pub(crate) async fn push(
    client: &Client,
    account: &Account,
    local: &mut LocalIndex,
    coding: Coding,
    (freshness, known): (&Freshness, &[KnownSlot]),
) -> Result<(), PushError> {
    if !freshness.has_quorum() {
        let (answered, quorum) = (freshness.answered, freshness.quorum);
        let (copies, needed) = (quorum.copies(), quorum.read());
        return Err(PushError::Unreachable { answered, copies, needed });
    }
    let now = now();
    let root = put_pages(client, account, local, coding, now).await?;
    let encoded = root.encode();
    let object = put_small(client, account, &encoded, coding, now.plus(INDEX_KEPT_S)).await?;
    let superseded = replaced(local, &root);
    local.state.superseded.extend(superseded);
    local.state.superseded.extend(local.state.root.replace(object));
    local.state.set_pushed(&root);
    // Durable before the pointer is: what is put is known here, and not put again after an interruption.
    local.save_state()?;
    set_pointer(client, account, local, known, object, now).await?;
    local.state.made = Some(now);
    let superseded = std::mem::take(&mut local.state.superseded);
    local.release_all_later(superseded, now)?;
    local.save(true)?;
    Ok(())
}

/// Puts a short object under keys that follow from the account secret.
///
/// Where too few nodes are alive for this coding, each of those that are gets all of it: an index should not have to wait.
pub async fn put_small(
    client: &Client,
    account: &Account,
    bytes: &[u8],
    coding: Coding,
    expires: UnixSeconds,
) -> Result<Cid, PutError> {
    let put = async |coding| {
        let options = PutOptions {
            coding,
            padding: Padding::None,
            name: None,
            media_type: None,
            expires,
            required: RequiredTags::default(),
            secrets: account.new_secrets(),
        };
        client.put(bytes, options, |_| {}).await.map(|report| report.cid)
    };
    match put(coding).await {
        Err(PutError::TooFewLeases { leased: alive, .. } | PutError::TooFewNodes { domains: alive, .. })
            if alive > 1 =>
        {
            put(copies(alive)).await
        }
        done => done,
    }
}

/// One data column, and parity that is equal to it.
fn copies(nodes: usize) -> Coding {
    let parity = u8::try_from(nodes.min(COPIES_MAX)).expect("at most eight") - 1;
    Coding::new(1, parity).expect("one and at least one")
}

/// Puts the pages that are not there yet, or not for long any more.
async fn put_pages(
    client: &Client,
    account: &Account,
    local: &mut LocalIndex,
    coding: Coding,
    now: UnixSeconds,
) -> Result<IndexRoot, PushError> {
    let pages = local.pages(now)?;
    let pushed = local.state.pushed();
    let there = pushed.as_ref().map_or(&[][..], IndexRoot::pages);
    let until = now.plus(INDEX_KEPT_S);
    let refs = pages.iter().map(|IndexPage { prefix, bytes }| async move {
        let hash = ContentHash::of(bytes);
        let is_fresh = |page: &&PageRef| {
            page.prefix == *prefix && page.hash == hash && page.until.seconds_since(now) > RENEWED_BEFORE_S
        };
        if let Some(page) = there.iter().find(is_fresh) {
            return Ok(*page);
        }
        let object = put_small(client, account, bytes, coding, until).await?;
        Ok::<_, PutError>(PageRef { prefix: *prefix, hash, object, until })
    });
    let refs: Vec<_> = stream::iter(refs.collect::<Vec<_>>()).buffered(PAGES_ABREAST).try_collect().await?;
    Ok(IndexRoot::new(refs)?)
}

/// The objects of pages that are in the last root and not in this one.
fn replaced(local: &LocalIndex, root: &IndexRoot) -> Vec<Cid> {
    let Some(pushed) = local.state.pushed() else { return Vec::new() };
    let kept: std::collections::HashSet<_> = root.pages().iter().map(|page| page.object).collect();
    pushed.pages().iter().map(|page| page.object).filter(|object| !kept.contains(object)).collect()
}

async fn set_pointer(
    client: &Client,
    account: &Account,
    local: &mut LocalIndex,
    known: &[KnownSlot],
    root: Cid,
    made: UnixSeconds,
) -> Result<(), PushError> {
    let (slot, seq) = slot(local, known)?;
    let seen = local.index().seen().clone();
    let contents = PointerContents { device: local.device(), made, root, seen };
    let value = contents.seal(account.secret(), slot, seq, Salt::from_bytes(rand::random()));
    let body = Pointer { expires: made.plus(INDEX_KEPT_S), seq, slot, value };
    let pointer = Signed::sign(&account.pointer_key(), &client.network(), body);
    local.state.slot = Some(slot);
    local.state.seq = seq;
    let written = client.set_pointer(&pointer).await;
    if written.has_quorum() {
        return Ok(());
    }
    Err(PushError::NoQuorum {
        kept: written.kept.len(),
        copies: written.quorum.copies(),
        needed: written.quorum.write(),
        reason: written.failed.last().map(|(_, reason)| reason.clone()).unwrap_or_default(),
    })
}

/// The slot of this device's pointer, and its next version.
fn slot(local: &LocalIndex, known: &[KnownSlot]) -> Result<(Slot, Sequence), PushError> {
    let of = |slot: Slot| known.iter().find(|known| known.slot == slot);
    if let Some(own) = local.state.slot {
        let Some(found) = of(own) else { return Ok((own, local.state.seq.next())) };
        if belongs_to(found, local) {
            return Ok((own, latest(found).max(local.state.seq).next()));
        }
    }
    let numbers = (1..).take(POINTER_SLOTS_MAX).map(Slot::new);
    let free: Vec<_> = numbers.filter(|slot| of(*slot).is_none()).collect();
    // The first one has the friendliest number; after a coincidence with another device chance decides.
    let had_bad_luck = local.state.slot.is_some();
    let fresh = if had_bad_luck { free.choose(&mut rand::rng()) } else { free.first() };
    match fresh.filter(|_| known.len() < POINTER_SLOTS_MAX) {
        Some(slot) => Ok((*slot, Sequence::FIRST)),
        None => oldest_that_is_here(local, known).ok_or(PushError::NoSlot),
    }
}

/// Whether the latest version in a slot is this device's alone.
fn belongs_to(slot: &KnownSlot, local: &LocalIndex) -> bool {
    let newest = slot.versions.iter().filter(|(pointer, _)| pointer.body().seq == latest(slot));
    newest.into_iter().all(|(_, contents)| matches!(contents, Ok(found) if found.device == local.device()))
}

fn latest(slot: &KnownSlot) -> Sequence {
    slot.versions.first().map_or(Sequence::FIRST, |(pointer, _)| pointer.body().seq)
}

fn oldest_that_is_here(local: &LocalIndex, known: &[KnownSlot]) -> Option<(Slot, Sequence)> {
    let here = known.iter().filter_map(|slot| {
        let (_, contents) = slot.versions.first()?;
        let found = contents.as_ref().ok()?;
        local.index().seen().includes(&found.seen).then_some((found.made, slot))
    });
    let (_, slot) = here.min_by_key(|(made, _)| *made)?;
    Some((slot.slot, latest(slot).next()))
}
