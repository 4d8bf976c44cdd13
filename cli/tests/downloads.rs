//! `headwater get` and `headwater watch` of a publication, from gateways that this test plays itself: no network, no account.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::num::{NonZeroU16, NonZeroU32};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use chunker::ContentKey;
use proofs::Cid;
use protocol::{NetworkId, SecretKey, Signed, UnixSeconds};
use serde_json::Value;
use sharing::{
    Attachment, Bundle, BundleKind, BundleParts, Channels, Codecs, ContentHash, FileName, FileRef,
    InitSection, MediaType, Millis, Part, Picture, Publication, PublicationId, Segment, Title, Track,
    TrackId, TrackKind, TrackParts,
};
use tokio::runtime::Runtime;

const SEGMENT_LEN: usize = 50_000;
const SEGMENTS: u8 = 6;

type Files = HashMap<String, Bytes>;

/// A publication, and everything that a gateway serves of it.
struct Played {
    id: PublicationId,
    files: Files,
    video: Vec<u8>,
}

fn part(segments: u32) -> Part {
    let key = ContentKey::from_bytes([7; 32]);
    Part { key, object: Cid::of(b"object"), segments: NonZeroU32::new(segments).unwrap() }
}

/// A track of noise under its paths, and its bytes.
fn track(id: &str, kind: TrackKind, seed: u8, files: &mut Files) -> (Track, Vec<u8>) {
    let init: Vec<u8> = if matches!(kind, TrackKind::Subtitles) { Vec::new() } else { vec![seed; 700] };
    let count = if init.is_empty() { 1 } else { SEGMENTS };
    let (mut all, mut segments) = (init.clone(), Vec::new());
    for number in 0..count {
        let bytes = vec![seed ^ (number + 1); SEGMENT_LEN];
        let (len, hash) = (u32::try_from(bytes.len()).unwrap(), ContentHash::of(&bytes));
        segments.push(Segment { len, duration: 4000, hash });
        all.extend_from_slice(&bytes);
        files.insert(format!("{id}/{number}.{}", kind.segment_ending()), bytes.into());
    }
    let track = Track::new(TrackParts {
        id: TrackId::new(id).unwrap(),
        kind,
        codecs: Codecs::new(if init.is_empty() { "wvtt" } else { "avc1.640028" }).unwrap(),
        timescale: NonZeroU32::new(1000).unwrap(),
        parts: vec![part(count.into())],
        init: NonZeroU32::new(u32::try_from(init.len()).unwrap())
            .map(|len| InitSection::new(len, ContentHash::of(&init))),
        segments,
        default: true,
        language: None,
        label: None,
    });
    files.insert(format!("{id}/init.mp4"), init.into());
    (track.unwrap(), all)
}

fn play(title: &str, with_everything: bool) -> Played {
    let mut files = Files::new();
    let pixels = |number| NonZeroU16::new(number).unwrap();
    let picture = Picture { height: pixels(720), rate: NonZeroU32::MIN, width: pixels(1280) };
    let (video_track, video) = track("video", TrackKind::Video(picture), 0x10, &mut files);
    let (mut tracks, mut attachments) = (vec![video_track], Vec::new());
    if with_everything {
        let sound = TrackKind::Audio(Channels::new(2).unwrap());
        tracks.push(track("audio", sound, 0x20, &mut files).0);
        tracks.push(track("subs", TrackKind::Subtitles, 0x40, &mut files).0);
        let map = Bytes::from_static(b"a map");
        let file = FileRef {
            hash: ContentHash::of(&map),
            key: ContentKey::from_bytes([8; 32]),
            len: map.len() as u64,
            object: Cid::of(b"map"),
            media_type: MediaType::new("text/plain").unwrap(),
        };
        attachments.push(Attachment {
            file,
            name: FileName::new("map.txt").unwrap(),
            has_credentials: false,
        });
        files.insert("attachments/map.txt".into(), map);
    }
    let creator = SecretKey::from_bytes(&[3; 32]);
    let issued = UnixSeconds::new(1_700_000_000);
    let bundle = Bundle::new(BundleParts {
        kind: BundleKind::Film,
        title: Title::new(title).unwrap(),
        creator: creator.public(),
        created: issued,
        duration: Millis::new(24_000),
        tracks,
        chapters: Vec::new(),
        attachments,
        items: Vec::new(),
        about: None,
        by: None,
        language: None,
        ledger: None,
        live: None,
        poster: None,
        strip: None,
    })
    .unwrap();
    let (id, key, object) = (bundle.id(), ContentKey::from_bytes([9; 32]), Cid::of(b"bundle"));
    let body = Publication { bundle: id, issued, key, listed: true, object };
    let record = Signed::sign(&creator, &NetworkId::from_bytes([0x4e; 32]), body);
    files.insert("bundle".into(), bundle.encode().into());
    files.insert("record".into(), record.encode().into());
    Played { id, files, video }
}

/// Gateways that serve while the test runs.
struct Gateways(Runtime);

