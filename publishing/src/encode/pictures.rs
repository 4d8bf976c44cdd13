//! Still pictures of a film, as JPEG.

use std::num::{NonZeroU16, NonZeroU32};
use std::path::PathBuf;
use std::time::Duration;

use super::input;
use super::limits::{POSTER_BYTES_MAX, POSTER_TIMEOUT, STRIP_BYTES_MAX, STRIP_TIMEOUT};
use super::probe::Probe;
use super::process;
use super::tone;
use super::tools::Tools;

/// Pixels of the long side of a poster.
const POSTER_SIDE: u32 = 1280;
/// Pixels of the long side of a thumbnail.
const THUMBNAIL_SIDE: u32 = 160;
/// Thumbnails in a row.
const COLUMNS: u32 = 10;
/// Thumbnails of a film, at most.
const THUMBNAILS_MAX: u64 = 100;
/// Milliseconds from thumbnail to thumbnail, at least.
const EVERY_MIN: u64 = 1000;
/// Milliseconds from thumbnail to thumbnail from which keyframes alone are good enough.
const KEYFRAMES_SUFFICE: u32 = 10_000;

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages explain the fields")]
pub enum PictureError {
    #[error("{}: it has no picture", .file.display())]
    NoPicture { file: PathBuf },
    #[error("{}: it does not say how long it lasts, or lasts no time", .file.display())]
    NoDuration { file: PathBuf },
    #[error("{}: there is no picture at {} s", .file.display(), .at.as_secs_f64())]
    NothingThere { file: PathBuf, at: Duration },
    #[error("{}: making {what} failed: ffmpeg: {reason}", .file.display())]
    Failed { file: PathBuf, what: &'static str, reason: String },
}

/// The thumbnails of a seek bar in one picture, left to right, top to bottom. Each shows the middle of its stretch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Strip {
    /// The picture.
    pub jpeg: Vec<u8>,
    /// Thumbnails in a row.
    pub columns: NonZeroU16,
    /// Rows.
    pub rows: NonZeroU16,
    /// How many there are: at most columns times rows; what follows repeats the last.
    pub count: NonZeroU32,
    /// Milliseconds from one to the next.
    pub every_ms: NonZeroU32,
    /// Pixels of one from left to right.
    pub width: NonZeroU16,
    /// Pixels of one from top to bottom.
    pub height: NonZeroU16,
}

/// The picture that is shown at `at`, or the cover of what is no film, as JPEG of at most 1280 pixels each way.
pub async fn poster(tools: &Tools, probe: &Probe, at: Duration) -> Result<Vec<u8>, PictureError> {
    let file = || probe.file.clone();
    let shown = probe.video().map(|video| (video.stream, video.size, Some(at.as_secs_f64())));
    let tones = tones(tools, probe);
    let cover = probe.cover.map(|cover| (cover.stream, cover.size, None));
    let (stream, size, start) = shown.or(cover).ok_or_else(|| PictureError::NoPicture { file: file() })?;
    let size = size.with_long(POSTER_SIDE);
    let mut command = tools.ffmpeg();
    input::input(&mut command, &probe.file, start);
    command.args([
        "-map",
        &format!("0:{stream}"),
        "-vf",
        &format!("scale={}:{},{tones}setsar=1", size.width(), size.height()),
    ]);
    let jpeg = picture(command, POSTER_BYTES_MAX, POSTER_TIMEOUT).await;
    let jpeg = jpeg.map_err(|reason| PictureError::Failed { file: file(), what: "a poster", reason })?;
    if jpeg.is_empty() { Err(PictureError::NothingThere { file: file(), at }) } else { Ok(jpeg) }
}

