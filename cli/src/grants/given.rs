//! The grants of the account itself, with what their owner noted in them.

use anyhow::{Context as _, bail};
use client::Client;
use proofs::Cid;
use sharing::{FileEntry, GRANT_TYPE, GrantKeys, GrantLink, GrantNote, GrantedFile, IndexPath, OpenedGrant};

use crate::failure::Usage;
use crate::names::{Names, parse_path};
use crate::output::Output;

/// A grant of the account, under its name.
#[derive(Debug)]
pub(crate) struct Given {
    pub(crate) path: IndexPath,
    pub(crate) entry: FileEntry,
    pub(crate) opened: OpenedGrant,
    pub(crate) note: GrantNote,
}

impl Given {
    /// The grant that has this name in the index.
    pub(crate) async fn at(client: &Client, names: &Names, path: &IndexPath) -> anyhow::Result<Self> {
        let entry = names.file(path)?.clone();
        if !is_grant(&entry) {
            bail!("{path} is a file of yours, and no grant");
        }
        let object = client.open(&names.link(client, path).await?).await?;
        let opened = super::read(client, &object, names.account.secret()).await?;
        let note = opened.note(names.account.secret())?;
        if note.names.len() != opened.files.len() {
            bail!("{path} notes {} names of {} files", note.names.len(), opened.files.len());
        }
        Ok(Self { path: path.clone(), entry, opened, note })
    }

    /// All of them; says which cannot be read.
    pub(crate) async fn all(client: &Client, names: &Names, output: Output) -> Vec<Self> {
        let grants = names.local.index().files().filter(|(_, file)| is_grant(file));
        let mut all = Vec::new();
        for path in grants.map(|(path, _)| path) {
            match Self::at(client, names, path).await {
                Ok(given) => all.push(given),
                Err(error) => output.note(format_args!("{path} cannot be read: {error:#}")),
            }
        }
        all
    }

    /// The grant that a text means: by its name, or its link.
    pub(crate) async fn find(
        client: &Client,
        names: &Names,
        text: &str,
        output: Output,
    ) -> anyhow::Result<Self> {
        if !GrantLink::is_meant_by(text) {
            return Self::at(client, names, &parse_path(text)?).await;
        }
        let link: GrantLink = text.parse().map_err(|error| Usage::because(format!("{error}")))?;
        let all = Self::all(client, names, output).await;
        let found = all.into_iter().find(|given| given.opened.grant.series == link.series());
        found.context("no grant of yours has this link, or it has ended")
    }

    /// Its keys.
    pub(crate) fn keys(&self, names: &Names) -> GrantKeys {
        GrantKeys::derive(names.account.secret(), self.note.id)
    }

    /// Its files, each with its name in the index.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&GrantedFile, &IndexPath)> {
        self.opened.files.iter().zip(&self.note.names)
    }

    /// Where the index has a file of the grant now, of which `anew` says what was encrypted anew as what. A series follows the name;
    /// any other grant goes on with the file that was granted, and with no other one that has its name by now.
    pub(crate) fn place(
        &self,
        names: &Names,
        (file, noted): (&GrantedFile, &IndexPath),
        anew: &[(Cid, Cid)],
    ) -> Option<IndexPath> {
        let index = names.local.index();
        let there = index.file(noted);
        let object = anew.iter().find(|(old, _)| *old == file.object).map_or(file.object, |(_, new)| *new);
        let stays = there.is_some_and(|now| {
            self.note.follows || now.object == object || self.is_same_under_other_keys(file, now)
        });
        if stays { Some(noted.clone()) } else { index.paths_of(object).next().cloned() }
    }

    /// Whether a file was there before the grant and only its keys have changed since, by a revocation that was interrupted.
    fn is_same_under_other_keys(&self, file: &GrantedFile, now: &FileEntry) -> bool {
        now.created <= self.opened.grant.issued && now.len == file.len && now.media_type == file.media_type
    }

    /// The files that it opens no more: the index has other ones in their place by now, or none.
    pub(crate) fn lost(&self, names: &Names) -> Vec<String> {
        let index = names.local.index();
        let is_lost = |file: &GrantedFile| index.paths_of(file.object).next().is_none();
        self.files().filter(|(file, _)| is_lost(file)).map(|(_, noted)| noted.to_string()).collect()
    }

    /// Whether it gives the link of a share for emergencies.
    pub(crate) fn is_for_emergencies(&self) -> bool {
        self.opened.files.iter().any(super::is_emergency)
    }

    /// Its files in words.
    pub(crate) fn about(&self) -> String {
        let names: Vec<_> = self.opened.files.iter().map(|file| file.name.as_str()).collect();
        let when = if self.is_for_emergencies() { ", for emergencies" } else { "" };
        format!("{}{when}", names.join(", "))
    }
}

/// Whether a file of the index is a grant.
pub(crate) fn is_grant(file: &FileEntry) -> bool {
    file.media_type.as_ref().is_some_and(|kind| kind.as_str() == GRANT_TYPE)
}
