//! What is to be read in an emergency: a share that lies sealed at a gateway, whose link is granted to those who may break the glass.

use account::{Change, put_small};
use anyhow::{Context as _, bail};
use chunker::Coding;
use client::{Client, Object};
use futures_util::TryStreamExt as _;
use protocol::{Signed, UnixSeconds};
use reqwest::Url;
use sharing::{
    Attempts, FileEntry, GrantedFile, HeaderFields, IndexPath, LinkId, MediaType, Share, ShareContents,
    ShareKeys, ShareLink, SharedFile,
};

use crate::arguments::Globals;
use crate::commands::share::register;
use crate::names::{Names, now};
use crate::shares::{self, KeptFile, KeptShare};
use crate::trail::TrailFile;

/// The media type of the link of a share for emergencies.
pub(crate) const EMERGENCY_TYPE: &str = "application/vnd.headwater.emergency";
/// The folder of the index that has these links.
const FOLDER: &str = "emergency";
/// Longest link, in bytes.
const LINK_LEN_MAX: u64 = 2048;

/// Seals files of the account at a gateway for emergencies. Gives the name under which the index has the link: that is what is granted.
pub(crate) async fn seal(
    client: &Client,
    names: &mut Names,
    coding: Coding,
    globals: &Globals,
    gateway: &Url,
    files: &[GrantedFile],
    expires: UnixSeconds,
) -> anyhow::Result<IndexPath> {
    let id = LinkId::from_bytes(rand::random());
    let account = names.account.secret();
    let origin = gateway.origin().ascii_serialization();
    let link = ShareLink::new(&origin, id, shares::secret(account, id), false)?;
    let shared = files.iter().map(|file| SharedFile {
        key: file.key.clone(),
        len: file.len,
        name: file.name.clone(),
        object: file.object,
        media_type: file.media_type.clone(),
    });
    let contents = ShareContents::new(shared.collect(), now(), None)?;
    let keys = ShareKeys::derive(id, link.secret(), None);
    let share = Share::new(&keys, &contents, Attempts::NONE, Some(expires))?.for_emergencies();
    let record = Signed::sign(&shares::share_key(account, id), &client.network(), share);
    let kept = kept(id, &origin, files, expires);
    let mut trail = TrailFile::open(globals, account, client.network())?;
    register(globals, gateway, &record, &kept, &mut trail).await?;
    enter(client, names, coding, &link, expires).await
}

/// The link in an object that was granted for emergencies.
pub(crate) async fn link_in(object: &Object) -> anyhow::Result<String> {
    if object.len() > LINK_LEN_MAX {
        bail!("what was granted is no link of a share for emergencies");
    }
    let bytes: Vec<_> = object.read(0..object.len()).try_collect().await?;
    String::from_utf8(bytes.concat()).context("what was granted is no link of a share for emergencies")
}

fn kept(id: LinkId, origin: &str, files: &[GrantedFile], expires: UnixSeconds) -> KeptShare {
    let files = files.iter().map(|file| KeptFile {
        name: file.name.to_string(),
        cid: file.object.to_string(),
        size: file.len,
    });
    KeptShare {
        id: id.to_string(),
        gateway: origin.to_owned(),
        issued: now().get(),
        expires: Some(expires.get()),
        passcode: false,
        label: Some("for emergencies".to_owned()),
        files: files.collect(),
        revoked: None,
        patient: None,
        purpose: None,
    }
}

/// Puts the link, and enters it into the index.
async fn enter(
    client: &Client,
    names: &mut Names,
    coding: Coding,
    link: &ShareLink,
    expires: UnixSeconds,
) -> anyhow::Result<IndexPath> {
    let text = link.to_string();
    let object = put_small(client, &names.account, text.as_bytes(), coding, expires).await;
    let file = FileEntry {
        object: object.context("cannot store the link of the share")?,
        len: text.len() as u64,
        media_type: Some(MediaType::new(EMERGENCY_TYPE).expect("a constant")),
        created: now(),
        modified: now(),
        until: expires,
        erasable: None,
        headers: HeaderFields::default(),
    };
    let day: String = now().to_string().chars().take(10).collect();
    let path = IndexPath::new(format!("{FOLDER}/{day}")).expect("a day is a name");
    let path = names.local.index().free_path(&path)?;
    names.enter(vec![Change::File(path.clone(), file)])?;
    Ok(path)
}
