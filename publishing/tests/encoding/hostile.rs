//! Masters that are not what they seem, and tools that are not there.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use publishing::encode::{ProbeError, Tools, ToolsError, poster};

use crate::workshop::{Workshop, ask};

const CLIP: &str = "-f lavfi -i testsrc2=s=320x240:r=10:d=1 -c:v libx264 -preset ultrafast";

/// Files that make ffmpeg read others, if it is let.
fn playlists(target: &str) -> [(&'static str, String); 5] {
    [
        ("hls.mp4", format!("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{target}\n#EXT-X-ENDLIST\n")),
        ("concat.mp4", format!("ffconcat version 1.0\nfile '{target}'\n")),
        (
            "session.mp4",
            "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 9 RTP/AVP 96\n".into(),
        ),
        (
            "dash.mp4",
            format!(
                "<?xml version=\"1.0\"?><MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" mediaPresentationDuration=\"PT1S\">\
                 <Period><AdaptationSet><Representation id=\"0\" bandwidth=\"1\"><BaseURL>{target}</BaseURL>\
                 </Representation></AdaptationSet></Period></MPD>"
            ),
        ),
        ("metadata.mp4", ";FFMETADATA1\ntitle=x\n".into()),
    ]
}

#[tokio::test]
async fn playlists_in_the_dress_of_films_are_refused() {
    let shop = Workshop::new().await;
    let secret = shop.clip("secret.ts", CLIP);
    let honest = shop.probe(&secret).await;
    let [(_, hls), (_, concat), ..] = playlists("secret.ts");
    // Without our care ffmpeg does follow them.
    assert_eq!(ask(&shop.write("check.m3u8", hls), "format=format_name"), ["hls"]);
    assert_eq!(ask(&shop.write("check.ffconcat", concat), "format=format_name"), ["concat"]);
    for (name, text) in playlists("secret.ts") {
        let file = shop.write(name, text);
        let error = shop.try_probe(&file).await.unwrap_err();
        assert!(matches!(error, ProbeError::Unreadable { .. }), "{name}: {error}");
        // Nor when the file changes after it was probed.
        let mut changed = honest.clone();
        changed.file = file;
        let picture = poster(&shop.tools, &changed, Duration::ZERO).await;
        assert!(picture.is_err(), "{name}");
    }
}

#[tokio::test]
async fn names_are_only_names() {
    let shop = Workshop::new().await;
    let clip = shop.clip("clip.mp4", CLIP);
    std::env::set_current_dir(shop.path()).unwrap();
    for name in [
        "-version",
        "-y",
        "concat:a|b.mp4",
        "pipe:0",
        "img%03d.mp4",
        "a b;'\"$(x)\n.mp4",
        "film*.mp4",
        "ü.mp4",
    ] {
        fs::copy(&clip, shop.path().join(name)).unwrap();
        let probe = shop.probe(Path::new(name)).await;
        assert_eq!(probe.video().map(|video| video.codec.as_str()), Some("h264"), "{name}");
        if name.starts_with('-') {
            poster(&shop.tools, &probe, Duration::ZERO).await.unwrap();
        }
        fs::remove_file(shop.path().join(name)).unwrap();
    }
    // One of ffmpeg's demuxers takes such a name for all the pictures of that pattern.
    fs::copy(&clip, shop.path().join("img%03d.png")).unwrap();
    for name in [
        "concat:clip.mp4|clip.mp4",
        "file:clip.mp4",
        "http://127.0.0.1/",
        "img%03d.png",
        "-i",
        "",
        "/dev/null",
        ".",
    ] {
        let error = shop.try_probe(Path::new(name)).await.unwrap_err();
        assert!(matches!(error, ProbeError::Unreadable { .. }), "{name}: {error}");
    }
    std::env::set_current_dir(env!("CARGO_MANIFEST_DIR")).unwrap();
}

#[tokio::test]
async fn rubbish_is_refused_with_the_name_of_the_file() {
    let shop = Workshop::new().await;
    let whole = fs::read(shop.clip("whole.mp4", CLIP)).unwrap();
    for (name, bytes, reason) in [
        ("text.mp4", &b"no film at all"[..], "something else"),
        ("empty.mp4", b"", " "),
        ("box.mp4", b"\0\0\0\x08ftyp\0\0\0\x01moov", " "),
        ("cut.mp4", &whole[..whole.len() / 2], "cut off"),
    ] {
        let error = shop.try_probe(&shop.write(name, bytes)).await.unwrap_err().to_string();
        assert!(error.contains(name) && error.contains(reason), "{error}");
        assert!(!error.contains(['\n', '[', '@']) && !error.contains("ffprobe"), "{error}");
    }
}

#[tokio::test]
async fn missing_tools_say_what_to_install() {
    let error = Tools::named("no-such-ffmpeg", "ffprobe").await.unwrap_err().to_string();
    assert_eq!(error, "there is no no-such-ffmpeg; install ffmpeg, on Debian: apt install ffmpeg");
    let error = Tools::named("ffmpeg", "no-such-ffprobe").await.unwrap_err();
    assert!(matches!(error, ToolsError::Missing { .. }), "{error}");
    let error = Tools::named("false", "ffprobe").await.unwrap_err();
    assert!(matches!(error, ToolsError::Broken { .. }), "{error}");
    let error = Tools::named("echo", "ffprobe").await.unwrap_err();
    assert!(matches!(error, ToolsError::Broken { .. }), "{error}");
}

#[tokio::test]
async fn old_or_stripped_tools_are_told_apart() {
    let shop = Workshop::new().await;
    let fake = |name: &str, script: &str| {
        let file = shop.write(name, format!("#!/bin/sh\n{script}\n"));
        fs::set_permissions(&file, fs::Permissions::from_mode(0o700)).unwrap();
        file
    };
    let old = fake("old", "echo ffmpeg version 4.3.8-0+deb11u1");
    let error = Tools::named(&old, "ffprobe").await.unwrap_err();
    assert!(error.to_string().contains("has version 4.3, at least 4.4 is needed"), "{error}");
    let stripped = fake("stripped", "echo ffmpeg version 6.0; echo ' A....D aac AAC'");
    let error = Tools::named(&stripped, "ffprobe").await.unwrap_err();
    assert!(matches!(error, ToolsError::NoEncoder { encoder: "libx264", .. }), "{error}");
    assert!(Tools::find().await.unwrap().version().major >= 4);
}
