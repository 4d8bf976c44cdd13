//! Folders of records that two devices have changed at the same time: what both have made of one, under its name.

use std::collections::HashSet;

use account::{Change, Split};
use anyhow::Context as _;
use client::Client;
use proofs::Cid;
use sharing::{AccountIndex, Catalogue, EntryName, FileEntry, Hold, IndexPath, MergeError, PackRef};

use super::change::{Folder, as_put, is_gone, names_in};
use crate::names::{Names, now};
use crate::{failure, holds};

/// Why two folders stay two, however often they are looked at, until one of them changes.
#[derive(Debug, thiserror::Error)]
enum Apart {
    /// They have a name and its number by their owner's wish.
    #[error("they have nothing in common")]
    Strangers,
    #[error("one of them is erasable and the other is not")]
    Erasable,
    #[error(transparent)]
    Merge(#[from] MergeError),
}

/// Brings together what can be, and says what cannot; nothing is lost either way. Whether the index has changed, which is not pushed.
pub(crate) async fn reunite(client: &Client, names: &mut Names) -> anyhow::Result<bool> {
    let mut has_changed = false;
    let noted = names.local.splits()?;
    for split in noted.iter().cloned().chain(unnoted(names.local.index(), &noted)) {
        let Split { path, other, .. } = &split;
        match bring_together(client, names, &split, noted.contains(&split)).await {
            Ok(changed) => has_changed |= changed,
            Err(error) => {
                let why = failure::one_line(&error);
                match error.downcast_ref::<Apart>() {
                    Some(Apart::Strangers) => {}
                    Some(_) => {
                        names.note(format_args!("{path} and {other} were one folder, and stay two: {why}"));
                    }
                    // Nothing shows yet that they were one.
                    None if !noted.contains(&split) => continue,
                    None => {
                        names.note(format_args!(
                            "two of your devices changed {path} at the same time; what one of them wrote is {other} until a later \
                             command brings both together: {why}"
                        ));
                        continue;
                    }
                }
            }
        }
        names.local.forget_split(&split)?;
    }
    Ok(has_changed)
}

/// Folders with a number, as one gets that has lost its name, beside one that has the name; but for those that are noted.
fn unnoted(index: &AccountIndex, noted: &[Split]) -> Vec<Split> {
    let folders = index.files().filter(|(_, file)| super::is_folder(file));
    let beside = folders.filter_map(|(other, file)| {
        let path = unnumbered(other).find(|path| index.file(path).is_some_and(super::is_folder))?;
        Some(Split { path, other: other.clone(), object: file.object })
    });
    beside.filter(|split| noted.iter().all(|known| known.other != split.other)).collect()
}

/// The names that a path may have had before it got a number, and another one.
fn unnumbered(path: &IndexPath) -> impl Iterator<Item = IndexPath> {
    std::iter::successors(path.unnumbered(), IndexPath::unnumbered)
}

/// The name of a folder now: one that has a number in its name may have been brought together with the one that has none.
async fn standing(client: &Client, names: &Names, split: &Split) -> Option<IndexPath> {
    for path in std::iter::once(split.path.clone()).chain(unnumbered(&split.path)) {
        let file = names.local.index().file(&path).filter(|file| super::is_folder(file));
        if let Some(file) = file
            && path != split.other
            && !is_gone(client, file.object).await
        {
            return Some(path);
        }
    }
    None
}

/// Two folders of which one may be what has become of the other on another device.
struct Two {
    winner: Folder,
    loser: Folder,
    /// What the index has under their names.
    files: [FileEntry; 2],
}

/// Whether the index has changed. `is_noted`: this device has seen how one of them lost its name.
async fn bring_together(
    client: &Client,
    names: &mut Names,
    split: &Split,
    is_noted: bool,
) -> anyhow::Result<bool> {
    let Split { path: lost_name, other, object } = split;
    let Some(lost) = names.local.index().file(other).filter(|file| super::is_folder(file)).cloned() else {
        return Ok(false);
    };
    let is_noted = is_noted && lost.object == *object;
    if is_gone(client, lost.object).await {
        if is_noted {
            // Another device has brought them together, and released it.
            names.enter(vec![Change::Joined(other.clone(), now())])?;
        }
        return Ok(is_noted);
    }
    let Some(path) = standing(client, names, split).await else { return Ok(false) };
    let objects = [names.file(&path)?.object, lost.object];
    if names.local.are_apart(other, objects)? {
        return Ok(false);
    }
    let two = Two::open(client, names, &path, other).await?;
    // Under one name two devices may have made what has nothing in common; under another one it is somebody else's.
    match two.merged(is_noted && path == *lost_name) {
        Ok(merged) => two.join(client, names, merged).await.map(|()| true),
        Err(apart) => {
            names.local.note_apart(other, objects)?;
            Err(apart.into())
        }
    }
}

impl Two {
    async fn open(
        client: &Client,
        names: &Names,
        path: &IndexPath,
        other: &IndexPath,
    ) -> anyhow::Result<Self> {
        let (winner, _) = Folder::open(client, names, path).await?;
        let (loser, _) = Folder::open(client, names, other).await?;
        let file = |folder: &Folder| folder.file.clone().context("it was found by its name");
        let files = [file(&winner)?, file(&loser)?];
        Ok(Self { winner, loser, files })
    }

