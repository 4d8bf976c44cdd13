//! Fragments: `moof` boxes, read and written.

mod read;
mod write;

pub use read::FragmentError;
pub(crate) use read::{Run, SampleDefaults, runs, stretched};
pub(crate) use write::segment_head;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::boxes::{child, children};
    use crate::limits::FRAGMENT_SAMPLES_MAX;
    use crate::sample::Sample;

    fn samples() -> impl Strategy<Value = Vec<Sample>> {
        let field = |max: i32| prop_oneof![Just(7), 0..=max];
        let sample = (field(5000), field(100), field(9), any::<bool>()).prop_map(
            |(len, duration, composition, is_sync)| {
                let (len, duration) = (len.unsigned_abs(), duration.unsigned_abs());
                Sample { offset: 0, len, duration, composition: composition - 4, is_sync }
            },
        );
        prop_oneof![
            prop::collection::vec(sample.clone(), 1..50),
            // What most segments are like: all the same but for the first.
            (sample, 1_usize..50).prop_map(|(sample, count)| {
                let mut samples = vec![Sample { is_sync: false, ..sample }; count];
                samples[0].is_sync = true;
                samples
            }),
        ]
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(mut samples in samples(), track_id in 1_u32..9, decode_time: u64) {
            let head = segment_head(track_id, 3, decode_time, &samples);
            let moof = child(&head[..head.len() - 8], *b"moof").unwrap().unwrap();
            let mut offset = head.len() as u64;
            for sample in &mut samples {
                sample.offset = offset;
                offset += u64::from(sample.len);
            }
            let moof_offset = 24;
            let read = runs(moof.body, moof_offset, |_| SampleDefaults::default()).unwrap();
            prop_assert_eq!(read, [Run { track_id, decode_time: Some(decode_time), samples: samples.clone() }]);
            let mdat_len = u32::from_be_bytes(*head[head.len() - 8..].first_chunk().unwrap());
            prop_assert_eq!(u64::from(mdat_len) + head.len() as u64 - 8, offset);
        }
    }

    #[test]
    fn a_segment_begins_with_its_type() {
        let sample = Sample { offset: 0, len: 5, duration: 1, composition: 0, is_sync: true };
        let mut segment = segment_head(1, 1, 0, &[sample]);
        segment.extend([0; 5]);
        let names: Vec<_> = children(&segment).map(|found| found.unwrap().name).collect();
        assert_eq!(names, [*b"styp", *b"moof", *b"mdat"]);
    }

    #[test]
    fn a_short_box_cannot_speak_of_many_samples() {
        let sample = Sample { offset: 0, len: 0, duration: 0, composition: 0, is_sync: true };
        let head = segment_head(1, 1, 0, &[sample]);
        let trun = head.windows(4).position(|window| window == b"trun").unwrap();
        let mut many = head;
        many[trun + 8..trun + 12].fill(0xff);
        let moof = child(&many[..many.len() - 8], *b"moof").unwrap().unwrap();
        let refused = runs(moof.body, 0, |_| SampleDefaults::default()).unwrap_err();
        assert_eq!(refused, FragmentError::TooManySamples { count: u32::MAX as usize });
        assert!(FRAGMENT_SAMPLES_MAX < u32::MAX as usize);
    }
}
