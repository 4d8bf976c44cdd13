//! Changing a folder of records: a new catalogue in the place of the old one, and the old objects released.

use std::collections::{BTreeMap, HashSet};

use account::{Account, Change, PackPut, Packed, RecordFolder, Released as Answer, release_now};
use anyhow::{Context, bail};
use chunker::Coding;
use client::{Client, NodeRelease, ObjectSecrets, PutReport};
use futures_util::TryStreamExt as _;
use proofs::Cid;
use protocol::{PublicKey, UnixSeconds};
use sharing::{CATALOGUE_TYPE, Catalogue, FileEntry, HeaderFields, IndexPath, MediaType, PackRef};

use crate::names::{Names, now};

/// How it begins what a node is said to have answered that has not done what it was asked for.
pub(crate) const NOT_CONFIRMED: &str = "not confirmed";

/// A folder of records under its name.
#[derive(Debug)]
pub(crate) struct Folder {
    pub(crate) path: IndexPath,
    /// What the index has under the name now; none when the folder is new.
    pub(crate) file: Option<FileEntry>,
    /// Its packs, from the oldest to the newest.
    pub(crate) packs: Vec<PackRef>,
}

/// What was written.
#[derive(Debug)]
pub(crate) struct Written {
    /// The catalogue.
    pub(crate) catalogue: PutReport,
    /// Whether the network's index knows of it already.
    pub(crate) pushed: bool,
}

/// What nodes said when objects were released.
#[derive(Debug, Default)]
pub(crate) struct Released {
    /// Leases that nodes say they ended.
    pub(crate) ended: usize,
    /// What each node said that had anything, or did not confirm.
    pub(crate) nodes: BTreeMap<PublicKey, String>,
    /// Why some nodes could not be asked yet.
    pub(crate) later: Option<String>,
}

impl Folder {
    /// The folder of records that has this name in the index.
    pub(crate) async fn open(
        client: &Client,
        names: &Names,
        path: &IndexPath,
    ) -> anyhow::Result<(Self, RecordFolder)> {
        let file = names.file(path)?.clone();
        if !super::is_folder(&file) {
            bail!("{path} is a file of yours, and no folder of records");
        }
        let opened = super::open(client, &names.link(client, path).await?).await?;
        let packs = opened.catalogue().packs().to_vec();
        Ok((Self { path: path.clone(), file: Some(file), packs }, opened))
    }

    /// Puts a catalogue of its packs, and enters it into the index in the place of the old one, which is released. Where that
    /// does not come to be, the `new` packs are.
    pub(crate) async fn write(
        self,
        put: &PackPut<'_>,
        names: &mut Names,
        index_coding: Coding,
        erasable: bool,
        new: Vec<Cid>,
    ) -> anyhow::Result<Written> {
        let catalogue = Catalogue::new(self.packs).context("too many packs: put the folder anew")?;
        let secrets = secrets(names, erasable)?;
        let salt = secrets.salt;
        let put_catalogue = put.put_catalogue(&catalogue, Some(self.path.file_name()), secrets).await;
        let report = match put_catalogue {
            Ok(report) => report,
            Err(error) => {
                if erasable {
                    names.keys.destroy(&salt)?;
                }
                release(put.client, names, new).await?;
                return Err(error.into());
            }
        };
        let file = FileEntry {
            object: report.cid,
            len: report.size,
            media_type: Some(MediaType::new(CATALOGUE_TYPE).expect("a constant")),
            created: self.file.as_ref().map_or_else(now, |file| file.created),
            modified: now(),
            until: catalogue.until().map_or(put.until, |until: UnixSeconds| until.min(put.until)),
            erasable: erasable.then_some(salt),
            headers: HeaderFields::default(),
        };
        names.local.write(vec![Change::File(self.path, file)]).context("cannot write to your index")?;
        if let Some(old) = &self.file {
            names.replaced(old)?;
        }
        let pushed = names.push(put.client, index_coding).await?;
        Ok(Written { catalogue: report, pushed })
    }
}

