//! `headwater revoke`: ends a link, and makes what it opened worthless to whoever keeps it.

mod elsewhere;
mod grant;
mod owner;

use std::fmt;

use account::Change;
use anyhow::Context;
use chunker::Coding;
use clap::Args;
use client::Client;
use proofs::Cid;
use serde::Serialize;
use sharing::{GrantLink, IndexPath, PackRef, TrailWhat};

pub(crate) use self::grant::{GrantRevoked, check_holds, from_some};
use crate::arguments::Globals;
use crate::ends::{Ended, Ending};
use crate::failure::{Outcome, Usage};
use crate::health;
use crate::membership::Network;
use crate::names::{Names, now};
use crate::packs::{self, Folder};
use crate::rekey::{Rekeyed, put_again};
use crate::secrets::SecretArg;
use crate::shares::{self, KeptShare, KeptShares, OwnerFile};
use crate::trail::{Asked, Reads, facts_of_share};
use crate::{account as account_file, gateway_api, grants, holds};

/// End a link or a grant that you have made, and put what it shared under new keys
///
/// The gateway refuses the link from then on, and answers under way end. What was shared is then encrypted anew under another key and
/// address, in your index, and the nodes are asked to end the leases of the old parts: a key that somebody kept opens
/// nothing that is left. What was read before stays read; your audit trail has how often that was, by the gateway's word. A node that confirms says that
/// its lease has ended, no more.
///
/// Of a grant, by its name or its link, the same is done without a gateway: whoever asks for it hears that it has ended. With --from it ends
/// for some: the others find the new version under the link that they have. Other grants on the same files follow by themselves; sealed
/// links to them, and links that you gave away, read nothing any more.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater revoke @scan.link
  headwater revoke 3kTqz…                          by the id that `headwater shares` shows
  headwater revoke @scan.link --drop               and keep nothing of it in your index either
  headwater revoke /grants/2026-11-26              a grant, for everybody
  headwater revoke @grant.link --from headwater-id:… --from @ward-3
  headwater revoke @3kTqz.owner.json               what was shared from a page, by the file that the page has saved")]
pub(crate) struct Revoke {
    /// The link: itself, @FILE, or - for standard input; or its id; of a grant the link or the name; or the owner's file of a page, as @FILE
    #[arg(value_name = "LINK|ID|NAME")]
    link: SecretArg,

    /// Of a grant: take it from these alone: an identity, @GROUP or @FILE; may be repeated [default: from all]
    #[arg(long, value_name = "IDENTITY|@GROUP", conflicts_with = "drop")]
    from: Vec<String>,

    /// Do not encrypt the files anew: remove them from your index
    #[arg(long)]
    drop: bool,
}

#[derive(Serialize)]
struct Answer {
    id: String,
    /// When the gateway heard of it; none when it does not answer.
    revoked: bool,
    #[serde(flatten)]
    reads: Reads,
    files: Vec<Rekeyed>,
    proves: &'static str,
}

const PROVES: &str =
    "what was read before stays read; a node that confirms says that its lease has ended, no more";