impl Gateways {
    fn new() -> Self {
        // Which TLS it is to use has to be said where all crates are built together, since others leave that open.
        drop(rustls::crypto::ring::default_provider().install_default());
        Self(tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap())
    }

    /// The URL of a gateway that serves these files.
    fn serve(&self, id: PublicationId, files: &Files) -> String {
        let files = files.iter().map(|(path, bytes)| (format!("/watch/{id}/{path}"), bytes.clone()));
        let app = Router::new().fallback(answer).with_state(files.collect::<Files>());
        let listener = self.0.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        self.0.spawn(async move { axum::serve(listener, app).await });
        url
    }
}

async fn answer(State(files): State<Files>, path: Uri) -> Result<Bytes, StatusCode> {
    files.get(path.path()).cloned().ok_or(StatusCode::NOT_FOUND)
}

fn headwater(home: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_headwater"));
    command.env_clear().env("HOME", home).current_dir(home).args(arguments).output().unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The files with one byte of one of them altered.
fn altered(files: &Files, path: &str) -> Files {
    let mut files = files.clone();
    let mut bytes = files[path].to_vec();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    files.insert(path.into(), bytes.into());
    files
}

#[test]
fn a_whole_publication_becomes_a_folder() {
    let (gateways, home) = (Gateways::new(), tempfile::tempdir().unwrap());
    let film = play("../The river: I", true);
    let url = gateways.serve(film.id, &film.files);
    let address = format!("{url}/watch/{}/master.m3u8?t=1", film.id);
    let output = headwater(home.path(), &["--json", "get", &address]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["file"], "The river- I");
    assert_eq!(answer["tracks"], serde_json::json!(["video", "audio", "subs"]));
    assert_eq!(answer["mishaps"], serde_json::json!([]));
    let folder = home.path().join("The river- I");
    assert_eq!(names(&folder), ["attachments", "audio.m4a", "subs.vtt", "video.mp4"]);
    assert_eq!(fs::read(folder.join("video.mp4")).unwrap(), film.video);
    assert_eq!(fs::read(folder.join("attachments/map.txt")).unwrap(), b"a map");
    assert_eq!(names(home.path()), ["The river- I"], "no draft is left");

    let again = headwater(home.path(), &["get", &address]);
    assert_eq!(again.status.code(), Some(2), "nothing is overwritten");
    let named = headwater(home.path(), &["get", &address, "-o", "copy"]);
    assert_eq!(String::from_utf8(named.stdout).unwrap(), "copy\n");
}

#[test]
fn one_track_is_one_file_or_standard_output() {
    let (gateways, home) = (Gateways::new(), tempfile::tempdir().unwrap());
    let film = play("River", true);
    let address = format!("{}/watch/{}", gateways.serve(film.id, &film.files), film.id);
    let output = headwater(home.path(), &["get", &address, "--track", "video", "-o", "-"]);
    assert_eq!(output.stdout, film.video);
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let output = headwater(home.path(), &["get", &address, "--track", "video", "-o", "film.mp4"]);
    assert_eq!(
        (output.status.code(), fs::read(home.path().join("film.mp4")).unwrap()),
        (Some(0), film.video)
    );
    let absent = headwater(home.path(), &["get", &address, "--track", "picture"]);
    let error = String::from_utf8(absent.stderr).unwrap();
    assert_eq!(absent.status.code(), Some(2));
    assert!(error.contains("video, audio, subs"), "{error}");
    let all = headwater(home.path(), &["get", &address, "-o", "-"]);
    assert_eq!(all.status.code(), Some(2), "several files are no stream");

    let single = play("One track", false);
    let address = format!("{}/watch/{}", gateways.serve(single.id, &single.files), single.id);
    assert_eq!(headwater(home.path(), &["get", &address]).stdout, single.video);
}

#[test]
fn a_gateway_that_alters_a_byte_is_named_and_left() {
    let (gateways, home) = (Gateways::new(), tempfile::tempdir().unwrap());
    let film = play("River", false);
    let liar = gateways.serve(film.id, &altered(&film.files, "video/3.m4s"));
    let honest = gateways.serve(film.id, &film.files);
    let address = format!("{liar}/watch/{}", film.id);
    let whole = ["get", &address, "--gateway", &honest, "-o", "film.mp4"];
    let output = headwater(home.path(), &whole);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        (output.status.code(), fs::read(home.path().join("film.mp4")).unwrap()),
        (Some(0), film.video)
    );
    let found = ContentHash::of(&altered(&film.files, "video/3.m4s")["video/3.m4s"]).to_string();
    let expected = ContentHash::of(&film.files["video/3.m4s"]).to_string();
    for word in [&liar, "segment 3 of video", &found, &expected] {
        assert!(said.contains(word), "{word} is not named: {said}");
    }
    assert!(!said.contains(&honest), "{said}");

    let alone = headwater(home.path(), &["get", &address, "-o", "never.mp4"]);
    let said = String::from_utf8(alone.stderr).unwrap();
    assert_eq!(alone.status.code(), Some(1), "{said}");
    assert!(said.contains("segment 3 of video"), "{said}");
    assert_eq!(names(home.path()), ["film.mp4"], "no half file is left");

    let foreign = gateways.serve(film.id, &altered(&film.files, "bundle"));
    let foreign = headwater(home.path(), &["get", &format!("{foreign}/watch/{}", film.id), "-o", "never"]);
    assert_eq!((foreign.status.code(), foreign.stdout.len()), (Some(1), 0));
}

