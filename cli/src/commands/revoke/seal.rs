//! What a grant for emergencies has sealed at a gateway, which ends with the grant.

use std::collections::HashSet;

use anyhow::{Context as _, bail};
use chunker::Coding;
use client::Client;
use proofs::Cid;
use sharing::{IndexPath, LinkId, ShareLink};

use super::{Answer, Rekeying, end_at_gateway, rekey_all, take_out};
use crate::arguments::Globals;
use crate::grants::{self, Given};
use crate::names::Names;
use crate::shares::{self, KeptFile, KeptShare, KeptShares};

/// The share at a gateway whose link a grant gives to those who may break the glass.
pub(crate) struct Seal {
    share: KeptShare,
    /// Whether this machine has made it.
    is_here: bool,
    /// The name of its link in the index.
    link: IndexPath,
    /// What was made for it alone: copies of records. All else that it has sealed are files of the owner.
    copies: HashSet<Cid>,
}

impl Seal {
    /// That of a grant, whichever machine of the account has made it; none where the grant is not for emergencies.
    pub(crate) async fn of(
        globals: &Globals,
        client: &Client,
        names: &Names,
        given: &Given,
    ) -> anyhow::Result<Option<Self>> {
        let Some((file, link)) = given.files().find(|(file, _)| grants::is_emergency(file)) else {
            return Ok(None);
        };
        let (grant, link) = (given.note.id.to_string(), link.clone());
        let object = client.open(&file.link()).await.context("cannot read where it is sealed")?;
        let text: ShareLink = grants::emergency_link(&object).await?.parse()?;
        if *text.secret() != shares::secret(names.account.secret(), text.id()) {
            bail!("the link in {} is not one of this account's", given.path);
        }
        let copies = given.note.sealed.iter().filter(|sealed| sealed.object != sealed.from);
        let copies = copies.map(|sealed| sealed.object).collect();
        if let Some(share) = KeptShares::open(globals)?.get(text.id())? {
            return Ok(Some(Self { share, is_here: true, link, copies }));
        }
        let files = given.note.sealed.iter().map(|sealed| KeptFile {
            name: sealed.name.file_name().to_owned(),
            cid: sealed.object.to_string(),
            size: size_of(names, sealed.object),
        });
        let new = KeptShare::new(text.id(), text.origin().to_owned(), given.opened.grant.issued, files);
        let share = KeptShare { grant: Some(grant), ..new };
        Ok(Some(Self { share, is_here: false, link, copies }))
    }

    /// The origin of its gateway.
    pub(crate) fn gateway(&self) -> &str {
        &self.share.gateway
    }

    /// Which share it is.
    pub(crate) fn id(&self) -> anyhow::Result<LinkId> {
        self.share.id()
    }

    /// Whether this object was made for it alone.
    pub(crate) fn is_copy(&self, object: Cid) -> bool {
        self.copies.contains(&object)
    }

    /// Ends it, the gateway first, and puts what it has sealed under other keys.
    pub(super) async fn end(
        &self,
        globals: &Globals,
        client: &Client,
        names: &mut Names,
        coding: Coding,
        drop: bool,
    ) -> anyhow::Result<Answer> {
        let secret = names.account.secret().clone();
        let ended = end_at_gateway(globals, &secret, client.network(), &self.share, self.is_here).await?;
        let what = Rekeying { share: &self.share, copies: &self.copies, drop };
        let files = rekey_all(globals, client, names, coding, what).await?;
        Ok(ended.answer(&self.share, files))
    }

    /// Ends it at its gateway, and removes its link and the copies that were made for it; files keep their keys. True when the gateway has
    /// confirmed it; else later commands ask again.
    pub(crate) async fn remove(
        &self,
        globals: &Globals,
        client: &Client,
        names: &mut Names,
        coding: Coding,
    ) -> anyhow::Result<bool> {
        let secret = names.account.secret().clone();
        let ended = end_at_gateway(globals, &secret, client.network(), &self.share, self.is_here).await?;
        let index = names.local.index();
        let copies = self.copies.iter().flat_map(|object| index.paths_of(*object));
        let gone: Vec<_> = copies.chain([&self.link]).cloned().collect();
        let taken = take_out(client, names, coding, &gone, &[]).await;
        taken.context(
            "its gateway was asked to end it; its link, and copies made for it, are still in your index",
        )?;
        Ok(ended.ended)
    }
}

/// The length of an object of the index, in bytes.
fn size_of(names: &Names, object: Cid) -> u64 {
    let index = names.local.index();
    index.paths_of(object).next().and_then(|path| index.file(path)).map_or(0, |file| file.len)
}
