//! The sample entry of a track: its codec, and the bytes that tell a player of it.

use shiguredo_mp4::boxes::{SampleEntry, UnknownBox};
use shiguredo_mp4::{BoxSize, BoxType, Decode, codec_string};

use crate::boxes::{BoxError, BoxName, FourCc, RawBox, child, children, required_child};
use crate::limits::DESCRIPTION_LEN_MAX;
use crate::source::TrackError;
use crate::track::{AudioFormat, Format, VideoFormat};

/// Length of the fields before the boxes inside a visual sample entry, and inside an audio one.
const VISUAL_FIELDS_LEN: usize = 78;
const AUDIO_FIELDS_LEN: usize = 28;

/// What a sample entry says.
pub(crate) struct Entry {
    /// The entry as it goes into the init section.
    pub(crate) bytes: UnknownBox,
    /// For the attribute CODECS.
    pub(crate) codec: String,
    /// Rotation and frame rate are not in it.
    pub(crate) format: Format,
}

/// Reads the one entry of a box `stsd`. Boxes inside it are kept as they are: colour, pixel shape, projection.
pub(crate) fn read(stsd: &RawBox<'_>) -> Result<Entry, TrackError> {
    let entries = stsd.body.get(8..).unwrap_or_default();
    let mut found = children(entries);
    let entry = found.next().transpose()?.ok_or(TrackError::Entries { count: 0 })?;
    let others = found.count();
    if others > 0 {
        return Err(TrackError::Entries { count: others + 1 });
    }
    if entry.whole.len() > DESCRIPTION_LEN_MAX {
        return Err(TrackError::DescriptionTooLong { len: entry.whole.len() });
    }
    match &entry.name {
        b"avc1" | b"hvc1" | b"hev1" | b"av01" => finish(visual(&entry)?),
        b"mp4a" | b"Opus" => finish(audio(&entry)?),
        b"encv" | b"enca" | b"drmi" | b"drms" => Err(TrackError::Encrypted),
        b".mp3" => Err(TrackError::Mp3),
        name => Err(TrackError::Codec { name: BoxName(*name) }),
    }
}

/// The entry without the zeros that QuickTime puts behind its last box.
fn visual(entry: &RawBox<'_>) -> Result<UnknownBox, BoxError> {
    let cut = entry.body.split_at_checked(VISUAL_FIELDS_LEN);
    let (fields, boxes) = cut.ok_or_else(|| ends_early(entry.name))?;
    let mut payload = fields.to_vec();
    for inner in children(boxes) {
        payload.extend_from_slice(inner?.whole);
    }
    Ok(boxed(entry.name, payload))
}

/// The entry as ISO/IEC 14496-12 has it, also where it is one of QuickTime's versions 1 and 2, which have more
/// fields and hide the decoder's configuration in a box `wave`.
fn audio(entry: &RawBox<'_>) -> Result<UnknownBox, BoxError> {
    let early = || ends_early(entry.name);
    let (fields, rest) = entry.body.split_at_checked(AUDIO_FIELDS_LEN).ok_or_else(early)?;
    let more = match fields[8..10] {
        [0, 1] if !begins_with_box(rest) => 16,
        [0, 0 | 1] => 0,
        [0, 2] => 36,
        _ => return Err(BoxError::Invalid { name: BoxName(entry.name), why: "unknown version".to_owned() }),
    };
    let (extra, boxes) = rest.split_at_checked(more).ok_or_else(early)?;
    let mut payload = fields.to_vec();
    payload[8..16].fill(0);
    if let (36, Some(count)) = (more, extra.get(14..16)) {
        // Version 2 keeps a count of channels in 32 bits, and fixed numbers in the old fields.
        payload[16..18].copy_from_slice(count);
        payload[24..28].fill(0);
    }
    match child(boxes, *b"wave")? {
        Some(wave) => payload.extend_from_slice(required_child(wave.body, *b"esds")?.whole),
        None => {
            for inner in children(boxes) {
                payload.extend_from_slice(inner?.whole);
            }
        }
    }
    Ok(boxed(entry.name, payload))
}

/// QuickTime's fields of version 1 begin with a count of samples, where another writer has a box.
fn begins_with_box(bytes: &[u8]) -> bool {
    bytes.get(4..8).is_some_and(|name| name.iter().all(u8::is_ascii_graphic))
}

fn finish(bytes: UnknownBox) -> Result<Entry, TrackError> {
    let whole = crate::boxes::encode(&bytes);
    let entry = RawBox { name: name_of(&bytes), whole: &whole, body: &bytes.payload };
    let decoded: SampleEntry = entry.decode()?;
    let format = format(entry.name, &decoded)?;
    let codec = codec_string::from_sample_entry(&decoded);
    let codec = codec.map_err(|error| BoxError::Invalid { name: BoxName(entry.name), why: error.reason })?;
    Ok(Entry { bytes, codec, format })
}

