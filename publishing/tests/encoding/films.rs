//! Ladders.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use publishing::encode::{EncodeError, EncodedLadder, Hdr, Ladder, Probe, encode_ladder, poster};

use crate::workshop::{Pixels, Workshop, ask, keyframes, onset};

async fn encode(shop: &Workshop, probe: &Probe) -> Result<EncodedLadder, EncodeError> {
    let ladder = Ladder::choose(probe.video().unwrap());
    encode_ladder(&shop.tools, probe, ladder.rungs(), &probe.audios, shop.path(), |_, _| ()).await
}

#[tokio::test]
async fn all_rungs_have_the_same_pictures_and_keyframes() {
    let shop = Workshop::new().await;
    let master = shop.clip(
        "master.mkv",
        // A hard cut at 3 s, where an encoder left alone sets a keyframe.
        "-f lavfi -i testsrc2=s=480x480:r=8:d=5,negate=enable='gte(t,3)' -f lavfi -i sine=440:d=5 -f lavfi -i sine=880:d=5 \
         -map 0 -map 1 -map 2 -c:v libvpx -deadline realtime -cpu-used 8 -b:v 1M -c:a flac -metadata:s:a:0 language=fra \
         -metadata:s:a:1 language=eng -metadata location=+48.1+011.5/ -metadata title=secret",
    );
    let probe = shop.probe(&master).await;
    let ladder = Ladder::choose(probe.video().unwrap());
    let (mut progress, mut lens) = (Vec::new(), Vec::new());
    let encoded =
        encode_ladder(&shop.tools, &probe, ladder.rungs(), &probe.audios, shop.path(), |done, now| {
            progress.push(done);
            lens = now.to_vec();
        });
    let encoded = encoded.await.unwrap();

    assert_eq!(encoded.rungs().iter().map(|rung| rung.rung).collect::<Vec<_>>(), ladder.rungs());
    for rung in encoded.rungs() {
        let stream = ask(&rung.file, "stream=codec_name,profile,width,height,pix_fmt,nb_frames");
        assert_eq!(
            stream,
            [format!("h264,High,{},yuv420p,40", rung.rung.size().to_string().replace('x', ","))]
        );
        assert_eq!(keyframes(&rung.file), ["0.000000", "2.000000", "4.000000"]);
    }
    let sounds: Vec<_> = encoded
        .audios()
        .iter()
        .map(|audio| ask(&audio.file, "stream=codec_name,sample_rate:stream_tags=language"))
        .collect();
    assert_eq!(sounds, [["aac,44100,fra"], ["aac,44100,eng"]]);

    assert!(progress.is_sorted() && progress.first() == Some(&0.0) && progress.last() == Some(&1.0));
    let pictures = encoded.rungs().iter().map(|rung| &rung.file);
    let files = pictures.chain(encoded.audios().iter().map(|audio| &audio.file));
    assert_eq!(lens, files.map(|file| fs::metadata(file).unwrap().len()).collect::<Vec<_>>());
    for file in fs::read_dir(encoded.folder()).unwrap() {
        let bytes = fs::read(file.unwrap().path()).unwrap();
        let says = |word: &[u8]| bytes.windows(word.len()).any(|window| window == word);
        assert!(!says(b"+48.1") && !says(b"secret"), "what the master says about itself is not published");
    }
    assert_eq!(shop.encodings().len(), 1);
    drop(encoded);
    assert!(shop.encodings().is_empty());
}

#[tokio::test]
async fn a_turned_film_is_encoded_upright() {
    let shop = Workshop::new().await;
    let clip =
        shop.clip("clip.mp4", "-f lavfi -i testsrc2=s=320x240:r=10:d=1 -c:v libx264 -preset ultrafast");
    let mut bytes = fs::read(&clip).unwrap();
    turn_right(&mut bytes);
    let probe = shop.probe(&shop.write("turned.mp4", bytes)).await;
    assert_eq!(
        probe.video().map(|video| (video.size.to_string(), video.rotation)),
        Some(("240x320".into(), 90))
    );
    let encoded = encode(&shop, &probe).await.unwrap();
    let [rung] = encoded.rungs() else { panic!("one rung") };
    let upright = shop.probe(&rung.file).await;
    assert_eq!(
        upright.video().map(|video| (video.size.to_string(), video.rotation)),
        Some(("240x320".into(), 0))
    );
}

