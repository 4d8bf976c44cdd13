//! The pictures of a publication: a poster, and the thumbnails of the seek bar.

use std::time::Duration;

use sharing::{ContentHash, FileRef, MediaType, Strip};

use crate::encode::{self, PictureError, Probe, Tools};
use crate::{Creator, StoreError, Storing};

/// Pictures that are stored; none of what has no picture.
#[derive(Debug, Default)]
pub(crate) struct Pictures {
    pub(crate) poster: Option<FileRef>,
    pub(crate) strip: Option<Strip>,
}

const JPEG: &str = "image/jpeg";

/// The poster is taken after this part of the film, past titles that are mostly black …
const POSTER_PART: u32 = 10;
/// … but no later than this.
const POSTER_LATEST: Duration = Duration::from_mins(2);

impl Pictures {
    /// Makes and stores them. That one cannot be made is no reason not to publish: it is left out, and logged.
    pub(crate) async fn make(
        storing: &Storing,
        creator: &Creator,
        tools: &Tools,
        probe: &Probe,
    ) -> Result<Self, StoreError> {
        let at = probe.duration.map_or(Duration::ZERO, |all| (all / POSTER_PART).min(POSTER_LATEST));
        let poster = match made(encode::poster(tools, probe, at).await) {
            Some(jpeg) => Some(store(storing, creator, &jpeg).await?),
            None => None,
        };
        let strip = match made(encode::strip(tools, probe).await) {
            Some(strip) => Some(Strip {
                file: store(storing, creator, &strip.jpeg).await?,
                columns: strip.columns,
                count: strip.count,
                every: strip.every_ms,
                height: strip.height,
                rows: strip.rows,
                width: strip.width,
            }),
            None => None,
        };
        Ok(Self { poster, strip })
    }
}

fn made<T>(picture: Result<T, PictureError>) -> Option<T> {
    picture.inspect_err(|error| tracing::debug!(%error, "no picture")).ok()
}

async fn store(storing: &Storing, creator: &Creator, jpeg: &[u8]) -> Result<FileRef, StoreError> {
    let stored = storing.put(creator, jpeg, JPEG, |_| ()).await?;
    Ok(FileRef {
        hash: ContentHash::of(jpeg),
        key: stored.key,
        len: stored.len,
        object: stored.object,
        media_type: MediaType::new(JPEG).expect("it is a media type"),
    })
}
