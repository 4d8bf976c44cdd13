//! Masters of music.

use std::fs;
use std::path::Path;

use publishing::encode::{AudioTarget, EncodeError, encode_audio, needs_encoding};

use crate::workshop::{Workshop, ask, samples};

/// Samples of the masters: whole frames neither of AAC nor of Opus nor of MP3.
const LENGTH: usize = 70_001;
/// Where a master clicks.
const CLICK: usize = 30_000;
const BOTH: [AudioTarget; 2] = [AudioTarget::AAC_MUSIC, AudioTarget::OPUS_MUSIC];

/// A WAV of 44.1 kHz: silence, and one short click.
fn wav() -> Vec<u8> {
    let sample = |at: usize| if (CLICK..CLICK + 4).contains(&at) { 20_000_i16 } else { 0 };
    let data: Vec<_> = (0..LENGTH).flat_map(|at| sample(at).to_le_bytes().repeat(2)).collect();
    let length = u32::try_from(data.len()).unwrap();
    let mut wav = Vec::from(*b"RIFF");
    wav.extend((length + 36).to_le_bytes());
    wav.extend(*b"WAVEfmt \x10\0\0\0\x01\0\x02\0");
    wav.extend(44_100_u32.to_le_bytes());
    wav.extend((44_100_u32 * 4).to_le_bytes());
    wav.extend(*b"\x04\0\x10\0data");
    wav.extend(length.to_le_bytes());
    wav.extend(data);
    wav
}

fn loudest(samples: &[i16]) -> usize {
    (0..samples.len()).max_by_key(|at| samples[*at].unsigned_abs()).unwrap()
}

/// Ticks that the track lasts, in samples per second of its clock.
fn ticks(file: &Path) -> String {
    ask(file, "stream=time_base,start_pts,duration_ts").remove(0)
}

/// The only edit of a track: how many ticks are played, and from which on.
fn edit(file: &Path) -> [u32; 2] {
    let bytes = fs::read(file).unwrap();
    let elst = bytes.windows(4).position(|window| window == b"elst").unwrap();
    let number = |at: usize| u32::from_be_bytes(bytes[elst + at..elst + at + 4].try_into().unwrap());
    assert_eq!((number(4), number(8)), (0, 1), "version 0, one edit");
    [number(12), number(16)]
}

#[tokio::test]
async fn edges_stay_where_they_are() {
    let shop = Workshop::new().await;
    shop.write("master.wav", wav());
    shop.clip("master.flac", "-i master.wav");
    shop.clip("master.mp3", "-i master.wav -c:a libmp3lame");
    for name in ["master.wav", "master.flac", "master.mp3"] {
        let master = shop.path().join(name);
        let original = samples(&master);
        assert_eq!(original.len(), LENGTH, "{name}");
        let probe = shop.probe(&master).await;
        assert!(needs_encoding(&probe).is_some());
        let encoded = encode_audio(&shop.tools, &probe, &BOTH, shop.path(), |_, _| ()).await.unwrap();
        let [aac, opus] = encoded.audios() else { panic!("two files") };

        // The rule: the track lasts as many ticks as the master has samples; what is decoded are whole frames, less
        // those samples in front that only start the codec.
        let resampled = (LENGTH * 48_000).div_ceil(44_100);
        assert_eq!(ticks(&aac.file), format!("1/44100,0,{LENGTH}"), "{name}");
        assert_eq!(ticks(&opus.file), format!("1/48000,0,{resampled}"), "{name}");
        if shop.tools.version().major >= 5 {
            assert_eq!(edit(&aac.file).map(|ticks| ticks as usize), [LENGTH, 1024], "{name}");
            assert_eq!(edit(&opus.file).map(|ticks| ticks as usize), [resampled, 312], "{name}");
        }
        let (aac, opus) = (samples(&aac.file), samples(&opus.file));
        let whole =
            |samples: usize, start: usize, frame: usize| (samples + start).next_multiple_of(frame) - start;
        // Decoders of other versions cut off the rest of the last frame, as the edit says.
        assert!([LENGTH, whole(LENGTH, 1024, 1024)].contains(&aac.len()), "{name}: {}", aac.len());
        assert!([resampled, whole(resampled, 312, 960)].contains(&opus.len()), "{name}: {}", opus.len());

        let click = loudest(&original);
        assert!(click.abs_diff(CLICK) <= 8, "{name}: click at {click}");
        assert!(loudest(&aac).abs_diff(click) <= 4, "{name}: click at {}", loudest(&aac));
        assert!(loudest(&opus).abs_diff(click * 48_000 / 44_100) <= 4, "{name}: click at {}", loudest(&opus));
    }
}