/// Writes the matrix of a quarter turn to the right into the first track header.
fn turn_right(mp4: &mut [u8]) {
    let tkhd = mp4.windows(4).position(|window| window == b"tkhd").unwrap();
    let matrix = [0, 0x1_0000, 0, 0xffff_0000, 0, 0, 240 << 16, 0, 0x4000_0000_u32];
    let bytes: Vec<_> = matrix.into_iter().flat_map(u32::to_be_bytes).collect();
    mp4[tkhd + 44..tkhd + 80].copy_from_slice(&bytes);
}

#[tokio::test]
async fn odd_interlaced_and_fast_films_are_encoded() {
    let shop = Workshop::new().await;
    let odd = shop.clip("odd.mkv", "-f lavfi -i testsrc2=s=321x241:r=90:d=1 -pix_fmt yuv444p10 -color_primaries bt2020 -color_trc arib-std-b67 -colorspace bt2020nc -c:v ffv1");
    let interlaced = shop.clip(
        "interlaced.ts",
        "-f lavfi -i testsrc2=s=352x288:r=50:d=1,interlace,setsar=12/11 -c:v mpeg2video -flags +ilme+ildct -b:v 2M",
    );
    for (master, size, frames) in [(odd, "320x240", 60), (interlaced, "384x288", 25)] {
        let probe = shop.probe(&master).await;
        let video = probe.video().unwrap();
        let hdr = (size == "320x240").then_some(Hdr::Hlg);
        assert_eq!((video.interlaced, video.hdr), (size == "384x288", hdr));
        let encoded = encode(&shop, &probe).await.unwrap();
        let rung = &encoded.rungs()[0];
        assert_eq!(rung.rung.size().to_string(), size);
        let stream = ask(&rung.file, "stream=width,height,sample_aspect_ratio,pix_fmt").remove(0);
        assert_eq!(stream, format!("{},1:1,yuv420p", size.replace('x', ",")));
        let transfer = if hdr.is_some() { "bt709" } else { "unknown" };
        assert_eq!(ask(&rung.file, "stream=color_transfer"), [transfer]);
        let count = ask(&rung.file, "packet=pts").len();
        assert!(count.abs_diff(frames) <= 1, "{count} frames of {}", master.display());
    }
}

#[tokio::test]
async fn hdr_becomes_sdr_that_is_neither_pale_nor_dark() {
    let shop = Workshop::new().await;
    // Red of 100 cd/m² in either way of writing light down, as a camera would.
    for (transfer, hdr) in [("smpte2084", Hdr::Pq), ("arib-std-b67", Hdr::Hlg)] {
        let master = shop.clip(
            &format!("{transfer}.mp4"),
            &format!(
                "-f lavfi -i color=red:s=320x240:r=10:d=1,format=gbrp,setparams=color_primaries=bt709:color_trc=bt709,\
                 zscale=t=linear:npl=100,format=gbrpf32le,zscale=p=bt2020:t={transfer}:m=bt2020nc:r=limited,format=yuv420p10le \
                 -c:v libx265 -preset ultrafast -tag:v hvc1 -x265-params \
                 log-level=error:colorprim=bt2020:transfer={transfer}:colormatrix=bt2020nc"
            ),
        );
        let probe = shop.probe(&master).await;
        assert_eq!(probe.video().and_then(|video| video.hdr), Some(hdr));
        let encoded = encode(&shop, &probe).await.unwrap();
        let file = &encoded.rungs()[0].file;
        let colours = ask(file, "stream=pix_fmt,color_space,color_transfer,color_primaries");
        assert_eq!(colours, ["yuv420p,bt709,bt709,bt709"]);
        let side_data = ask(file, "stream_side_data=side_data_type");
        assert!(side_data.iter().all(|data| !data.contains("Mastering")), "{side_data:?}");
        let (pixels, _) = Pixels::of(&shop, &poster(&shop.tools, &probe, Duration::ZERO).await.unwrap());
        let [red, green, blue] = pixels.at(160, 120);
        assert!(red > 120 && green < 60 && blue < 60, "{transfer}: {red} {green} {blue}");
    }
}

