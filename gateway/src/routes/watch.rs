//! `/watch/{id}/…`: what a publication consists of. All of it follows from the id, so that any cache may keep it for ever.

use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, Method, Uri};
use axum::response::{IntoResponse as _, Response};
use packager::playlist::PlaylistError;
use sharing::{FileRef, PublicationId, Track, TrackId};

use crate::disposition::ServedType;
use crate::gateway::Gateway;
use crate::pay::{Asked, Fare, Pace, Piece, Shown, carried_on};
use crate::problem::{Code, Problem};
use crate::publications::{Form, Show, master, media, nothing};
use crate::representation::Representation;

pub(super) const RECORD_TYPE: &str = "application/vnd.headwater.record+cbor";

/// Bundle, record, playlists, pictures, and tracks of one part as files.
#[utoipa::path(
    get, path = "/watch/{id}/{file}", tag = "watch",
    params(
        ("id" = String, Path, description = "publication id"),
        ("file" = String, Path, description = "bundle, record, master.m3u8, poster, strip, or a track's id \
            followed by .m3u8 (segments by URL), .ranges.m3u8 (byte ranges) or .mp4 (one file)"),
    ),
    responses((status = 200, description = "it, immutable but for record"), (status = 206, description = "a part of it"),
        (status = 404), (status = 402, description = "it is shown for money: see `code`"), (status = 410, description = "withdrawn"), (status = 451, description = "denied, with the reason")),
)]
pub(super) async fn file(
    State(gateway): State<Gateway>,
    Path((id, file)): Path<(String, String)>,
    uri: Uri,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let id = parse(&id)?;
    let show = gateway.publications().show(id).await?;
    let representation = match file.as_str() {
        "record" => return Ok(record(&show)),
        "bundle" => show.bundle.encoded().representation(),
        "master.m3u8" => {
            show.playlist(&file, || master(show.bundle.bundle()).map_err(|error| unplayable(&error)))?
        }
        "poster" => picture(&show, show.bundle.bundle().parts().poster.as_ref()).await?,
        "strip" => {
            picture(&show, show.bundle.bundle().parts().strip.as_ref().map(|strip| &strip.file)).await?
        }
        _ if file.split_once('.').is_some_and(|(_, ending)| ending == "mp4") => {
            let pace = file.split_once('.').and_then(|(track, _)| Pace::of(show.track(track).ok()?));
            let fare =
                Fare::of(&gateway, Shown::bundle(show.bundle.bundle()), &uri, &headers, Asked::File(pace))?;
            let answer = track_file(&gateway, &show, &file).await?.answer(&method, &headers, gateway.shelf());
            return Ok(fare.counted(answer.await?));
        }
        _ => track_file(&gateway, &show, &file).await?,
    };
    let representation = carried_on(representation, show.bundle.bundle().parts().ledger, &uri);
    representation.answer(&method, &headers, gateway.shelf()).await
}

/// The init section and the segments of a track.
#[utoipa::path(
    get, path = "/watch/{id}/{track}/{part}", tag = "watch",
    params(
        ("id" = String, Path, description = "publication id"),
        ("track" = String, Path, description = "a track's id"),
        ("part" = String, Path, description = "init.mp4, or the number of a segment followed by .m4s, or .vtt for subtitles"),
    ),
    responses((status = 200, description = "it, immutable"), (status = 206, description = "a part of it"), (status = 404),
        (status = 402, description = "it is shown for money: see `code`"), (status = 410, description = "withdrawn"), (status = 451, description = "denied, with the reason")),
)]
pub(super) async fn part(
    State(gateway): State<Gateway>,
    Path((id, track, part)): Path<(String, String, String)>,
    uri: Uri,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let id = parse(&id)?;
    let show = gateway.publications().show(id).await?;
    let track = show.track(&track)?;
    let number = number(track, &part);
    // An init section says how to play, and nothing of what is played.
    let fare = match number {
        Some(number) => {
            let asked = Asked::Segment(Piece::segment(track, number));
            Fare::of(&gateway, Shown::bundle(show.bundle.bundle()), &uri, &headers, asked)?
        }
        None => Fare::Free,
    };
    let (run, next) = match number {
        Some(number) => (show.segment(track, number).await?, Some(number + 1)),
        None if part == "init.mp4" => (show.init(track).await?, Some(0)),
        None => return Err(nothing(format!("a track has no part {part:?}"))),
    };
    gateway.publications().ahead.asked(run.source().id, run.range);
    let response = run.representation().answer(&method, &headers, gateway.shelf()).await?;
    if method == Method::GET
        && let Some(next) = next.filter(|next| *next < track.segment_count())
    {
        gateway.publications().ahead.look_up(look_ahead(gateway.clone(), id, track.id().clone(), next));
    }
    Ok(fare.counted(response))
}

