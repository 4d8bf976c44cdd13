//! What is to be read in an emergency: a share that lies sealed at a gateway, whose link is granted to those who may break the glass.

use std::collections::BTreeMap;

use account::{Change, RecordFolder, put_small};
use anyhow::{Context as _, bail};
use chunker::{Coding, Padding, RequiredTags, Salt};
use client::{Client, Object, PutOptions};
use futures_util::TryStreamExt as _;
use proofs::Cid;
use protocol::{Signed, UnixSeconds};
use reqwest::Url;
use sharing::{
    AccountIndex, Attempts, FOLDER_TYPE, FileEntry, FileName, FolderFile, GRANT_SLOT, GrantKeys, GrantedFile,
    HeaderFields, Identity, IndexPath, KeyGiven, KeyGivenBy, LinkId, MediaType, SealedSource, Share,
    ShareContents, ShareKeys, ShareLink, SharedFile, SharedFolder,
};

use crate::arguments::Globals;
use crate::commands::share::Registering;
use crate::directory::Directory;
use crate::names::{Names, now};
use crate::shares::{self, KeptFile, KeptShare};
use crate::trail::TrailFile;
use crate::{media_type, packs};

/// The media type of the link of a share for emergencies.
pub(crate) const EMERGENCY_TYPE: &str = "application/vnd.headwater.emergency";
/// The folder of the index that has these links.
const FOLDER: &str = "emergency";
/// Longest link, in bytes.
const LINK_LEN_MAX: u64 = 2048;
/// Records of a folder that are sealed as one object, in bytes: they are in memory together.
const FOLDER_LEN_MAX: usize = 128 << 20;

/// What is to be sealed, where, and for whom.
#[derive(Debug)]
pub(crate) struct Sealing<'a> {
    pub(crate) client: &'a Client,
    pub(crate) coding: Coding,
    pub(crate) globals: &'a Globals,
    pub(crate) gateway: &'a Url,
    /// The gateway's upload token.
    pub(crate) token: Option<&'a str>,
    /// The grant by which they have the link.
    pub(crate) grant: LinkId,
    pub(crate) to: &'a [Identity],
    /// How the owner calls them.
    pub(crate) directory: &'a Directory,
}

