//! `headwater ledger`: runs a ledger, and speaks to one.

mod agree;
mod balance;
mod buy;
mod canary;
mod claim;
mod claims;
mod corrections;
mod deposit;
mod disputes;
mod evidence;
mod init;
mod migrate;
mod offer;
mod page;
mod paid_claims;
mod prepay;
mod promised;
mod serve;
mod settle;
mod signer;
mod statement;
mod top_up;
mod transfer;
mod verify;
mod voucher;

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clap::{Args, Subcommand};
use ledger::Terms;
use ledger_service::{RedbStore, StoreError};

use crate::arguments::Globals;
use crate::failure::Outcome;
use crate::ledger_api::LedgerApi;
use crate::ledger_network;

/// Run a ledger, or speak to one: who shares in titles, who pays, and who is owed what
///
/// A ledger takes what viewers and gateways have signed, settles it epoch by epoch, and publishes every settlement in a log
/// that anybody can check.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater ledger init --dir /srv/ledger --unit EUR
  headwater ledger serve --dir /srv/ledger --listen 127.0.0.1:8700
  headwater ledger voucher --dir /srv/ledger --amount 5.00
  headwater ledger top-up --ledger http://127.0.0.1:8700 ABCDE-…
  headwater ledger balance --ledger http://127.0.0.1:8700
  headwater ledger settle --ledger http://127.0.0.1:8700 --dir /srv/ledger")]
pub(crate) struct Ledger {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(init::Init),
    Serve(serve::Serve),
    Agree(agree::Agree),
    Voucher(voucher::Voucher),
    TopUp(top_up::TopUp),
    Deposit(deposit::Deposit),
    Balance(balance::Balance),
    Statement(statement::Statement),
    Claim(claim::Claim),
    Claims(claims::Claims),
    Canary(canary::Canary),
    Settle(settle::Settle),
    Prepay(prepay::Prepay),
    Page(page::Page),
    Dispute(corrections::Dispute),
    Disputes(disputes::Disputes),
    Hold(corrections::Hold),
    Resolve(corrections::Resolve),
    Reverse(corrections::Reverse),
    Offer(offer::Offer),
    Buy(buy::Buy),
    Transfer(transfer::Transfer),
    Migrate(migrate::Migrate),
    Verify(verify::Verify),
    Evidence(evidence::Evidence),
}

impl Ledger {
    /// Whether it runs until it is ended.
    pub(crate) const fn is_a_role(&self) -> bool {
        matches!(self.command, Command::Serve(_))
    }

    pub(crate) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        match self.command {
            Command::Init(init) => init.run(globals),
            Command::Serve(serve) => serve.run(globals).await,
            Command::Agree(agree) => agree.run(globals).await,
            Command::Voucher(voucher) => voucher.run(globals),
            Command::TopUp(top_up) => top_up.run(globals).await,
            Command::Deposit(deposit) => deposit.run(globals).await,
            Command::Balance(balance) => balance.run(globals).await,
            Command::Statement(statement) => statement.run(globals).await,
            Command::Claim(claim) => claim.run(globals).await,
            Command::Claims(claims) => claims.run(globals).await,
            Command::Canary(canary) => canary.run(globals).await,
            Command::Prepay(prepay) => prepay.run(globals).await,
            Command::Page(page) => page.run(globals).await,
            Command::Settle(settle) => settle.run(globals).await,
            Command::Dispute(dispute) => dispute.run(globals).await,
            Command::Disputes(disputes) => disputes.run(globals).await,
            Command::Hold(hold) => hold.run(globals).await,
            Command::Resolve(resolve) => resolve.run(globals).await,
            Command::Reverse(reverse) => reverse.run(globals).await,
            Command::Offer(offer) => offer.run(globals).await,
            Command::Buy(buy) => buy.run(globals).await,
            Command::Transfer(transfer) => transfer.run(globals).await,
            Command::Migrate(migrate) => migrate.run(globals).await,
            Command::Verify(verify) => verify.run(globals).await,
            Command::Evidence(evidence) => evidence.run(globals).await,
        }
    }
}

/// Which ledger.
#[derive(Args, Debug)]
struct At {
    /// The address of the ledger
    #[arg(long, value_name = "URL", env = "HEADWATER_LEDGER")]
    ledger: String,
}

impl At {
    async fn connect(&self) -> anyhow::Result<LedgerApi> {
        LedgerApi::connect(&self.ledger).await
    }

    /// A ledger for which something is signed: it has to be one of the user's network.
    async fn connect_to_sign(&self, globals: &Globals) -> anyhow::Result<LedgerApi> {
        let ledger = self.connect().await?;
        ledger_network::check(globals.network.as_deref(), ledger.url(), ledger.network()?)?;
        Ok(ledger)
    }
}

/// The journal in a file, which one program has open at a time.
fn open_journal(path: &Path, terms: &Terms) -> anyhow::Result<RedbStore> {
    RedbStore::open(path, terms).map_err(|error| match error {
        StoreError::InUse => anyhow!(
            "another program has {} open, most likely a `headwater ledger serve` over the same folder: end it first",
            path.display()
        ),
        other => other.into(),
    })
}

/// Which folder of a ledger: whoever may read it operates the ledger.
#[derive(Args, Debug)]
struct Folder {
    /// The folder of the ledger
    #[arg(long, value_name = "DIR", env = "HEADWATER_LEDGER_DIR")]
    dir: PathBuf,
}
