//! Groups that the account keeps: a ward, a study. Each is a small file of its index below /groups, one identity in each line.

use std::collections::{BTreeMap, BTreeSet};

use account::{Change, put_small};
use anyhow::{Context as _, bail};
use chunker::Coding;
use client::Client;
use futures_util::TryStreamExt as _;
use sharing::{EntryName, FileEntry, HeaderFields, Identity, IndexPath, MediaType};

use crate::failure::Usage;
use crate::names::{Names, now};
use crate::{grants, holds};

/// The media type of a group.
const GROUP_TYPE: &str = "application/vnd.headwater.group";
/// The folder of the index that has them.
const FOLDER: &str = "groups";
/// Longest group, in bytes: more than a grant has room for.
const GROUP_LEN_MAX: u64 = 4 << 20;
/// Before the line of somebody who was removed.
const GONE: &str = "- ";

/// A group: each identity as its text, and what its owner calls it. What several devices have made of one at the same time is one group
/// again to whoever reads it: with all who are in any of them, but for those whom any of them has removed.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) members: BTreeMap<String, String>,
    /// How the identities begin of those who were removed.
    gone: BTreeSet<String>,
}

impl Group {
    /// The group with this name; none when the account has none, or nobody is in it.
    pub(crate) async fn find(client: &Client, names: &Names, name: &str) -> anyhow::Result<Option<Self>> {
        Ok(Self::read(client, names, name).await?.filter(|group| !group.members.is_empty()))
    }

    /// The same, with who was removed, where nobody is left too.
    pub(crate) async fn read(client: &Client, names: &Names, name: &str) -> anyhow::Result<Option<Self>> {
        let mut group: Option<Self> = None;
        for path in paths(names, &path_of(name)?) {
            let one = Self::at(client, names, &path).await?;
            group = Some(match group {
                Some(group) => group.merge(one),
                None => one,
            });
        }
        Ok(group)
    }

    async fn at(client: &Client, names: &Names, path: &IndexPath) -> anyhow::Result<Self> {
        let file = names.file(path)?;
        if !is_group(file) || file.len > GROUP_LEN_MAX {
            bail!("{path} is a file of yours, and no group");
        }
        let object = client.open(&names.link(client, path).await?).await?;
        let bytes: Vec<_> = object.read(0..object.len()).try_collect().await?;
        let text = String::from_utf8(bytes.concat()).with_context(|| format!("{path} is no text"))?;
        Self::parse(&text).with_context(|| format!("{path} is damaged"))
    }

    /// The names of all groups.
    pub(crate) fn names(names: &Names) -> BTreeSet<String> {
        let folder = IndexPath::new(FOLDER).expect("a constant");
        let files = names.local.index().files_in(&folder).filter(|(_, file)| is_group(file));
        let paths = files.map(|(path, _)| path.unnumbered().unwrap_or_else(|| path.clone()));
        paths.filter_map(|path| Some(folder.within(&path)?.to_owned())).collect()
    }

    /// The identities of its members.
    pub(crate) fn identities(&self) -> anyhow::Result<Vec<Identity>> {
        self.members.keys().map(|text| grants::parse(text)).collect()
    }

    /// Adds somebody, or calls them something else.
    pub(crate) fn add(&mut self, who: &Identity, label: &str) {
        let text = who.to_string();
        self.gone.retain(|gone| !text.starts_with(gone.as_str()));
        self.members.insert(text, label.to_owned());
    }

    /// Removes these, in whatever form they are in it; how many that were.
    pub(crate) fn remove(&mut self, who: &[Identity]) -> usize {
        let before = self.members.len();
        self.members.retain(|text, _| !grants::is_of(text, who));
        self.gone.extend(who.iter().map(|one| Identity::beginning(one.signs())));
        before - self.members.len()
    }

    fn merge(mut self, other: Self) -> Self {
        for (text, label) in other.members {
            let known = self.members.entry(text).or_default();
            if known.is_empty() {
                *known = label;
            }
        }
        self.gone.extend(other.gone);
        let Self { members, gone } = &mut self;
        members.retain(|text, _| !gone.iter().any(|gone| text.starts_with(gone.as_str())));
        self
    }

    /// Writes it under this name, in the place of all that devices have made of it.
    pub(crate) async fn keep(
        &self,
        client: &Client,
        names: &mut Names,
        coding: Coding,
        name: &str,
    ) -> anyhow::Result<bool> {
        let path = path_of(name)?;
        holds::check_replaced(names.local.index(), &path)?;
        let before = paths(names, &path);
        let old: Vec<_> = before.iter().filter_map(|path| names.local.index().file(path).cloned()).collect();
        let file = self.put(client, names, coding, old.first()).await?;
        let others = before.into_iter().filter(|other| *other != path);
        let mut changes: Vec<_> = others.map(|path| Change::Gone(EntryName::File(path), now())).collect();
        changes.push(Change::File(path, file));
        names.enter(changes)?;
        old.iter().try_for_each(|old| names.replaced(old))?;
        names.push(client, coding).await
    }

