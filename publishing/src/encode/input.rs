//! How a master is handed to ffmpeg so that it is nothing but one file of media.

use std::ffi::OsString;
use std::path::Path;

use tokio::process::Command;

use super::limits::PIXELS_MAX;

/// Demuxers that read one file from itself. Playlists (HLS, DASH, concat) and numbered pictures are not among them:
/// they would make ffmpeg open whatever they name.
pub(super) const FORMATS: &str = "mov,mp4,matroska,webm,mp3,wav,w64,flac,ogg,aac,aiff,caf,avi,mpegts,mpeg,flv,asf,mxf,\
                                  ac3,eac3,dts,amr,wv,ape,tta,ivf,yuv4mpegpipe";

/// Tells the program what it may open; goes before the input or the file that it belongs to.
pub(super) fn restrict(command: &mut Command) {
    command.args(["-protocol_whitelist", "file", "-format_whitelist", FORMATS]);
}

/// Adds the master as an input of ffmpeg, from `start` seconds on if that is given.
pub(super) fn input(command: &mut Command, file: &Path, start: Option<f64>) {
    restrict(command);
    command.args(["-max_pixels", &PIXELS_MAX.to_string()]);
    if let Some(start) = start {
        command.args(["-ss", &format!("{start:.3}")]);
    }
    command.arg("-i").arg(url(file));
}

/// The file as ffmpeg names files: with the protocol in front, so that no name is an option, a protocol or a device.
pub(super) fn url(file: &Path) -> OsString {
    let mut url = OsString::from("file:");
    url.push(file);
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_becomes_a_file() {
        for name in ["-y", "concat:a|b", "http://127.0.0.1/", "pipe:0", "file:x", "a b;rm", "ü"] {
            assert_eq!(url(Path::new(name)), OsString::from(format!("file:{name}")));
        }
    }

    #[test]
    fn no_demuxer_opens_what_a_file_names() {
        for format in [
            "hls",
            "applehttp",
            "dash",
            "concat",
            "concatf",
            "image2",
            "sdp",
            "rtsp",
            "lavfi",
            "ffmetadata",
            "imf",
        ] {
            assert!(FORMATS.split(',').all(|allowed| allowed != format), "{format}");
        }
    }
}