#[tokio::test]
async fn what_is_finished_is_not_encoded_again() {
    let shop = Workshop::new().await;
    let master = shop.clip(
        "master.mkv",
        "-f lavfi -i testsrc2=s=320x240:r=10:d=1 -f lavfi -i sine=440:d=1 -f lavfi -i sine=880:d=1 -map 0 -map 1 -map 2 \
         -c:v libx264 -preset ultrafast -c:a flac -metadata:s:a:1 language=eng",
    );
    let probe = shop.probe(&master).await;
    let ladder = Ladder::choose(probe.video().unwrap());
    let second = &probe.audios[1..];
    let encoded =
        encode_ladder(&shop.tools, &probe, ladder.rungs(), &[], shop.path(), |_, _| ()).await.unwrap();
    assert_eq!((encoded.rungs().len(), encoded.audios().len()), (1, 0));
    let encoded = encode_ladder(&shop.tools, &probe, &[], second, shop.path(), |_, _| ()).await.unwrap();
    assert_eq!((encoded.rungs().len(), encoded.audios().len()), (0, 1));
    assert_eq!(ask(&encoded.audios()[0].file, "stream_tags=language"), ["eng"]);
}

#[tokio::test]
async fn sound_that_begins_later_still_does() {
    let shop = Workshop::new().await;
    let master = shop.clip(
        "late.mkv",
        "-f lavfi -i testsrc2=s=320x240:r=10:d=2 -itsoffset 0.7 -f lavfi -i sine=440:d=1 -c:v libx264 -preset ultrafast -c:a flac",
    );
    let probe = shop.probe(&master).await;
    let encoded = encode(&shop, &probe).await.unwrap();
    let heard = onset(&encoded.audios()[0].file);
    assert!(heard.abs_diff(700) <= 5, "heard after {heard} ms");
    assert_eq!(keyframes(&encoded.rungs()[0].file), ["0.000000"]);
}

#[tokio::test]
async fn a_master_that_is_cut_off_or_gone_fails_as_a_whole() {
    let shop = Workshop::new().await;
    let whole = shop.clip(
        "whole.mp4",
        "-f lavfi -i testsrc2=s=320x240:r=10:d=4 -c:v libx264 -preset ultrafast -movflags +faststart",
    );
    let bytes = fs::read(whole).unwrap();
    let master = shop.write("master.mp4", &bytes[..bytes.len() / 2]);
    let probe = shop.probe(&master).await;
    let error = encode(&shop, &probe).await.unwrap_err();
    assert!(matches!(error, EncodeError::CutOff { promised: 4, .. }), "{error}");

    shop.write("master.mp4", "this is no film any more");
    let error = encode(&shop, &probe).await.unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, EncodeError::Failed { .. }), "{text}");
    assert!(text.contains("master.mp4") && text.contains("240p") && text.contains("Invalid data"), "{text}");
    assert!(shop.encodings().is_empty());

    let error = encode_ladder(&shop.tools, &probe, &[], &[], shop.path(), |_, _| ()).await.unwrap_err();
    assert!(matches!(error, EncodeError::Nothing { .. }), "{error}");
}

#[tokio::test]
async fn whoever_stops_waiting_stops_ffmpeg() {
    let shop = Workshop::new().await;
    let clip =
        shop.clip("clip.mp4", "-f lavfi -i testsrc2=s=320x240:r=10:d=1 -c:v libx264 -preset ultrafast");
    let mut probe = shop.probe(&clip).await;
    // A pipe that nobody writes to: ffmpeg waits for ever.
    probe.file = shop.path().join("endless");
    assert!(Command::new("mkfifo").arg(&probe.file).status().unwrap().success());
    let waiting = async {
        while processes(&probe.file) == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        result = encode(&shop, &probe) => panic!("it ended: {result:?}"),
        () = waiting => {}
    }
    let gone = async {
        while processes(&probe.file) > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), gone).await.expect("ffmpeg lives on");
    assert!(shop.encodings().is_empty());
}

/// How many processes have the file among their arguments.
fn processes(file: &Path) -> usize {
    let name = file.to_string_lossy().into_owned();
    let commands =
        fs::read_dir("/proc").unwrap().filter_map(|entry| fs::read(entry.ok()?.path().join("cmdline")).ok());
    commands.filter(|command| String::from_utf8_lossy(command).contains(&name)).count()
}
