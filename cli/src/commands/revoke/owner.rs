//! Revoking what was shared from a page, by the owner's file that the page has saved.

use account::Released;
use client::Client;
use protocol::Signed;
use sharing::{LinkInquiry, ShareEnd};

use super::{Answer, Rekeyed};
use crate::arguments::Globals;
use crate::failure::{Outcome, Usage};
use crate::membership::Network;
use crate::names::now;
use crate::shares::{self, OwnedObject, OwnerFile};

/// Ends the link, and the leases of what it leads to. No account of this machine has it: nothing is encrypted anew.
pub(super) async fn revoke(globals: &Globals, owner: &OwnerFile) -> anyhow::Result<Outcome> {
    let network = Network::load(globals.network.as_deref()).await?;
    let known = network.file.network;
    if owner.network != known {
        return Err(Usage::because(format!(
            "it was shared in the network {}, not in {known}",
            owner.network
        )));
    }
    let end = Signed::sign(&owner.key, &known, ShareEnd { id: owner.id, issued: now() });
    let ended = shares::end(&owner.gateway, &end).await;
    if let Err(error) = &ended {
        globals.output().note(format_args!("the link still opens: {error}; run this again"));
    }
    let inquiry = Signed::sign(&owner.key, &known, LinkInquiry { after: 0, id: owner.id, issued: now() });
    let accesses = shares::events_of(&owner.gateway, &inquiry).await.ok();
    let release = async |client: &Client| {
        let mut files = Vec::new();
        for object in &owner.objects {
            files.push(released(client, object).await);
        }
        Ok(files)
    };
    let files = network.with_client(None, release).await?;
    let answer = Answer::new(owner.id, ended.is_ok(), accesses.as_deref(), files);
    let is_over = answer.is_over();
    globals.output().answer(&answer)?;
    Ok(if is_over { Outcome::Complete } else { Outcome::Incomplete })
}

/// Asks the nodes to end the leases of an object, each with its signed answer.
async fn released(client: &Client, object: &OwnedObject) -> Rekeyed {
    let mut done = Rekeyed::new(&object.name, object.cid);
    match client.manifest(&object.cid).await {
        Err(error) if error.is_definite() => done.report(Released::Unknown),
        Err(error) => done.failed = Some(format!("run this again: {error}")),
        Ok(manifest) if manifest.control().as_bytes() != object.control.public().as_bytes() => {
            done.failed = Some("the file has another control key than the object".to_owned());
        }
        Ok(manifest) => done.report(Released::Asked(client.release(&manifest, &object.control).await)),
    }
    done
}
