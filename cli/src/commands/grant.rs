//! `headwater grant`: lets certain people read files of the account.

use std::fmt;

use chunker::Coding;
use clap::Args;
use client::Client;
use protocol::UnixSeconds;
use reqwest::Url;
use serde::Serialize;
use sharing::{
    CATALOGUE_TYPE, GrantKeys, GrantNote, GrantedFile, IndexPath, LinkId, Reason, TrailText, TrailWhat,
};

use crate::arguments::Globals;
use crate::commands::share::gateway_of;
use crate::failure::{Outcome, Usage};
use crate::grants::{self, Given, Version};
use crate::membership::Network;
use crate::names::{Names, now, parse_path};
use crate::quantity::Duration;
use crate::trail::TrailFile;
use crate::{account as account_file, groups};

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
  headwater grant /charts/4711.pdf --to @on-duty --emergency > emergency.link
  headwater grants
  headwater revoke /grants/NAME")]
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

    /// For emergencies alone: sealed at a gateway, which reports who opens it with `headwater break-glass`, and why
    #[arg(long, conflicts_with = "series")]
    emergency: bool,

    /// With --emergency: the gateway [default: that of the network file]
    #[arg(long, value_name = "URL", requires = "emergency")]
    gateway: Option<String>,

    /// When it ends, such as 30d [default: with the files]
    #[arg(long, value_name = "TIME")]
    expires: Option<Duration>,

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
    expires: u64,
    pushed: bool,
}

impl Grant {
    pub(crate) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let paths: Vec<_> = self.files.iter().map(|name| parse_path(name)).collect::<Result<_, _>>()?;
        let purpose = self.purpose.clone().map(Reason::new).transpose();
        let purpose = purpose.map_err(|error| Usage::because(format!("--purpose: {error}")))?;
        let network = Network::load(globals.network.as_deref()).await?;
        let mut names = Names::open(globals).await?;
        let payer = account_file::payer(names.account.secret());
        let give = async |client: &Client| {
            names.pull(client).await?;
            let coding = network.usual_coding(client)?;
            let (files, until) = grants::files(client, &names, &paths).await?;
            let expires = self.expires.map_or(until, |time| until.min(now().plus(time.seconds())));
            let (paths, files) = if self.emergency {
                let gateway = gateway_of(self.gateway.as_deref(), &network)?;
                self.seal(client, &mut names, coding, &gateway, &files, expires, globals).await?
            } else {
                (paths, files)
            };
            let to = groups::identities(client, &names, &self.to).await?;
            let mut to: Vec<_> = to.iter().map(ToString::to_string).collect();
            to.sort();
            let (id, recipients) = (LinkId::from_bytes(rand::random()), to.len());
            let note = GrantNote { id, names: paths.clone(), to, follows: self.series };
            let version = Version { expires, files, note, purpose };
            let path = free_name(&names)?;
            let report = version.publish(client, &mut names, coding, path.clone()).await?;
            note_it(globals, client, &names, &path, recipients).await?;
            let pushed = names.push(client, coding).await?;
            Ok(Answer {
                link: GrantKeys::derive(names.account.secret(), id).link().to_string(),
                cid: report.cid.to_string(),
                name: path.to_string(),
                files: self.files.clone(),
                recipients,
                series: self.series,
                expires: expires.get(),
                pushed,
            })
        };
        let answer = network.with_client(Some(payer), give).await?;
        globals.output().answer(&answer)?;
        Ok(Outcome::Complete)
    }
}

impl Grant {
    /// Seals the files at a gateway; what is granted is the link by which it gives them out.
    #[expect(clippy::too_many_arguments, reason = "all of them are about one grant")]
    async fn seal(
        &self,
        client: &Client,
        names: &mut Names,
        coding: Coding,
        gateway: &Url,
        files: &[GrantedFile],
        expires: UnixSeconds,
        globals: &Globals,
    ) -> anyhow::Result<(Vec<IndexPath>, Vec<GrantedFile>)> {
        if files
            .iter()
            .any(|file| file.media_type.as_ref().is_some_and(|kind| kind.as_str() == CATALOGUE_TYPE))
        {
            return Err(Usage::because(
                "--emergency is for files: a gateway does not read folders of records",
            ));
        }
        let sealed = grants::seal_for_emergencies(client, names, coding, globals, gateway, files, expires);
        let paths = vec![sealed.await?];
        let (files, _) = grants::files(client, names, &paths).await?;
        Ok((paths, files))
    }
}

/// The name of a new grant: the day.
fn free_name(names: &Names) -> anyhow::Result<IndexPath> {
    let day: String = now().to_string().chars().take(10).collect();
    let path = IndexPath::new(format!("grants/{day}")).expect("a day is a name");
    Ok(names.local.index().free_path(&path)?)
}

/// Writes into the audit trail what was granted to how many.
async fn note_it(
    globals: &Globals,
    client: &Client,
    names: &Names,
    path: &IndexPath,
    recipients: usize,
) -> anyhow::Result<()> {
    let given = Given::at(client, names, path).await?;
    let mut facts = grants::facts(&given, TrailWhat::Granted);
    facts.who = TrailText::cut(&format!("{recipients} recipients"));
    TrailFile::open(globals, names.account.secret(), client.network())?.append(facts)
}

/// For people and for shells alike: the link and nothing else.
impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.link)
    }
}
