//! What is sealed for emergencies, sealed once more as it is now.

use anyhow::{Context as _, bail};
use chunker::Coding;
use client::Client;
use sharing::{GrantNote, Identity, TrailWhat};

use super::{Followed, Given, Sealing, Version, facts, files, parse};
use crate::arguments::Globals;
use crate::commands::revoke::Seal;
use crate::commands::share::check_end;
use crate::directory::Directory;
use crate::ends::{Ending, Ends};
use crate::gateway_api;
use crate::names::{Names, now};
use crate::trail::TrailFile;

/// Seals anew what grants for emergencies have sealed, where that has changed since. Their links stay. `token`: the gateway's upload token.
pub(crate) async fn seal_anew(
    client: &Client,
    names: &mut Names,
    coding: Coding,
    globals: &Globals,
    token: Option<&str>,
) -> anyhow::Result<Vec<Followed>> {
    let mut followed = Vec::new();
    for given in Given::all(client, names, globals.output()).await {
        let is_over = given.opened.grant.expires.is_some_and(|at| at <= now());
        if is_over || super::changed(names, &given.note.sealed).is_empty() {
            continue;
        }
        let sealed = again(client, names, coding, globals, token, &given).await;
        followed.push(Followed::published(&given, sealed));
    }
    Ok(followed)
}

/// Another share at the same gateway, the next version of the grant with the link to it, then the end of the old share.
async fn again(
    client: &Client,
    names: &mut Names,
    coding: Coding,
    globals: &Globals,
    token: Option<&str>,
    given: &Given,
) -> anyhow::Result<()> {
    check_end(given.opened.grant.expires, token.is_some())?;
    super::check_next(client, names, globals, given).await?;
    let old = Seal::of(globals, client, names, given).await?.context("it has sealed nothing")?;
    let gateway = gateway_api::address(old.gateway())?;
    let index = names.local.index();
    let is_there = |path: &&sharing::IndexPath| super::is_sealable(index, path);
    let paths: Vec<_> = given.note.sealed.iter().map(|one| &one.name).filter(is_there).cloned().collect();
    if paths.is_empty() {
        bail!("nothing of what it has sealed is in your index any more: revoke it");
    }
    let to = given.note.to.iter().map(|text| parse(text)).collect::<anyhow::Result<Vec<Identity>>>()?;
    let directory = &Directory::read(client, names).await;
    let (grant, gateway) = (given.note.id, &gateway);
    let sealing = Sealing { client, coding, globals, gateway, token, grant, to: &to, directory };
    let ends = given.opened.grant.expires;
    let (path, sealed) = sealing.seal(names, &paths, |until| ends.map_or(until, |at| at.min(until))).await?;
    let (files, until) = files(client, names, std::slice::from_ref(&path)).await?;
    let next = Version {
        after: Some(given.opened.grant.seq),
        depth: None,
        expires: ends.map_or(until, |at| at.min(until)),
        files,
        note: GrantNote { names: vec![path], sealed, ..given.note.clone() },
        purpose: given.opened.grant.purpose.clone(),
    };
    // Written down before the grant names it no more: should this be interrupted then, later commands end it.
    let (ends, old_id) = (Ends::open(globals)?, old.id()?);
    ends.end_later(old_id, gateway, Ending::Share)?;
    if let Err(error) = next.publish(client, names, coding, globals, given.path.clone()).await {
        // The grant names it still.
        ends.remove(old_id)?;
        return Err(error);
    }
    let has_ended = old.remove(globals, client, names, coding).await?;
    let facts = facts(given, TrailWhat::GrantChanged);
    TrailFile::open(globals, names.account.secret(), client.network())?.append(facts)?;
    if !has_ended {
        bail!(
            "it is sealed anew, but {} has not confirmed that what was sealed before has ended",
            old.gateway()
        );
    }
    Ok(())
}
