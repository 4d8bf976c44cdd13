//! This device and the network, brought together in both directions.

use std::time::Duration;

use chunker::Coding;
use client::Client;

use crate::freshness::{Freshness, KnownSlot};
use crate::keys::Account;
use crate::local::{LocalError, LocalIndex};
use crate::pull::{now, pull_slots};
use crate::push::{PushError, RENEWED_BEFORE_S, push};
use crate::releases::release_pending;

/// How long nodes have left once enough of them have said where the index is.
const PATIENCE: Duration = Duration::from_millis(300);
/// How often to try again when another device was faster.
const ATTEMPTS_MAX: u32 = 3;

/// What came of it.
#[derive(Debug)]
pub struct Synced {
    /// How new the index on this device is.
    pub freshness: Freshness,
    /// Whether all that is here is on the network now; the error says why not, and that it will be tried again.
    pub pushed: Result<(), PushError>,
}

/// Merges what other devices have written, pushes what is new here, and releases what was replaced.
pub async fn sync(
    client: &Client,
    account: &Account,
    local: &mut LocalIndex,
    coding: Coding,
) -> Result<Synced, LocalError> {
    let synced = exchange(client, account, local, coding).await?;
    // What is held by another device is not released.
    if synced.freshness.is_complete() {
        release_pending(client, account, local).await?;
    }
    Ok(synced)
}

/// The same without releasing anything: what was replaced waits for [`release_pending`], or for the next [`sync`].
pub async fn exchange(
    client: &Client,
    account: &Account,
    local: &mut LocalIndex,
    coding: Coding,
) -> Result<Synced, LocalError> {
    let mut attempt = 1;
    loop {
        let (freshness, known) = pull_slots(client, account, local, PATIENCE).await?;
        let pushed = if needs_push(local, &freshness, &known) {
            push(client, account, local, coding, (&freshness, &known)).await
        } else {
            Ok(())
        };
        match pushed {
            Err(PushError::NoQuorum { .. }) if attempt < ATTEMPTS_MAX => attempt += 1,
            Err(PushError::Local(error)) => return Err(error),
            pushed => return Ok(Synced { freshness, pushed }),
        }
    }
}

/// Whether there is something new here, or the network has lost this device's pointer, or will soon.
fn needs_push(local: &LocalIndex, freshness: &Freshness, known: &[KnownSlot]) -> bool {
    let is_lost = local.state.slot.is_some_and(|own| !known.iter().any(|slot| slot.slot == own));
    let made = local.state.made.or_else(|| freshness.newest().map(|device| device.made));
    let is_old = made.is_some_and(|made| now().seconds_since(made) > RENEWED_BEFORE_S);
    local.has_unpushed() || (is_lost && freshness.has_quorum()) || is_old
}