    fn merged(&self, are_one: bool) -> Result<Catalogue, Apart> {
        let Self { winner, loser, files: [file, lost] } = self;
        if !are_one && !winner.before.is_kin(&loser.before) {
            return Err(Apart::Strangers);
        }
        // The keys of packs of one would stand where those of the other do.
        if file.erasable.is_some() != lost.erasable.is_some() {
            return Err(Apart::Erasable);
        }
        Ok(winner.before.merge(&loser.before)?)
    }

    /// Has the winner all of it, and takes the name of the loser away.
    async fn join(self, client: &Client, names: &mut Names, merged: Catalogue) -> anyhow::Result<()> {
        let taken = self.taken(client, names, &merged).await?;
        let Self { winner: mut folder, loser, files: [file, lost] } = self;
        folder.takes(&taken);
        folder.check(names.local.index())?;
        let under_other = taken.iter().filter_map(|record| loser.path.join(record.as_str()).ok());
        holds::check(names.local.index(), &under_other.collect::<Vec<_>>())?;
        let kept: HashSet<Cid> = merged.packs().iter().map(PackRef::object).collect();
        let all = folder.packs.iter().chain(&loser.packs).map(PackRef::object);
        // Written down before the index changes, should this be interrupted then.
        names.local.release_packs_later(all.filter(|pack| !kept.contains(pack)), now())?;
        // To whom the key of the loser was given goes where its records do, before its name goes.
        if let (Some(from), Some(to)) = (&lost.erasable, &file.erasable) {
            names.keys.take_over(from, to)?;
        }
        names.will_be_replaced(&lost)?;
        let mut along = moved_holds(names.local.index(), &loser.path, &folder.path);
        along.push(Change::Joined(loser.path, now()));
        if merged.packs() == folder.before.packs() {
            names.enter(along)?;
        } else {
            folder.packs = merged.packs().to_vec();
            (folder.before, folder.along) = (merged, along);
            let account = names.account.clone();
            let put = as_put(client, &account, file.object, file.until).await?;
            folder.place(&put, names, file.erasable.is_some(), Vec::new()).await?;
            names.replaced(&file)?;
        }
        names.replaced(&lost)
    }

