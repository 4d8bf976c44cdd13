//! Reading what other devices have written, and merging it.

use std::time::Duration;

use client::Client;
use protocol::UnixSeconds;
use sharing::{AccountIndex, Displaced, FileEntry, IndexPath, PointerContents};

use crate::fetch::fetch_index;
use crate::freshness::{Freshness, KnownSlot, Unreadable};
use crate::keys::Account;
use crate::local::{Change, LocalError, LocalIndex};
use crate::splits::Split;

/// Brings what other devices have written into the index on this one, durably.
///
/// Once enough nodes have said where it is, the others have `patience` left.
pub async fn pull(
    client: &Client,
    account: &Account,
    local: &mut LocalIndex,
    patience: Duration,
) -> Result<Freshness, LocalError> {
    Ok(pull_slots(client, account, local, patience).await?.0)
}

pub(crate) async fn pull_slots(
    client: &Client,
    account: &Account,
    local: &mut LocalIndex,
    patience: Duration,
) -> Result<(Freshness, Vec<KnownSlot>), LocalError> {
    let (freshness, known) = pull_once(client, account, local, patience).await?;
    if freshness.unreadable.is_empty() {
        return Ok((freshness, known));
    }
    // Another device may just have replaced what its pointer named.
    pull_once(client, account, local, patience).await
}

async fn pull_once(
    client: &Client,
    account: &Account,
    local: &mut LocalIndex,
    patience: Duration,
) -> Result<(Freshness, Vec<KnownSlot>), LocalError> {
    let read = client.pointers(account.pointer_key().public(), patience).await;
    let known = KnownSlot::all(&read, account);
    let mut freshness = Freshness::of(&read, &known, local.device());
    let mut has_news = false;
    for slot in worth_reading(&known, local) {
        match newest_readable(client, account, local, slot).await {
            Ok((index, complaint)) => {
                freshness.unreadable.extend(complaint);
                if let Some(index) = index {
                    merge(local, index)?;
                    has_news = true;
                }
            }
            Err(complaint) => freshness.unreadable.push(complaint),
        }
    }
    if has_news {
        local.save(!local.has_unpushed())?;
    }
    Ok((freshness, known))
}

/// The slots whose indices have something that is neither here nor in another one of them.
fn worth_reading<'a>(known: &'a [KnownSlot], local: &LocalIndex) -> Vec<&'a KnownSlot> {
    let seen = local.index().seen();
    let contents =
        |slot: &'a KnownSlot| slot.versions.first().and_then(|(_, contents)| contents.as_ref().ok());
    let news: Vec<_> =
        known.iter().filter(|slot| contents(slot).is_none_or(|found| !seen.includes(&found.seen))).collect();
    let is_covered = |at: usize, slot: &'a KnownSlot| {
        let Some(found) = contents(slot) else { return false };
        news.iter().enumerate().any(|(other_at, other)| {
            // Of several that have seen the same the first is read.
            contents(other).is_some_and(|other| {
                other.seen.includes(&found.seen) && (!found.seen.includes(&other.seen) || other_at < at)
            })
        })
    };
    news.iter().enumerate().filter(|(at, slot)| !is_covered(*at, slot)).map(|(_, slot)| *slot).collect()
}

/// The newest version in a slot that can be read, and a complaint when that is not the newest there is.
async fn newest_readable(
    client: &Client,
    account: &Account,
    local: &LocalIndex,
    slot: &KnownSlot,
) -> Result<(Option<AccountIndex>, Option<Unreadable>), Unreadable> {
    let mut complaint: Option<Unreadable> = None;
    let unreadable = |reason| Unreadable { slot: slot.slot, reason };
    for (_, contents) in &slot.versions {
        let contents: &PointerContents = match contents {
            Ok(contents) => contents,
            Err(error) => {
                complaint.get_or_insert_with(|| unreadable(error.to_string()));
                continue;
            }
        };
        if local.index().seen().includes(&contents.seen) {
            return Ok((None, complaint));
        }
        match fetch_index(client, account, contents, |hash| local.knows_page(hash)).await {
            Ok(index) => return Ok((Some(index), complaint)),
            Err(error) => {
                complaint.get_or_insert_with(|| unreadable(error.to_string()));
            }
        }
    }
    Err(complaint.unwrap_or_else(|| unreadable("no version of it was found".to_owned())))
}

/// Merges an index; a file that would lose its name to a coincidence gets another one. What has become of one folder of records under two
/// names is to be brought together.
pub(crate) fn merge(local: &mut LocalIndex, other: AccountIndex) -> Result<(), LocalError> {
    let collisions = local.index().collisions(&other);
    local.merge(other);
    for Displaced { path, file } in collisions {
        // A path without room for a number gives way to one that says what the file is.
        let free = local.index().free_path(&path);
        let unnamed = || IndexPath::new(format!("unnamed/{}", file.object)).expect("an address is a name");
        let other = free.unwrap_or_else(|_| unnamed());
        let winner = local.index().file(&path);
        if file.is_folder_of_records() && winner.is_some_and(FileEntry::is_folder_of_records) {
            local.note_split(&Split { path, other: other.clone(), object: file.object })?;
        }
        local.write(vec![Change::File(other, file)])?;
    }
    Ok(())
}

/// The time on this device.
pub(crate) fn now() -> UnixSeconds {
    UnixSeconds::from(std::time::SystemTime::now())
}
