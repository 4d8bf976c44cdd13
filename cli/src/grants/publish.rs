//! Publishing a version of a grant: its object, then the pointer, then its place in the index.

use account::Change;
use anyhow::{Context as _, bail};
use chunker::{Coding, Padding, RequiredTags, Salt};
use client::{Client, PutOptions, PutReport};
use proofs::Cid;
use protocol::{Pointer, SecretKey, Sequence, Signed, UnixSeconds};
use sharing::{
    Depth, FileEntry, FileName, GRANT_END, GRANT_TYPE, GrantKeys, GrantLink, GrantNote, GrantVersion,
    GrantedFile, HeaderFields, Identity, IndexPath, KeyGiven, KeyGivenBy, MediaType, NewGrant, Reason,
};

use super::newest::{Tried, known_end, next_seq};
use super::{Given, parse};
use crate::arguments::Globals;
use crate::holds;
use crate::names::{Names, now};

/// A version that is to be published.
#[derive(Debug)]
pub(crate) struct Version {
    /// The version of which it is the next one, as this machine knows it; none in a new grant.
    pub(crate) after: Option<Sequence>,
    /// How often its recipients may pass it on.
    pub(crate) depth: Option<Depth>,
    pub(crate) expires: UnixSeconds,
    pub(crate) files: Vec<GrantedFile>,
    pub(crate) note: GrantNote,
    pub(crate) purpose: Option<Reason>,
}

impl Version {
    /// The version after the one that is given: the same files as their names stand for now, for the same recipients. Files that
    /// have no name any more are left out.
    pub(crate) async fn after(
        client: &Client,
        names: &Names,
        given: &Given,
        anew: &[(Cid, Cid)],
    ) -> anyhow::Result<Self> {
        let places: Vec<_> = given.files().filter_map(|file| given.place(names, file, anew)).collect();
        let (files, until) = files(client, names, &places).await?;
        let expires = given.opened.grant.expires.map_or(until, |expires| expires.min(until));
        let note = GrantNote { names: places, ..given.note.clone() };
        let purpose = given.opened.grant.purpose.clone();
        let after = Some(given.opened.grant.seq);
        Ok(Self { after, depth: given.opened.depth(), expires, files, note, purpose })
    }

    /// Publishes it under this name, in the place of what has the name. What it replaces is to be released by later commands.
    /// The index is not pushed. Fails where another device of the account may know more of it: see [`check_next`].
    pub(crate) async fn publish(
        self,
        client: &Client,
        names: &mut Names,
        coding: Coding,
        globals: &Globals,
        path: IndexPath,
    ) -> anyhow::Result<PutReport> {
        holds::check_replaced(names.local.index(), &path)?;
        note_keys(names, &self.note)?;
        let keys = GrantKeys::derive(names.account.secret(), self.note.id);
        let tried = Tried::of(globals, keys.link())?;
        let seq = match self.after {
            Some(known) => next(client, names, keys.link(), known, &tried).await?,
            None => Sequence::FIRST,
        };
        let expires = self.expires;
        let bytes = self.seal(client, names, seq)?;
        let report = put(client, names, coding, &bytes, GRANT_TYPE, expires).await?;
        let at = GrantVersion::At(report.link.clone());
        tried.keep(seq)?;
        if let Err(error) = point(client, keys.pointer(), keys.link(), seq, &at, expires).await {
            names.local.release_later(report.cid, now())?;
            return Err(error);
        }
        let replaced = names.local.index().file(&path).cloned();
        let file = FileEntry {
            object: report.cid,
            len: report.size,
            media_type: Some(MediaType::new(GRANT_TYPE).expect("a constant")),
            created: replaced.as_ref().map_or_else(now, |file| file.created),
            modified: now(),
            until: expires,
            erasable: None,
            headers: HeaderFields::default(),
        };
        names.enter(vec![Change::File(path, file)])?;
        if let Some(replaced) = &replaced {
            names.replaced(replaced)?;
        }
        Ok(report)
    }

    fn seal(self, client: &Client, names: &Names, seq: Sequence) -> anyhow::Result<Vec<u8>> {
        let to = self.note.to.iter().map(|text| parse(text)).collect::<anyhow::Result<Vec<Identity>>>()?;
        let grant = NewGrant {
            depth: self.depth,
            expires: Some(self.expires),
            files: self.files,
            issued: now(),
            note: self.note,
            purpose: self.purpose,
            seq,
        };
        let account = names.account.secret();
        Ok(grant.seal(account, &client.network(), &to, rand::random(), &mut rand::rng())?)
    }
}

