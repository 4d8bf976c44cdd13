//! `headwater revoke`: ends a link, and makes what it opened worthless to whoever keeps it.

mod elsewhere;
mod grant;
mod owner;
mod seal;

use std::collections::HashSet;
use std::fmt;

use account::Change;
use anyhow::Context;
use chunker::{AccountSecret, Coding};
use clap::Args;
use client::Client;
use proofs::Cid;
use protocol::NetworkId;
use serde::Serialize;
use sharing::{EntryName, GrantLink, IndexPath, PackRef, TrailWhat};

pub(crate) use self::grant::{GrantRevoked, check_holds, from_some};
pub(crate) use self::seal::Seal;
use crate::arguments::Globals;
use crate::ends::{EndAnswer, Ended, Ending};
use crate::failure::{Outcome, Usage};
use crate::health;
use crate::membership::Network;
use crate::names::{Names, now};
use crate::packs::{self, Folder};
use crate::rekey::{Rekeyed, put_again};
use crate::secrets::SecretArg;
use crate::shares::{self, KeptShare, KeptShares, OwnerFile};
use crate::trail::{Asked, Reads, facts_of_share};
use crate::{account as account_file, gateway_api, grants};

/// End a link or a grant that you have made, and put what it shared under new keys
///
/// The gateway refuses the link from then on, and answers under way end. What was shared is then encrypted anew under another key and
/// address, in your index, and the nodes are asked to end the leases of the old parts: a key that somebody kept opens
/// nothing that is left. What was read before stays read; your audit trail has how often that was, by the gateway's word. A node that confirms says that
/// its lease has ended, no more.
///
/// Of a grant, by its name or its link, the same is done without a gateway: whoever asks for it hears that it has ended. With --from it ends
/// for some: the others find the new version under the link that they have. Other grants on the same files follow by themselves; sealed
/// links to them, and links that you gave away, read nothing any more. What it has sealed for emergencies ends for all: its gateway does not
/// know who was to open it. What is held (`headwater hold`) keeps its keys and leases, and access to it ends nevertheless.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater revoke @scan.link
  headwater revoke 3kTqz…                          by the id that `headwater shares` shows
  headwater revoke @scan.link --drop               and keep nothing of it in your index either
  headwater revoke '/grants/knee.dcm 7f3a01bc'     a grant, for everybody, by its name
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

#[derive(Debug, Serialize)]
struct Answer {
    id: String,
    /// When the gateway heard of it; none when it does not answer.
    revoked: bool,
    #[serde(flatten)]
    reads: Reads,
    files: Vec<Rekeyed>,
    proves: &'static str,
    /// Whether the audit trail has that it ends.
    #[serde(skip)]
    has_trail: bool,
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
        if let Some(share) = KeptShares::open(globals)?.get(id)? {
            return self.share(globals, share, Known::Here).await;
        }
        let (share, has_files) = elsewhere::share(globals, &text, &secret).await?;
        let known = if has_files { Known::ByItsLink } else { Known::WithoutFiles };
        self.share(globals, share, known).await
    }

    /// Ends a share: the gateway first, from here on nobody opens it.
    async fn share(self, globals: &Globals, share: KeptShare, known: Known) -> anyhow::Result<Outcome> {
        let network = Network::load(globals.network.as_deref()).await?;
        let mut names = Names::open(globals).await?;
        let secret = names.account.secret().clone();
        let is_here = known == Known::Here;
        let ended = end_at_gateway(globals, &secret, network.file.network, &share, is_here).await?;
        let rekey = async |client: &Client| {
            names.pull(client).await?;
            let coding = network.usual_coding(client)?;
            let what = Rekeying { share: &share, copies: &HashSet::new(), drop: self.drop };
            let files = rekey_all(globals, client, &mut names, coding, what).await?;
            names.push(client, coding).await?;
            Ok(files)
        };
        let files = network.with_client(Some(account_file::payer(&secret)), rekey).await?;
        let answer = ended.answer(&share, files);
        let is_over = answer.is_over() && known != Known::WithoutFiles;
        globals.output().answer(&answer)?;
        Ok(if is_over { Outcome::Complete } else { Outcome::Incomplete })
    }
}

/// How this machine knows of a share.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Known {
    /// It has made it.
    Here,
    /// By its link, with what it shares.
    ByItsLink,
    /// By its link, and nothing of what it shares: that keeps its keys.
    WithoutFiles,
}

/// What came of ending a share at its gateway.
struct AtGateway {
    ended: bool,
    reads: Reads,
    has_trail: bool,
}

