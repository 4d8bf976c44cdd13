//! `GET /api/sources/{id}/{track}/{n}`: where the bytes of a segment came from, as far as this gateway remembers.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse as _, Response};
use client::Origin;
use data_encoding::HEXLOWER;
use protocol::PublicKey;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use super::watch::parse;
use crate::gateway::Gateway;
use crate::live::LiveShow;
use crate::problem::Problem;
use crate::publications::{Run, nothing};

/// Where the cells of a segment came from.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Sources {
    /// Data columns.
    data: u8,
    /// Parity columns.
    parity: u8,
    /// Ids of the nodes that sent cells, in hexadecimal.
    nodes: Vec<String>,
    /// `[cell, column, index into nodes or null, "direct" | "hedged" | "rebuilt" | "unknown"]`, one for each cell.
    #[schema(value_type = Vec<Vec<serde_json::Value>>)]
    cells: Vec<Cell>,
}

#[derive(Debug)]
struct Cell {
    index: u64,
    column: u8,
    node: Option<usize>,
    how: &'static str,
}

impl Serialize for Cell {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.index, self.column, self.node, self.how).serialize(serializer)
    }
}

/// Where the bytes of a segment came from.
#[utoipa::path(
    get, path = "/api/sources/{id}/{track}/{n}", tag = "watch",
    params(
        ("id" = String, Path, description = "publication id, or live id"),
        ("track" = String, Path, description = "a track's id"),
        ("n" = u32, Path, description = "a segment's number, from 0"),
    ),
    responses((status = 200, body = Sources), (status = 404)),
)]
pub(super) async fn sources(
    State(gateway): State<Gateway>,
    Path((id, track, number)): Path<(String, String, u32)>,
) -> Result<Response, Problem> {
    let run = segment(&gateway, &id, &track, number).await?;
    let sources =
        Sources::of(&gateway, &run).ok_or_else(|| nothing("the segment lies outside its object"))?;
    Ok(([(CACHE_CONTROL, "no-store")], Json(sources)).into_response())
}

/// A segment of a live stream, or else of a publication.
async fn segment(gateway: &Gateway, id: &str, track: &str, number: u32) -> Result<Run, Problem> {
    if let Ok(id) = id.parse()
        && let Ok(live) = LiveShow::open(gateway.live(), gateway.publications(), id).await
    {
        return live.segment(track, number).await;
    }
    let show = gateway.publications().show(parse(id)?).await?;
    show.segment(show.track(track)?, number).await
}

impl Sources {
    fn of(gateway: &Gateway, run: &Run) -> Option<Self> {
        let geometry = run.object.manifest().geometry();
        let (id, mut nodes) = (run.source().id, Numbers::default());
        let cells = geometry.cells_of(run.range.start()..run.range.end()).map(|cell| {
            let column = geometry.locate(cell)?.column.number();
            let (node, how) = nodes.of(gateway.shelf().origin(id, cell));
            Some(Cell { index: cell, column, node, how })
        });
        let cells = cells.collect::<Option<_>>()?;
        let coding = geometry.coding();
        Some(Self { data: coding.data(), parity: coding.parity(), nodes: nodes.into_ids(), cells })
    }
}

/// Nodes in the order in which they turned up.
#[derive(Default)]
struct Numbers(BTreeMap<PublicKey, usize>);

impl Numbers {
    fn of(&mut self, origin: Option<Origin>) -> (Option<usize>, &'static str) {
        match origin {
            None => (None, "unknown"),
            Some(Origin::Direct(node)) => (Some(self.number(node)), "direct"),
            Some(Origin::Hedged(node)) => (Some(self.number(node)), "hedged"),
            Some(Origin::Rebuilt(from)) => {
                for node in from.iter() {
                    self.number(*node);
                }
                (None, "rebuilt")
            }
        }
    }

    fn number(&mut self, node: PublicKey) -> usize {
        let next = self.0.len();
        *self.0.entry(node).or_insert(next)
    }

    fn into_ids(self) -> Vec<String> {
        let mut ids = vec![String::new(); self.0.len()];
        for (node, number) in self.0 {
            ids[number] = HEXLOWER.encode(node.as_bytes());
        }
        ids
    }
}