/// `headwater watch` while it serves.
struct Watching {
    program: Child,
    said: BufReader<ChildStdout>,
    url: String,
}

impl Watching {
    fn begin(home: &Path, arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_headwater"));
        command.env_clear().env("HOME", home).current_dir(home).args(["--json", "watch"]).args(arguments);
        let mut program = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(program.stdout.take().unwrap());
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap();
        let url = ready["ready"]["url"].as_str().unwrap().strip_suffix("/master.m3u8").unwrap().to_owned();
        Self { program, said, url }
    }

    /// Its last word, and what it has said of gateways.
    fn end(mut self) -> (Value, String) {
        let pid = self.program.id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
        let mut line = String::new();
        self.said.read_line(&mut line).unwrap();
        let output = self.program.wait_with_output().unwrap();
        assert!(output.status.success());
        (serde_json::from_str(&line).unwrap(), String::from_utf8(output.stderr).unwrap())
    }
}

#[test]
fn a_player_is_given_nothing_but_what_was_published() {
    let (gateways, home) = (Gateways::new(), tempfile::tempdir().unwrap());
    let film = play("River", true);
    let liar = gateways.serve(film.id, &altered(&film.files, "video/3.m4s"));
    let honest = gateways.serve(film.id, &film.files);
    let address = format!("{liar}/watch/{}", film.id);
    let watching = Watching::begin(home.path(), &[&address, "--gateway", &honest]);
    let get = |path: String| {
        gateways.0.block_on(async {
            let answer = reqwest::get(path).await.unwrap();
            (answer.status().as_u16(), answer.bytes().await.unwrap())
        })
    };
    let at = |path: &str| get(format!("{}/{path}", watching.url));
    let master = at("master.m3u8").1;
    assert!(String::from_utf8_lossy(&master).contains("video.m3u8"));
    assert!(String::from_utf8_lossy(&at("video.m3u8").1).contains("video/5.m4s"));
    let paths = film.files.keys().filter(|path| path.contains('/') && !path.starts_with("attachments/"));
    for path in paths.filter(|path| *path != "subs/init.mp4") {
        assert_eq!(at(path), (200, film.files[path].clone()), "{path}");
    }
    assert_eq!(at("video/3.m4s").1, film.files["video/3.m4s"], "once more, from memory");
    for path in ["video/6.m4s", "video/0.vtt", "picture.m3u8", "picture/0.m4s", "subs/init.mp4", "bundle"] {
        assert_eq!(at(path).0, 404, "{path}");
    }
    let other = format!("{}/{}", watching.url.rsplit_once('/').unwrap().0, "0".repeat(32));
    for path in ["master.m3u8", "video/0.m4s"] {
        assert_eq!(get(format!("{other}/{path}")).0, 404, "the secret is another one");
    }
    let (answer, said) = watching.end();
    let all = u64::from(SEGMENTS) * 2 + 1;
    assert_eq!(answer["watched"]["segments"], all, "none was fetched twice");
    assert_eq!(answer["watched"]["grants"], serde_json::json!([]));
    assert!(said.contains(&liar) && said.contains("segment 3 of video") && !said.contains(&honest), "{said}");
    assert!(names(home.path()).is_empty(), "who pays nothing needs no account");
}

#[test]
fn a_player_whose_only_gateway_lies_is_given_an_error() {
    let (gateways, home) = (Gateways::new(), tempfile::tempdir().unwrap());
    let film = play("River", false);
    let liar = gateways.serve(film.id, &altered(&film.files, "video/3.m4s"));
    let watching = Watching::begin(home.path(), &[&format!("{liar}/watch/{}", film.id)]);
    let status = |path: &str| {
        let path = format!("{}/{path}", watching.url);
        gateways.0.block_on(async { reqwest::get(path).await.unwrap().status().as_u16() })
    };
    assert_eq!([status("video/2.m4s"), status("video/3.m4s"), status("video/4.m4s")], [200, 502, 502]);
    assert_eq!(watching.end().0["watched"]["segments"], 1);
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let address = format!("http://127.0.0.1:9/watch/{}", PublicationId::of(b"bundle"));
    for arguments in [
        &["get", "http://127.0.0.1:9/watch/river"][..],
        &["get", &address, "--range", "0-1"],
        &["get", &address, "--gateway", "river"],
        &["get", &format!("headwater:{}#{}", Cid::of(b"x"), "A".repeat(43)), "--track", "video"],
        &["watch", "http://127.0.0.1:9/watch/river"],
        &["watch", &address, "--gateway", "river"],
        &["watch", &address, "--limit", "much"],
    ] {
        assert_eq!(headwater(home.path(), arguments).status.code(), Some(2), "{arguments:?}");
    }
}
