//! Revoking what was shared from a page, by the owner's file that the page has saved.

use client::Client;
use protocol::Signed;
use sharing::ShareEnd;

use super::{Answer, PROVES, Rekeyed};
use crate::arguments::Globals;
use crate::failure::{Outcome, Usage};
use crate::health;
use crate::membership::Network;
use crate::names::now;
use crate::releases::Released;
use crate::shares::{self, OwnedObject, OwnerFile};
use crate::trail::Reads;

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
    // No trail of this machine is about it: what the gateway keeps is told, and stays there.
    let events = health::events(&owner.gateway, &owner.key, known, owner.id, 0).await;
    let reads = events.map_or_else(|_| Reads::unknown(), |events| Reads::told(&events));
    let release = async |client: &Client| {
        let mut files = Vec::new();
        for object in &owner.objects {
            files.push(released(client, object).await);
        }
        Ok(files)
    };
    let files = network.with_client(None, release).await?;
    let (id, revoked) = (owner.id.to_string(), ended.is_ok());
    let answer = Answer { id, revoked, reads, files, proves: PROVES, has_trail: true };
    let is_over = answer.is_over();
    globals.output().answer(&answer)?;
    Ok(if is_over { Outcome::Complete } else { Outcome::Incomplete })
}

/// Asks the nodes to end the leases of an object, each with its signed answer.
async fn released(client: &Client, object: &OwnedObject) -> Rekeyed {
    let mut done = Rekeyed::new(&object.name, object.cid);
    match client.manifest(&object.cid).await {
        // Nobody has it any more: there is nothing to end.
        Err(error) if error.is_definite() => {}
        Err(error) => done.failed = Some(format!("run this again: {error}")),
        Ok(manifest) if manifest.control().as_bytes() != object.control.public().as_bytes() => {
            done.failed = Some("the file has another control key than the object".to_owned());
        }
        Ok(manifest) => {
            let mut said = Released::default();
            said.report(client.release(&manifest, &object.control).await);
            done.take(said);
        }
    }
    done
}
