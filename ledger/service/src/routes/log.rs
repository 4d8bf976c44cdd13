//! The log on the standard paths of C2SP tlog-tiles, and proofs out of it.

use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

use crate::problem::{Code, Problem};
use crate::service::Service;

const FOR_EVER: &str = "public, max-age=31536000, immutable";
const NOT_AT_ALL: &str = "no-cache";

/// `GET /log/checkpoint`, `/log/tile/…`, `/log/tile/entries/…`.
pub(crate) async fn file(
    State(service): State<Service>,
    Path(path): Path<String>,
) -> Result<Response, Problem> {
    let is_checkpoint = path == "checkpoint";
    if !is_checkpoint && !is_tile(&path) {
        return Err(Problem::not_found("no such file of the log"));
    }
    let bytes = tokio::task::block_in_place(|| service.files().read(&path));
    let bytes = bytes.map_err(|error| Problem::new(Code::Internal, error.to_string()))?;
    let bytes = bytes.ok_or_else(|| Problem::not_found("the log has no such file yet"))?;
    let (kind, cache) = if is_checkpoint {
        ("text/plain; charset=utf-8", NOT_AT_ALL)
    } else {
        ("application/octet-stream", FOR_EVER)
    };
    Ok(([(CONTENT_TYPE, kind), (CACHE_CONTROL, cache)], bytes).into_response())
}

/// `GET /log/policy`: the log's key, and the witnesses that are asked.
pub(crate) async fn policy(State(service): State<Service>) -> Response {
    let headers = [(CONTENT_TYPE, "text/plain; charset=utf-8"), (CACHE_CONTROL, NOT_AT_ALL)];
    (headers, service.policy().to_owned()).into_response()
}

/// `GET /log/proof/{index}`: a `.tlog-proof` of one entry under the newest checkpoint.
pub(crate) async fn proof(
    State(service): State<Service>,
    Path(index): Path<u64>,
) -> Result<Response, Problem> {
    let newest = service.newest().ok_or_else(|| Problem::not_found("nothing is published yet"))?;
    let proof = tokio::task::block_in_place(|| newest.proof(index, service.files()));
    let proof = proof.ok_or_else(|| {
        Problem::not_found(format!("the published log has {} entries", newest.checkpoint.size))
    })?;
    let headers = [(CONTENT_TYPE, "text/plain; charset=utf-8"), (CACHE_CONTROL, NOT_AT_ALL)];
    Ok((headers, proof.encode()).into_response())
}

/// Whether this is a path as tiles and bundles have them: digits, `x`, `p` and nothing else between the slashes.
fn is_tile(path: &str) -> bool {
    let Some(rest) = path.strip_prefix("tile/") else { return false };
    let rest = rest.strip_prefix("entries/").unwrap_or(rest);
    rest.split('/').all(|part| {
        let digits = part.strip_prefix('x').unwrap_or(part);
        let digits = digits.strip_suffix(".p").unwrap_or(digits);
        (1..=3).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_tiles_are_looked_up() {
        for path in ["tile/0/000", "tile/1/x001/x234/067.p/8", "tile/entries/x001/000.p/255"] {
            assert!(is_tile(path), "{path}");
        }
        for path in [
            "",
            "tile/",
            "tile/0/../lock",
            "tile/0//000",
            "tile/0/00a",
            "lock",
            "/tile/0/000",
            "tile/0/000.new",
        ] {
            assert!(!is_tile(path), "{path}");
        }
    }
}
