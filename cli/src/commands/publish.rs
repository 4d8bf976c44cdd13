//! `headwater publish`: makes a film or a sound playable at gateways.

mod chapters;
mod collection;
mod issuer;
pub(crate) mod listing;
mod live;
mod quoting;
mod steps;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration as StdDuration;

use anyhow::Context;
use chunker::Coding;
use clap::Args;
use client::Client;
use publishing::encode::Tools;
use publishing::{
    AttachedFile, Creator, IndexFile, PublishRequest, Published, Storing, SubtitleFile, carries_credentials,
};
use reqwest::Url;
use serde::Serialize;
use sharing::{About, Byline, FileName, Label, MediaType, Title};

use self::chapters::chapters;
use self::steps::Steps;

use crate::arguments::Globals;
use crate::failure::{Outcome, Usage};
use crate::membership::Network;
use crate::output::Output;
use crate::publication::Named;
use crate::quantity::Duration;
use crate::{account, date, gateway_api, language, media_type, smaller_coding};

/// Publish a film or a sound, and print where it plays
///
/// The file is packaged for streaming, encrypted, spread over the network, and described by a bundle that your creator
/// key signs; gateways list it and play it in any browser. MP4, MOV and M4A with H.264, H.265, AV1, AAC or Opus
/// are taken as they are; anything else, and --ladder, takes ffmpeg. Publishing the same file again costs no second
/// upload: what is stored already is kept as long as --keep says from now on. What was interrupted goes on where it
/// stopped.
///
/// Exit status 1 with an address means that it plays there, but that a gateway refused it or that not everything is
/// kept so long; standard error says what.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  headwater publish film.mp4 --title 'The river' --by 'Ada' --language en
  headwater publish film.mkv --title 'The river' --ladder --subtitles de.vtt:de:Deutsch
  headwater publish song.flac --title 'A song' --unlisted --json | jq -r .watch[0]
  ffmpeg … -movflags frag_keyframe+empty_moov+default_base_moof -f mp4 - | headwater publish --live --title 'Now'
  headwater publish --collection ID ID ID --title 'Three rivers' --cover rivers.jpg --attach map.pdf

A file of chapters has one line each: 00:12:30 The second chapter")]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(crate) struct Publish {
    /// The film or the sound; with --collection the ids or addresses of publications, in order; with --live a file
    /// that grows, or - for standard input
    #[arg(required_unless_present = "live", value_name = "FILE|ID")]
    what: Vec<String>,

    /// Publish while it is made: fragmented MP4 from standard input, or from a file until it no longer grows
    #[arg(long, conflicts_with_all = ["collection", "cover", "attachments", "ladder", "subtitles", "chapters"])]
    live: bool,

    /// With --live: the longest that a segment may last, in seconds. Players follow more closely when it is small; the
    /// stream ends when keyframes are further apart [default: 12]
    #[arg(long, value_name = "N", requires = "live")]
    longest_segment: Option<u32>,

    /// Make a series, an album or a course of what is published already
    #[arg(long, conflicts_with_all = ["ladder", "subtitles", "chapters"])]
    collection: bool,

    /// A picture that stands for it (JPEG, PNG or WebP) [default: one out of the film]
    #[arg(long, value_name = "FILE")]
    cover: Option<PathBuf>,

    /// A file that comes with it; may be repeated
    #[arg(long = "attach", value_name = "FILE")]
    attachments: Vec<PathBuf>,

    /// Do not keep the file as it is when it carries content credentials (C2PA): what plays is packaged anew, without them
    #[arg(long, conflicts_with_all = ["live", "collection"])]
    no_original: bool,

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

    /// Make smaller sizes of the picture too, so that it plays on slow lines; HDR becomes SDR, 360° stays
    #[arg(long)]
    ladder: bool,

    /// About how long a segment lasts, in seconds [default: 4, with --live 2]
    #[arg(long, value_name = "N")]
    segment_seconds: Option<u32>,

    /// Show it for money, under the agreement that this ledger has about it: the ledger's key, or where it is
    #[arg(long, value_name = "KEY|URL", conflicts_with = "collection")]
    ledger: Option<String>,

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

    /// Pay what the nodes ask, without being asked
    #[arg(long)]
    yes: bool,
}