    /// The records that are in one of them and not in both together, or hidden there behind others of their names. Where nothing is held,
    /// nothing is read.
    async fn taken(
        &self,
        client: &Client,
        names: &Names,
        merged: &Catalogue,
    ) -> anyhow::Result<HashSet<IndexPath>> {
        let Self { winner, loser, .. } = self;
        let index = names.local.index();
        let moved = moved_holds(index, &loser.path, &winner.path);
        if moved.is_empty() && index.hold_over(&winner.path, now()).is_none() {
            return Ok(HashSet::new());
        }
        let has = |packs: &[PackRef], pack: &PackRef| packs.iter().any(|one| one.object() == pack.object());
        let chosen = |packs: &[PackRef], wanted: &dyn Fn(&PackRef) -> bool| -> Vec<PackRef> {
            packs.iter().filter(|pack| wanted(pack)).cloned().collect()
        };
        let all = [winner.packs.as_slice(), &loser.packs].concat();
        let gone = chosen(&all, &|pack| !has(merged.packs(), pack));
        let mut taken = names_in(client, &gone).await?;
        for name in names_in(client, merged.packs()).await? {
            taken.remove(&name);
        }
        for (one, two) in [(&winner.packs, &loser.packs), (&loser.packs, &winner.packs)] {
            let own = chosen(one, &|pack| !has(two, pack) && has(merged.packs(), pack));
            let others = chosen(two, &|pack| has(merged.packs(), pack));
            let hidden = names_in(client, &others).await?;
            taken.extend(names_in(client, &own).await?.intersection(&hidden).cloned());
        }
        Ok(taken)
    }
}

/// What is held under a name that goes is held under the one that stays.
fn moved_holds(index: &AccountIndex, from: &IndexPath, to: &IndexPath) -> Vec<Change> {
    let on = |path: &IndexPath| index.holds().find(|(held, _)| *held == path).map(|(_, hold)| hold);
    let moved = index.holds().filter_map(|(held, hold)| {
        let path = match from.within(held) {
            Some(inside) => to.join(inside).ok()?,
            None if held == from => to.clone(),
            None => return None,
        };
        let hold = on(&path).map_or_else(|| hold.clone(), |known: &Hold| known.and(hold));
        Some([Change::Hold(path, hold), Change::Gone(EntryName::Hold(held.clone()), now())])
    });
    moved.flatten().collect()
}

#[cfg(test)]
mod tests {
    use account::LocalIndex;
    use protocol::UnixSeconds;
    use sharing::{CATALOGUE_TYPE, HeaderFields, MediaType, TrailText};

    use super::*;

    fn path(text: &str) -> IndexPath {
        IndexPath::new(text).unwrap()
    }

    /// An index of folders of records and of files with these names.
    fn index(folder: &tempfile::TempDir, names: &[&str]) -> LocalIndex {
        let mut local = LocalIndex::open(folder.path()).unwrap();
        for name in names {
            let at = UnixSeconds::new(1);
            let file = FileEntry {
                object: Cid::of(name.as_bytes()),
                len: 1,
                media_type: (!name.contains(".json")).then(|| MediaType::new(CATALOGUE_TYPE).unwrap()),
                created: at,
                modified: at,
                until: at,
                erasable: None,
                headers: HeaderFields::default(),
            };
            local.write(vec![Change::File(path(name), file)]).unwrap();
        }
        local
    }

    #[test]
    fn only_folders_with_a_number_beside_the_one_without_it_are_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        let all = [
            "a.json",
            "a (2).json",
            "old (2)",
            "study",
            "study (2)",
            "study (2) (3)",
            "study (old)",
            "study (x) (2)",
        ];
        let local = index(&folder, &all);
        let found: Vec<_> =
            unnoted(local.index(), &[]).into_iter().map(|split| (split.path, split.other)).collect();
        assert_eq!(found, [(path("study"), path("study (2)")), (path("study (2)"), path("study (2) (3)"))]);
        let noted = Split { path: path("study"), other: path("study (2)"), object: Cid::of(b"another") };
        let left = unnoted(local.index(), &[noted]);
        assert_eq!(left.len(), 1, "what is noted is not found again");
    }

    #[test]
    fn holds_go_on_under_the_name_that_stays() {
        let folder = tempfile::tempdir().unwrap();
        let mut local = index(&folder, &["study", "study (2)"]);
        let hold = |until, legal: &str| {
            Hold::new(UnixSeconds::new(1), Some(UnixSeconds::new(until)), TrailText::new(legal).ok()).unwrap()
        };
        let far = u64::from(u32::MAX);
        let entries = [
            ("study (2)", hold(far, "one")),
            ("study (2)/a", hold(far, "two")),
            ("study/a", hold(far + 1, "three")),
            ("study (20)", hold(far, "another")),
        ];
        local.write(entries.map(|(name, hold)| Change::Hold(path(name), hold)).to_vec()).unwrap();
        let changes = moved_holds(local.index(), &path("study (2)"), &path("study"));
        local.write(changes).unwrap();
        let left: Vec<_> = local
            .index()
            .holds()
            .map(|(path, hold)| {
                (
                    path.as_str().to_owned(),
                    hold.until().unwrap().get(),
                    hold.legal().unwrap().as_str().to_owned(),
                )
            })
            .collect();
        let expected =
            [("study", far, "one"), ("study (20)", far, "another"), ("study/a", far + 1, "three; two")];
        assert_eq!(left, expected.map(|(name, until, legal)| (name.to_owned(), until, legal.to_owned())));
    }
}
