//! The records of a folder, by name.

use std::collections::BTreeMap;
use std::fmt;

use account::RecordFolder;
use anyhow::bail;
use serde::Serialize;
use sharing::IndexPath;

/// What is in a folder of records, or in one below it.
#[derive(Serialize)]
pub(super) struct Answer {
    records: Vec<RecordLine>,
    folders: Vec<FolderLine>,
    /// Objects that hold the records of the whole folder.
    packs: usize,
}

#[derive(Serialize)]
struct RecordLine {
    name: String,
    size: u32,
}

#[derive(Serialize)]
struct FolderLine {
    name: String,
    records: u64,
    size: u64,
}

impl Answer {
    /// Lists `inside` of the folder that is called `path`; with `recursive` all that is below too.
    pub(super) async fn read(
        folder: &RecordFolder,
        path: &IndexPath,
        inside: Option<&IndexPath>,
        recursive: bool,
    ) -> anyhow::Result<Self> {
        let packs = folder.catalogue().packs().len();
        let mut sizes = BTreeMap::new();
        for pack in 0..packs {
            for (name, place) in folder.entries(pack).await? {
                if inside.is_none_or(|inside| *inside == name || inside.within(&name).is_some()) {
                    sizes.insert(name, place.len);
                }
            }
        }
        if let Some(inside) = inside.filter(|_| sizes.is_empty()) {
            bail!("there is no record {inside} in {path}");
        }
        let mut answer = Self { records: Vec::new(), folders: Vec::new(), packs };
        let mut folders: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        for (name, size) in sizes {
            let below = inside.map_or(Some(name.as_str()), |inside| inside.within(&name));
            match below.and_then(|below| below.split_once('/')).filter(|_| !recursive) {
                Some((first, _)) => {
                    let (records, bytes) = folders.entry(first.to_owned()).or_default();
                    *records += 1;
                    *bytes += u64::from(size);
                }
                None => answer.records.push(RecordLine { name: format!("{path}{name}"), size }),
            }
        }
        let prefix = inside.map_or_else(|| format!("{path}/"), |inside| format!("{path}{inside}/"));
        let folders = folders.into_iter();
        answer.folders = folders
            .map(|(name, (records, size))| FolderLine { name: format!("{prefix}{name}/"), records, size })
            .collect();
        Ok(answer)
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for FolderLine { name, records, size } in &self.folders {
            writeln!(f, "{size:>14}  {records:>6} records     {name}")?;
        }
        for RecordLine { name, size } in &self.records {
            writeln!(f, "{size:>14}  {name}")?;
        }
        Ok(())
    }
}
