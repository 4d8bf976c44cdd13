//! `headwater publish`: makes a film or a sound playable at gateways.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration as StdDuration;

use anyhow::{Context, bail};
use chunker::Coding;
use clap::Args;
use publishing::encode::Tools;
use publishing::{Creator, IndexFile, Progress as Step, PublishRequest, Published, Storing, SubtitleFile};
use reqwest::Url;
use serde::Serialize;
use sharing::{About, Byline, Chapter, Label, LanguageTag, Millis, Title};

use crate::arguments::Globals;
use crate::failure::{Outcome, Usage};
use crate::membership::Network;
use crate::output::{Output, Progress};
use crate::quantity::Duration;
use crate::{account, gateway_api};

/// Publish a film or a sound, and print where it plays
///
/// The file is packaged for streaming, encrypted, spread over the network, and described by a bundle that your creator
/// key signs; gateways list it and play it in any browser. MP4, MOV and M4A with H.264, H.265, AV1, AAC or Opus
/// are taken as they are; anything else, and --ladder, takes ffmpeg. Publishing the same file again costs no second
/// upload, and what was interrupted goes on where it stopped.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater publish film.mp4 --title 'The river' --by 'Ada' --language en
  headwater publish film.mkv --title 'The river' --ladder --subtitles de.vtt:de:Deutsch
  headwater publish song.flac --title 'A song' --unlisted --json | jq -r .watch[0]

A file of chapters has one line each: 00:12:30 The second chapter")]
pub(crate) struct Publish {
    /// The film or the sound
    file: PathBuf,

    /// Its title
    #[arg(long)]
    title: String,

    /// Who made it, in your words
    #[arg(long, value_name = "NAME")]
    by: Option<String>,

    /// What it is about
    #[arg(long, value_name = "TEXT")]
    about: Option<String>,

    /// Its main language, such as en or pt-BR
    #[arg(long, value_name = "TAG")]
    language: Option<String>,

    /// A WebVTT file, its language and what viewers choose it by; may be repeated
    #[arg(long, value_name = "FILE[:TAG[:LABEL]]")]
    subtitles: Vec<String>,

    /// A file of chapters, one on each line: a time and a title
    #[arg(long, value_name = "FILE")]
    chapters: Option<PathBuf>,

    /// Make smaller sizes of the picture too, so that it plays on slow lines
    #[arg(long)]
    ladder: bool,

    /// About how long a segment lasts, in seconds
    #[arg(long, value_name = "N", default_value_t = 4)]
    segment_seconds: u32,

    /// Keep it out of the lists of gateways: only who has its address finds it
    #[arg(long)]
    unlisted: bool,

    /// A gateway that is to play it; may be repeated [default: the network's]
    #[arg(long = "gateway", value_name = "URL")]
    gateways: Vec<String>,

    /// Data and parity shards [default: as for put]
    #[arg(long, value_name = "K+M", env = "HEADWATER_CODING")]
    coding: Option<Coding>,

    /// How long the nodes are to keep it, such as 90d
    #[arg(long, value_name = "TIME", default_value = "365d")]
    keep: Duration,
}

/// The answer of a publication.
#[derive(Serialize)]
struct Answer {
    id: String,
    title: String,
    /// Where it plays, one address for each gateway that took it.
    watch: Vec<String>,
    creator: String,
    duration_ms: u64,
    tracks: usize,
    /// It had been published before, and nothing was stored.
    known: bool,
    /// What gateways would not take it, and why.
    refused: Vec<Refusal>,
}

#[derive(Serialize)]
struct Refusal {
    gateway: String,
    reason: String,
}

