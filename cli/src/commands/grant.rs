//! `headwater grant`: lets certain people read files of the account.

use std::fmt;

use anyhow::Context as _;
use clap::Args;
use client::Client;
use data_encoding::HEXLOWER;
use protocol::UnixSeconds;
use serde::Serialize;
use sharing::{
    DELEGATION_DEPTH_MAX, Depth, GrantKeys, GrantNote, IndexPath, LinkId, Reason, TrailText, TrailWhat,
};

use crate::arguments::Globals;
use crate::commands::share::{check_end, gateway_of};
use crate::directory::Directory;
use crate::expiry::Expiry;
use crate::failure::{Outcome, Usage};
use crate::grants::{self, Given, Sealing, Version};
use crate::membership::Network;
use crate::names::{Names, parse_path};
use crate::secrets::SecretArg;
use crate::trail::TrailFile;
use crate::{account as account_file, groups};

/// Characters of the names of files in the name of a grant.
const NAME_CHARS_MAX: usize = 60;
/// Bytes of a grant's id in its name.
const TAG_LEN: usize = 4;

/// Let certain people or institutions read files of yours
///
/// The keys of the files are wrapped for the recipients alone, signed by you, and put on the network. What is printed is the link of the
/// grant: whoever has it and is a recipient reads the files with `headwater open` or `headwater get`; nobody else reads anything. Whoever has
/// opened a grant keeps the keys in it: its time binds honest readers, and `headwater revoke` puts the files under other ones.
///
/// With --series the link opens what the names stand for whenever it is opened: `headwater put --replace` and `--append` publish
/// the next version.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater grant /scans/knee.dcm --to headwater-id:… --expires 30d --purpose treatment
  headwater grant /records/study --to @ward-3 --purpose 'study 17'
  headwater grant /reports/daily.pdf --to @ward-3 --series
  headwater grant /charts/4711.pdf --to @on-duty --emergency --expires 30d > emergency.link
  headwater grant /records/study --to @partners --may-delegate --expires 90d
  headwater grants
  headwater revoke '/grants/knee.dcm 7f3a01bc'     by its name, which `headwater grants` shows")]
pub(crate) struct Grant {
    /// Files, or folders of records, by their names in your index
    #[arg(required = true, value_name = "NAME")]
    files: Vec<String>,

    /// Who may read: an identity, @GROUP (see `headwater group`), or @FILE with one in each line; may be repeated
    #[arg(long, required = true, value_name = "IDENTITY|@GROUP")]
    to: Vec<String>,

    /// Follow the names: newer versions of the files open under the same link
    #[arg(long)]
    series: bool,

    /// Let those who may read pass it on, this often one after the other [default: 1]; see `headwater delegate`
    #[arg(long, value_name = "TIMES", num_args = 0..=1, require_equals = true, default_missing_value = "1")]
    may_delegate: Option<u8>,

    /// For emergencies alone: sealed at a gateway, which reports who opens it with `headwater break-glass`, and why
    #[arg(long, conflicts_with_all = ["series", "may_delegate"])]
    emergency: bool,

    /// With --emergency: the gateway [default: that of the network file]
    #[arg(long, value_name = "URL", requires = "emergency")]
    gateway: Option<String>,

    /// With --emergency: the gateway's upload token, preferably as @FILE; without it --expires is 31 days off at most
    #[arg(long, value_name = "TOKEN", requires = "emergency")]
    upload_token: Option<SecretArg>,

    /// When it ends, such as 30d, or as a day such as 2026-12-24 begins [default: with the files]
    #[arg(long, value_name = "TIME|DATE")]
    expires: Option<Expiry>,

    /// What the files may be used for; readers see it
    #[arg(long, value_name = "TEXT")]
    purpose: Option<String>,
}

#[derive(Serialize)]
struct Answer {
    link: String,
    cid: String,
    /// Its name in the index.
    name: String,
    files: Vec<String>,
    recipients: usize,
    series: bool,
    /// How often it may be passed on, one after the other.
    may_delegate: Option<u8>,
    expires: u64,
    pushed: bool,
}

