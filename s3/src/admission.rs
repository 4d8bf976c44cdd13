//! What is asked of a request before anybody looks into it: that a program on this machine sends it, to this machine.

use std::net::IpAddr;

use hyper::header::{CONNECTION, CONTENT_TYPE, EXPECT, HOST, HeaderValue, ORIGIN};
use hyper::http::uri::Authority;
use hyper::{Method, Request, StatusCode};
use s3s::service::S3Service;
use s3s::{Body, HttpError, HttpResponse, S3Error, s3_error};

use crate::stall::Watched;

/// What browsers send forms with files as.
const FORM: &[u8] = b"multipart/form-data";

/// Lets in what programs on this machine send.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Admission {
    /// The address of the listener.
    pub(crate) listens: IpAddr,
}

/// Why nobody looks into a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum Refused {
    /// Clients of S3 do not say where they come from, and post no forms. Forms come unsigned, and would be parsed before a signature
    /// is asked for.
    #[error("web pages and forms are not served")]
    Page,
    /// The page of another site, whose name was made to point here, is no other origin to its browser, but it still says that name.
    #[error("this server is called localhost, or by its address, and by no other name")]
    Name,
}

impl Admission {
    /// The answer to a request. The connection ends after a refusal of which the client waits with its body: whether the body still
    /// comes, nobody knows, and what comes next would be taken for it.
    pub(crate) async fn answer<B>(
        self,
        service: S3Service,
        request: Request<B>,
    ) -> Result<HttpResponse, HttpError>
    where
        B: hyper::body::Body<Data = bytes::Bytes> + Unpin + Send + Sync + 'static,
        B::Error: Into<s3s::StdError>,
    {
        if let Err(refused) = self.check(&request) {
            return Ok(refusal(refused));
        }
        let waits_with_body = request.headers().contains_key(EXPECT);
        let (head, body) = request.into_parts();
        let (body, watch) = Watched::new(body);
        let mut response = service.call(Request::from_parts(head, Body::http_body(body))).await?;
        if watch.has_stalled() {
            response = timed_out()?;
        }
        if watch.has_stalled() || (waits_with_body && !response.status().is_success()) {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(response)
    }

    fn check<B>(self, request: &Request<B>) -> Result<(), Refused> {
        if is_from_a_page(request) {
            Err(Refused::Page)
        } else if self.is_named_by(request) {
            Ok(())
        } else {
            Err(Refused::Name)
        }
    }

    /// Whether all that the request calls this server is a name of this machine.
    fn is_named_by<B>(self, request: &Request<B>) -> bool {
        let mut hosts = request.headers().get_all(HOST).iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
        let host = Authority::try_from(host.as_bytes()).ok();
        host.is_some_and(|host| self.is_here(&host))
            && request.uri().authority().is_none_or(|target| self.is_here(target))
    }

    fn is_here(self, name: &Authority) -> bool {
        let host = name.host();
        let literal = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        match literal.parse::<IpAddr>() {
            Ok(address) => address.is_loopback() || address == self.listens,
            Err(_) => host.eq_ignore_ascii_case("localhost"),
        }
    }
}

fn is_from_a_page<B>(request: &Request<B>) -> bool {
    let media_type = request.headers().get(CONTENT_TYPE).map_or(&[][..], HeaderValue::as_bytes);
    let is_form = media_type.get(..FORM.len()).is_some_and(|start| start.eq_ignore_ascii_case(FORM));
    request.headers().contains_key(ORIGIN) || (is_form && request.method() == Method::POST)
}

fn refusal(refused: Refused) -> HttpResponse {
    let mut response = HttpResponse::new(Body::from(format!("{refused}\n")));
    *response.status_mut() = StatusCode::FORBIDDEN;
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

fn timed_out() -> Result<HttpResponse, HttpError> {
    let error: S3Error = s3_error!(RequestTimeout, "{}", crate::stall::Stalled);
    error.to_http_response().map_err(|error| HttpError::new(Box::new(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(target: &str, headers: &[(&str, &str)]) -> Result<(), Refused> {
        let mut request = Request::post(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Admission { listens: IpAddr::from([192, 0, 2, 7]) }.check(&request.body(()).unwrap())
    }

    #[test]
    fn a_request_names_this_machine() {
        for host in
            ["localhost", "LocalHost:9000", "127.0.0.1:9000", "127.8.0.1", "[::1]:9000", "192.0.2.7:1"]
        {
            assert_eq!(check("/b", &[("host", host)]), Ok(()), "{host}");
        }
        let others = [
            "evil.example",
            "localhost.evil.example:9000",
            "192.0.2.8:9000",
            "127.0.0.1.evil.example",
            "",
            "a b",
        ];
        for host in others {
            assert_eq!(check("/b", &[("host", host)]), Err(Refused::Name), "{host}");
        }
        assert_eq!(check("/b", &[]), Err(Refused::Name));
        assert_eq!(check("/b", &[("host", "localhost"), ("host", "evil.example")]), Err(Refused::Name));
        assert_eq!(check("http://evil.example/b", &[("host", "localhost")]), Err(Refused::Name));
        assert_eq!(check("http://localhost/b", &[("host", "localhost")]), Ok(()));
    }

    #[test]
    fn no_page_sends_it() {
        let host = ("host", "localhost");
        assert_eq!(check("/b", &[host, ("origin", "http://localhost:9000")]), Err(Refused::Page));
        assert_eq!(
            check("/b", &[host, ("content-type", "Multipart/Form-Data; boundary=x")]),
            Err(Refused::Page)
        );
        assert_eq!(check("/b", &[host, ("content-type", "text/xml")]), Ok(()));
    }
}
