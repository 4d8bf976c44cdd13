//! The command line as a whole; each command's own arguments stand in its file under `commands`.

use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory as _, Parser, Subcommand};

use crate::commands;
use crate::output::Output;

/// Puts files on a network of storage nodes, encrypted and erasure-coded, and gets them back.
#[derive(Debug, Parser)]
#[command(name = "headwater", version, after_help = TOUR, propagate_version = true)]
#[command(infer_long_args = false, arg_required_else_help = true, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) globals: Globals,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const TOUR: &str = "\
A tour on one machine:
  headwater devnet --dir /tmp/net --nodes 8 &          eight nodes and a gateway, as processes
  export HEADWATER_NETWORK=/tmp/net/network.json       which network the other commands mean
  headwater put film.mp4 > film.link                   the link is the only key: keep it secret
  headwater get @film.link -o copy.mp4
  headwater audit @film.link                           does every node still have its shard?

Data goes to standard output, everything else to standard error. Exit status: 0 when the whole
job is done, 1 when it is not, 2 when the command line or a setting cannot be meant as it stands.
A link may be written in place, as @FILE, or as - for standard input.";

const COMMON: &str = "Options of every command";

/// The error that the command line alone gives, where it gives one of the same kind: clap counts options which the
/// environment sets among those that were typed, and its usage line then shows them as if they had to be.
pub(crate) fn as_typed(error: clap::Error) -> clap::Error {
    if !error.use_stderr() || error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return error;
    }
    match without_environment(Arguments::command()).try_get_matches() {
        Err(typed) if typed.kind() == error.kind() => typed,
        _ => error,
    }
}

fn without_environment(command: clap::Command) -> clap::Command {
    command.mut_args(|argument| argument.env(None)).mut_subcommands(without_environment)
}

/// What every command understands.
#[derive(Args, Debug)]
pub(crate) struct Globals {
    /// Print the answer as one line of JSON, and what else there is to say as lines of JSON too
    #[arg(long, global = true, help_heading = COMMON)]
    pub(crate) json: bool,

    /// The network file, a ticket, or @FILE with one [default: network.json in your configuration folder]
    #[arg(long, global = true, help_heading = COMMON, value_name = "NETWORK", env = "HEADWATER_NETWORK")]
    pub(crate) network: Option<PathBuf>,

    /// The file with your account's secret [default: account in your configuration folder]
    #[arg(long, global = true, help_heading = COMMON, value_name = "FILE", env = "HEADWATER_ACCOUNT")]
    pub(crate) account: Option<PathBuf>,
}

impl Globals {
    pub(crate) const fn output(&self) -> Output {
        Output::new(self.json)
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Put(commands::put::Put),
    Get(commands::get::Get),
    Stat(commands::stat::Stat),
    Audit(commands::audit::Audit),
    Repair(commands::repair::Repair),
    AuditTrail(commands::audit_trail::AuditTrail),
    Attest(commands::attest::Attest),
    Ls(commands::ls::Ls),
    Mv(commands::mv::Mv),
    Rm(commands::rm::Rm),
    Export(commands::export::Export),
    Import(commands::export::Import),
    Account(commands::account::Account),
    Identity(commands::identity::Identity),
    Grant(commands::grant::Grant),
    Grants(commands::grants::Grants),
    Delegate(commands::delegate::Delegate),
    Group(commands::group::GroupCommand),
    Share(commands::share::Share),
    Shares(commands::shares::Shares),
    Open(commands::open::Open),
    BreakGlass(commands::break_glass::BreakGlass),
    Revoke(commands::revoke::Revoke),
    Hold(commands::hold::Hold),
    Stream(commands::stream::Stream),
    Mandate(commands::mandate::Mandate),
    Nodes(commands::nodes::Nodes),
    Ticket(commands::ticket::Ticket),
    Publish(commands::publish::Publish),
    Publications(commands::publications::Publications),
    Deny(commands::deny::Deny),
    Watch(commands::watch::Watch),
    Verify(commands::verify::Verify),
    Durability(commands::durability::Durability),
    Devnet(commands::devnet::Devnet),
    Node(commands::node::Node),
    Gateway(commands::gateway::Gateway),
    S3(commands::s3::S3),
    Steward(commands::steward::Steward),
    Ledger(commands::ledger::Ledger),
    Sell(commands::sell::Sell),
    Witness(commands::witness::Witness),
    Viewer(commands::viewer::Viewer),
    Completions(commands::completions::Completions),
}

impl Command {
    /// Whether it runs until it is ended, so that its log is what people see of it.
    pub(crate) const fn is_a_role(&self) -> bool {
        match self {
            Self::Node(node) => node.is_a_role(),
            Self::Gateway(_) | Self::Sell(_) | Self::Witness(_) => true,
            Self::S3(s3) => s3.is_a_role(),
            Self::Steward(steward) => steward.is_a_role(),
            Self::Ledger(ledger) => ledger.is_a_role(),
            _ => false,
        }
    }

    /// The name that the user typed.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Put(_) => "put",
            Self::Get(_) => "get",
            Self::Stat(_) => "stat",
            Self::Audit(_) => "audit",
            Self::Repair(_) => "repair",
            Self::AuditTrail(_) => "audit-trail",
            Self::Attest(_) => "attest",
            Self::Ls(_) => "ls",
            Self::Mv(_) => "mv",
            Self::Rm(_) => "rm",
            Self::Export(_) => "export",
            Self::Import(_) => "import",
            Self::Account(_) => "account",
            Self::Identity(_) => "identity",
            Self::Grant(_) => "grant",
            Self::Grants(_) => "grants",
            Self::Delegate(_) => "delegate",
            Self::Group(_) => "group",
            Self::Share(_) => "share",
            Self::Shares(_) => "shares",
            Self::Open(_) => "open",
            Self::BreakGlass(_) => "break-glass",
            Self::Revoke(_) => "revoke",
            Self::Hold(_) => "hold",
            Self::Stream(_) => "stream",
            Self::Mandate(_) => "mandate",
            Self::Nodes(_) => "nodes",
            Self::Ticket(_) => "ticket",
            Self::Publish(_) => "publish",
            Self::Publications(_) => "publications",
            Self::Deny(_) => "deny",
            Self::Watch(_) => "watch",
            Self::Verify(_) => "verify",
            Self::Durability(_) => "durability",
            Self::Devnet(_) => "devnet",
            Self::Node(_) => "node",
            Self::Gateway(_) => "gateway",
            Self::S3(_) => "s3",
            Self::Steward(_) => "steward",
            Self::Ledger(_) => "ledger",
            Self::Sell(_) => "sell",
            Self::Witness(_) => "witness",
            Self::Viewer(_) => "viewer",
            Self::Completions(_) => "completions",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_surface_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_command_teaches_with_an_example() {
        for command in Arguments::command().get_subcommands() {
            let name = command.get_name();
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains(&format!("headwater {name}")), "{name} --help shows no example");
        }
    }
}