/// About how long a segment lasts, unless somebody says otherwise.
const SEGMENT_SECONDS: u32 = 4;

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
    /// Until when the nodes keep it, in Unix time in seconds.
    kept_until: u64,
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
        if self.live {
            return Box::pin(self.run_live(globals)).await;
        }
        let output = globals.output();
        let network = Network::load(globals.network.as_deref()).await?;
        let gateways = gateways(&self.gateways, &network)?;
        let published = if self.collection {
            let request = self.collection_request(&gateways[0]).await?;
            let creator = creator(globals)?;
            let publish = async |client: &Client| {
                let storing = self.storing(&network, client)?;
                self.confirm(&storing, self.len_of(&[])?, output).await?;
                Ok(publishing::publish_collection(&storing, &creator, request).await?)
            };
            network.with_client(Some(creator.payer()), publish).await
        } else {
            let request = self.request(output).await?;
            if let Some(ledger) = request.ledger {
                quoting::takes_part(&gateways, ledger, output).await?;
            }
            let creator = creator(globals)?;
            let mut index = IndexFile::open(&account::publishing_index(globals.account.as_deref())?)?;
            let publish = async |client: &Client| {
                let storing = self.storing(&network, client)?;
                self.confirm(&storing, self.len_of(&self.what)?, output).await?;
                let mut steps = Steps::new(output);
                let show = |step| steps.show(&step);
                Ok(publishing::publish(&storing, &creator, &mut index, &request, show).await?)
            };
            Box::pin(network.with_client(Some(creator.payer()), publish)).await
        };
        let published = published.map_err(smaller_coding::suggest)?;
        listing::list(globals, &network, published.record.body(), self.keep).await;
        self.offer(&published, &gateways, output).await
    }

    fn storing(&self, network: &Network, client: &Client) -> anyhow::Result<Storing> {
        let coding = self.coding.map_or_else(|| network.usual_coding(client), Ok)?;
        Ok(Storing { client: client.clone(), coding, keep: StdDuration::from_secs(self.keep.seconds()) })
    }

    async fn offer(
        &self,
        published: &Published,
        gateways: &[Url],
        output: Output,
    ) -> anyhow::Result<Outcome> {
        let (mut watch, mut refused) = (Vec::new(), Vec::new());
        for gateway in gateways {
            match gateway_api::offer(gateway, published.record.encode(), self.unlisted).await {
                Ok(path) => {
                    tell_pageless(gateway, &path, output).await;
                    watch.push(gateway.join(&path)?.to_string());
                }
                Err(error) => {
                    output.note(format_args!("published, but {error}"));
                    refused.push(Refusal { gateway: gateway.to_string(), reason: error.to_string() });
                }
            }
        }
        let bundle = &published.bundle;
        let kept = &published.kept;
        output.note(format_args!("kept until {}", date::local_day(kept.until)));
        for short in &kept.short {
            output.note(format_args!("but not all of {}: {}", short.object, short.reason));
        }
        let is_done = refused.is_empty() && kept.short.is_empty();
        let outcome = if is_done { Outcome::Complete } else { Outcome::Incomplete };
        output.answer(&Answer {
            id: bundle.id().to_string(),
            title: bundle.title().to_string(),
            watch,
            creator: bundle.creator().to_string(),
            duration_ms: bundle.parts().duration.get(),
            tracks: bundle.tracks().len(),
            known: published.was_known,
            kept_until: kept.until.get(),
            refused,
        })?;
        Ok(outcome)
    }

    async fn request(&self, output: Output) -> anyhow::Result<PublishRequest> {
        let [file] = self.what.as_slice() else {
            return Err(Usage::because(
                "one file is published at a time; several publications make a --collection",
            ));
        };
        let tools = Tools::find().await;
        if self.ladder {
            tools.as_ref().map_err(|error| Usage::because(format!("--ladder takes ffmpeg: {error}")))?;
        } else if let Err(error) = &tools {
            output.note(format_args!("without pictures for the catalogue, since {error}"));
        }
        let subtitles = self.subtitles.iter().map(|text| subtitle_file(text)).collect::<Result<_, _>>()?;
        Ok(PublishRequest {
            file: PathBuf::from(file),
            title: Title::new(self.title.as_str()).map_err(|error| usage(&error))?,
            by: self.by.as_deref().map(Byline::new).transpose().map_err(|error| usage(&error))?,
            about: self.about.as_deref().map(About::new).transpose().map_err(|error| usage(&error))?,
            language: self
                .language
                .as_deref()
                .map(language::tag)
                .transpose()
                .map_err(|error| usage(&error))?,
            ledger: match &self.ledger {
                Some(named) => Some(issuer::issuer(named).await?),
                None => None,
            },
            subtitles,
            chapters: self.chapters.as_deref().map(chapters).transpose()?.unwrap_or_default(),
            cover: self.cover.as_deref().map(attached).transpose()?,
            attachments: self.with_original(Path::new(file), output)?,
            segment_seconds: self.segment_seconds.unwrap_or(SEGMENT_SECONDS),
            listed: !self.unlisted,
            ladder: self.ladder,
            tools: tools.ok(),
            work_folder: std::env::temp_dir(),
        })
    }
}