impl Sealing<'_> {
    /// Seals files of the account for emergencies, or records of its folders. Gives the name under which the index has the link, which is
    /// what is granted, and what lies behind it.
    pub(crate) async fn seal(
        &self,
        names: &mut Names,
        paths: &[IndexPath],
        expires: impl FnOnce(UnixSeconds) -> UnixSeconds,
    ) -> anyhow::Result<(IndexPath, Vec<SealedSource>)> {
        let Self { client, globals, gateway, token, .. } = *self;
        let to = self.to.iter().map(Identity::signs);
        let given = KeyGiven::new(now(), KeyGivenBy::Emergency, self.grant, to)?;
        names.will_be_given(paths, &given)?;
        let (files, sealed, until) = self.files(names, paths).await?;
        let expires = expires(until);
        let id = LinkId::from_bytes(rand::random());
        let account = names.account.secret();
        let origin = gateway.origin().ascii_serialization();
        let link = ShareLink::new(&origin, id, shares::secret(account, id), false)?;
        let kept = KeptShare {
            expires: Some(expires.get()),
            label: Some("for emergencies".to_owned()),
            holders: self.holders(names),
            known_as: self.known_as(),
            grant: Some(self.grant.to_string()),
            ..KeptShare::new(id, origin, now(), files.iter().map(KeptFile::from))
        };
        let contents = ShareContents::new(files, now(), None)?;
        let keys = ShareKeys::derive(id, link.secret(), None);
        let share = Share::new(&keys, &contents, Attempts::NONE, Some(expires))?.for_emergencies();
        let record = Signed::sign(&shares::share_key(account, id), &client.network(), share);
        let mut trail = TrailFile::open(globals, account, client.network())?;
        Registering { globals, gateway, token }.register(&record, &kept, &mut trail).await?;
        let text = link.to_string();
        let object = put_small(client, &names.account, text.as_bytes(), self.coding, expires).await;
        let object = object.context("cannot store the link of the share")?;
        let media_type = MediaType::new(EMERGENCY_TYPE).ok();
        let link = Made { object, len: text.len() as u64, media_type, until: expires, erasable: None };
        let path = enter(names, link, &called(paths))?;
        Ok((path, sealed))
    }

    fn known_as(&self) -> BTreeMap<String, String> {
        let known = |to: &Identity| (to.signs().to_string(), self.directory.called(to.signs()));
        self.to.iter().map(known).collect()
    }

    /// By what each of them shows that it was granted to them.
    fn holders(&self, names: &Names) -> BTreeMap<String, String> {
        let keys = GrantKeys::derive(names.account.secret(), self.grant);
        let of = |to: &Identity| {
            let holder = keys.holder().of_recipient(GRANT_SLOT, to.signs()).key().public();
            (holder.to_string(), to.signs().to_string())
        };
        self.to.iter().map(of).collect()
    }

    /// The files as a gateway serves them, of what they are, and when the first of them ends. Of a folder of records a copy is made: a
    /// gateway cannot look into one.
    async fn files(
        &self,
        names: &mut Names,
        paths: &[IndexPath],
    ) -> anyhow::Result<(Vec<SharedFile>, Vec<SealedSource>, UnixSeconds)> {
        let (mut files, mut sealed, mut until) = (Vec::new(), Vec::new(), UnixSeconds::new(u64::MAX));
        for path in paths {
            let (source, inside) = source(names.local.index(), path);
            let from = names.file(&source)?;
            let (is_folder, from) = (packs::is_folder(from), from.object);
            let (file, end) = if is_folder {
                self.copy(names, &source, inside.as_ref(), path).await?
            } else {
                self.file(names, path).await?
            };
            sealed.push(SealedSource { from, name: path.clone(), object: file.object });
            files.push(file);
            until = until.min(end);
        }
        Ok((files, sealed, until))
    }

    async fn file(&self, names: &Names, path: &IndexPath) -> anyhow::Result<(SharedFile, UnixSeconds)> {
        let (mut files, until) = super::files(self.client, names, std::slice::from_ref(path)).await?;
        let GrantedFile { key, len, name, object, media_type } = files.remove(0);
        Ok((SharedFile { key, len, name, object, media_type }, until))
    }

    /// Puts the records of a folder, or those that lie in `inside`, as one object that a reader unpacks.
    async fn copy(
        &self,
        names: &mut Names,
        folder: &IndexPath,
        inside: Option<&IndexPath>,
        path: &IndexPath,
    ) -> anyhow::Result<(SharedFile, UnixSeconds)> {
        let (until, is_erasable) = (names.file(folder)?.until, names.file(folder)?.erasable.is_some());
        let opened = packs::open(self.client, &names.link(self.client, folder).await?).await?;
        let copied = copy_of(&opened, inside).await.with_context(|| format!("cannot copy {path}"))?;
        let (bytes, media_type) = copied;
        let name = FileName::new(path.file_name()).expect("a part of a path is a name");
        // A copy of what is erasable is no less so.
        let secrets = packs::secrets(names, is_erasable)?;
        let erasable = is_erasable.then_some(secrets.salt);
        let options = PutOptions {
            coding: self.coding,
            padding: Padding::Padme,
            name: Some(name.to_string()),
            media_type: media_type.as_ref().map(ToString::to_string),
            expires: until,
            required: RequiredTags::default(),
            secrets,
        };
        let report = self.client.put(bytes.as_slice(), options, |_| {}).await?;
        let copy =
            Made { object: report.cid, len: report.size, media_type: media_type.clone(), until, erasable };
        enter(names, copy, &format!("copy of {name}"))?;
        let key = report.link.key().clone();
        Ok((SharedFile { key, len: report.size, name, object: report.cid, media_type }, until))
    }
}

/// The file of the index in which this path lies: that file, or a folder of records and the path in it.
fn source(index: &AccountIndex, path: &IndexPath) -> (IndexPath, Option<IndexPath>) {
    match packs::above(index, path) {
        Some((folder, inside)) if index.file(path).is_none() => (folder, Some(inside)),
        _ => (path.clone(), None),
    }
}

