//! Entering a publication into the account's index, so that a bare machine knows what was published.

use account::{Change, put_small};
use chunker::Coding;
use client::Client;
use publishing::IndexFile;
use sharing::{ContentHash, EntryName, Publication, PublicationId, PublishingIndex, StoredPublishingIndex};

use crate::account as account_file;
use crate::arguments::Globals;
use crate::membership::Network;
use crate::names::{Names, now};
use crate::quantity::Duration;

/// Enters a publication, and what this machine knows of its publications, into the index: here first, then on the network.
/// What fails is said; the publication stands.
pub(crate) async fn list(globals: &Globals, network: &Network, publication: &Publication, keep: Duration) {
    if let Err(error) = enter(globals, network, publication, keep.seconds()).await {
        globals.output().note(format_args!("published, but not entered into your index: {error:#}"));
    }
}

/// Takes the entry of a publication out, if there is one.
pub(crate) async fn unlist(globals: &Globals, network: &Network, id: PublicationId) {
    if let Err(error) = remove(globals, network, id).await {
        globals.output().note(format_args!("it still stands in your index: {error:#}"));
    }
}

async fn remove(globals: &Globals, network: &Network, id: PublicationId) -> anyhow::Result<()> {
    let mut names = Names::open(globals).await?;
    let payer = account_file::payer(names.account.secret());
    let work = async |client: &Client| {
        names.pull(client).await?;
        if names.local.index().publications().any(|publication| publication.bundle == id) {
            let gone = Change::Gone(EntryName::Publication(id), now());
            names.enter(vec![gone])?;
            names.push(client, network.usual_coding(client)?).await?;
        }
        Ok(())
    };
    network.with_client(Some(payer), work).await
}

async fn enter(
    globals: &Globals,
    network: &Network,
    publication: &Publication,
    keep_s: u64,
) -> anyhow::Result<()> {
    let known =
        IndexFile::open(&account_file::publishing_index(globals.account.as_deref())?)?.index().clone();
    let mut names = Names::open(globals).await?;
    names.enter(vec![Change::Publication(publication.clone())])?;
    let payer = account_file::payer(names.account.secret());
    let work = async |client: &Client| {
        let coding = network.usual_coding(client)?;
        if let Err(error) = store(&mut names, client, coding, &known, keep_s).await {
            globals.output().note(format_args!(
                "what this machine knows of its publications stays on it for now, since {error:#}"
            ));
        }
        names.push(client, coding).await
    };
    network.with_client(Some(payer), work).await?;
    Ok(())
}

/// Stores the creator's index as an object, in the place of the one before.
async fn store(
    names: &mut Names,
    client: &Client,
    coding: Coding,
    known: &PublishingIndex,
    keep_s: u64,
) -> anyhow::Result<()> {
    let bytes = known.encode()?;
    let (hash, device) = (ContentHash::of(&bytes), names.local.device());
    let before = names.local.index().publishing().find(|(of, _)| *of == device).map(|(_, stored)| *stored);
    if before.is_some_and(|before| before.hash == hash) {
        return Ok(());
    }
    let until = now().plus(keep_s);
    let object = put_small(client, &names.account, &bytes, coding, until).await?;
    names.enter(vec![Change::Publishing(StoredPublishingIndex { hash, object, until })])?;
    if let Some(before) = before {
        names.local.release_later(before.object, now())?;
    }
    Ok(())
}