impl Publish {
    pub(crate) async fn run(self, globals: &Globals) -> anyhow::Result<Outcome> {
        let output = globals.output();
        let network = Network::load(globals.network.as_deref())?;
        let gateways = gateways(&self.gateways, &network)?;
        let request = self.request(output).await?;
        let coding = self.coding.map_or_else(|| network.usual_coding(), Ok)?;
        let creator = Creator::new(account::open(globals.account.as_deref(), output)?);
        let mut index = IndexFile::open(&account::publishing_index(globals.account.as_deref())?)?;
        let payer = creator.payer();
        let published = network.with_client(Some(payer), async |client| {
            let keep = StdDuration::from_secs(self.keep.seconds());
            let storing = Storing { client: client.clone(), coding, keep };
            let mut steps = Steps { output, shown: None };
            let publishing =
                publishing::publish(&storing, &creator, &mut index, &request, |step| steps.show(&step));
            Ok(publishing.await?)
        });
        let published = published.await?;
        self.offer(&published, &creator, &gateways, output).await
    }

    async fn offer(
        &self,
        published: &Published,
        creator: &Creator,
        gateways: &[Url],
        output: Output,
    ) -> anyhow::Result<Outcome> {
        let (mut watch, mut refused) = (Vec::new(), Vec::new());
        for gateway in gateways {
            match gateway_api::offer(gateway, published.record.encode(), self.unlisted).await {
                Ok(path) => watch.push(gateway.join(&path)?.to_string()),
                Err(error) => {
                    output.note(format_args!("published, but {gateway} does not take it: {error:#}"));
                    refused.push(Refusal { gateway: gateway.to_string(), reason: format!("{error:#}") });
                }
            }
        }
        let bundle = &published.bundle;
        let outcome = if refused.is_empty() { Outcome::Complete } else { Outcome::Incomplete };
        output.answer(&Answer {
            id: bundle.id().to_string(),
            title: bundle.title().to_string(),
            watch,
            creator: creator.public().to_string(),
            duration_ms: bundle.parts().duration.get(),
            tracks: bundle.tracks().len(),
            known: published.was_known,
            refused,
        })?;
        Ok(outcome)
    }

    async fn request(&self, output: Output) -> anyhow::Result<PublishRequest> {
        let usage = |error: sharing::TextError| Usage::because(error.to_string());
        let tools = Tools::find().await;
        if self.ladder {
            tools.as_ref().map_err(|error| Usage::because(format!("--ladder takes ffmpeg: {error}")))?;
        } else if let Err(error) = &tools {
            output.note(format_args!("without pictures for the catalogue, since {error}"));
        }
        let subtitles = self.subtitles.iter().map(|text| subtitle_file(text)).collect::<Result<_, _>>()?;
        Ok(PublishRequest {
            file: self.file.clone(),
            title: Title::new(self.title.as_str()).map_err(usage)?,
            by: self.by.as_deref().map(Byline::new).transpose().map_err(usage)?,
            about: self.about.as_deref().map(About::new).transpose().map_err(usage)?,
            language: self.language.as_deref().map(LanguageTag::new).transpose().map_err(usage)?,
            subtitles,
            chapters: self.chapters.as_deref().map(chapters).transpose()?.unwrap_or_default(),
            segment_seconds: self.segment_seconds,
            listed: !self.unlisted,
            ladder: self.ladder,
            tools: tools.ok(),
            work_folder: std::env::temp_dir(),
        })
    }
}

/// The gateways that are named, or the network's own.
pub(super) fn gateways(named: &[String], network: &Network) -> anyhow::Result<Vec<Url>> {
    let usual: Vec<String> = network.file.gateway.iter().cloned().collect();
    let all = if named.is_empty() { &usual } else { named };
    if all.is_empty() {
        bail!("the network file names no gateway; name one with --gateway URL");
    }
    let parse = |text: &String| Url::parse(text).with_context(|| format!("{text:?} is no URL"));
    all.iter().map(parse).collect()
}

/// `FILE`, `FILE:TAG` or `FILE:TAG:LABEL`.
fn subtitle_file(text: &str) -> anyhow::Result<SubtitleFile> {
    let usage = |error: sharing::TextError| Usage::because(format!("--subtitles {text}: {error}"));
    let mut parts = text.splitn(3, ':');
    let path = PathBuf::from(parts.next().unwrap_or_default());
    let language = parts.next().map(LanguageTag::new).transpose().map_err(usage)?;
    let label = parts.next().map(Label::new).transpose().map_err(usage)?;
    Ok(SubtitleFile { path, language, label })
}

