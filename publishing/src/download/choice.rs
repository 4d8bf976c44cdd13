//! What is downloaded of a publication when nobody chooses.

use sharing::{Bundle, Track, TrackKind};

/// The best picture, the sound that is heard when nobody chooses, and all subtitles.
///
/// The best picture has the most pixels; of several, the most bits.
pub fn usual_tracks(bundle: &Bundle) -> Vec<&Track> {
    let tracks = bundle.tracks();
    let picture = tracks.iter().max_by_key(|track| quality(track)).filter(|track| quality(track).0 > 0);
    let sounds = || tracks.iter().filter(|track| matches!(track.kind(), TrackKind::Audio(_)));
    let sound = sounds().find(|track| track.is_default()).or_else(|| sounds().next());
    let subtitles = tracks.iter().filter(|track| matches!(track.kind(), TrackKind::Subtitles));
    picture.into_iter().chain(sound).chain(subtitles).collect()
}

/// Pixels of a picture and its bits per second; nothing of what is no picture.
fn quality(track: &Track) -> (u32, u64) {
    match track.kind() {
        TrackKind::Video(picture) => {
            let pixels = u32::from(picture.width.get()) * u32::from(picture.height.get());
            (pixels, track.bit_rates().average)
        }
        TrackKind::Audio(_) | TrackKind::Subtitles => (0, 0),
    }
}
