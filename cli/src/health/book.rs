//! What the account knows of its own health links: a file for each, beside its index.

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
        Ok(Self { folder: names::index_folder(globals)?.join("health-links") })
    }

    /// Keeps an entry durably.
    pub(crate) fn keep(&self, entry: &BookEntry) -> anyhow::Result<()> {
        let path = self.path(entry.id);
        std::fs::create_dir_all(&self.folder)
            .and_then(|()| folders::write_privately(&path, &serde_json::to_vec(entry).expect("it is JSON")))
            .and_then(|()| std::fs::File::open(&self.folder)?.sync_all())
            .with_context(|| format!("cannot keep what is known of the link in {}", path.display()))
    }

    /// The entry of a link, if the account made it on this machine and network.
    pub(crate) fn find(&self, id: LinkId) -> anyhow::Result<Option<BookEntry>> {
        let path = self.path(id);
        if path.exists() { read(&path).map(Some) } else { Ok(None) }
    }

    /// Forgets a link that never came to be.
    pub(crate) fn forget(&self, id: LinkId) -> anyhow::Result<()> {
        Ok(std::fs::remove_file(self.path(id))?)
    }

    /// All entries, oldest first.
    pub(crate) fn entries(&self) -> anyhow::Result<Vec<BookEntry>> {
        if !self.folder.exists() {
            return Ok(Vec::new());
        }
        let mut entries = Vec::new();
        for file in std::fs::read_dir(&self.folder)? {
            let path = file?.path();
            if path.extension().is_some_and(|ending| ending == "json") {
                entries.push(read(&path)?);
            }
        }
        entries.sort_by_key(|entry: &BookEntry| (entry.made, entry.id));
        Ok(entries)
    }

    fn path(&self, id: LinkId) -> PathBuf {
        self.folder.join(format!("{id}.json"))
    }
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