impl Publish {
    /// What comes with it: the file itself, too, when it carries content credentials, which are lost when it is packaged.
    fn with_original(&self, file: &Path, output: Output) -> anyhow::Result<Vec<AttachedFile>> {
        let mut attachments: Vec<_> =
            self.attachments.iter().map(|path| attached(path)).collect::<Result<_, _>>()?;
        if !self.keeps_original(file)? {
            if self.no_original && has_credentials(file)? {
                output.note("its content credentials are lost: what plays is packaged anew");
            }
            return Ok(attachments);
        }
        output.note("it carries content credentials: the file comes along as it is, bit for bit");
        attachments.push(attached(file)?);
        Ok(attachments)
    }

    /// Whether the file comes along as it is.
    fn keeps_original(&self, file: &Path) -> anyhow::Result<bool> {
        let is_there = self.attachments.iter().any(|attached| attached == file);
        Ok(!self.no_original && !self.collection && !self.live && !is_there && has_credentials(file)?)
    }
}

fn has_credentials(file: &Path) -> anyhow::Result<bool> {
    carries_credentials(file).with_context(|| format!("cannot read {}", file.display()))
}

/// Says when browsers see nothing at the address: a gateway without a page still serves players.
async fn tell_pageless(gateway: &Url, path: &str, output: Output) {
    if let Ok(false) = gateway_api::serves_page(gateway, path).await {
        output.note(format_args!(
            "{gateway} serves no page (`headwater gateway --page`): the address is for `headwater watch` and players"
        ));
    }
}

/// The creator that the user is. What can be checked without an account is checked before the first use makes one.
fn creator(globals: &Globals) -> anyhow::Result<Creator> {
    Ok(Creator::new(account::open(globals.account.as_deref(), globals.output())?))
}

/// An error of a text that stands in an argument.
fn usage(error: &impl ToString) -> anyhow::Error {
    Usage::because(error.to_string())
}

/// A file under its own name.
fn attached(path: &Path) -> anyhow::Result<AttachedFile> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let media_type = media_type::of_name(name).unwrap_or("application/octet-stream");
    Ok(AttachedFile {
        path: path.to_owned(),
        name: FileName::new(name).map_err(|error| usage(&error))?,
        media_type: MediaType::new(media_type).map_err(|error| usage(&error))?,
    })
}

/// The gateways that are named, or the one at which a publication was said to play, or the network's own.
pub(super) fn gateways_of(
    named: &[String],
    publication: Option<&Named>,
    network: &Network,
) -> anyhow::Result<Vec<Url>> {
    match publication.and_then(|publication| publication.gateway.as_ref()) {
        Some(gateway) if named.is_empty() => Ok(vec![gateway.clone()]),
        _ => gateways(named, network),
    }
}

/// The gateways that are named, or the network's own.
pub(super) fn gateways(named: &[String], network: &Network) -> anyhow::Result<Vec<Url>> {
    let named = named.iter().map(|text| gateway_api::address(text));
    let mut all: Vec<Url> =
        named.collect::<Result<_, _>>().map_err(|error| Usage::because(error.to_string()))?;
    if all.is_empty() {
        all.extend(network.gateway.clone());
    }
    if all.is_empty() {
        return Err(Usage::because("the network file names no gateway; name one with --gateway URL"));
    }
    Ok(all)
}

/// `FILE`, `FILE:TAG` or `FILE:TAG:LABEL`.
fn subtitle_file(text: &str) -> anyhow::Result<SubtitleFile> {
    let mut parts = text.splitn(3, ':');
    let (file, tag) = (parts.next().unwrap_or_default(), parts.next());
    let language = tag.map(language::tag).transpose().map_err(|error| {
        let label = tag.unwrap_or_default();
        Usage::because(format!(
            "--subtitles {text}: {error}; what viewers choose by stands behind it: {file}:TAG:{label}"
        ))
    })?;
    let label = parts.next().map(Label::new).transpose();
    let label = label.map_err(|error| Usage::because(format!("--subtitles {text}: {error}")))?;
    Ok(SubtitleFile { path: PathBuf::from(file), language, label })
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
    fn subtitles_name_file_language_and_label() {
        let all = subtitle_file("a/b.vtt:de:Deutsch: mit Ton").unwrap();
        assert_eq!(all.path, Path::new("a/b.vtt"));
        assert_eq!(all.language.unwrap().as_str(), "de");
        assert_eq!(all.label.unwrap().as_str(), "Deutsch: mit Ton");
        assert!(subtitle_file("b.vtt").unwrap().language.is_none());
        let label = subtitle_file("b.vtt:Deutsch").unwrap_err().to_string();
        assert!(label.contains("name of a language") && label.contains("b.vtt:TAG:Deutsch"), "{label}");
    }
}
