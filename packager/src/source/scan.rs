//! From the file to its tracks: the boxes at the top, then `moov`, then the fragments.

use std::sync::Arc;

use crate::boxes::{BoxHeader, BoxName, FourCc, HEADER_LEN_MAX};
use crate::fragment::{self, SampleDefaults};
use crate::limits::{MOOF_LEN_MAX, MOOV_LEN_MAX, SAMPLES_MAX, TOP_BOXES_MAX};
use crate::read::ReadAt;
use crate::source::movie::{self, TrackHead};
use crate::source::{OpenError, PreparedTrack, TableError, TrackError, tables};
use crate::timeline::{self, Recorded};
use crate::track::Format;

/// Names with which files of this family begin.
const FIRST_BOXES: &[&[u8; 4]] =
    &[b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"styp", b"uuid"];

/// Reads the tracks of a file of `len` bytes.
pub(super) fn tracks(reader: &impl ReadAt, len: u64) -> Result<Vec<PreparedTrack>, OpenError> {
    let top = top_boxes(reader, len)?;
    let moov = read_movie(reader, &top)?;
    let movie = movie::read(&moov)?;
    let mut room = usize::try_from(len).unwrap_or(SAMPLES_MAX).min(SAMPLES_MAX);
    let mut tracks = Vec::new();
    for found in movie.tracks {
        let reason = |reason| OpenError::Track { track: found.head.track.name(), reason };
        let samples = tables::samples(found.stbl, len, room).map_err(|error| reason(error.into()))?;
        room -= samples.len();
        tracks.push((found.head, Recorded { samples, decode_time: 0 }));
    }
    if movie.is_fragmented {
        add_fragments(reader, len, room, &top.moofs, &mut tracks)?;
        let_begin_together(&mut tracks);
    }
    tracks.into_iter().map(|(head, recorded)| prepare(head, recorded)).collect()
}

/// The content of the box `moov` of a file of `len` bytes.
pub(super) fn movie(reader: &impl ReadAt, len: u64) -> Result<Vec<u8>, OpenError> {
    read_movie(reader, &top_boxes(reader, len)?)
}

fn read_movie(reader: &impl ReadAt, top: &TopBoxes) -> Result<Vec<u8>, OpenError> {
    read_body(reader, top.moov.ok_or(OpenError::NoMovie)?)
}

/// Where a box of the file lies.
#[derive(Debug, Clone, Copy)]
struct Place {
    name: FourCc,
    offset: u64,
    header_len: u64,
    len: u64,
}

#[derive(Default)]
struct TopBoxes {
    moov: Option<Place>,
    moofs: Vec<Place>,
}

fn top_boxes(reader: &impl ReadAt, len: u64) -> Result<TopBoxes, OpenError> {
    let mut top = TopBoxes::default();
    let (mut offset, mut count) = (0, 0);
    while let Some(place) = place(reader, offset, len)? {
        if offset == 0 && !FIRST_BOXES.contains(&&place.name) {
            return Err(OpenError::NotMp4);
        }
        if place.len > len - offset {
            return Err(OpenError::CutOff {
                name: BoxName(place.name),
                offset,
                len: place.len,
                source_len: len,
            });
        }
        let len_max = match &place.name {
            b"moov" => MOOV_LEN_MAX,
            b"moof" => MOOF_LEN_MAX,
            _ => u64::MAX,
        };
        if place.len > len_max {
            return Err(OpenError::BoxTooLong { name: BoxName(place.name), len: place.len });
        }
        match &place.name {
            b"moov" if top.moov.is_none() => top.moov = Some(place),
            b"moof" => top.moofs.push(place),
            _ => {}
        }
        offset += place.len;
        count += 1;
        if count > TOP_BOXES_MAX {
            return Err(OpenError::TooManyBoxes);
        }
    }
    Ok(top)
}

/// The box at `offset`, or `None` at the end of the file, where fewer bytes than a header do not count.
fn place(reader: &impl ReadAt, offset: u64, len: u64) -> Result<Option<Place>, OpenError> {
    let available = usize::try_from(len - offset).unwrap_or(HEADER_LEN_MAX).min(HEADER_LEN_MAX);
    let mut bytes = [0; HEADER_LEN_MAX];
    let bytes = &mut bytes[..available];
    let read = reader.read_at(offset, bytes);
    read.map_err(|source| OpenError::Read { offset, len: available as u64, source })?;
    let parsed = BoxHeader::parse(bytes);
    let header = match parsed {
        Err(_) if offset == 0 => return Err(OpenError::NotMp4),
        other => other?,
    };
    let Some(header) = header else {
        return if offset == 0 { Err(OpenError::NotMp4) } else { Ok(None) };
    };
    let box_len = header.len.unwrap_or(len - offset);
    Ok(Some(Place { name: header.name, offset, header_len: header.header_len, len: box_len }))
}

