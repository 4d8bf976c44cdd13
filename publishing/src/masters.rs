//! The files that renditions are cut from: the creator's own, or what ffmpeg makes of it.

use std::path::PathBuf;

use sharing::Track;

use crate::encode::{
    AudioTarget, EncodeError, EncodedAudio, EncodedAudios, EncodedLadder, Ladder, Probe, ProbeError, Rung,
    Tools, encode_audio, encode_ladder, needs_encoding, probe,
};
use crate::{Progress, PublishRequest};

/// MP4 files to be packaged, and what ffprobe says of the original where ffprobe is there.
#[derive(Debug)]
pub(crate) struct Masters {
    pub(crate) files: Vec<PathBuf>,
    pub(crate) probe: Option<Probe>,
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

/// Makes what has to be made. Rungs that are `finished` are not encoded again.
pub(crate) async fn prepare(
    request: &PublishRequest,
    finished: &[&Track],
    mut progress: impl FnMut(Progress) + Send,
) -> Result<Masters, MastersError> {
    let Some(tools) = &request.tools else {
        if request.ladder {
            return Err(MastersError::NoTools("several sizes are made by ffmpeg".to_owned()));
        }
        return Ok(Masters { files: vec![request.file.clone()], probe: None, _made: None });
    };
    let probe = probe(tools, &request.file).await?;
    let reason = needs_encoding(&probe);
    if !request.ladder && reason.is_none() {
        return Ok(Masters { files: vec![request.file.clone()], probe: Some(probe), _made: None });
    }
    let Some(video) = probe.video() else {
        if request.ladder {
            return Err(MastersError::NoPicture { file: request.file.display().to_string() });
        }
        return sound(request, tools, probe, progress).await;
    };
    let ladder = Ladder::choose(video);
    let rungs = if request.ladder { ladder.rungs() } else { &ladder.rungs()[..1] };
    let is_finished = |rung: &&Rung| !finished.iter().any(|track| track.id().as_str() == video_id(rung));
    let mut open: Vec<Rung> = rungs.iter().filter(is_finished).copied().collect();
    if open.is_empty() {
        // The sound is made together with a picture; the smallest costs least.
        open.extend(rungs.last());
    }
    let open = open;
    let names: Vec<String> = open.iter().map(Rung::name).collect();
    let heard = |rung: usize, done: f64| progress(Progress::Encoding { what: names[rung].clone(), done });
    let encoded = encode_ladder(tools, &probe, &open, &request.work_folder, heard).await?;
    let pictures = encoded.rungs().iter().map(|rung| rung.file.clone());
    let files = pictures.chain(encoded.audios().iter().map(file_of)).collect();
    Ok(Masters { files, probe: Some(probe), _made: Some(Made::Film(encoded)) })
}

async fn sound(
    request: &PublishRequest,
    tools: &Tools,
    probe: Probe,
    mut progress: impl FnMut(Progress) + Send,
) -> Result<Masters, MastersError> {
    let heard = |done| progress(Progress::Encoding { what: "sound".to_owned(), done });
    let targets = [AudioTarget::AAC_MUSIC];
    let encoded = encode_audio(tools, &probe, &targets, &request.work_folder, heard).await?;
    let files = encoded.audios().iter().map(file_of).collect();
    Ok(Masters { files, probe: Some(probe), _made: Some(Made::Sound(encoded)) })
}

fn file_of(audio: &EncodedAudio) -> PathBuf {
    audio.file.clone()
}

/// How a rendition of this size is called.
fn video_id(rung: &Rung) -> String {
    format!("video-{}", rung.size().short())
}
