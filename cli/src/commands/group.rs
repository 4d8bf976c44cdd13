//! `headwater group`: people and institutions by the name of what they belong to.

use std::collections::BTreeSet;
use std::fmt;

use anyhow::{Context as _, bail};
use chunker::Coding;
use clap::{Args, Subcommand};
use client::Client;
use serde::Serialize;
use sharing::Identity;

use crate::account as account_file;
use crate::arguments::Globals;
use crate::commands::revoke::{self, GrantRevoked};
use crate::counted::counted;
use crate::failure::Outcome;
use crate::grants::{self, Given};
use crate::groups::Group;
use crate::membership::Network;
use crate::names::{Names, now};

/// Keep groups of people and institutions, such as a ward or a study, to whom you grant
///
/// Groups are part of your index: all your devices have them, and nobody else. `headwater grant … --to @NAME` grants to those who are in
/// the group then: somebody who joins later gets nothing by that, and somebody who leaves keeps what was granted until it is revoked.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater group add ward-3 headwater-id:…              one, or several, or @FILE with one in each line
  headwater group add ward-3 headwater-id:… --label 'Dr. Ng'
  headwater group list
  headwater group list ward-3
  headwater group remove ward-3 headwater-id:…           says which grants they still have
  headwater group remove ward-3 headwater-id:… --revoke  and takes these from them")]
pub(crate) struct GroupCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Add identities to a group, which is made when there is none of this name
    Add {
        /// The name of the group
        name: String,
        /// Who: identities, or @FILE
        #[arg(required = true, value_name = "IDENTITY|@FILE")]
        who: Vec<String>,
        /// What you call them; for you alone
        #[arg(long, value_name = "TEXT", default_value = "")]
        label: String,
    },
    /// Take identities out of a group, and say which grants they still have
    Remove {
        /// The name of the group
        name: String,
        /// Who: identities, or @FILE
        #[arg(required = true, value_name = "IDENTITY|@FILE")]
        who: Vec<String>,
        /// Revoke what they still have
        #[arg(long)]
        revoke: bool,
    },
    /// List the groups, or who is in one
    List {
        /// The name of a group
        name: Option<String>,
    },
}

#[derive(Serialize)]
struct Groups {
    groups: Vec<GroupLine>,
}

#[derive(Serialize)]
struct GroupLine {
    name: String,
    members: Vec<Member>,
    #[serde(skip)]
    in_full: bool,
}

#[derive(Serialize)]
struct Member {
    identity: String,
    label: String,
}

#[derive(Serialize)]
struct Changed {
    name: String,
    members: usize,
    pushed: bool,
    /// Grants that those who were removed still have.
    still_granted: Vec<String>,
    revoked: Vec<GrantRevoked>,
}

impl GroupCommand {
    pub(crate) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let network = Network::load(globals.network.as_deref()).await?;
        let mut names = Names::open(globals).await?;
        let payer = account_file::payer(names.account.secret());
        let act = async |client: &Client| {
            names.pull(client).await?;
            let coding = network.usual_coding(client)?;
            match self.action {
                Action::Add { name, who, label } => {
                    add(client, &mut names, coding, name, &who, &label, globals).await
                }
                Action::Remove { name, who, revoke } => {
                    let removal = Removal { name, who, revoke };
                    removal.run(client, &mut names, coding, globals).await
                }
                Action::List { name } => list(client, &names, name, globals).await,
            }
        };
        network.with_client(Some(payer), act).await
    }
}

struct Removal {
    name: String,
    who: Vec<String>,
    revoke: bool,
}

impl Removal {
    async fn run(
        self,
        client: &Client,
        names: &mut Names,
        coding: Coding,
        globals: &Globals,
    ) -> anyhow::Result<Outcome> {
        let Self { name, who, revoke } = self;
        let found = Group::read(client, names, &name).await?;
        let mut group = found.with_context(|| format!("you have no group {name}"))?;
        let gone = in_place(&who)?;
        if group.remove(&gone) == 0 {
            bail!("none of them is in {name}");
        }
        let mut still = Given::all(client, names, globals.output()).await;
        still.retain(|given| {
            let has_ended = given.opened.grant.expires.is_some_and(|at| at <= now());
            !has_ended && given.note.to.iter().any(|text| grants::is_of(text, &gone))
        });
        if revoke {
            // All of it, or none where something has to stay.
            still.iter().try_for_each(|given| revoke::check_holds(names.local.index(), given))?;
        }
        let pushed = group.keep(client, names, coding, &name).await?;
        let mut changed =
            Changed { name, members: group.members.len(), pushed, still_granted: vec![], revoked: vec![] };
        for given in still {
            if revoke {
                // What was revoked before may have given this one a new version.
                let given = Given::at(client, names, &given.path).await?;
                changed.revoked.push(revoke::from_some(client, names, coding, given, &gone, globals).await?);
            } else {
                changed.still_granted.push(format!("{} ({})", given.path, given.about()));
            }
        }
        names.push(client, coding).await?;
        let is_over = changed.revoked.iter().all(GrantRevoked::is_over);
        globals.output().answer(&changed)?;
        Ok(if is_over { Outcome::Complete } else { Outcome::Incomplete })
    }
}

async fn add(
    client: &Client,
    names: &mut Names,
    coding: Coding,
    name: String,
    who: &[String],
    label: &str,
    globals: &Globals,
) -> anyhow::Result<Outcome> {
    let mut group = Group::read(client, names, &name).await?.unwrap_or_default();
    let label: String = label.chars().filter(|c| !c.is_control()).collect();
    for identity in in_place(who)? {
        group.add(&identity, &label);
    }
    let pushed = group.keep(client, names, coding, &name).await?;
    let (members, still_granted, revoked) = (group.members.len(), vec![], vec![]);
    globals.output().answer(&Changed { name, members, pushed, still_granted, revoked })?;
    Ok(Outcome::Complete)
}

async fn list(
    client: &Client,
    names: &Names,
    name: Option<String>,
    globals: &Globals,
) -> anyhow::Result<Outcome> {
    let in_full = name.is_some();
    let mut lines = Vec::new();
    let all = name.map_or_else(|| Group::names(names), |name| BTreeSet::from([name]));
    for name in all {
        let group = match Group::find(client, names, &name).await? {
            Some(group) => group,
            // Nobody is left in it.
            None if !in_full => continue,
            None => bail!("you have no group {name}"),
        };
        let members = group.members.into_iter().map(|(identity, label)| Member { identity, label });
        lines.push(GroupLine { name, members: members.collect(), in_full });
    }
    globals.output().answer(&Groups { groups: lines })?;
    Ok(Outcome::Complete)
}

/// The identities that the arguments name.
fn in_place(who: &[String]) -> anyhow::Result<Vec<Identity>> {
    let found = who.iter().map(|argument| grants::recipients(argument));
    Ok(found.collect::<anyhow::Result<Vec<_>>>()?.concat())
}

impl fmt::Display for Groups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for GroupLine { name, members, in_full } in &self.groups {
            if !in_full {
                writeln!(f, "@{name}  {}", counted(members.len() as u64, "member"))?;
                continue;
            }
            for Member { identity, label } in members {
                writeln!(f, "{identity}  {label}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Changed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "@{}: {}", self.name, counted(self.members as u64, "member"))?;
        for grant in &self.still_granted {
            writeln!(f, "they still have {grant}; --revoke takes it from them")?;
        }
        self.revoked.iter().try_for_each(|revoked| write!(f, "{revoked}"))
    }
}