/// Has the gateway refuse a share from now on. What it never had is forgotten here.
async fn end_at_gateway(
    globals: &Globals,
    secret: &AccountSecret,
    network: NetworkId,
    share: &KeptShare,
    is_here: bool,
) -> anyhow::Result<AtGateway> {
    let id = share.id()?;
    let gateway = gateway_api::address(&share.gateway).map_err(|error| Usage::because(error.to_string()))?;
    let ending = Ended { globals, secret, network, id };
    let mut trail = ending.open_trail(facts_of_share(share, TrailWhat::LinkEnded, now()));
    let end = ending.end(&gateway, Ending::Share, &mut trail).await;
    let was_never_made = share.is_unconfirmed && end == EndAnswer::Unknown;
    let known = KeptShares::open(globals)?;
    if is_here && was_never_made {
        known.forget(&share.id)?;
    } else if is_here && end.is_over() {
        known.keep(&KeptShare { revoked: share.revoked.or(Some(now().get())), ..share.clone() })?;
    }
    let asked = if is_here && !was_never_made { Some(Asked::share(share)?) } else { None };
    let reads = ending.reads(asked, trail.as_mut()).await;
    Ok(AtGateway { ended: end.is_over(), reads, has_trail: trail.is_some() })
}

impl AtGateway {
    fn answer(self, share: &KeptShare, files: Vec<Rekeyed>) -> Answer {
        let Self { ended, reads, has_trail } = self;
        Answer { id: share.id.clone(), revoked: ended, reads, files, proves: PROVES, has_trail }
    }
}

/// What is put under new keys, and how.
#[derive(Clone, Copy)]
struct Rekeying<'a> {
    share: &'a KeptShare,
    /// Those of its objects that were made for it alone, and go with it.
    copies: &'a HashSet<Cid>,
    /// Whether the others go too.
    drop: bool,
}

/// Puts all that a share has under new keys, and has other grants on it follow. The index is not pushed.
async fn rekey_all(
    globals: &Globals,
    client: &Client,
    names: &mut Names,
    coding: Coding,
    what: Rekeying<'_>,
) -> anyhow::Result<Vec<Rekeyed>> {
    let (mut files, mut anew) = (Vec::new(), Vec::new());
    for file in &what.share.files {
        let cid: Cid = file.cid.parse().context("the list of shares is damaged")?;
        let mut done = Rekeyed::new(&file.name, cid);
        let drop = what.drop || what.copies.contains(&cid);
        if let Err(error) = rekey(names, client, coding, cid, drop, &mut done).await {
            done.failed = Some(format!("{error:#}"));
        }
        anew.extend(done.new.as_ref().and_then(|new| Some((cid, new.parse().ok()?))));
        files.push(done);
    }
    for followed in grants::move_along(client, names, coding, globals, &anew).await? {
        globals.output().note(followed);
    }
    Ok(files)
}

/// Puts an object again under new keys for the names that it has, then ends the leases of the old one. What is held stays as it is.
async fn rekey(
    names: &mut Names,
    client: &Client,
    coding: Coding,
    old: Cid,
    drop: bool,
    done: &mut Rekeyed,
) -> anyhow::Result<()> {
    let paths: Vec<IndexPath> = names.local.index().paths_of(old).cloned().collect();
    if done.stays(names, &paths) {
        return Ok(());
    }
    let released = match paths.first() {
        Some(path) if drop => {
            let released = objects_of(client, names, path).await?;
            take_out(client, names, coding, &paths, &released[1..]).await?;
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

/// Takes names out of the index, here and on the network; `packs` are those of folders among them. Keys are destroyed only when no other
/// device can have come to hold any of it meanwhile; else all names are given back.
async fn take_out(
    client: &Client,
    names: &mut Names,
    coding: Coding,
    paths: &[IndexPath],
    packs: &[Cid],
) -> anyhow::Result<()> {
    let index = names.local.index();
    let known = paths.iter().filter_map(|path| Some((path.clone(), index.file(path)?.clone())));
    let known: Vec<_> = known.collect();
    let gone: Vec<_> = paths.iter().map(|path| Change::Gone(EntryName::File(path.clone()), now())).collect();
    names.check(&gone)?;
    names.local.release_packs_later(packs.iter().copied(), now())?;
    let is_going = |object| names.local.index().paths_of(object).all(|path| paths.contains(path));
    for (_, entry) in known.iter().filter(|(_, entry)| is_going(entry.object)) {
        names.will_be_replaced(entry)?;
    }
    names.enter(gone)?;
    if let Err(error) = names.settle_unheld(client, coding, paths).await {
        let index = names.local.index();
        // What another device has put there by then stays.
        let back = known.into_iter().filter(|(path, _)| index.file(path).is_none());
        names.enter(back.map(|(path, entry)| Change::Back(path, entry)).collect())?;
        names.settle(client, coding).await?;
        return Err(error);
    }
    known.iter().try_for_each(|(_, entry)| names.replaced(entry))
}

/// The objects of what has this name, its own first: of a folder of records also its packs, but for those that other folders have.
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
        self.revoked && self.has_trail && self.files.iter().all(Rekeyed::is_over)
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
