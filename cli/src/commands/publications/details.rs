//! One publication: what it is in lines for people, what the gateway said for programs.

use std::fmt::{self, Display};

use reqwest::Url;
use serde::Serialize;
use serde_json::Value;

use super::said;
use crate::quantity::ByteSize;

/// A publication, and where it plays.
#[derive(Serialize)]
#[serde(transparent)]
pub(super) struct Details {
    said: Value,
    #[serde(skip)]
    watch: Option<String>,
}

impl Details {
    pub(super) fn new(said: Value, gateway: &Url) -> Self {
        let watch = said["watch"].as_str().and_then(|path| gateway.join(path).ok());
        Self { said, watch: watch.map(String::from) }
    }

    fn list(&self, name: &str) -> &[Value] {
        self.said[name].as_array().map_or(&[], Vec::as_slice)
    }
}

impl Display for Details {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = &self.said;
        writeln!(f, "{}", said::text(&said["title"]).unwrap_or_default())?;
        line(f, "by", said::text(&said["by"]))?;
        line(f, "kind", said::text(&said["kind"]))?;
        line(f, "length", said::length(&said["duration_ms"]))?;
        line(f, "published", said::minute(&said["created"]))?;
        line(f, "language", said::text(&said["language"]))?;
        line(f, "listed", said["listed"].as_bool().map(|is_listed| if is_listed { "yes" } else { "no" }))?;
        line(f, "watch", self.watch.as_deref())?;
        line(f, "id", said::text(&said["id"]))?;
        line(f, "creator", said::text(&said["creator"]))?;
        let paragraphs = said["about"].as_str().into_iter().flat_map(str::lines);
        section(f, "about", paragraphs.map(|line| line.replace(char::is_control, " ")))?;
        section(f, "tracks", self.list("tracks").iter().map(track))?;
        section(f, "chapters", self.list("chapters").iter().map(chapter))?;
        section(f, "attachments", self.list("attachments").iter().map(attachment))?;
        section(f, "items", self.list("items").iter().map(item))
    }
}

fn line(f: &mut fmt::Formatter<'_>, name: &str, value: Option<impl Display>) -> fmt::Result {
    value.map_or(Ok(()), |value| writeln!(f, "  {name:<10} {value}"))
}

fn section(f: &mut fmt::Formatter<'_>, name: &str, lines: impl Iterator<Item = String>) -> fmt::Result {
    let mut lines = lines.peekable();
    if lines.peek().is_some() {
        writeln!(f, "\n{name}")?;
    }
    lines.try_for_each(|line| writeln!(f, "  {}", line.trim_end()))
}

/// `video-720    1280x720 25 fps  avc1.64001f  2.9 Mbit/s  12.00 MiB  en`
fn track(track: &Value) -> String {
    let shape = match (track["width"].as_u64(), track["height"].as_u64(), track["channels"].as_u64()) {
        (Some(width), Some(height), _) => {
            let rate = track["frame_rate"].as_f64().map(|rate| format!(" {} fps", short(rate)));
            format!("{width}x{height}{}", rate.unwrap_or_default())
        }
        (.., Some(1)) => "mono".to_owned(),
        (.., Some(2)) => "stereo".to_owned(),
        (.., Some(channels)) => format!("{channels} channels"),
        _ => said::text(&track["kind"]).unwrap_or_default(),
    };
    #[expect(clippy::cast_precision_loss, reason = "three digits of it are shown")]
    let rate = track["average"].as_u64().map(|rate| match rate {
        1_000_000.. => format!("{} Mbit/s", short(rate as f64 / 1e6)),
        _ => format!("{} kbit/s", rate.div_ceil(1000)),
    });
    let name = [said::text(&track["language"]), said::text(&track["label"])];
    let name = name.into_iter().flatten().collect::<Vec<_>>().join(" ");
    format!(
        "{:<16} {shape:<20} {:<12} {:>12} {:>12}  {name}",
        said::text(&track["id"]).unwrap_or_default(),
        said::text(&track["codecs"]).unwrap_or_default(),
        rate.unwrap_or_default(),
        size(&track["bytes"]),
    )
}

fn chapter(chapter: &Value) -> String {
    let at = said::time(&chapter["at_ms"]).unwrap_or_default();
    format!("{at:>8}  {}", said::text(&chapter["title"]).unwrap_or_default())
}

fn attachment(file: &Value) -> String {
    let (name, media_type) = (said::text(&file["name"]), said::text(&file["type"]));
    format!("{}  {}  {}", name.unwrap_or_default(), media_type.unwrap_or_default(), size(&file["bytes"]))
}

fn item(item: &Value) -> String {
    let (id, title) = (said::text(&item["id"]), said::text(&item["title"]));
    format!("{}  {}", id.unwrap_or_default(), title.unwrap_or_default())
}

fn size(bytes: &Value) -> String {
    bytes.as_u64().map(|bytes| ByteSize::from_bytes(bytes).to_string()).unwrap_or_default()
}

/// With at most two digits behind the point, and none that say nothing.
fn short(number: f64) -> String {
    let text = format!("{number:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn film() -> Value {
        json!({"id": "bafy1", "kind": "film", "title": "The \u{1b}river", "by": "Ada", "about": "One.\nTwo.", "creator": "8a88",
            "created": 1_798_675_200, "duration_ms": 61_000, "language": "en", "watch": "/watch/bafy1", "listed": true,
            "tracks": [
                {"id": "video-720", "kind": "video", "codecs": "avc1.64001f", "width": 1280, "height": 720,
                 "frame_rate": 25.0, "average": 2_950_000, "bytes": 12 << 20, "language": null, "label": null, "default": true},
                {"id": "audio-en", "kind": "audio", "codecs": "mp4a.40.2", "channels": 2, "average": 128_000, "bytes": 1024,
                 "language": "en", "label": "Director"},
                {"id": "subtitles-de", "kind": "subtitles", "codecs": "wvtt", "average": 100, "bytes": 10, "language": "de"}],
            "chapters": [{"at_ms": 0, "title": "Begin"}], "attachments": [], "items": []})
    }

    #[test]
    fn a_film_is_shown_in_lines() {
        let gateway = Url::parse("http://127.0.0.1:8080").unwrap();
        let shown = Details::new(film(), &gateway).to_string();
        assert!(shown.starts_with("The  river\n"), "{shown}");
        for words in [
            "  length     1:01\n",
            "  watch      http://127.0.0.1:8080/watch/bafy1\n",
            "\nabout\n  One.\n  Two.\n",
            "  listed     yes\n",
            "1280x720 25 fps",
            "2.95 Mbit/s",
            "12.00 MiB",
            "stereo",
            "en Director\n",
            "128 kbit/s",
            "\nchapters\n      0:00  Begin\n",
        ] {
            assert!(shown.contains(words), "{words:?} is not in\n{shown}");
        }
        for word in ["attachments", "items", "null", "{", "\u{1b}"] {
            assert!(!shown.contains(word), "{word:?} is in\n{shown}");
        }
    }

    #[test]
    fn programs_get_what_the_gateway_said() {
        let gateway = Url::parse("http://127.0.0.1:8080").unwrap();
        assert_eq!(serde_json::to_value(Details::new(film(), &gateway)).unwrap(), film());
    }
}