/// Whether the index has what this path names, as far as it can tell.
pub(crate) fn is_sealable(index: &AccountIndex, path: &IndexPath) -> bool {
    index.file(&source(index, path).0).is_some()
}

/// What has changed, or is gone, since it was sealed.
pub(crate) fn changed(names: &Names, sealed: &[SealedSource]) -> Vec<String> {
    let index = names.local.index();
    let is_other = |one: &&SealedSource| {
        index.file(&source(index, &one.name).0).is_none_or(|file| file.object != one.from)
    };
    sealed.iter().filter(is_other).map(|one| one.name.to_string()).collect()
}

/// A record as it is; or the records of a folder one after another, behind the list of them.
async fn copy_of(
    folder: &RecordFolder,
    inside: Option<&IndexPath>,
) -> anyhow::Result<(Vec<u8>, Option<MediaType>)> {
    let (mut records, mut len) = (BTreeMap::new(), 0);
    // From the oldest to the newest: a later record takes the place of an earlier one.
    for pack in 0..folder.catalogue().packs().len() {
        let is_in = |name: &IndexPath| inside.is_none_or(|at| at == name || at.within(name).is_some());
        let entries = folder.entries(pack).await?.into_iter().filter(|(name, _)| is_in(name)).collect();
        let mut read = std::pin::pin!(folder.records(pack, entries).await?);
        while let Some((name, record)) = read.try_next().await? {
            len += record.len();
            if len > FOLDER_LEN_MAX {
                bail!("more than {FOLDER_LEN_MAX} bytes of records: name folders or records of it");
            }
            records.insert(name, record);
        }
    }
    if let (Some(inside), true) = (inside, records.is_empty()) {
        bail!("there is no record {inside} in it");
    }
    let type_of =
        |name: &IndexPath| media_type::of_name(name.file_name()).and_then(|text| MediaType::new(text).ok());
    if let Some(inside) = inside
        && let Some(record) = records.remove(inside)
    {
        return Ok((record, type_of(inside)));
    }
    let listed = records.iter().map(|(name, record)| FolderFile {
        len: record.len() as u64,
        name: name.clone(),
        media_type: type_of(name),
    });
    let list = SharedFolder::new(listed.collect())?;
    let mut bytes = list.head();
    for file in list.files() {
        bytes.extend_from_slice(&records[&file.name]);
    }
    Ok((bytes, MediaType::new(FOLDER_TYPE).ok()))
}

/// The link in an object that was granted for emergencies.
pub(crate) async fn link_in(object: &Object) -> anyhow::Result<String> {
    if object.len() > LINK_LEN_MAX {
        bail!("what was granted is no link of a share for emergencies");
    }
    let bytes: Vec<_> = object.read(0..object.len()).try_collect().await?;
    String::from_utf8(bytes.concat()).context("what was granted is no link of a share for emergencies")
}

/// Whether a file of a grant is the link of a share for emergencies.
pub(crate) fn is_link(file: &GrantedFile) -> bool {
    file.media_type.as_ref().is_some_and(|kind| kind.as_str() == EMERGENCY_TYPE)
}

/// What several files are called together.
pub(crate) fn called(paths: &[IndexPath]) -> String {
    let first = paths.first().map_or("nothing", IndexPath::file_name);
    match paths.len() {
        0 | 1 => first.to_owned(),
        count => format!("{first} and {} more", count - 1),
    }
}

/// An object that was made for an emergency.
struct Made {
    object: Cid,
    /// In bytes.
    len: u64,
    media_type: Option<MediaType>,
    until: UnixSeconds,
    /// The salt of its key, where nothing brings that back.
    erasable: Option<Salt>,
}

/// Enters it into the index, under the name of what is sealed.
fn enter(names: &mut Names, made: Made, called: &str) -> anyhow::Result<IndexPath> {
    let Made { object, len, media_type, until, erasable } = made;
    let file = FileEntry {
        object,
        len,
        media_type,
        created: now(),
        modified: now(),
        until,
        erasable,
        headers: HeaderFields::default(),
    };
    let path = IndexPath::new(format!("{FOLDER}/{called}")).context("it has too long a name")?;
    let path = names.local.index().free_path(&path)?;
    names.enter(vec![Change::File(path.clone(), file)])?;
    Ok(path)
}