    async fn put(
        &self,
        client: &Client,
        names: &Names,
        coding: Coding,
        old: Option<&FileEntry>,
    ) -> anyhow::Result<FileEntry> {
        let text = self.text();
        if text.len() as u64 > GROUP_LEN_MAX {
            bail!("a group of {} bytes, at most {GROUP_LEN_MAX} are allowed", text.len());
        }
        let until = now().plus(account::INDEX_KEPT_S);
        let object = put_small(client, &names.account, text.as_bytes(), coding, until).await;
        Ok(FileEntry {
            object: object.context("cannot store the group")?,
            len: text.len() as u64,
            media_type: Some(MediaType::new(GROUP_TYPE).expect("a constant")),
            created: old.map_or_else(now, |old| old.created),
            modified: now(),
            until,
            erasable: None,
            headers: HeaderFields::default(),
        })
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let mut group = Self::default();
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            if let Some(gone) = line.strip_prefix(GONE) {
                group.gone.insert(gone.trim().to_owned());
                continue;
            }
            let (identity, label) = line.split_once('#').unwrap_or((line, ""));
            grants::parse(identity.trim())?;
            group.members.insert(identity.trim().to_owned(), label.trim().to_owned());
        }
        Ok(group)
    }

    fn text(&self) -> String {
        let line = |(identity, label): (&String, &String)| match label.as_str() {
            "" => format!("{identity}\n"),
            label => format!("{identity} # {label}\n"),
        };
        let gone = self.gone.iter().map(|begins| format!("{GONE}{begins}\n"));
        self.members.iter().map(line).chain(gone).collect()
    }
}

/// The identities that `--to` and `--from` mean: of a group of the account by @NAME, of the lines of a file by @FILE, or one in place.
pub(crate) async fn identities(
    client: &Client,
    names: &Names,
    arguments: &[String],
) -> anyhow::Result<Vec<Identity>> {
    let mut all = BTreeMap::new();
    for argument in arguments {
        let group = match argument.strip_prefix('@').filter(|name| path_of(name).is_ok()) {
            Some(name) => Group::find(client, names, name).await?,
            None => None,
        };
        let found = match group {
            Some(group) => group.identities()?,
            None => grants::recipients(argument)?,
        };
        all.extend(found.into_iter().map(|identity| (identity.to_string(), identity)));
    }
    Ok(all.into_values().collect())
}

fn path_of(name: &str) -> anyhow::Result<IndexPath> {
    let path = IndexPath::new(format!("{FOLDER}/{name}"));
    let path =
        path.map_err(|error| Usage::because(format!("{name:?} cannot be the name of a group: {error}")))?;
    match path.unnumbered() {
        None => Ok(path),
        Some(_) => Err(Usage::because(format!(
            "{name:?} cannot be the name of a group: with a number in brackets the index calls what another device has made of one"
        ))),
    }
}

/// The files of a group: one, or several where devices have changed it at the same time.
fn paths(names: &Names, path: &IndexPath) -> Vec<IndexPath> {
    let folder = IndexPath::new(FOLDER).expect("a constant");
    let index = names.local.index();
    let own = index.file(path).map(|_| path);
    let others = index.files_in(&folder).filter(|(_, file)| is_group(file)).map(|(path, _)| path);
    own.into_iter().chain(others.filter(|other| other.unnumbered().as_ref() == Some(path))).cloned().collect()
}

fn is_group(file: &FileEntry) -> bool {
    file.media_type.as_ref().is_some_and(|kind| kind.as_str() == GROUP_TYPE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(number: u8) -> Identity {
        let secret = chunker::AccountSecret::from_bytes([number; 32]);
        sharing::OwnIdentity::of(&secret).public().clone()
    }

    #[test]
    fn a_group_reads_what_it_writes() {
        let mut group = Group::default();
        group.add(&identity(1), "Dr. Ng");
        group.add(&identity(2), "");
        assert_eq!(group.remove(&[identity(2)]), 1);
        let gone = Identity::beginning(identity(2).signs());
        assert_eq!(group.text(), format!("{} # Dr. Ng\n- {gone}\n", identity(1)));
        assert_eq!(Group::parse(&group.text()).unwrap(), group);
        assert!(Group::parse("headwater-id:short\n").is_err());
    }

    #[test]
    fn who_is_added_on_one_device_is_in_a_group_and_who_is_removed_on_the_other_is_not() {
        let mut before = Group::default();
        before.add(&identity(1), "one");
        before.add(&identity(2), "two");
        let (mut here, mut there) = (before.clone(), before);
        here.add(&identity(3), "three");
        there.remove(&[identity(1)]);
        let both = here.clone().merge(there.clone());
        assert_eq!(both, there.clone().merge(here.clone()));
        let labels: Vec<_> = both.members.values().map(String::as_str).collect();
        assert_eq!(labels.iter().copied().collect::<BTreeSet<_>>(), BTreeSet::from(["two", "three"]));
        // Who is added again later is in it again.
        let mut later = both;
        later.add(&identity(1), "one");
        assert_eq!(later.members.len(), 3);
        assert_eq!(Group::parse(&later.text()).unwrap(), later);
    }

    #[test]
    fn no_group_is_called_as_what_another_device_has_made_of_one() {
        assert!(path_of("ward-3 (2)").is_err());
        assert!(path_of("ward-3 (old)").is_ok());
    }
}
