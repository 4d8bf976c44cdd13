//! The init section of a rendition: `ftyp` and a `moov` without samples (ISO/IEC 23000-19, 7.3.1).

use std::num::{NonZeroU16, NonZeroU32};

use shiguredo_mp4::boxes::{
    Brand, DinfBox, EdtsBox, ElstBox, ElstEntry, FtypBox, HdlrBox, MdhdBox, MdiaBox, MediaHeader, MinfBox,
    MoovBox, MvexBox, MvhdBox, SampleEntry, SmhdBox, StblBox, StcoBox, StscBox, StsdBox, StszBox, SttsBox,
    TkhdBox, TrakBox, TrexBox, UnknownBox, VmhdBox,
};
use shiguredo_mp4::{Either, FixedPointNumber, LanguageCode, Mp4FileTime, SampleFlags};

use crate::boxes::encode;

/// What the init section takes over from the source, so that rotation, colour, projection and language stay.
#[derive(Debug, Clone)]
pub(crate) struct Description {
    pub(crate) tkhd: TkhdBox,
    pub(crate) timescale: NonZeroU32,
    pub(crate) language: LanguageCode,
    /// The extended language, when there is one.
    pub(crate) elng: Option<UnknownBox>,
    /// The sample entry.
    pub(crate) entry: UnknownBox,
    /// Other boxes of the track.
    pub(crate) copies: Vec<UnknownBox>,
}

impl Description {
    /// Bytes of what is copied.
    pub(crate) fn len(&self) -> usize {
        let copies = self.copies.iter().chain(&self.elng).map(|copy| copy.payload.len()).sum::<usize>();
        copies + self.entry.payload.len()
    }
}

/// The init section. `media_time` is the time of the track's media with which it begins to be shown: what an
/// encoder of audio primes its decoder with, or the delay that reordered frames need.
pub(crate) fn section(description: &Description, is_video: bool, media_time: u64) -> Vec<u8> {
    let ftyp = FtypBox {
        major_brand: Brand::ISO6,
        minor_version: 0,
        compatible_brands: vec![Brand::ISO6, Brand::new(*b"cmfc")],
    };
    let mut section = encode(&ftyp);
    section.extend(encode(&movie(description, is_video, media_time)));
    section
}

fn movie(description: &Description, is_video: bool, media_time: u64) -> MoovBox {
    let track_id = description.tkhd.track_id;
    let mvhd_box = MvhdBox {
        creation_time: Mp4FileTime::default(),
        modification_time: Mp4FileTime::default(),
        timescale: description.timescale,
        duration: 0,
        rate: MvhdBox::DEFAULT_RATE,
        volume: MvhdBox::DEFAULT_VOLUME,
        matrix: MvhdBox::DEFAULT_MATRIX,
        next_track_id: track_id.saturating_add(1),
    };
    let trex = TrexBox {
        track_id,
        default_sample_description_index: 1,
        default_sample_duration: 0,
        default_sample_size: 0,
        default_sample_flags: SampleFlags::empty(),
    };
    let mvex_box = MvexBox { mehd_box: None, trex_boxes: vec![trex], unknown_boxes: Vec::new() };
    let trak_boxes = vec![track(description, is_video, media_time)];
    MoovBox { mvhd_box, trak_boxes, mvex_box: Some(mvex_box), unknown_boxes: Vec::new() }
}

fn track(description: &Description, is_video: bool, media_time: u64) -> TrakBox {
    let mut tkhd_box = description.tkhd.clone();
    tkhd_box.flag_track_enabled = true;
    tkhd_box.flag_track_in_movie = true;
    tkhd_box.duration = 0;
    let mdhd_box = MdhdBox {
        creation_time: Mp4FileTime::default(),
        modification_time: Mp4FileTime::default(),
        timescale: description.timescale,
        duration: 0,
        language: description.language,
    };
    let handler_type = if is_video { HdlrBox::HANDLER_TYPE_VIDE } else { HdlrBox::HANDLER_TYPE_SOUN };
    let mdia_box = MdiaBox {
        mdhd_box,
        hdlr_box: HdlrBox { handler_type, name: vec![0] },
        minf_box: media_information(description, is_video),
        unknown_boxes: description.elng.iter().cloned().collect(),
    };
    let edts_box = (media_time > 0).then(|| edit(media_time));
    TrakBox { tkhd_box, edts_box, mdia_box, unknown_boxes: description.copies.clone() }
}

/// One edit without an end.
fn edit(media_time: u64) -> EdtsBox {
    let media_time = i64::try_from(media_time).expect("a track begins within hours of its first sample");
    let entry = ElstEntry { edit_duration: 0, media_time, media_rate: FixedPointNumber::new(1, 0) };
    EdtsBox { elst_box: Some(ElstBox { entries: vec![entry] }), unknown_boxes: Vec::new() }
}

fn media_information(description: &Description, is_video: bool) -> MinfBox {
    let media_header = if is_video {
        MediaHeader::Vmhd(VmhdBox {
            graphicsmode: VmhdBox::DEFAULT_GRAPHICSMODE,
            opcolor: VmhdBox::DEFAULT_OPCOLOR,
        })
    } else {
        MediaHeader::Smhd(SmhdBox { balance: SmhdBox::DEFAULT_BALANCE })
    };
    MinfBox {
        media_header: Some(media_header),
        dinf_box: DinfBox::LOCAL_FILE,
        stbl_box: empty_tables(description.entry.clone()),
        unknown_boxes: Vec::new(),
    }
}

fn empty_tables(mut entry: UnknownBox) -> StblBox {
    // The one data reference is the file itself.
    if let Some(index) = entry.payload.get_mut(6..8) {
        index.copy_from_slice(&NonZeroU16::MIN.get().to_be_bytes());
    }
    StblBox {
        stsd_box: StsdBox { entries: vec![SampleEntry::Unknown(entry)] },
        stts_box: SttsBox { entries: Vec::new() },
        ctts_box: None,
        cslg_box: None,
        stsc_box: StscBox { entries: Vec::new() },
        stsz_box: StszBox::Variable { entry_sizes: Vec::new() },
        stco_or_co64_box: Either::A(StcoBox { chunk_offsets: Vec::new() }),
        stss_box: None,
        sdtp_box: None,
        unknown_boxes: Vec::new(),
    }
}
