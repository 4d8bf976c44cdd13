//! What happens to every request, whatever it asks for: limits, counting, tracing, and headers that keep handles to themselves.

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tracing::Instrument as _;

use crate::client_address::client_address;
use crate::gateway::Gateway;
use crate::limits::Permit;
use crate::metrics::Metrics;
use crate::problem::{Code, Problem};
use crate::routes;
use crate::server::Peer;

/// Middleware around every route.
pub(crate) async fn observe(State(gateway): State<Gateway>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    // The path itself may hold a handle: only its pattern is ever counted or logged.
    let route = request.extensions().get::<MatchedPath>().map_or("other", MatchedPath::as_str).to_owned();
    let method = known_method(request.method());
    let span = tracing::info_span!("request", method, route);
    let permit = admit(&gateway, &request, &route);
    let mut response = match &permit {
        Ok(_) => next.run(request).instrument(span.clone()).await,
        Err(problem) => problem.clone().into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let elapsed = began.elapsed();
    span.in_scope(|| tracing::debug!(status = response.status().as_u16(), ?elapsed, "answered"));
    gateway.metrics().answered(&route, method, response.status().as_u16(), elapsed.as_secs_f64());
    let metrics = Arc::clone(gateway.metrics());
    metrics.under_way.inc();
    response.map(|body| Body::new(Observed { body, metrics, span, _permit: permit.ok().flatten() }))
}

/// A body that counts what is sent of it and holds its request's permit until it ends.
struct Observed {
    body: Body,
    metrics: Arc<Metrics>,
    span: tracing::Span,
    _permit: Option<Permit>,
}

fn admit(gateway: &Gateway, request: &Request, route: &str) -> Result<Option<Permit>, Problem> {
    let (cost, Some(Peer(peer))) = (routes::cost(route), request.extensions().get::<Peer>()) else {
        return Ok(None);
    };
    if cost == 0 {
        return Ok(None);
    }
    let address: IpAddr = client_address(peer.ip(), request.headers(), &gateway.config().proxies);
    let permit = gateway.limits().admit(address, cost);
    permit.map(Some).map_err(|error| Problem::new(Code::TooManyRequests, error.to_string()))
}

fn known_method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

impl Drop for Observed {
    fn drop(&mut self) {
        self.metrics.under_way.dec();
    }
}

impl HttpBody for Observed {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        match &frame {
            Poll::Ready(Some(Ok(frame))) => {
                self.metrics.sent.inc_by(frame.data_ref().map_or(0, |data| data.len() as u64));
            }
            Poll::Ready(Some(Err(error))) => {
                self.metrics.aborted.inc();
                self.span.in_scope(|| tracing::warn!(%error, "answer cut off"));
            }
            Poll::Ready(None) | Poll::Pending => {}
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
