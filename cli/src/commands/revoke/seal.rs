//! What a grant for emergencies has sealed at a gateway, which ends with the grant.

use anyhow::Context as _;
use chunker::Coding;
use client::Client;

use super::{Answer, end_at_gateway, rekey_all};
use crate::arguments::Globals;
use crate::grants::{self, Given};
use crate::names::Names;
use crate::shares::{KeptShare, KeptShares};

/// The share at a gateway whose link a grant gives to those who may break the glass.
pub(super) struct Seal {
    share: KeptShare,
    /// Whether this machine has made it.
    is_here: bool,
}

impl Seal {
    /// That of a grant; none where it is not for emergencies.
    pub(super) async fn of(
        globals: &Globals,
        client: &Client,
        names: &Names,
        given: &Given,
    ) -> anyhow::Result<Option<Self>> {
        let Some(file) = given.opened.files.iter().find(|file| grants::is_emergency(file)) else {
            return Ok(None);
        };
        let grant = given.note.id.to_string();
        let own = KeptShares::open(globals)?.all()?;
        if let Some(share) = own.into_iter().find(|share| share.grant.as_ref() == Some(&grant)) {
            return Ok(Some(Self { share, is_here: true }));
        }
        let object = client.open(&file.link()).await.context("cannot read where it is sealed")?;
        let link = grants::emergency_link(&object).await?;
        let share = super::elsewhere::share(globals, &link, names.account.secret()).await?;
        Ok(Some(Self { share, is_here: false }))
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
        let files = rekey_all(globals, client, names, coding, &self.share, drop).await?;
        Ok(ended.answer(&self.share, files))
    }
}