fn chapters(path: &Path) -> anyhow::Result<Vec<Chapter>> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the chapters {}", path.display()))?;
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    let parse = |(number, line): (usize, &str)| {
        chapter(line).ok_or_else(|| {
            let what = "is no chapter: a time such as 00:12:30, and a title";
            Usage::because(format!("line {number} of {} {what}", path.display()))
        })
    };
    lines.map(parse).collect()
}

/// `[HH:]MM:SS[.mmm] title`.
fn chapter(line: &str) -> Option<Chapter> {
    let (time, title) = line.trim().split_once(char::is_whitespace)?;
    let (whole, millis) = time.split_once('.').unwrap_or((time, "0"));
    let millis: u64 = format!("{millis:0<3}").parse().ok().filter(|millis| *millis < 1000)?;
    let mut seconds: u64 = 0;
    for part in whole.split(':') {
        let part: u64 = part.parse().ok()?;
        seconds = seconds.checked_mul(60)?.checked_add(part)?;
    }
    let at = Millis::new(seconds.checked_mul(1000)?.checked_add(millis)?);
    Some(Chapter { at, title: Title::new(title.trim()).ok()? })
}

/// The bar of the step that is under way.
struct Steps {
    output: Output,
    shown: Option<(String, Progress)>,
}

/// What a bar of a fraction counts to.
const WHOLE: u64 = 1000;

impl Steps {
    fn show(&mut self, step: &Step) {
        match step {
            Step::Hashing { done, total } => self.bar("reading", *total, *done),
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a fraction of 1000")]
            Step::Encoding { what, done } => {
                self.bar(&format!("encoding {what}"), WHOLE, (done.clamp(0.0, 1.0) * 1000.0) as u64);
            }
            Step::Storing { track, done, total } => self.bar(&format!("storing {track}"), *total, *done),
            Step::Known { track } => {
                self.shown = None;
                self.output.note(format_args!("{track} is stored already"));
            }
            Step::Finishing => self.bar("signing", 1, 0),
        }
    }

    fn bar(&mut self, verb: &str, total: u64, done: u64) {
        if self.shown.as_ref().is_none_or(|(shown, _)| shown != verb) {
            self.shown = None;
            self.shown = Some((verb.to_owned(), self.output.progress(verb.to_owned(), Some(total))));
        }
        if let Some((_, bar)) = &self.shown {
            bar.reached(done);
        }
    }
}

/// For people and for shells alike: where it plays.
impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.watch.iter().try_for_each(|url| writeln!(f, "{url}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chapters_are_times_and_titles() {
        for (line, at, title) in [
            ("00:00 Begin", 0, "Begin"),
            (" 1:02:03.5  The  end ", 3_723_500, "The  end"),
            ("90 A minute and a half", 90_000, "A minute and a half"),
        ] {
            let chapter = chapter(line).unwrap();
            assert_eq!((chapter.at.get(), chapter.title.as_str()), (at, title));
        }
        for line in ["", "00:00", "x Begin", "1:-2 Begin", "00:00.1234 Begin"] {
            assert!(chapter(line).is_none(), "{line:?}");
        }
    }

    #[test]
    fn subtitles_name_file_language_and_label() {
        let all = subtitle_file("a/b.vtt:de:Deutsch: mit Ton").unwrap();
        assert_eq!(all.path, Path::new("a/b.vtt"));
        assert_eq!(all.language.unwrap().as_str(), "de");
        assert_eq!(all.label.unwrap().as_str(), "Deutsch: mit Ton");
        assert!(subtitle_file("b.vtt").unwrap().language.is_none());
        assert!(subtitle_file("b.vtt:not a language").is_err());
    }
}
