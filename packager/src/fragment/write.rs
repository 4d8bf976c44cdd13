//! The boxes before the samples of a segment.

use shiguredo_mp4::SampleFlags;
use shiguredo_mp4::boxes::{
    Brand, FtypBox, MfhdBox, MoofBox, TfdtBox, TfhdBox, TrafBox, TrunBox, TrunSample,
};

use crate::boxes::encode;
use crate::sample::Sample;

/// Depends on no other sample (ISO/IEC 14496-12, 8.8.3.1).
const SYNC_FLAGS: SampleFlags = SampleFlags::new(0x0200_0000);
/// Depends on others, and is no place to begin at.
const OTHER_FLAGS: SampleFlags = SampleFlags::new(0x0101_0000);
/// Length of the header of the `mdat` that follows.
const MDAT_HEADER_LEN: usize = 8;

/// `styp`, `moof` and the header of `mdat`: a segment but for its samples, which follow in their order. `sequence`
/// counts segments from 1. Panics when the samples are longer than 4 GiB.
pub(crate) fn segment_head(track_id: u32, sequence: u32, decode_time: u64, samples: &[Sample]) -> Vec<u8> {
    let mut head = encode(&segment_type());
    let mut moof = fragment(track_id, sequence, decode_time, samples);
    let len = encode(&moof).len() + MDAT_HEADER_LEN;
    moof.traf_boxes[0].trun_boxes[0].data_offset =
        Some(i32::try_from(len).expect("a moof has less than 2 GiB"));
    head.extend(encode(&moof));
    let media_len: u64 = samples.iter().map(|sample| u64::from(sample.len)).sum();
    let mdat_len = u32::try_from(media_len + MDAT_HEADER_LEN as u64).expect("a segment has less than 4 GiB");
    head.extend(mdat_len.to_be_bytes());
    head.extend(b"mdat");
    head
}

/// `styp` with the brand of a CMAF segment; the bytes of a box `ftyp` under another name.
fn segment_type() -> impl shiguredo_mp4::Encode {
    struct SegmentType;
    impl shiguredo_mp4::Encode for SegmentType {
        fn encode(&self, buf: &mut [u8]) -> shiguredo_mp4::Result<usize> {
            let brands = vec![Brand::new(*b"msdh"), Brand::new(*b"cmfs")];
            let ftyp =
                FtypBox { major_brand: Brand::new(*b"msdh"), minor_version: 0, compatible_brands: brands };
            let len = ftyp.encode(buf)?;
            buf[4..8].copy_from_slice(b"styp");
            Ok(len)
        }
    }
    SegmentType
}

fn fragment(track_id: u32, sequence: u32, decode_time: u64, samples: &[Sample]) -> MoofBox {
    let duration = same(samples.iter().map(|sample| sample.duration));
    // Usually one keyframe leads and the rest are alike: then only the first has flags of its own.
    let rest_flags = same(samples.iter().skip(1).map(flags));
    let own_flags = samples.len() > 1 && rest_flags.is_none();
    let first_flags = samples.first().map(flags).filter(|first| !own_flags && Some(*first) != rest_flags);
    let has_offsets = samples.iter().any(|sample| sample.composition != 0);
    let entry = |sample: &Sample| TrunSample {
        duration: duration.is_none().then_some(sample.duration),
        size: Some(sample.len),
        flags: own_flags.then(|| flags(sample)),
        composition_time_offset: has_offsets.then(|| sample.composition.into()),
    };
    let trun = TrunBox {
        data_offset: Some(0),
        first_sample_flags: first_flags,
        samples: samples.iter().map(entry).collect(),
    };
    let tfhd = TfhdBox {
        track_id,
        base_data_offset: None,
        sample_description_index: None,
        default_sample_duration: duration,
        default_sample_size: None,
        default_sample_flags: rest_flags,
        duration_is_empty: false,
        default_base_is_moof: true,
    };
    let traf = TrafBox {
        tfhd_box: tfhd,
        tfdt_box: Some(TfdtBox { version: 1, base_media_decode_time: decode_time }),
        trun_boxes: vec![trun],
        unknown_boxes: Vec::new(),
    };
    let mfhd_box = MfhdBox { sequence_number: sequence };
    MoofBox { mfhd_box, traf_boxes: vec![traf], unknown_boxes: Vec::new() }
}

fn flags(sample: &Sample) -> SampleFlags {
    if sample.is_sync { SYNC_FLAGS } else { OTHER_FLAGS }
}

/// The value that all have, or `None` when they differ or there are none.
fn same<T: PartialEq>(mut values: impl Iterator<Item = T>) -> Option<T> {
    let first = values.next()?;
    values.all(|value| value == first).then_some(first)
}
