//! The list of streams: a file for each. No secret lies here: keys follow from the account secret and the id of the stream.

use std::fs::{self, File, TryLockError};
use std::path::PathBuf;

use anyhow::{Context, bail};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use sharing::{IndexPath, LinkId};

use crate::arguments::Globals;
use crate::{folders, names};

/// Bytes of a stream's id in the name of its folder: with it the longest name of a record still makes a path.
const TAG_LEN: usize = 3;

/// The streams of the account on one network, on this machine.
#[derive(Debug)]
pub(crate) struct KeptStreams {
    folder: PathBuf,
}

/// What is known of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeptStream {
    pub(crate) id: String,
    /// The folder of records.
    pub(crate) name: String,
    /// The origin of the gateway.
    pub(crate) gateway: String,
    /// Unix time in seconds, like all times here.
    pub(crate) made: u64,
    pub(crate) ended: Option<u64>,
    /// The number of the last batch that is in the folder of records; 0 for none.
    pub(crate) pulled: u64,
}

impl KeptStreams {
    pub(crate) fn open(globals: &Globals) -> anyhow::Result<Self> {
        Ok(Self { folder: names::index_folder(globals)?.join("streams") })
    }

    /// Writes a stream down, durably, in place of what is known of it.
    pub(crate) fn keep(&self, stream: &KeptStream) -> anyhow::Result<()> {
        let path = self.path(&stream.id, "json");
        fs::create_dir_all(&self.folder)
            .and_then(|()| folders::write_privately(&path, &serde_json::to_vec_pretty(stream)?))
            .and_then(|()| File::open(&self.folder)?.sync_all())
            .with_context(|| format!("cannot write {}", path.display()))
    }

    /// Takes what another machine knows of a stream: what either of them has read or ended is.
    pub(crate) fn learn(&self, told: &KeptStream) -> anyhow::Result<()> {
        let known = self.all()?.into_iter().find(|stream| stream.id == told.id);
        let merged = match &known {
            Some(known) => known.merged(told),
            None => told.clone(),
        };
        if known.as_ref() == Some(&merged) { Ok(()) } else { self.keep(&merged) }
    }

    /// Forgets a stream that was never registered.
    pub(crate) fn forget(&self, stream: &KeptStream) -> anyhow::Result<()> {
        let path = self.path(&stream.id, "json");
        fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))
    }

    /// The newest stream of this name.
    pub(crate) fn named(&self, name: &IndexPath) -> anyhow::Result<KeptStream> {
        let found = self.all()?.into_iter().rev().find(|stream| stream.name == name.to_string());
        found.with_context(|| format!("this account has no stream {name}, as far as this machine knows"))
    }

    /// Where in its folder of records the records of a stream lie: none for the first of its name; each later one has a folder of its own,
    /// since numbers begin again.
    pub(crate) fn folder_of(&self, stream: &KeptStream) -> anyhow::Result<Option<String>> {
        let of_name = self.all()?.into_iter().find(|other| other.name == stream.name);
        let is_first = of_name.is_none_or(|first| first.id == stream.id);
        Ok(if is_first { None } else { Some(stream.tag()?) })
    }

    /// All of them, oldest first.
    pub(crate) fn all(&self) -> anyhow::Result<Vec<KeptStream>> {
        let mut streams = Vec::new();
        if !self.folder.exists() {
            return Ok(streams);
        }
        for file in fs::read_dir(&self.folder)? {
            let path = file?.path();
            if path.extension().is_some_and(|ending| ending == "json") {
                let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
                let stream = serde_json::from_slice(&bytes);
                streams.push(stream.with_context(|| format!("{} is damaged", path.display()))?);
            }
        }
        streams.sort_by(|a: &KeptStream, b| (a.made, &a.id).cmp(&(b.made, &b.id)));
        Ok(streams)
    }

    /// The turn to fetch what a stream has; held until it is dropped.
    pub(crate) fn turn(&self, stream: &KeptStream) -> anyhow::Result<File> {
        let path = self.path(&stream.id, "lock");
        let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => bail!("another command fetches {} now", stream.name),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }

    fn path(&self, id: &str, ending: &str) -> PathBuf {
        self.folder.join(format!("{id}.{ending}"))
    }
}

impl KeptStream {
    fn merged(&self, other: &Self) -> Self {
        let ended = self.ended.into_iter().chain(other.ended).min();
        Self { ended, pulled: self.pulled.max(other.pulled), ..self.clone() }
    }

    /// How its id begins, in hexadecimal.
    fn tag(&self) -> anyhow::Result<String> {
        Ok(HEXLOWER.encode(&self.id()?.as_bytes()[..TAG_LEN]))
    }

    pub(crate) fn id(&self) -> anyhow::Result<LinkId> {
        self.id.parse().context("the list of streams is damaged")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_machine_knows_is_added_and_takes_nothing_away() {
        let folder = tempfile::tempdir().unwrap();
        let known = KeptStreams { folder: folder.path().join("streams") };
        let id = LinkId::from_bytes([1; 32]).to_string();
        let (name, gateway) = ("/ward".to_owned(), "https://g.example".to_owned());
        let here = KeptStream { id, name, gateway, made: 5, ended: None, pulled: 7 };
        known.learn(&here).unwrap();
        known.learn(&KeptStream { ended: Some(9), pulled: 3, ..here.clone() }).unwrap();
        assert_eq!(known.all().unwrap(), [KeptStream { ended: Some(9), ..here.clone() }]);
        known.learn(&KeptStream { pulled: 8, ..here.clone() }).unwrap();
        let here = KeptStream { ended: Some(9), pulled: 8, ..here };
        assert_eq!(known.all().unwrap(), std::slice::from_ref(&here));
        // Who makes another one into the same folder begins to count again, and takes the place of nothing.
        let again = KeptStream { id: LinkId::from_bytes([2; 32]).to_string(), made: 10, ..here.clone() };
        let other =
            KeptStream { id: LinkId::from_bytes([3; 32]).to_string(), name: "/b".to_owned(), ..here.clone() };
        known.keep(&again).and_then(|()| known.keep(&other)).unwrap();
        assert_eq!(known.folder_of(&here).unwrap(), None);
        assert_eq!(known.folder_of(&again).unwrap().as_deref(), Some("020202"));
        assert_eq!(known.folder_of(&other).unwrap(), None);
    }
}
