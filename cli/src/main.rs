//! The `headwater` program: one command for each thing that a person does with the network, and the
//! two long-running roles. It parses, calls the crates that do the work, and prints what they say;
//! no format, no decision about data and no cryptography lives here.

mod account;
mod arguments;
mod attest;
mod commands;
mod confirm;
mod core_dumps;
mod counted;
mod date;
mod destination;
mod devnet;
mod directory;
mod ends;
mod expiry;
mod failure;
mod folders;
mod freshness;
mod gateway_api;
mod grants;
mod groups;
mod health;
mod holds;
mod index_files;
mod key_file;
mod key_service_api;
mod language;
mod ledger_api;
mod ledger_folder;
mod ledger_network;
mod lifetime;
mod live_api;
mod logging;
mod media_type;
mod membership;
mod metrics;
mod money;
mod names;
mod output;
mod packs;
mod passcode;
mod paying;
mod printable;
mod private_file;
mod publication;
mod quantity;
mod quote;
mod ready;
mod record_file;
mod rekey;
mod releases;
mod secrets;
mod settings;
mod shares;
mod smaller_coding;
mod storage_pay;
mod streams;
mod target;
mod trail;
mod until_ended;
mod watch;
mod zip_file;

use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;

use crate::arguments::{Arguments, Command, Globals};
use crate::failure::Outcome;

fn main() -> ExitCode {
    let Arguments { globals, command } = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return failure::report_arguments(&arguments::as_typed(error)),
    };
    let name = command.name();
    logging::start(command.is_a_role());
    let start = || {
        core_dumps::forbid().context("cannot keep secrets out of core dumps")?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        runtime.context("cannot start the threads of the program")
    };
    let outcome = start().and_then(|runtime| {
        let outcome = runtime.block_on(run(&globals, command));
        // A pending read of standard input must not keep the program from ending.
        runtime.shutdown_background();
        outcome
    });
    match outcome {
        Ok(outcome) => outcome.into(),
        Err(error) => failure::report(name, &error, globals.json),
    }
}

async fn run(globals: &Globals, command: Command) -> anyhow::Result<Outcome> {
    match command {
        Command::Put(put) => Box::pin(put.run(globals)).await,
        Command::Get(get) => Box::pin(get.run(globals)).await,
        Command::Stat(stat) => stat.run(globals).await,
        Command::Audit(audit) => audit.run(globals).await,
        Command::Repair(repair) => repair.run(globals).await,
        Command::Attest(attest) => attest.run(globals).await,
        Command::AuditTrail(trail) => trail.run(globals).await,
        Command::Account(account) => account.run(globals).await,
        Command::Ls(ls) => ls.run(globals).await,
        Command::Mv(mv) => mv.run(globals).await,
        Command::Rm(rm) => Box::pin(rm.run(globals)).await,
        Command::Export(export) => export.run(globals).await,
        Command::Import(import) => import.run(globals).await,
        Command::Identity(identity) => identity.run(globals),
        Command::Grant(grant) => grant.run(globals).await,
        Command::Grants(grants) => grants.run(globals).await,
        Command::Delegate(delegate) => delegate.run(globals).await,
        Command::Group(group) => group.run(globals).await,
        Command::Share(share) => trail::then_committed(globals, Box::pin(share.run(globals)).await).await,
        Command::Shares(shares) => shares.run(globals).await,
        Command::Open(open) => Box::pin(open.run(globals)).await,
        Command::BreakGlass(break_glass) => Box::pin(break_glass.run(globals)).await,
        Command::Hold(hold) => hold.run(globals).await,
        Command::Stream(stream) => Box::pin(stream.run(globals)).await,
        Command::Revoke(revoke) => trail::then_committed(globals, Box::pin(revoke.run(globals)).await).await,
        Command::Mandate(mandate) => mandate.run(globals).await,
        Command::Nodes(nodes) => nodes.run(globals).await,
        Command::Ticket(ticket) => ticket.run(globals).await,
        Command::Publish(publish) => Box::pin(publish.run(globals)).await,
        Command::Publications(publications) => publications.run(globals).await,
        Command::Deny(deny) => deny.run(globals).await,
        Command::Verify(verify) => verify.run(globals),
        Command::Durability(durability) => durability.run(globals),
        Command::Devnet(devnet) => devnet.run(globals).await,
        Command::Node(node) => Box::pin(node.run(globals)).await,
        Command::Gateway(gateway) => Box::pin(gateway.run(globals)).await,
        Command::S3(s3) => Box::pin(s3.run(globals)).await,
        Command::Steward(steward) => Box::pin(steward.run(globals)).await,
        Command::Ledger(ledger) => Box::pin(ledger.run(globals)).await,
        Command::Watch(watch) => Box::pin(watch.run(globals)).await,
        Command::Sell(sell) => Box::pin(sell.run(globals)).await,
        Command::Witness(witness) => Box::pin(witness.run(globals)).await,
        Command::Viewer(viewer) => viewer.run(globals).await,
        Command::Completions(completions) => completions.run(),
    }
}
