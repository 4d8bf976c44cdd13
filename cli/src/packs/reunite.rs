//! Folders of records that two devices have changed at the same time: what both have made of one, under its name.

use std::collections::HashSet;

use account::{Change, Split};
use anyhow::Context as _;
use client::Client;
use proofs::Cid;
use sharing::{IndexPath, MergeError, PackRef};

use super::change::{Folder, as_put, is_gone};
use crate::failure;
use crate::names::{Names, now};

/// Brings together what can be, and says what cannot; nothing is lost either way. Whether the index has changed, which is not pushed.
pub(crate) async fn reunite(client: &Client, names: &mut Names) -> anyhow::Result<bool> {
    let mut has_changed = false;
    for split in names.local.splits()? {
        let Split { path, other, .. } = &split;
        match bring_together(client, names, &split).await {
            Ok(changed) => has_changed |= changed,
            Err(error) if error.is::<MergeError>() => {
                let why = failure::one_line(&error);
                names.note(format_args!("{path} and {other} were one folder, and stay two: {why}"));
            }
            Err(error) => {
                let why = failure::one_line(&error);
                names.note(format_args!(
                    "two of your devices changed {path} at the same time; what one of them wrote is {other} until a later command \
                     brings both together: {why}"
                ));
                continue;
            }
        }
        names.local.forget_split(&split)?;
    }
    Ok(has_changed)
}

/// The name of a folder now: one that has a number in its name may have been brought together with the one that has none.
async fn standing(client: &Client, names: &Names, path: &IndexPath) -> Option<IndexPath> {
    let mut path = path.clone();
    loop {
        let file = names.local.index().file(&path);
        if let Some(file) = file.filter(|file| super::is_folder(file))
            && !is_gone(client, file.object).await
        {
            return Some(path);
        }
        let (without, _) = path.as_str().rsplit_once(" (")?;
        path = IndexPath::new(without).ok()?;
    }
}

async fn bring_together(client: &Client, names: &mut Names, split: &Split) -> anyhow::Result<bool> {
    let Split { path, other, object } = split;
    if names.local.index().file(other).is_none_or(|file| file.object != *object) {
        return Ok(false);
    }
    if is_gone(client, *object).await {
        // Another device has brought them together, and released it.
        names.enter(vec![Change::Joined(other.clone(), now())])?;
        return Ok(true);
    }
    let Some(path) = standing(client, names, path).await else { return Ok(false) };
    let path = &path;
    let (mut folder, opened) = Folder::open(client, names, path).await?;
    let (loser, theirs) = Folder::open(client, names, other).await?;
    let file = folder.file.clone().context("it was found by its name")?;
    let lost = loser.file.context("it was found by its name")?;
    let merged = opened.catalogue().merge(theirs.catalogue())?;
    let kept: HashSet<Cid> = merged.packs().iter().map(PackRef::object).collect();
    let all = folder.packs.iter().chain(&loser.packs).map(PackRef::object);
    // Written down before the index changes, should this be interrupted then.
    names.local.release_packs_later(all.filter(|pack| !kept.contains(pack)), now())?;
    names.will_be_replaced(&lost)?;
    if merged.packs() == opened.catalogue().packs() {
        names.enter(vec![Change::Joined(other.clone(), now())])?;
    } else {
        folder.packs = merged.packs().to_vec();
        (folder.before, folder.joins) = (merged, Some(other.clone()));
        let account = names.account.clone();
        let put = as_put(client, &account, file.object, file.until).await?;
        folder.place(&put, names, file.erasable.is_some(), Vec::new()).await?;
    }
    names.replaced(&lost)?;
    Ok(true)
}
