//! Grants as commands use them: opened with the account's identity, and what they say shown.

mod delegations;
mod emergency;
mod follow;
mod given;
mod newest;
mod opened;
mod passed_on;
mod publish;
mod seal_anew;

use std::fs::File;
use std::io::Read as _;

use anyhow::{Context, bail};
use chunker::AccountSecret;
use client::{Client, Object};
use futures_util::TryStreamExt as _;
use sharing::{
    DELEGATION_TYPE, Facts, GRANT_LEN_MAX, GRANT_TYPE, GrantLink, GrantedFile, Identity, IndexPath,
    OpenedGrant, OwnIdentity, TrailText, TrailWhat,
};

pub(crate) use self::delegations::{Delegations, Place, Says, signers};
use self::emergency::is_sealable;
pub(crate) use self::emergency::{
    Sealing, called, changed, is_link as is_emergency, link_in as emergency_link,
};
pub(crate) use self::follow::{Followed, follow, move_along, publish_next};
pub(crate) use self::given::{Given, is_grant};
use self::newest::{Seen, check_above, newest};
pub(crate) use self::opened::Opened;
pub(crate) use self::passed_on::{Found, PassedOn, note_passed_on, passed_on};
pub(crate) use self::publish::{Version, check_next, end, files};
pub(crate) use self::seal_anew::seal_anew;
use crate::account as account_file;
use crate::arguments::Globals;
use crate::failure::Usage;
use crate::names::{now, parse_path};
use crate::output::Output;

/// Longest list of recipients that is read from a file, in bytes: more than the most of a grant, each a hybrid one.
const RECIPIENTS_LEN_MAX: u64 = 1 << 21;

/// Whether an object says of itself that it is a grant.
pub(crate) fn is_one(object: &Object) -> bool {
    object.media_type() == Some(GRANT_TYPE)
}

/// Opens a grant for this account, whatever its time.
pub(crate) async fn read(
    client: &Client,
    object: &Object,
    account: &AccountSecret,
) -> anyhow::Result<OpenedGrant> {
    Ok(OpenedGrant::open(&bytes_of(object).await?, &client.network(), &OwnIdentity::of(account))?)
}

/// All of a grant, or of what was passed on of one.
async fn bytes_of(object: &Object) -> anyhow::Result<Vec<u8>> {
    let len = object.len();
    if len > GRANT_LEN_MAX as u64 {
        bail!("this grant has {len} bytes, which no grant has");
    }
    let bytes: Vec<_> = object.read(0..len).try_collect().await?;
    Ok(bytes.concat())
}

/// The link of a grant, and the path behind it that leads to a file of it.
pub(crate) fn link_and_path(text: &str) -> anyhow::Result<(GrantLink, Option<IndexPath>)> {
    let (link, inside) = text.split_once('/').map_or((text, ""), |(link, inside)| (link, inside));
    // The text itself is not repeated: who has it learns who grants what for.
    let link = link.parse().map_err(|error| Usage::because(format!("{error}")))?;
    let inside = (!inside.is_empty()).then(|| parse_path(inside)).transpose()?;
    Ok((link, inside))
}

/// Opens the newest version of a grant, or of what was passed on of one, for this account, when it counts now.
pub(crate) async fn open_newest(
    client: &Client,
    link: &GrantLink,
    globals: &Globals,
) -> anyhow::Result<Opened> {
    let newest = newest(client, link, globals).await?;
    let object = client.open(&newest.link).await;
    let object = object.with_context(|| format!("cannot open version {} of the grant", newest.seq))?;
    let account = account_file::open(globals.account.as_deref(), globals.output())?;
    let opened = if object.media_type() == Some(DELEGATION_TYPE) {
        Opened::Delegation(opened::delegation(client, &object, &account, globals).await?)
    } else if is_one(&object) {
        Opened::Grant(Box::new(open(client, &object, &account, globals.output()).await?))
    } else {
        bail!("what the pointer of this grant names is no grant");
    };
    opened.check_version(link, newest.seq)?;
    Seen::of(globals, link)?.keep(newest.seq)?;
    Ok(opened)
}

/// What can be said in the audit trail of a grant that something happened to.
pub(crate) fn facts(given: &Given, what: TrailWhat) -> Facts {
    let purpose = given.opened.grant.purpose.as_ref();
    let about = match purpose {
        Some(purpose) => format!("{} {}, for {purpose}", given.path, given.about()),
        None => format!("{} {}", given.path, given.about()),
    };
    Facts { about: TrailText::cut(&about), link: Some(given.note.id), ..Facts::new(what, now()) }
}

/// Opens a version of a grant that counts now, and says on standard error who has given it and for what.
pub(crate) async fn open(
    client: &Client,
    object: &Object,
    account: &AccountSecret,
    output: Output,
) -> anyhow::Result<OpenedGrant> {
    let opened = read(client, object, account).await.context("cannot open the grant")?;
    opened.check_time(now())?;
    let purpose = opened.grant.purpose.as_ref().map(|purpose| format!(", for {purpose}"));
    let until = opened.grant.expires.map(|at| format!(", until {at}"));
    output.note(format_args!(
        "granted by {}{}{}",
        Identity::beginning(opened.by),
        purpose.unwrap_or_default(),
        until.unwrap_or_default()
    ));
    Ok(opened)
}

/// Refuses a grant that is read with `headwater break-glass` alone: what it gives is a link that nobody is to have in the clear.
pub(crate) fn refuse_emergency(files: &[GrantedFile]) -> anyhow::Result<()> {
    if files.iter().any(is_emergency) {
        return Err(Usage::because(
            "this grant is for emergencies: `headwater break-glass LINK --reason WHY` reads it, and its owner hears who has and why",
        ));
    }
    Ok(())
}

/// The identities that an argument means: one in place, or with @FILE those in its lines; what follows # is for people.
pub(crate) fn recipients(argument: &str) -> anyhow::Result<Vec<Identity>> {
    entries(argument)?.iter().map(|text| parse(text)).collect()
}

/// What an argument means: itself, or with @FILE the lines of the file; what follows # in them is for people.
pub(crate) fn entries(argument: &str) -> anyhow::Result<Vec<String>> {
    let Some(path) = argument.strip_prefix('@') else { return Ok(vec![argument.to_owned()]) };
    let text = lines_of(path)
        .with_context(|| format!("you have no group {path}, and no file of this name can be read"))?;
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    Ok(lines.filter(|line| !line.is_empty()).map(str::to_owned).collect())
}

/// Whether the recipient with this text in the note of a grant, or in a group, is one of these: somebody is known by the key that signs,
/// whatever form of their identity was used.
pub(crate) fn is_of(text: &str, who: &[Identity]) -> bool {
    let signs = text.parse::<Identity>().ok().map(|identity| identity.signs());
    who.iter().any(|one| signs == Some(one.signs()))
}

fn lines_of(path: &str) -> std::io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(RECIPIENTS_LEN_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > RECIPIENTS_LEN_MAX {
        return Err(std::io::Error::other(format!("longer than {RECIPIENTS_LEN_MAX} bytes")));
    }
    Ok(text)
}

pub(crate) fn parse(text: &str) -> anyhow::Result<Identity> {
    if text.starts_with("age1") {
        return Err(Usage::because(
            "a recipient of age opens no grant: `headwater get NAME --age RECIPIENT` writes a file for it",
        ));
    }
    text.parse().map_err(|error| Usage::because(format!("{text:?} is no identity: {error}")))
}
