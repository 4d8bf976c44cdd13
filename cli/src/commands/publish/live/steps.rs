//! What happens while a stream is recorded: written down for gateways, and shown.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use publishing::LiveStep;
use serde::Serialize;
use sharing::{Prelude, TrackId};

use super::telling::Log;
use crate::output::{Output, Status};

/// How far a stream has come.
pub(super) struct LiveSteps {
    output: Output,
    log: Arc<Log>,
    status: Status,
    prelude: Option<Prelude>,
    /// Tracks that have a segment.
    begun: HashSet<TrackId>,
    segments: u64,
    bytes: u64,
    /// Milliseconds of the first track.
    shown_ms: u64,
    was_behind: bool,
}

/// A line for each segment, for programs.
#[derive(Serialize)]
struct SegmentLine<'s> {
    segment: u32,
    track: &'s str,
    bytes: u32,
    duration_ms: u64,
    /// How long ago the segment was complete.
    behind_ms: u128,
    tries: u32,
}

impl LiveSteps {
    pub(super) fn new(output: Output, log: &Arc<Log>) -> Self {
        Self {
            output,
            log: Arc::clone(log),
            status: output.status(),
            prelude: None,
            begun: HashSet::new(),
            segments: 0,
            bytes: 0,
            shown_ms: 0,
            was_behind: false,
        }
    }

    pub(super) fn take(&mut self, step: LiveStep) {
        match step {
            LiveStep::Announced { record, prelude } => {
                self.log.push(record.encode());
                self.prelude = Some(prelude);
            }
            LiveStep::Segment { record, delay, tries } => {
                self.log.push(record.encode());
                self.segment(record.body(), delay, tries);
            }
            LiveStep::LeftOut { track } => {
                self.output.note(format_args!("track {track} of the source brings nothing: it is left out"));
            }
            LiveStep::Behind => {
                if !std::mem::replace(&mut self.was_behind, true) {
                    self.output.note("the network is slower than the source, which has to wait");
                }
            }
        }
    }

    fn segment(&mut self, segment: &sharing::LiveSegment, delay: Duration, tries: u32) {
        let prelude = self.prelude.as_ref().expect("segments follow the announcement");
        let tracks = prelude.tracks();
        let track = tracks.iter().find(|track| track.id == segment.track);
        let timescale = track.map_or(1, |track| u64::from(track.timescale.get()));
        let duration_ms = u64::from(segment.duration.get()) * 1000 / timescale;
        if self.begun.insert(segment.track.clone()) && self.begun.len() == tracks.len() {
            self.log.begin(prelude.id());
        }
        if tracks[0].id == segment.track {
            self.shown_ms += duration_ms;
        }
        self.segments += 1;
        self.bytes += u64::from(segment.len.get());
        let (minutes, seconds) = (self.shown_ms / 60_000, self.shown_ms / 1000 % 60);
        let mib = self.bytes >> 20;
        self.status.say(format!(
            "live {minutes}:{seconds:02}, {} segments, {mib} MiB, {:.1} s behind the source",
            self.segments,
            delay.as_secs_f64()
        ));
        let line = SegmentLine {
            segment: segment.n.get(),
            track: segment.track.as_str(),
            bytes: segment.len.get(),
            duration_ms,
            behind_ms: delay.as_millis(),
            tries,
        };
        if let Err(error) = self.output.answer_beside_data(&line) {
            self.output.note(format_args!("cannot say how far it has come: {error:#}"));
        }
    }
}