fn read_body(reader: &impl ReadAt, place: Place) -> Result<Vec<u8>, OpenError> {
    let offset = place.offset + place.header_len;
    let len = place.len - place.header_len;
    let mut body = vec![0; usize::try_from(len).expect("the length of a box to be read is limited")];
    reader.read_at(offset, &mut body).map_err(|source| OpenError::Read { offset, len, source })?;
    Ok(body)
}

type Recording = (TrackHead, Recorded);

fn add_fragments(
    reader: &impl ReadAt,
    len: u64,
    mut room: usize,
    moofs: &[Place],
    tracks: &mut [Recording],
) -> Result<(), OpenError> {
    let defaults: Vec<_> = tracks.iter().map(|(head, _)| (head.track.id, head.defaults)).collect();
    let defaults = |id: u32| -> SampleDefaults {
        defaults.iter().find(|(of, _)| *of == id).map(|(_, found)| *found).unwrap_or_default()
    };
    let mut ends = vec![None; tracks.len()];
    for moof in moofs {
        let body = read_body(reader, *moof)?;
        let runs = fragment::runs(&body, moof.offset, defaults);
        for run in runs.map_err(|source| OpenError::Fragment { offset: moof.offset, source })? {
            let Some(index) = tracks.iter().position(|(head, _)| head.track.id == run.track_id) else {
                continue;
            };
            let (head, recorded) = &mut tracks[index];
            let in_track = |reason| OpenError::Track { track: head.track.name(), reason };
            let left = room.checked_sub(run.samples.len());
            room = left.ok_or(TrackError::TooManySamples).map_err(in_track)?;
            add_run(recorded, &mut ends[index], run, len).map_err(in_track)?;
        }
    }
    for (head, recorded) in tracks {
        check_overlap(recorded, len)
            .map_err(|reason| OpenError::Track { track: head.track.name(), reason })?;
    }
    Ok(())
}

/// Appends the samples of a fragment. `end` is when the samples so far have been decoded; it is computed when missing.
fn add_run(
    recorded: &mut Recorded,
    end: &mut Option<u64>,
    run: fragment::Run,
    source_len: u64,
) -> Result<(), TrackError> {
    let so_far =
        end.unwrap_or_else(|| recorded.samples.iter().map(|sample| u64::from(sample.duration)).sum());
    let begin = run.decode_time.unwrap_or(so_far);
    match recorded.samples.last_mut() {
        None => recorded.decode_time = begin,
        Some(last) => last.duration = fragment::stretched(last.duration, so_far, begin)?,
    }
    for sample in &run.samples {
        if sample.bytes().end > source_len {
            let (sample, number) = (*sample, recorded.samples.len() + 1);
            let (offset, len) = (sample.offset, sample.len);
            return Err(TableError::OutsideFile { sample: number, offset, len, source_len }.into());
        }
    }
    *end = Some(run.samples.iter().fold(begin, |time, sample| time.saturating_add(sample.duration.into())));
    recorded.samples.extend(run.samples);
    Ok(())
}

fn check_overlap(recorded: &Recorded, source_len: u64) -> Result<(), TrackError> {
    let media_len: u64 = recorded.samples.iter().map(|sample| u64::from(sample.len)).sum();
    if media_len > source_len { Err(TableError::Overlap { media_len, source_len }.into()) } else { Ok(()) }
}

/// A recording of a stream that had been running begins when the first of its tracks does.
fn let_begin_together(tracks: &mut [Recording]) {
    let begins = |(head, recorded): &Recording| (recorded.decode_time, head.track.timescale);
    let with_samples = tracks.iter().filter(|(_, recorded)| !recorded.samples.is_empty());
    let earliest = with_samples.map(begins).min_by(|(a, of_a), (b, of_b)| {
        (u128::from(*a) * u128::from(*of_b)).cmp(&(u128::from(*b) * u128::from(*of_a)))
    });
    let Some((ticks, timescale)) = earliest else { return };
    for (head, recorded) in tracks {
        let origin = timeline::rescale(ticks, timescale, head.track.timescale);
        recorded.decode_time = recorded.decode_time.saturating_sub(origin);
    }
}

fn prepare(mut head: TrackHead, recorded: Recorded) -> Result<PreparedTrack, OpenError> {
    let name = head.track.name();
    let reason = |reason| OpenError::Track { track: name, reason };
    if recorded.samples.is_empty() {
        return Err(reason(TrackError::NoSamples));
    }
    if recorded.samples.iter().all(|sample| !sample.is_sync) {
        return Err(reason(TrackError::NoKeyframe));
    }
    let laid = timeline::lay(recorded, name.is_video, head.track.timescale, &head.edits);
    let (samples, timeline) = laid.map_err(|error| reason(error.into()))?;
    if let Format::Video(video) = &mut head.track.format {
        let duration = u128::from(timeline.end(&samples).max(1));
        let frames = samples.len() as u128 * 1000 * u128::from(head.track.timescale);
        video.frames_per_1000_seconds = u32::try_from((frames + duration / 2) / duration).unwrap_or(u32::MAX);
    }
    Ok(PreparedTrack { head, samples: Arc::new(samples), timeline })
}