/// Fails where a next version of a grant must not be published now: this machine's index may be old, or other devices of the account
/// have published more of the grant than is in it. A grant that was taken from somebody would be theirs again. Fails too where it cannot be
/// written down to whom the keys of its files are given: whoever encrypts them anew hears so before.
pub(crate) async fn check_next(
    client: &Client,
    names: &Names,
    globals: &Globals,
    given: &Given,
) -> anyhow::Result<()> {
    let keys = given.keys(names);
    let tried = Tried::of(globals, keys.link())?;
    next(client, names, keys.link(), given.opened.grant.seq, &tried).await?;
    note_keys(names, &given.note)
}

/// Writes down to whom the keys of the files of a grant are given, before they are.
fn note_keys(names: &Names, note: &GrantNote) -> anyhow::Result<()> {
    let to = note.to.iter().map(|text| Ok(parse(text)?.signs()));
    let to = to.collect::<anyhow::Result<Vec<_>>>()?;
    names.will_be_given(&note.names, &KeyGiven::new(now(), KeyGivenBy::Grant, note.id, to)?)
}

async fn next(
    client: &Client,
    names: &Names,
    link: &GrantLink,
    known: Sequence,
    tried: &Tried,
) -> anyhow::Result<Sequence> {
    if !names.is_fresh {
        bail!(
            "no version of the grant is published: too few nodes have said what your other devices have written, and one of them may have revoked it"
        );
    }
    next_seq(client, link, known, tried).await
}

/// Ends a grant for everybody: whoever asks the nodes for it hears so, and nothing is published after that.
pub(crate) async fn end(client: &Client, names: &Names, given: &Given) -> anyhow::Result<()> {
    let keys = given.keys(names);
    let expires = given.opened.grant.expires.unwrap_or(given.entry.until);
    if expires <= now() {
        return Ok(());
    }
    // An end that was begun, here or by another device, is told to the other nodes as it is: they take no second one.
    if let Some(end) = known_end(client, keys.link()).await {
        return set(client, &end).await;
    }
    point(client, keys.pointer(), keys.link(), GRANT_END, &GrantVersion::Ended, expires).await
}

/// These files of the index with their keys, and when the first of them ends.
pub(crate) async fn files(
    client: &Client,
    names: &Names,
    paths: &[IndexPath],
) -> anyhow::Result<(Vec<GrantedFile>, UnixSeconds)> {
    let mut files = Vec::with_capacity(paths.len());
    let mut until = UnixSeconds::new(u64::MAX);
    for path in paths {
        let file = names.file(path)?;
        let link = names.link(client, path).await?;
        until = until.min(file.until);
        files.push(GrantedFile {
            key: link.key().clone(),
            len: file.len,
            name: FileName::new(path.file_name()).expect("a part of a path is a name"),
            object: file.object,
            media_type: file.media_type.clone(),
        });
    }
    Ok((files, until))
}

/// Puts a grant, or what was passed on of one.
pub(super) async fn put(
    client: &Client,
    names: &Names,
    coding: Coding,
    bytes: &[u8],
    media_type: &str,
    expires: UnixSeconds,
) -> anyhow::Result<PutReport> {
    let options = PutOptions {
        coding,
        padding: Padding::Padme,
        name: None,
        media_type: Some(media_type.to_owned()),
        expires,
        required: RequiredTags::default(),
        secrets: names.account.new_secrets(),
    };
    client.put(bytes, options, |_| {}).await.context("cannot store the grant")
}

/// Has the nodes say from now on that this is the newest version.
pub(super) async fn point(
    client: &Client,
    key: &SecretKey,
    link: &GrantLink,
    seq: Sequence,
    version: &GrantVersion,
    expires: UnixSeconds,
) -> anyhow::Result<()> {
    let value = version.seal(link, seq, Salt::from_bytes(rand::random()));
    let pointer = Pointer { expires, seq, slot: link.slot(), value };
    set(client, &Signed::sign(key, &client.network(), pointer)).await
}

async fn set(client: &Client, pointer: &Signed<Pointer>) -> anyhow::Result<()> {
    let written = client.set_pointer(pointer).await;
    if !written.has_quorum() {
        let why = written.failed.last().map(|(_, reason)| reason.as_str()).unwrap_or_default();
        bail!(
            "{} of the {} nodes that are to know of it took the new version of the grant, {} are needed; run this again: {why}",
            written.kept.len(),
            written.quorum.copies(),
            written.quorum.write()
        );
    }
    Ok(())
}