/// At most 100 thumbnails of a film, of at most 160 pixels each way, a second or more apart.
///
/// The film is read to its end: a small rung takes less time than the master. Of long films only keyframes are looked at.
pub async fn strip(tools: &Tools, probe: &Probe) -> Result<Strip, PictureError> {
    let file = || probe.file.clone();
    let video = probe.video().ok_or_else(|| PictureError::NoPicture { file: file() })?;
    let grid = probe.duration.and_then(Grid::of).ok_or_else(|| PictureError::NoDuration { file: file() })?;
    let size = video.size.with_long(THUMBNAIL_SIDE);
    let mut command = tools.ffmpeg();
    if grid.every_ms >= KEYFRAMES_SUFFICE {
        command.args(["-skip_frame", "nokey"]);
    }
    input::input(&mut command, &probe.file, None);
    command.args(["-map", &format!("0:{}", video.stream), "-vf"]);
    // The last picture fills what is left of the grid, also where the film ends earlier than it says.
    command.arg(format!(
        "fps=1000/{},scale={}:{},{}setsar=1,tpad=stop=-1:stop_mode=clone,tile={}x{}",
        grid.every_ms,
        size.width(),
        size.height(),
        tones(tools, probe),
        grid.columns,
        grid.rows
    ));
    let jpeg = picture(command, STRIP_BYTES_MAX, STRIP_TIMEOUT).await;
    let jpeg = jpeg.map_err(|reason| PictureError::Failed { file: file(), what: "thumbnails", reason })?;
    if jpeg.is_empty() {
        return Err(PictureError::NothingThere { file: file(), at: Duration::ZERO });
    }
    Ok(grid.strip(jpeg, size.width(), size.height()))
}

/// What makes SDR of the film. Where ffmpeg lacks it, a paler picture is better than none.
fn tones(tools: &Tools, probe: &Probe) -> String {
    let hdr = probe.video().and_then(|video| video.hdr);
    tone::filters(tools, hdr).unwrap_or_default()
}

/// One picture on ffmpeg's standard output; nothing if there was none.
async fn picture(
    mut command: tokio::process::Command,
    limit: u64,
    within: Duration,
) -> Result<Vec<u8>, String> {
    command.args(["-frames:v", "1", "-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "-q:v", "3"]);
    command.args(["-map_metadata", "-1", "-flags:v", "+bitexact", "-f", "mjpeg", "pipe:1"]);
    process::collect(command, limit, within).await.map_err(|error| error.to_string())
}

/// How many thumbnails, and how they lie.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Grid {
    every_ms: u32,
    count: u32,
    columns: u32,
    rows: u32,
}

impl Grid {
    /// `None` for no time at all, and for what lasts longer than 2^32 times 100 ms.
    fn of(duration: Duration) -> Option<Self> {
        let length = u64::try_from(duration.as_millis()).ok().filter(|length| *length > 0)?;
        let every = length.div_ceil(THUMBNAILS_MAX).max(EVERY_MIN);
        let count = u32::try_from(length.div_ceil(every)).ok()?;
        let columns = count.min(COLUMNS);
        Some(Self { every_ms: u32::try_from(every).ok()?, count, columns, rows: count.div_ceil(columns) })
    }

    fn strip(self, jpeg: Vec<u8>, width: u32, height: u32) -> Strip {
        let short = |number: u32| u16::try_from(number).ok().and_then(NonZeroU16::new).expect("1 to 160");
        let long = |number: u32| NonZeroU32::new(number).expect("a grid has at least one thumbnail");
        Strip {
            jpeg,
            columns: short(self.columns),
            rows: short(self.rows),
            count: long(self.count),
            every_ms: long(self.every_ms),
            width: short(width),
            height: short(height),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn grid(ms: u64) -> Option<(u32, u32, u32, u32)> {
        Grid::of(Duration::from_millis(ms)).map(|g| (g.every_ms, g.count, g.columns, g.rows))
    }

    #[test]
    fn short_films_have_a_thumbnail_a_second_and_long_ones_a_hundred() {
        assert_eq!(grid(0), None);
        assert_eq!(grid(1), Some((1000, 1, 1, 1)));
        assert_eq!(grid(2_001), Some((1000, 3, 3, 1)));
        assert_eq!(grid(100_000), Some((1000, 100, 10, 10)));
        assert_eq!(grid(100_001), Some((1001, 100, 10, 10)));
        assert_eq!(grid(7_200_000), Some((72_000, 100, 10, 10)));
        assert_eq!(grid(u64::MAX), None);
    }

    proptest! {
        #[test]
        fn every_moment_has_its_thumbnail(ms in 1u64..100_000_000) {
            let (every, count, columns, rows) = grid(ms).unwrap();
            prop_assert!((1..=100).contains(&count) && count <= columns * rows && count > columns * (rows - 1));
            let last = (ms - 1) / u64::from(every);
            prop_assert_eq!(last, u64::from(count) - 1);
        }
    }
}