/// Files that come with a publication.
#[utoipa::path(
    get, path = "/watch/{id}/attachments/{name}", tag = "watch",
    params(("id" = String, Path, description = "publication id"), ("name" = String, Path, description = "its name")),
    responses((status = 200, description = "it, immutable"), (status = 206, description = "a part of it"), (status = 404)),
)]
pub(super) async fn attachment(
    State(gateway): State<Gateway>,
    Path((id, name)): Path<(String, String)>,
    uri: Uri,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let show = gateway.publications().show(parse(&id)?).await?;
    let attachment = show.bundle.bundle().attachment(&name).ok_or_else(|| nothing("no such attachment"))?;
    let fare = Fare::of(&gateway, Shown::bundle(show.bundle.bundle()), &uri, &headers, Asked::File(None))?;
    let representation = show.attachment(&attachment.file).await?;
    let served = ServedType::of(Some(attachment.file.media_type.as_str()));
    let representation = Representation { media_type: served.inert().to_owned(), ..representation };
    let mut response = representation.answer(&method, &headers, gateway.shelf()).await?;
    served.describe(Some(&name), response.headers_mut());
    Ok(fare.counted(response))
}

/// What was published has a form, but makes no playlist.
fn unplayable(error: &PlaylistError) -> Problem {
    Problem::new(Code::Broken, error.to_string())
}

/// The publication id in a path.
pub(super) fn parse(id: &str) -> Result<PublicationId, Problem> {
    id.parse().map_err(|error| nothing(format!("this is no publication id: {error}")))
}

/// Another record for the same bundle may come, so this is not immutable.
fn record(show: &Show<'_>) -> Response {
    let mut response = show.bundle.record().encode().into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(RECORD_TYPE));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

async fn picture(show: &Show<'_>, file: Option<&FileRef>) -> Result<Representation, Problem> {
    show.picture(file.ok_or_else(|| nothing("it has no such picture"))?).await
}

async fn track_file(gateway: &Gateway, show: &Show<'_>, file: &str) -> Result<Representation, Problem> {
    let (id, form) = match file.split_once('.') {
        Some((id, "m3u8")) => (id, Some(Form::Segments)),
        Some((id, "ranges.m3u8")) => (id, Some(Form::Ranges)),
        Some((id, "mp4")) => (id, None),
        _ => return Err(nothing(format!("it has no {file:?}"))),
    };
    let track = show.track(id)?;
    let Some(form) = form else { return show.file(track).await };
    // Who asks for a playlist will ask for its beginning.
    let first = look_ahead(gateway.clone(), show.bundle.bundle().id(), track.id().clone(), 0);
    gateway.publications().ahead.look_up(first);
    show.playlist(file, || {
        let text = media(track, form).map_err(|error| unplayable(&error))?;
        text.ok_or_else(|| nothing("this track was live: it has no byte ranges"))
    })
}

/// Fetches a segment that is likely to be asked for next. A failure is told when somebody does ask.
async fn look_ahead(gateway: Gateway, id: PublicationId, track: TrackId, number: u32) {
    let Ok(show) = gateway.publications().show(id).await else { return };
    let Ok(track) = show.track(track.as_str()) else { return };
    if let Ok(run) = show.segment(track, number).await {
        gateway.publications().ahead.fetch(gateway.shelf(), run.source(), run.range);
    }
}

/// The number in the name of a segment: decimal, without signs or leading zeros, so that each has one URL.
pub(super) fn number(track: &Track, file: &str) -> Option<u32> {
    let (digits, ending) = file.split_once('.')?;
    let number: u32 = digits.parse().ok()?;
    (ending == track.kind().segment_ending() && number.to_string() == digits).then_some(number)
}