fn format(name: FourCc, entry: &SampleEntry) -> Result<Format, TrackError> {
    let video = match entry {
        SampleEntry::Avc1(entry) => &entry.visual,
        SampleEntry::Hvc1(entry) => &entry.visual,
        SampleEntry::Hev1(entry) => &entry.visual,
        SampleEntry::Av01(entry) => &entry.visual,
        SampleEntry::Mp4a(entry) => {
            let decoder = &entry.esds_box.es.dec_config_descr;
            check_object_type(decoder.object_type_indication)?;
            // Many writers put two channels into the entry whatever there is; the codec's own words count, where we know them.
            let own = decoder.dec_specific_info.as_ref().and_then(|info| channels_of(&info.payload));
            let channels = own.unwrap_or(entry.audio.channelcount);
            let sample_rate = entry.audio.samplerate.integer.into();
            return Ok(Format::Audio(AudioFormat { sample_rate, channels }));
        }
        SampleEntry::Opus(entry) => {
            let channels = entry.dops_box.output_channel_count.into();
            return Ok(Format::Audio(AudioFormat { sample_rate: 48_000, channels }));
        }
        _ => return Err(TrackError::Codec { name: BoxName(name) }),
    };
    let (width, height) = (video.width, video.height);
    if width == 0 || height == 0 {
        return Err(TrackError::NoPicture);
    }
    Ok(Format::Video(VideoFormat { width, height, rotation: 0, frames_per_1000_seconds: 0 }))
}

/// Channels that an `AudioSpecificConfig` names (ISO/IEC 14496-3, 1.6.2.1); `None` where it leaves them to the stream, or where
/// parametric stereo makes two of one. The library's own reader refuses what ffmpeg writes behind it.
fn channels_of(config: &[u8]) -> Option<u16> {
    const PARAMETRIC_STEREO: u64 = 29;
    let mut head = [0; 8];
    let len = config.len().min(head.len());
    head[..len].copy_from_slice(&config[..len]);
    let mut rest = u64::from_be_bytes(head);
    let mut take = |bits: u32| {
        let value = rest >> (64 - bits);
        rest <<= bits;
        value
    };
    let mut object_type = take(5);
    if object_type == 31 {
        object_type = 32 + take(6);
    }
    if take(4) == 15 {
        take(24);
    }
    match take(4) {
        channels @ 1..=6 if object_type != PARAMETRIC_STEREO => u16::try_from(channels).ok(),
        7 if object_type != PARAMETRIC_STEREO => Some(8),
        _ => None,
    }
}

/// Object types of MPEG-4 (mp4ra.org): players take AAC, and MP3 in MP4 they refuse.
fn check_object_type(object_type: u8) -> Result<(), TrackError> {
    match object_type {
        0x40 => Ok(()),
        0x69 | 0x6b => Err(TrackError::Mp3),
        object_type => Err(TrackError::ObjectType { object_type }),
    }
}

fn boxed(name: FourCc, payload: Vec<u8>) -> UnknownBox {
    let box_type = BoxType::Normal(name);
    UnknownBox { box_type, box_size: BoxSize::with_payload_size(box_type, payload.len() as u64), payload }
}

fn name_of(entry: &UnknownBox) -> FourCc {
    match entry.box_type {
        BoxType::Normal(name) => name,
        BoxType::Uuid(_) => *b"uuid",
    }
}

fn ends_early(name: FourCc) -> BoxError {
    BoxError::Invalid { name: BoxName(name), why: "it ends early".to_owned() }
}

/// The boxes inside the first sample entry of a box `stsd` of video, whatever its codec.
pub(super) fn visual_boxes<'a>(stsd: &RawBox<'a>) -> Result<&'a [u8], BoxError> {
    let entry = children(stsd.body.get(8..).unwrap_or_default()).next().transpose()?;
    Ok(entry.and_then(|entry| entry.body.get(VISUAL_FIELDS_LEN..)).unwrap_or_default())
}

/// The boxes inside a visual sample entry of our own.
pub(super) fn own_boxes(entry: &UnknownBox) -> &[u8] {
    entry.payload.get(VISUAL_FIELDS_LEN..).unwrap_or_default()
}

/// The same sample entry with `more` boxes inside it.
pub(super) fn with_boxes(entry: &UnknownBox, more: &[u8]) -> UnknownBox {
    boxed(name_of(entry), [entry.payload.as_slice(), more].concat())
}

/// A box that is copied into the init section as it is.
pub(crate) fn copied(found: &RawBox<'_>) -> Result<UnknownBox, BoxError> {
    UnknownBox::decode(found.whole).map(|(copy, _)| copy).map_err(|_| ends_early(found.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_of_the_codec() {
        for (config, channels) in [
            (&[0x12, 0x10][..], Some(2)),               // AAC-LC, 44.1 kHz, stereo
            (&[0x14, 0x08, 0x56, 0xe5, 0x00], Some(1)), // 16 kHz, mono, and what ffmpeg adds
            (&[0x11, 0xb8], Some(8)),                   // 48 kHz, 7.1
            (&[0x17, 0x80, 0x5d, 0xc0, 0x10], Some(2)), // a rate of its own
            (&[0xf9, 0x46, 0x20], Some(1)),             // a long object type
            (&[0xeb, 0x09, 0x88, 0x00], None),          // parametric stereo
            (&[0x11, 0x80], None),                      // left to the stream
            (&[0x12], None),
            (&[], None),
        ] {
            assert_eq!(channels_of(config), channels, "{config:02x?}");
        }
    }
}
