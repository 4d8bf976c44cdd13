//! `GET /api/openapi.json`: what this gateway answers, generated from the routes themselves.

use axum::Json;
use utoipa::OpenApi;

use super::{
    blob, care, health, links, live, nodes, open, pay, publications, publish, read, sealed, sealed_uploads,
    shares, sources, status, streams, watch,
};

/// The routes that other programs may rest on.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Headwater gateway",
        description = "Objects and publications of a Headwater network over HTTP. \
        Every refusal is application/problem+json (RFC 9457) with a stable code."
    ),
    paths(
        publications::list,
        publications::one,
        publications::offer,
        publish::offered,
        publish::publish,
        watch::file,
        watch::part,
        watch::attachment,
        sources::sources,
        nodes::list,
        nodes::audits,
        care::care,
        live::list,
        live::one,
        live::offer,
        live::file,
        live::part,
        links::events,
        health::offer,
        health::end,
        health::manifest,
        health::single,
        health::location,
        streams::register,
        streams::end,
        streams::batches,
        streams::append,
        shares::register,
        shares::end,
        shares::about,
        shares::open,
        sealed::open,
        sealed::manifest,
        sealed::cells,
        sealed_uploads::terms,
        sealed_uploads::upload,
        pay::ledger,
        pay::open,
        pay::receipt,
        open::open,
        read::read,
        blob::upload,
        status::health,
        status::ready,
        status::metrics,
    )
)]
struct Api;

pub(super) async fn document() -> Json<utoipa::openapi::OpenApi> {
    Json(Api::openapi())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_every_route() {
        let document = Api::openapi();
        for path in super::super::PATHS {
            assert!(document.paths.paths.contains_key(path), "{path} is not described");
        }
    }
}
