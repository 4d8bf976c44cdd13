//! The files that renditions are cut from: the creator's own, or what ffmpeg makes of it.

use std::fs::File;
use std::path::PathBuf;

use packager::Projection;
use sharing::{Track, TrackKind};

use crate::encode::{
    AudioTarget, EncodeError, EncodedAudio, EncodedAudios, EncodedLadder, Ladder, Probe, ProbeError, Rung,
    Tools, encode_audio, encode_ladder, needs_encoding, probe,
};
use crate::rendition::FileSource;
use crate::{Encoding, Progress, PublishRequest};

/// MP4 files to be packaged, and what ffprobe says of the original where ffprobe is there.
#[derive(Debug)]
pub(crate) struct Masters {
    pub(crate) files: Vec<PathBuf>,
    /// Tracks that are finished, and of which no file was made again.
    pub(crate) finished: Vec<Track>,
    pub(crate) probe: Option<Probe>,
    /// How the original lies on a sphere, which files that were made of it do not say.
    pub(crate) projection: Option<Projection>,
    /// The folder of encoded files, which lasts as long as this.
    _made: Option<Made>,
}

#[derive(Debug)]
enum Made {
    Film(#[expect(dead_code, reason = "it is held, not used")] EncodedLadder),
    Sound(#[expect(dead_code, reason = "it is held, not used")] EncodedAudios),
}

/// Why there is nothing to package.
#[derive(Debug, thiserror::Error)]
pub enum MastersError {
    /// A ladder, or another form, takes ffmpeg.
    #[error("{0}; install ffmpeg, on Debian: apt install ffmpeg")]
    NoTools(String),
    /// The file is not understood.
    #[error(transparent)]
    Probe(#[from] ProbeError),
    /// It cannot be encoded.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// Several sizes of what has no picture.
    #[error("a ladder is made of pictures, and {file} has none")]
    NoPicture {
        /// The file.
        file: String,
    },
}

/// Makes what has to be made. Of what ffmpeg has to make, that which is `finished` is not made again.
pub(crate) async fn prepare(
    request: &PublishRequest,
    finished: &[&Track],
    progress: impl FnMut(Progress) + Send,
) -> Result<Masters, MastersError> {
    let Some(tools) = &request.tools else {
        if request.ladder {
            return Err(MastersError::NoTools("several sizes are made by ffmpeg".to_owned()));
        }
        return Ok(Masters::original(request, None));
    };
    let probe = probe(tools, &request.file).await?;
    if !request.ladder && needs_encoding(&probe).is_none() {
        return Ok(Masters::original(request, Some(probe)));
    }
    if probe.video().is_some() {
        return film(request, tools, probe, finished, progress).await;
    }
    if request.ladder {
        return Err(MastersError::NoPicture { file: request.file.display().to_string() });
    }
    sound(request, tools, probe, finished, progress).await
}

impl Masters {
    /// The creator's own file.
    fn original(request: &PublishRequest, probe: Option<Probe>) -> Self {
        Self { files: vec![request.file.clone()], finished: Vec::new(), probe, projection: None, _made: None }
    }

    /// Files that were made of what is not finished.
    fn made(files: Vec<PathBuf>, finished: &[&Track], probe: Probe, made: Option<Made>) -> Self {
        let finished = finished.iter().map(|track| (*track).clone()).collect();
        Self { files, finished, probe: Some(probe), projection: None, _made: made }
    }
}

async fn film(
    request: &PublishRequest,
    tools: &Tools,
    probe: Probe,
    finished: &[&Track],
    mut progress: impl FnMut(Progress) + Send,
) -> Result<Masters, MastersError> {
    let ladder = probe.video().map(Ladder::choose);
    let rungs = ladder.as_ref().map_or(&[][..], Ladder::rungs);
    let rungs = if request.ladder { rungs } else { &rungs[..rungs.len().min(1)] };
    let is_open = |rung: &&Rung| !finished.iter().any(|track| track.id().as_str() == video_id(rung));
    let open: Vec<Rung> = rungs.iter().filter(is_open).copied().collect();
    // Sounds are stored in the order of the master.
    let sounds = probe.audios.get(finished_sounds(finished)..).unwrap_or_default();
    if open.is_empty() && sounds.is_empty() {
        return Ok(Masters::made(Vec::new(), finished, probe, None));
    }
    let names: Vec<String> =
        open.iter().map(Rung::name).chain(sounds.iter().map(|_| SOUND.to_owned())).collect();
    let heard = |done: f64, lens: &[u64]| progress(encoding(&names, done, lens));
    let encoded = encode_ladder(tools, &probe, &open, sounds, &request.work_folder, heard).await?;
    let pictures = encoded.rungs().iter().map(|rung| rung.file.clone());
    let files = pictures.chain(encoded.audios().iter().map(file_of)).collect();
    let projection = projection(&probe);
    Ok(Masters { projection, ..Masters::made(files, finished, probe, Some(Made::Film(encoded))) })
}

async fn sound(
    request: &PublishRequest,
    tools: &Tools,
    probe: Probe,
    finished: &[&Track],
    mut progress: impl FnMut(Progress) + Send,
) -> Result<Masters, MastersError> {
    if finished_sounds(finished) > 0 {
        return Ok(Masters::made(Vec::new(), finished, probe, None));
    }
    let names = [SOUND.to_owned()];
    let heard = |done: f64, lens: &[u64]| progress(encoding(&names, done, lens));
    let targets = [AudioTarget::AAC_MUSIC];
    let encoded = encode_audio(tools, &probe, &targets, &request.work_folder, heard).await?;
    let files = encoded.audios().iter().map(file_of).collect();
    Ok(Masters::made(files, finished, probe, Some(Made::Sound(encoded))))
}

/// What sound is called while it is made.
const SOUND: &str = "sound";

fn encoding(names: &[String], done: f64, lens: &[u64]) -> Progress {
    let files = names.iter().zip(lens);
    let files = files.map(|(name, len)| Encoding { name: name.clone(), len: *len }).collect();
    Progress::Encoding { done, files }
}

fn finished_sounds(finished: &[&Track]) -> usize {
    finished.iter().filter(|track| matches!(track.kind(), TrackKind::Audio(_))).count()
}

/// How the film lies on a sphere, from its boxes where it is an MP4; another container says no more than that it does.
fn projection(probe: &Probe) -> Option<Projection> {
    probe.video().filter(|video| video.spherical)?;
    let file = File::open(&probe.file).ok()?;
    let len = file.metadata().ok()?.len();
    let read = Projection::read(&FileSource(file), len);
    let found = read.inspect_err(|error| tracing::debug!(%error, "no projection in the boxes of an MP4"));
    Some(found.ok().flatten().unwrap_or_else(Projection::equirectangular))
}

fn file_of(audio: &EncodedAudio) -> PathBuf {
    audio.file.clone()
}

/// How a rendition of this size is called.
fn video_id(rung: &Rung) -> String {
    format!("video-{}", rung.size().short())
}

#[cfg(test)]
mod tests {
    use std::num::{NonZeroU16, NonZeroU32};
    use std::path::Path;
    use std::process::Command;

    use packager::Source;
    use sharing::{
        Channels, Codecs, ContentHash, InitSection, Part, Picture, Segment, Title, TrackId, TrackParts,
    };

    use super::*;

    /// What ffmpeg makes from these arguments, which are separated by spaces.
    fn clip(folder: &Path, name: &str, arguments: &str) -> PathBuf {
        let file = folder.join(name);
        let mut command = Command::new("ffmpeg");
        command.args(["-nostdin", "-v", "error", "-y"]).args(arguments.split(' ')).arg(&file);
        assert!(command.status().unwrap().success(), "{command:?}");
        file
    }

    async fn request(file: PathBuf) -> PublishRequest {
        let work_folder = file.parent().unwrap().to_owned();
        PublishRequest {
            file,
            title: Title::new("a film").unwrap(),
            by: None,
            about: None,
            language: None,
            ledger: None,
            subtitles: Vec::new(),
            chapters: Vec::new(),
            cover: None,
            attachments: Vec::new(),
            segment_seconds: 4,
            listed: true,
            ladder: true,
            tools: Some(Tools::find().await.unwrap()),
            work_folder,
        }
    }

    fn finished(id: &str, kind: TrackKind) -> Track {
        let one = NonZeroU32::MIN;
        let segment = Segment { len: 1, duration: 1, hash: ContentHash::of(b"x") };
        Track::new(TrackParts {
            id: TrackId::new(id).unwrap(),
            kind,
            codecs: Codecs::new("x").unwrap(),
            timescale: one,
            parts: vec![Part {
                key: chunker::ContentKey::from_bytes([1; 32]),
                object: proofs::Cid::of(b"x"),
                segments: one,
            }],
            init: Some(InitSection::new(one, ContentHash::of(b"x"))),
            segments: vec![segment],
            default: true,
            language: None,
            label: None,
        })
        .unwrap()
    }

    async fn made(request: &PublishRequest, finished: &[&Track]) -> (Vec<String>, Masters) {
        let mut told = Vec::new();
        let masters = prepare(request, finished, |step| {
            if let Progress::Encoding { files, .. } = step {
                told = files.into_iter().map(|file| file.name).collect();
            }
        });
        let masters = masters.await.unwrap();
        assert_eq!(masters.files.len(), told.len());
        assert_eq!(masters.finished.len(), finished.len());
        (told, masters)
    }

    #[tokio::test]
    async fn a_ladder_that_goes_on_makes_neither_sound_nor_rungs_again() {
        let folder = tempfile::tempdir().unwrap();
        let film = clip(
            folder.path(),
            "film.mkv",
            "-f lavfi -i testsrc2=s=640x480:r=5:d=1 -f lavfi -i sine=440:d=1 -f lavfi -i sine=880:d=1 -map 0 -map 1 -map 2 \
             -c:v libx264 -preset ultrafast -c:a flac",
        );
        let request = request(film).await;
        let picture = |width, height| {
            let side = |side| NonZeroU16::new(side).unwrap();
            let (width, height, rate) = (side(width), side(height), NonZeroU32::MIN);
            TrackKind::Video(Picture { height, rate, width })
        };
        let top = finished("video-480", picture(640, 480));
        let low = finished("video-240", picture(320, 240));
        let first = finished("audio", TrackKind::Audio(Channels::new(2).unwrap()));
        let second = finished("audio-2", TrackKind::Audio(Channels::new(2).unwrap()));
        assert_eq!(made(&request, &[]).await.0, ["480p", "240p", "sound", "sound"]);
        assert_eq!(made(&request, &[&top]).await.0, ["240p", "sound", "sound"]);
        assert_eq!(made(&request, &[&first, &low, &top]).await.0, ["sound"]);
        assert!(made(&request, &[&first, &second, &low, &top]).await.0.is_empty());
        let left = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(left, 1, "encoded files go with the masters");
    }

    /// What ffprobe says that a film lies on.
    fn side_data(file: &Path) -> String {
        let mut command = Command::new("ffprobe");
        command.args(["-v", "error", "-show_streams", "-of", "default=nw=1"]).arg(file);
        let said = String::from_utf8(command.output().unwrap().stdout).unwrap();
        said.lines()
            .filter(|line| line.contains("pherical") || line.starts_with("projection"))
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// Writes the first rendition of an MP4 with a projection.
    fn projected(file: &Path, projection: &Projection, to: &Path) {
        let open = File::open(file).unwrap();
        let len = open.metadata().unwrap().len();
        let mut source = Source::open(FileSource(open), len).unwrap();
        source.project(projection);
        let renditions = source.plan(4).unwrap();
        let bytes: Vec<u8> = source.read(&renditions[0]).flat_map(|piece| piece.unwrap().to_vec()).collect();
        std::fs::write(to, bytes).unwrap();
    }

    #[tokio::test]
    async fn rungs_of_a_sphere_lie_on_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let flat = clip(
            folder.path(),
            "flat.mp4",
            "-f lavfi -i testsrc2=s=480x240:r=5:d=1 -c:v libx264 -preset ultrafast",
        );
        assert_eq!(side_data(&flat), "");
        projected(&flat, &Projection::equirectangular(), &path("sphere.mp4"));
        let expected = side_data(&path("sphere.mp4"));
        assert!(
            expected.contains("Spherical Mapping") && expected.contains("projection=equirectangular"),
            "{expected}"
        );
        let copy = format!("-i {} -c copy -strict unofficial", path("sphere.mp4").display());
        let other_container = clip(folder.path(), "sphere.mkv", &copy);
        assert_eq!(side_data(&other_container), expected);
        for master in [path("sphere.mp4"), other_container] {
            let (_, masters) = made(&request(master.clone()).await, &[]).await;
            assert_eq!(side_data(&masters.files[0]), "", "ffmpeg loses it");
            projected(&masters.files[0], &masters.projection.unwrap(), &path("rung.mp4"));
            assert_eq!(side_data(&path("rung.mp4")), expected, "{}", master.display());
        }
        let (_, masters) = made(&request(flat).await, &[]).await;
        assert!(masters.projection.is_none());
    }
}
