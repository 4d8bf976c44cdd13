//! `package FILE FOLDER [SECONDS]`: cuts a film into renditions with playlists, as files in a folder.
//!
//! Each rendition is `<n>.mp4` with the playlist `<n>.m3u8` of byte ranges into it; `master.m3u8` names them. The
//! folder `<n>/` has a playlist with a URL per segment, which `master-urls.m3u8` names.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::{env, process};

use anyhow::{Context, Result};
use packager::playlist::{Addressing, Audio, Bitrate, INIT_NAME, Kind, Master, Media, Video, segment_name};
use packager::{Format, ReadAt, Rendition, Source};

struct Opened(File);

impl ReadAt for Opened {
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        self.0.read_exact_at(into, offset)
    }
}

/// Packages `file` into `folder`, and returns the renditions. With `also_urls`, segments are written one by one, too.
pub(crate) fn package(
    file: &Path,
    folder: &Path,
    segment_seconds: u32,
    also_urls: bool,
) -> Result<Vec<Rendition>> {
    let file = File::open(file).with_context(|| format!("opening {}", file.display()))?;
    let len = file.metadata()?.len();
    let source = Source::open(Opened(file), len)?;
    let renditions = source.plan(segment_seconds)?;
    fs::create_dir_all(folder)?;
    for (index, rendition) in renditions.iter().enumerate() {
        let mut output = File::create(folder.join(format!("{index}.mp4")))?;
        for piece in source.read(rendition) {
            output.write_all(&piece?)?;
        }
        let addressing = Addressing::ByteRanges { uri: format!("{index}.mp4") };
        fs::write(folder.join(format!("{index}.m3u8")), media(rendition, addressing)?)?;
        if also_urls {
            split(folder, index, rendition)?;
        }
    }
    fs::write(folder.join("master.m3u8"), master(&renditions, |index| format!("{index}.m3u8"))?)?;
    fs::write(folder.join("master-urls.m3u8"), master(&renditions, |index| format!("{index}/media.m3u8"))?)?;
    Ok(renditions)
}

fn split(folder: &Path, index: usize, rendition: &Rendition) -> Result<()> {
    let whole = fs::read(folder.join(format!("{index}.mp4")))?;
    let parts = folder.join(index.to_string());
    fs::create_dir_all(&parts)?;
    let bytes = |offset: u64, len: u64| -> Result<&[u8]> {
        Ok(&whole[usize::try_from(offset)?..usize::try_from(offset + len)?])
    };
    fs::write(parts.join(INIT_NAME), bytes(0, rendition.init().len)?)?;
    for (number, part) in rendition.segments().iter().enumerate() {
        fs::write(parts.join(segment_name(number)), bytes(part.offset, part.len)?)?;
    }
    fs::write(parts.join("media.m3u8"), media(rendition, Addressing::Urls { prefix: String::new() })?)?;
    Ok(())
}

fn media(rendition: &Rendition, addressing: Addressing) -> Result<String> {
    let segments = rendition.playlist_segments();
    let media = Media { addressing, init_len: rendition.init().len, segments: &segments, kind: Kind::Vod };
    Ok(media.to_text()?)
}

fn master(renditions: &[Rendition], uri: impl Fn(usize) -> String) -> Result<String> {
    let mut master = Master::default();
    for (index, rendition) in renditions.iter().enumerate() {
        let track = rendition.track();
        let (uri, codec) = (uri(index), track.codec.clone());
        let bitrate = Bitrate::of(&rendition.playlist_segments());
        match track.format {
            Format::Video(video) => master.videos.push(Video {
                uri,
                codec,
                bitrate,
                resolution: video.shown(),
                frames_per_1000_seconds: video.frames_per_1000_seconds,
            }),
            Format::Audio(audio) => master.audios.push(Audio {
                uri,
                codec,
                bitrate,
                name: track.language.clone().unwrap_or_else(|| "Sound".to_owned()),
                language: track.language.clone(),
                channels: audio.channels,
                is_default: master.audios.is_empty(),
            }),
        }
    }
    Ok(master.to_text()?)
}

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let (file, folder, seconds) = match &arguments[..] {
        [file, folder] => (file, folder, 4),
        [file, folder, seconds] => (file, folder, seconds.parse().context("SECONDS is a whole number")?),
        _ => {
            eprintln!("usage: package FILE FOLDER [SECONDS]");
            process::exit(2);
        }
    };
    for rendition in package(Path::new(file), Path::new(folder), seconds, false)? {
        let track = rendition.track();
        println!(
            "{}: {} segments, {:?}, {} bytes",
            track.codec,
            rendition.segments().len(),
            rendition.duration(),
            rendition.len()
        );
    }
    Ok(())
}
