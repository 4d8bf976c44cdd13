//! Groups that the account keeps: a ward, a study. Each is a small file of its index below /groups, one identity in each line.

use std::collections::BTreeMap;

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

/// A group: each identity as its text, and what its owner calls it.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) members: BTreeMap<String, String>,
}

impl Group {
    /// The group with this name; none when the account has none.
    pub(crate) async fn find(client: &Client, names: &Names, name: &str) -> anyhow::Result<Option<Self>> {
        let path = path_of(name)?;
        let Some(file) = names.local.index().file(&path) else { return Ok(None) };
        if !is_group(file) || file.len > GROUP_LEN_MAX {
            bail!("{path} is a file of yours, and no group");
        }
        let object = client.open(&names.link(client, &path).await?).await?;
        let bytes: Vec<_> = object.read(0..object.len()).try_collect().await?;
        let text = String::from_utf8(bytes.concat()).with_context(|| format!("{path} is no text"))?;
        Self::parse(&text).with_context(|| format!("{path} is damaged")).map(Some)
    }

    /// The names of all groups.
    pub(crate) fn names(names: &Names) -> Vec<String> {
        let folder = IndexPath::new(FOLDER).expect("a constant");
        let files = names.local.index().files_in(&folder).filter(|(_, file)| is_group(file));
        files.filter_map(|(path, _)| Some(folder.within(path)?.to_owned())).collect()
    }

    /// The identities of its members.
    pub(crate) fn identities(&self) -> anyhow::Result<Vec<Identity>> {
        self.members.keys().map(|text| grants::parse(text)).collect()
    }

    /// Writes it under this name, in the place of what has it; a group without members is removed.
    pub(crate) async fn keep(
        &self,
        client: &Client,
        names: &mut Names,
        coding: Coding,
        name: &str,
    ) -> anyhow::Result<bool> {
        let path = path_of(name)?;
        holds::check_replaced(names.local.index(), &path)?;
        let old = names.local.index().file(&path).cloned();
        let change = if self.members.is_empty() {
            Change::Gone(EntryName::File(path), now())
        } else {
            Change::File(path, self.put(client, names, coding, old.as_ref()).await?)
        };
        names.enter(vec![change])?;
        if let Some(old) = &old {
            names.replaced(old)?;
        }
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
        let members = text.lines().filter(|line| !line.trim().is_empty()).map(|line| {
            let (identity, label) = line.split_once('#').unwrap_or((line, ""));
            grants::parse(identity.trim())?;
            Ok((identity.trim().to_owned(), label.trim().to_owned()))
        });
        Ok(Self { members: members.collect::<anyhow::Result<_>>()? })
    }

    fn text(&self) -> String {
        let line = |(identity, label): (&String, &String)| match label.as_str() {
            "" => format!("{identity}\n"),
            label => format!("{identity} # {label}\n"),
        };
        self.members.iter().map(line).collect()
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
    path.map_err(|error| Usage::because(format!("{name:?} cannot be the name of a group: {error}")))
}

fn is_group(file: &FileEntry) -> bool {
    file.media_type.as_ref().is_some_and(|kind| kind.as_str() == GROUP_TYPE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_reads_what_it_writes() {
        let secret = chunker::AccountSecret::from_bytes([1; 32]);
        let one = sharing::OwnIdentity::of(&secret).public().to_string();
        let members = BTreeMap::from([(one.clone(), "Dr. Ng".to_owned())]);
        let group = Group { members };
        assert_eq!(group.text(), format!("{one} # Dr. Ng\n"));
        assert_eq!(Group::parse(&group.text()).unwrap(), group);
        assert!(Group::parse("headwater-id:short\n").is_err());
    }
}
