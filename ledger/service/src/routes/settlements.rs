//! What was settled, and what contracts owe: public.

use axum::Json;
use axum::extract::{Path, State};
use data_encoding::HEXLOWER;
use ledger::Totals;
use protocol::{Amount, Epoch};
use serde::Serialize;

use super::keys::parse_key;
use crate::problem::Problem;
use crate::service::Service;

/// A settlement for people and pages.
#[derive(Debug, Serialize)]
pub(crate) struct Readable {
    epoch: u64,
    settled: u64,
    /// The place of its first line in the log, and of its summary.
    log_first: u64,
    log_summary: u64,
    lines: u64,
    gateways: u64,
    carriers: u64,
    keepers: u64,
    sales: u64,
    payouts: u64,
    receipts: u64,
    disputes: u64,
    payout_root: String,
    totals: Sums,
}

/// Amounts in decimal.
#[derive(Debug, Serialize)]
struct Sums {
    charged: String,
    collateral: String,
    gateways: String,
    network: String,
    nodes: String,
    parties: String,
    sold: String,
    stored: String,
}

/// `GET /v1/settlements/{epoch}`.
pub(crate) async fn settlement(
    State(service): State<Service>,
    Path(epoch): Path<u64>,
) -> Result<Json<Readable>, Problem> {
    readable(&service, Epoch::new(epoch)).map(Json)
}

pub(crate) fn readable(service: &Service, epoch: Epoch) -> Result<Readable, Problem> {
    let state = service.state();
    let settled = state.settled(epoch);
    let settled = settled.ok_or_else(|| Problem::not_found(format!("epoch {epoch} is not settled")))?;
    let summary = &settled.summary;
    Ok(Readable {
        epoch: epoch.get(),
        settled: settled.at.get(),
        log_first: settled.first,
        log_summary: settled.first + settled.items,
        lines: summary.lines.count,
        gateways: summary.gateways.count,
        carriers: summary.carriers.count,
        keepers: summary.keepers.count,
        sales: summary.sales.count,
        payouts: summary.payouts.count,
        receipts: summary.receipts.count,
        disputes: summary.disputes.count,
        payout_root: HEXLOWER.encode(&summary.payouts.root),
        totals: Sums::of(&summary.totals),
    })
}

impl Sums {
    fn of(totals: &Totals) -> Self {
        let text = |amount: Amount| amount.to_string();
        Self {
            charged: text(totals.charged),
            collateral: text(totals.collateral),
            gateways: text(totals.gateways),
            network: text(totals.network),
            nodes: text(totals.nodes),
            parties: text(totals.parties),
            sold: text(totals.sold),
            stored: text(totals.stored),
        }
    }
}

/// What a contract owes to a party, and the proof of it.
#[derive(Debug, Serialize)]
pub(crate) struct Owed {
    epoch: u64,
    party: String,
    address: String,
    /// In micro-units, as the contract counts.
    cumulative: String,
    proof: Vec<String>,
    root: String,
}

/// `GET /v1/payouts/{party}`.
pub(crate) async fn payout(
    State(service): State<Service>,
    Path(party): Path<String>,
) -> Result<Json<Owed>, Problem> {
    let party = parse_key(&party)?;
    let (newest, tree) = {
        let state = service.state();
        (state.all_settled().next_back().map(|settled| settled.summary.epoch), state.payouts())
    };
    let newest = newest.ok_or_else(|| Problem::not_found("nothing is settled yet"))?;
    let found = tree.proof(&party);
    let (payout, proof) = found.ok_or_else(|| Problem::not_found("contracts owe nothing to this party"))?;
    Ok(Json(Owed {
        epoch: newest.get(),
        party: HEXLOWER.encode(party.as_bytes()),
        address: HEXLOWER.encode(payout.address.as_bytes()),
        cumulative: payout.cumulative.to_string(),
        proof: proof.iter().map(|hash| HEXLOWER.encode(hash)).collect(),
        root: HEXLOWER.encode(&tree.root()),
    }))
}