/// Writes every pack of a folder once more under new keys, and a catalogue of them in the place of the old one. Gives the new
/// catalogue, and what is to be released now: the old one, and its packs but for those that other folders have.
pub(crate) async fn put_again(
    client: &Client,
    names: &mut Names,
    index_coding: Coding,
    path: &IndexPath,
) -> anyhow::Result<(Cid, Vec<Cid>)> {
    let (mut folder, opened) = Folder::open(client, names, path).await?;
    let file = folder.file.clone().context("it was found by its name")?;
    let account = names.account.clone();
    let kept = packs_of_others(client, names, &[path]).await?;
    let mut packed = Packed::default();
    for (number, pack) in folder.packs.iter().enumerate() {
        let put = as_put(client, &account, pack.object(), pack.until()).await?;
        let records = opened.records(number, opened.entries(number).await?).await?.map_err(Into::into);
        if let Err(error) = put.put(records, &mut packed, |_| {}).await {
            release(client, names, packed.packs.iter().map(PackRef::object)).await?;
            return Err(error).context("cannot write its packs again");
        }
    }
    let new = packed.packs.iter().map(PackRef::object).collect();
    let replaced = std::mem::replace(&mut folder.packs, packed.packs);
    let mut old: Vec<_> = replaced.iter().map(PackRef::object).collect();
    old.retain(|object| !kept.contains(object));
    let put = as_put(client, &account, file.object, file.until).await?;
    let written = folder.write(&put, names, index_coding, file.erasable.is_some(), new).await?;
    if names.local.index().paths_of(file.object).next().is_none() {
        old.push(file.object);
    }
    Ok((written.catalogue.cid, old))
}

/// As an object of a folder was put, so is what takes its place.
pub(crate) async fn as_put<'a>(
    client: &'a Client,
    account: &'a Account,
    object: Cid,
    until: UnixSeconds,
) -> anyhow::Result<PackPut<'a>> {
    let manifest = client.manifest(&object).await?;
    let coding = manifest.geometry().coding();
    Ok(PackPut { client, account, coding, required: manifest.required().clone(), until })
}

/// The packs that other folders of records have: they stay whatever becomes of this one.
pub(crate) async fn packs_of_others(
    client: &Client,
    names: &Names,
    except: &[&IndexPath],
) -> anyhow::Result<HashSet<Cid>> {
    let others: Vec<_> = names
        .local
        .index()
        .files()
        .filter(|(path, file)| super::is_folder(file) && !except.contains(path))
        .map(|(path, _)| path.clone())
        .collect();
    let mut packs = HashSet::new();
    for path in others {
        let (folder, _) = Folder::open(client, names, &path)
            .await
            .with_context(|| format!("cannot see whether {path} has the same packs"))?;
        packs.extend(folder.packs.iter().map(PackRef::object));
    }
    Ok(packs)
}

/// Has the leases of objects ended, now as far as nodes answer, or by later commands.
pub(crate) async fn release(
    client: &Client,
    names: &Names,
    objects: impl IntoIterator<Item = Cid>,
) -> anyhow::Result<Released> {
    let objects: Vec<_> = objects.into_iter().collect();
    names.local.release_all_later(objects.iter().copied(), now())?;
    let mut said = Released::default();
    for object in objects {
        match release_now(client, &names.account, &names.local, object).await? {
            Answer::Asked(report) => {
                said.ended += report.ended();
                for (node, answer) in report.nodes {
                    said.enter(node, answer);
                }
            }
            Answer::Unknown => {}
            Answer::NotOurs => said.later = Some("another account put it".to_owned()),
            Answer::Later(error) => {
                said.later = Some(format!("it is tried again by later commands: {error}"));
            }
        }
    }
    Ok(said)
}

impl Released {
    fn enter(&mut self, node: PublicKey, answer: NodeRelease) {
        match answer {
            NodeRelease::HeldNothing => {}
            NodeRelease::Ended(_) => {
                self.nodes.entry(node).or_insert_with(|| "ended its leases".to_owned());
            }
            NodeRelease::Unconfirmed(reason) => {
                self.nodes.insert(node, format!("{NOT_CONFIRMED}: {reason}"));
            }
        }
    }
}

/// Keys of a new object. Those that nothing brings back are kept before they are used.
pub(crate) fn secrets(names: &Names, erasable: bool) -> anyhow::Result<ObjectSecrets> {
    if !erasable {
        return Ok(names.account.new_secrets());
    }
    let secrets = names.account.new_erasable_secrets();
    names.keys.keep(&secrets.salt, &secrets.content_key).context("cannot keep its key")?;
    Ok(secrets)
}