impl Grant {
    pub(crate) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let paths: Vec<_> = self.files.iter().map(|name| parse_path(name)).collect::<Result<_, _>>()?;
        let purpose = self.purpose.clone().map(Reason::new).transpose();
        let purpose = purpose.map_err(|error| Usage::because(format!("--purpose: {error}")))?;
        let depth = self.may_delegate.map(depth).transpose()?;
        let token = self.upload_token.as_ref().map(SecretArg::read).transpose()?;
        let wanted = self.expires.map(Expiry::at).transpose()?;
        if self.emergency {
            check_end(wanted, token.is_some())?;
        }
        let network = Network::load(globals.network.as_deref()).await?;
        let mut names = Names::open(globals).await?;
        let payer = account_file::payer(names.account.secret());
        let give = async |client: &Client| {
            names.pull(client).await?;
            let coding = network.usual_coding(client)?;
            let to = groups::identities(client, &names, &self.to).await?;
            let (id, recipients) = (LinkId::from_bytes(rand::random()), to.len());
            let (path, directory) = (self.name(&names, id, &paths)?, Directory::read(client, &names).await);
            let ends = |until: UnixSeconds| wanted.map_or(until, |at| until.min(at));
            let (paths, sealed) = if self.emergency {
                let gateway = &gateway_of(self.gateway.as_deref(), &network)?;
                let (directory, token) = (&directory, token.as_ref().map(|token| token.as_str()));
                let sealing =
                    Sealing { client, coding, globals, gateway, token, grant: id, to: &to, directory };
                let (path, sealed) = sealing.seal(&mut names, &paths, ends).await?;
                (vec![path], sealed)
            } else {
                (paths, Vec::new())
            };
            let (files, until) = grants::files(client, &names, &paths).await?;
            let expires = ends(until);
            let mut to: Vec<_> = to.iter().map(ToString::to_string).collect();
            to.sort();
            let note = GrantNote { id, names: paths.clone(), to, follows: self.series, sealed };
            let version = Version { after: None, depth, expires, files, note, purpose };
            let report = version.publish(client, &mut names, coding, globals, path.clone()).await?;
            note_it(globals, client, &names, &path, &directory).await?;
            let pushed = names.push(client, coding).await?;
            Ok(Answer {
                link: GrantKeys::derive(names.account.secret(), id).link().to_string(),
                cid: report.cid.to_string(),
                name: path.to_string(),
                files: self.files.clone(),
                recipients,
                series: self.series,
                may_delegate: self.may_delegate,
                expires: expires.get(),
                pushed,
            })
        };
        let answer = network.with_client(Some(payer), give).await?;
        globals.output().answer(&answer)?;
        Ok(Outcome::Complete)
    }

    /// The name of a new grant: what it opens, and a part of its id, so that no other one ever has it.
    fn name(&self, names: &Names, id: LinkId, paths: &[IndexPath]) -> anyhow::Result<IndexPath> {
        let emergency = if self.emergency { "emergency " } else { "" };
        let called: String = grants::called(paths).chars().take(NAME_CHARS_MAX).collect();
        let tag = HEXLOWER.encode(&id.as_bytes()[..TAG_LEN]);
        let path = IndexPath::new(format!("grants/{emergency}{called} {tag}"));
        Ok(names.local.index().free_path(&path.context("the files have too long names")?)?)
    }
}

/// How often a grant may be passed on.
pub(crate) fn depth(times: u8) -> anyhow::Result<Depth> {
    let why =
        || Usage::because(format!("a grant is passed on 1 to {DELEGATION_DEPTH_MAX} times, not {times}"));
    Depth::new(times).ok_or_else(why)
}

/// Writes into the audit trail what was granted to whom.
async fn note_it(
    globals: &Globals,
    client: &Client,
    names: &Names,
    path: &IndexPath,
    directory: &Directory,
) -> anyhow::Result<()> {
    let given = Given::at(client, names, path).await?;
    let mut facts = grants::facts(&given, TrailWhat::Granted);
    facts.who = TrailText::cut(&directory.list(&given.note.to));
    TrailFile::open(globals, names.account.secret(), client.network())?.append(facts)
}

/// For people and for shells alike: the link and nothing else.
impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.link)
    }
}
