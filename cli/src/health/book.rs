//! What the account knows of its own health links: a file for each, beside its index; those of its other devices in a folder of
//! their own, since only the device that made a link fetches what happens to it.

use std::path::{Path, PathBuf};

use anyhow::Context;
use proofs::Cid;
use protocol::{Sequence, UnixSeconds};
use reqwest::Url;
use serde::{Deserialize, Serialize};
use sharing::{HealthFlags, LinkId};

use crate::arguments::Globals;
use crate::{folders, names};

/// The folder of health links of the account on one network.
#[derive(Debug)]
pub(crate) struct Book {
    folder: PathBuf,
    /// Links that other devices have made.
    elsewhere: PathBuf,
}

/// A health link of the account. Keys follow from the account secret and the id.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BookEntry {
    #[serde(with = "as_text")]
    pub(crate) id: LinkId,
    #[serde(with = "as_text")]
    pub(crate) gateway: Url,
    pub(crate) seq: Sequence,
    pub(crate) flags: HealthFlags,
    pub(crate) attempts: u8,
    /// What a passcode is checked against, in hexadecimal.
    pub(crate) passcode: Option<String>,
    pub(crate) label: Option<String>,
    pub(crate) made: UnixSeconds,
    pub(crate) expires: Option<UnixSeconds>,
    /// When it was revoked.
    pub(crate) ended: Option<UnixSeconds>,
    /// The objects behind it, which end with it.
    #[serde(with = "as_texts")]
    pub(crate) objects: Vec<Cid>,
    /// What the files are, such as `Bundle` or `Immunization`.
    pub(crate) contents: Vec<String>,
    /// Whom the record is about, as the owner calls them.
    pub(crate) patient: Option<String>,
    /// Why it is shared: a code of HL7 for purposes of use.
    pub(crate) purpose: Option<String>,
}

impl Book {
    pub(crate) fn open(globals: &Globals) -> anyhow::Result<Self> {
        let index = names::index_folder(globals)?;
        Ok(Self { folder: index.join("health-links"), elsewhere: index.join("health-links-elsewhere") })
    }

    /// Keeps an entry durably, where it is kept already, or as one that this device has made.
    pub(crate) fn keep(&self, entry: &BookEntry) -> anyhow::Result<()> {
        let is_elsewhere = place(&self.elsewhere, entry.id).exists();
        keep_in(if is_elsewhere { &self.elsewhere } else { &self.folder }, entry)
    }

    /// Keeps what another device says of a link, when that is news.
    pub(super) fn learn(&self, entry: &BookEntry) -> anyhow::Result<()> {
        let is_own = place(&self.folder, entry.id).exists();
        let is_news = self.find(entry.id)?.is_none_or(|known| entry.is_after(&known));
        if is_news { keep_in(if is_own { &self.folder } else { &self.elsewhere }, entry) } else { Ok(()) }
    }
}

fn keep_in(folder: &Path, entry: &BookEntry) -> anyhow::Result<()> {
    let path = place(folder, entry.id);
    std::fs::create_dir_all(folder)
        .and_then(|()| folders::write_privately(&path, &serde_json::to_vec(entry).expect("it is JSON")))
        .and_then(|()| std::fs::File::open(folder)?.sync_all())
        .with_context(|| format!("cannot keep what is known of the link in {}", path.display()))
}

impl Book {
    /// The entry of a link, if the account made it on this network, and this machine knows of it.
    pub(crate) fn find(&self, id: LinkId) -> anyhow::Result<Option<BookEntry>> {
        let path = [&self.folder, &self.elsewhere].map(|folder| place(folder, id));
        path.iter().find(|path| path.exists()).map(|path| read(path)).transpose()
    }

    /// Forgets a link that never came to be.
    pub(crate) fn forget(&self, id: LinkId) -> anyhow::Result<()> {
        Ok(std::fs::remove_file(place(&self.folder, id))?)
    }

    /// All that this device has made, oldest first.
    pub(crate) fn entries(&self) -> anyhow::Result<Vec<BookEntry>> {
        entries_in(&self.folder)
    }

    /// All that this device knows of other devices, oldest first.
    pub(crate) fn entries_elsewhere(&self) -> anyhow::Result<Vec<BookEntry>> {
        entries_in(&self.elsewhere)
    }
}

impl BookEntry {
    /// Whether more has happened to the link than the other one knows.
    fn is_after(&self, known: &Self) -> bool {
        (self.seq, self.ended.is_some()) > (known.seq, known.ended.is_some())
    }
}

fn entries_in(folder: &Path) -> anyhow::Result<Vec<BookEntry>> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut entries = Vec::new();
    for file in std::fs::read_dir(folder)? {
        let path = file?.path();
        if path.extension().is_some_and(|ending| ending == "json") {
            entries.push(read(&path)?);
        }
    }
    entries.sort_by_key(|entry: &BookEntry| (entry.made, entry.id));
    Ok(entries)
}

fn place(folder: &Path, id: LinkId) -> PathBuf {
    folder.join(format!("{id}.json"))
}

fn read(path: &Path) -> anyhow::Result<BookEntry> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_slice(&bytes).with_context(|| format!("{} is damaged", path.display()))
}

mod as_text {
    //! Values as they are written for people.

    use std::fmt::Display;
    use std::str::FromStr;

    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<T: Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(super) fn deserialize<'de, T: FromStr<Err: Display>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<T, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

mod as_texts {
    //! Lists of values as they are written for people.

    use std::fmt::Display;
    use std::str::FromStr;

    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<T: Display, S: Serializer>(list: &[T], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(list.iter().map(ToString::to_string))
    }

    pub(super) fn deserialize<'de, T: FromStr<Err: Display>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<T>, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        texts.iter().map(|text| text.parse().map_err(D::Error::custom)).collect()
    }
}