impl Revoke {
    pub(crate) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let text = self.link.read()?;
        if GrantLink::is_meant_by(&text) || self.link.in_place().is_some_and(|name| name.starts_with('/')) {
            return self.grant(&text, globals).await;
        }
        if !self.from.is_empty() {
            return Err(Usage::because("--from is for grants: a link reads for whoever has it"));
        }
        if let Some(link) = health::known(globals, &text).await? {
            return health::revoke(globals, link).await;
        }
        if let Some(owner) = OwnerFile::parse(&text).map_err(|error| Usage::because(format!("{error:#}")))? {
            return owner::revoke(globals, &owner).await;
        }
        let secret = account_file::open(globals.account.as_deref(), globals.output())?;
        if let Some((id, gateway)) = elsewhere::health_link(&text, &secret)? {
            return health::revoke_elsewhere(globals, id, &gateway).await;
        }
        // The text itself is not repeated: it may hold the secret.
        let id =
            shares::id_in(&text).ok_or_else(|| Usage::because("this is neither a link nor an id of one"))?;
        match KeptShares::open(globals)?.get(id)? {
            Some(share) => self.share(globals, share, true).await,
            None => self.share(globals, elsewhere::share(globals, &text, &secret).await?, false).await,
        }
    }

    /// Ends a share: the gateway first, from here on nobody opens it. `is_here`: this machine has made it.
    async fn share(self, globals: &Globals, share: KeptShare, is_here: bool) -> anyhow::Result<Outcome> {
        let (id, output) = (share.id()?, globals.output());
        let gateway =
            gateway_api::address(&share.gateway).map_err(|error| Usage::because(error.to_string()))?;
        let network = Network::load(globals.network.as_deref()).await?;
        let mut names = Names::open(globals).await?;
        let secret = names.account.secret().clone();
        let ending = Ended { globals, secret: &secret, network: network.file.network, id };
        let mut trail = ending.open_trail(facts_of_share(&share, TrailWhat::LinkEnded, now()));
        let ended = ending.end(&gateway, Ending::Share, &mut trail).await;
        let known = KeptShares::open(globals)?;
        if is_here && ended {
            known.keep(&KeptShare { revoked: share.revoked.or(Some(now().get())), ..share.clone() })?;
        }
        let asked = if is_here { Some(Asked::share(&share)?) } else { None };
        let reads = ending.reads(asked, trail.as_mut()).await;
        let payer = account_file::payer(&secret);
        let rekey = async |client: &Client| {
            names.pull(client).await?;
            let coding = network.usual_coding(client)?;
            let (mut files, mut anew) = (Vec::new(), Vec::new());
            for file in &share.files {
                let cid: Cid = file.cid.parse().context("the list of shares is damaged")?;
                let mut done = Rekeyed::new(&file.name, cid);
                if let Err(error) = self.rekey(&mut names, client, coding, cid, &mut done).await {
                    done.failed = Some(format!("{error:#}"));
                }
                anew.extend(done.new.as_ref().and_then(|new| Some((cid, new.parse().ok()?))));
                files.push(done);
            }
            for followed in grants::move_along(client, &mut names, coding, globals, &anew).await? {
                output.note(followed);
            }
            names.push(client, coding).await?;
            Ok(files)
        };
        let files = network.with_client(Some(payer), rekey).await?;
        let answer = Answer { id: id.to_string(), revoked: ended, reads, files, proves: PROVES };
        let is_over = answer.is_over() && trail.is_some();
        output.answer(&answer)?;
        Ok(if is_over { Outcome::Complete } else { Outcome::Incomplete })
    }

    /// Puts an object again under new keys for the names that it has, then ends the leases of the old one.
    async fn rekey(
        &self,
        names: &mut Names,
        client: &Client,
        coding: Coding,
        old: Cid,
        done: &mut Rekeyed,
    ) -> anyhow::Result<()> {
        let paths: Vec<IndexPath> = names.local.index().paths_of(old).cloned().collect();
        holds::check(names.local.index(), &paths)?;
        let released = match paths.first() {
            Some(path) if self.drop => {
                let released = objects_of(client, names, path).await?;
                let gone =
                    paths.iter().map(|path| Change::Gone(sharing::EntryName::File(path.clone()), now()));
                let gone = gone.collect();
                names.local.release_all_later(released.iter().copied(), now())?;
                names.enter(gone)?;
                released
            }
            Some(path) => {
                let anew = put_again(client, names, coding, path).await?;
                done.new = Some(anew.object.to_string());
                anew.old
            }
            None => vec![old],
        };
        done.release(client, names, released).await
    }
}

/// The objects of what has this name: of a folder of records also its packs, but for those that other folders have.
async fn objects_of(client: &Client, names: &Names, path: &IndexPath) -> anyhow::Result<Vec<Cid>> {
    let mut objects = vec![names.file(path)?.object];
    if packs::is_folder(names.file(path)?) {
        let kept = packs::packs_of_others(client, names, &[path]).await?;
        let (folder, _) = Folder::open(client, names, path).await?;
        objects.extend(folder.packs.iter().map(PackRef::object).filter(|object| !kept.contains(object)));
    }
    Ok(objects)
}

impl Answer {
    fn is_over(&self) -> bool {
        self.revoked && self.files.iter().all(Rekeyed::is_over)
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", if self.revoked { "the link opens no more" } else { "the link still opens" })?;
        write!(f, "{}", self.reads)?;
        self.files.iter().try_for_each(|file| write!(f, "{file}"))?;
        writeln!(f, "{}", self.proves)
    }
}

#[cfg(test)]
mod tests {
    use sharing::LinkId;

    use super::*;

    #[test]
    fn an_id_is_found_in_a_link_and_alone() {
        let id = LinkId::from_bytes([7; 32]);
        for text in
            [id.to_string(), format!("https://g.example/s/{id}"), format!("http://[::1]:1/s/{id}#abc.p")]
        {
            assert_eq!(shares::id_in(&text), Some(id), "{text}");
        }
        assert_eq!(shares::id_in("https://g.example/s/short#x"), None);
    }
}