#[tokio::test]
async fn tags_are_told() {
    let shop = Workshop::new().await;
    shop.write("plain.wav", wav());
    let tags = "-i plain.wav -metadata title=Étude -metadata artist=Someone -metadata album=Works -metadata track=3/12 -metadata language=deu";
    for name in ["tagged.mp3", "tagged.flac", "tagged.ogg"] {
        let tags = shop.probe(&shop.clip(name, tags)).await.tags;
        let told = [&tags.title, &tags.artist, &tags.album, &tags.track].map(|tag| tag.as_deref());
        assert_eq!(told, [Some("Étude"), Some("Someone"), Some("Works"), Some("3/12")], "{name}");
        assert_eq!(tags.language.as_deref(), Some("deu"), "{name}");
    }
    let tags = shop.probe(&shop.path().join("plain.wav")).await.tags;
    assert_eq!((tags.title, tags.language), (None, None));
}

#[tokio::test]
async fn sound_is_made_as_browsers_play_it() {
    let shop = Workshop::new().await;
    let master = shop.clip("surround.flac", "-f lavfi -i sine=440:d=1 -ar 96000 -ac 6 -sample_fmt s32");
    let probe = shop.probe(&master).await;
    assert_eq!((probe.audios[0].channels, probe.audios[0].sample_rate), (6, 96_000));
    let mut progress = Vec::new();
    let encoded =
        encode_audio(&shop.tools, &probe, &BOTH, shop.path(), |done, _| progress.push(done)).await.unwrap();
    let streams: Vec<_> = encoded
        .audios()
        .iter()
        .map(|audio| ask(&audio.file, "stream=codec_name,sample_rate,channels"))
        .collect();
    assert_eq!(streams, [["aac,48000,2"], ["opus,48000,2"]]);
    for audio in encoded.audios() {
        assert_eq!((audio.sample_rate, audio.channels), (48_000, 2));
        assert_eq!(needs_encoding(&shop.probe(&audio.file).await), None);
    }
    assert!(progress.is_sorted() && progress.last() == Some(&1.0));
    drop(encoded);
    assert!(shop.encodings().is_empty());
}

#[tokio::test]
async fn the_sound_of_a_film_may_end_before_it_does() {
    let shop = Workshop::new().await;
    let film = shop.clip(
        "film.mov",
        "-f lavfi -i testsrc2=s=64x48:r=5:d=4 -f lavfi -i sine=440:d=1 -c:v mjpeg -c:a pcm_s16le",
    );
    let probe = shop.probe(&film).await;
    let encoded = encode_audio(&shop.tools, &probe, &BOTH[..1], shop.path(), |_, _| ()).await.unwrap();
    assert_eq!(ticks(&encoded.audios()[0].file), "1/44100,0,44100");
}

#[tokio::test]
async fn a_recording_that_is_cut_off_fails() {
    let shop = Workshop::new().await;
    let whole = shop.clip("whole.flac", "-f lavfi -i anoisesrc=d=7:a=0.1:r=8000");
    let bytes = fs::read(whole).unwrap();
    let probe = shop.probe(&shop.write("cut.flac", &bytes[..bytes.len() / 2])).await;
    let error = encode_audio(&shop.tools, &probe, &BOTH, shop.path(), |_, _| ()).await.unwrap_err();
    assert!(matches!(error, EncodeError::CutOff { promised: 7, .. }), "{error}");
    assert!(shop.encodings().is_empty());
}

#[tokio::test]
async fn a_film_without_sound_has_none_to_encode() {
    let shop = Workshop::new().await;
    let silent =
        shop.clip("silent.mp4", "-f lavfi -i testsrc2=s=320x240:r=10:d=1 -c:v libx264 -preset ultrafast");
    let probe = shop.probe(&silent).await;
    let error = encode_audio(&shop.tools, &probe, &BOTH, shop.path(), |_, _| ()).await.unwrap_err();
    assert!(matches!(error, EncodeError::Nothing { .. }), "{error}");
}
