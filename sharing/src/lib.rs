//! What is published, and who says so.
//!
//! ```text
//! publish  tracks, texts → Bundle → encode() → an object      + Publication, signed by the creator key
//! watch    Signed<Publication> + bytes → PublishedBundle → Track::segment(n) → SegmentPlace::verify(bytes)
//! ```
//!
//! * A [`Bundle`] tells what there is to see and how to check it. It is its own name: the [`PublicationId`] is the CID
//!   of its encoding. A [`PublishedBundle`] exists only where a record of its creator vouches for it.
//! * A [`Track`] knows where each of its segments lies; what is fetched from there is [`VerifiedBytes`] once it has been
//!   checked, and nothing before.
//! * The **records** [`Publication`], [`Withdrawal`] and [`Denial`] are signed as those of `protocol` are.
//! * A [`LiveStream`] is a publication in the making: a [`Prelude`], segments that its creator signs one by one, and what
//!   becomes of them.
//! * An [`AccountIndex`] is all that an account has, by name; devices merge theirs in any order. [`IndexPage`],
//!   [`IndexRoot`] and [`PointerContents`] are what of it lies on the network.
//! * A [`ShareLink`] opens a sealed share: from it follow the [`ShareKeys`], which open what a gateway keeps [`Wrapped`] and
//!   cannot read; a [`SealedReader`] checks the cells that it sends.
//! * A [`PackWriter`] makes one object of many small records; a [`Catalogue`] lists such packs, a [`Search`] finds a record.
//! * [`readings`] are what a device without a program of ours sends: a gateway keeps them as [`KeptBatches`], unread.
//! * An [`ErasureCertificate`] has what an owner and nodes have signed when something was erased.
//! * A [`NewGrant`] wraps the keys of files for the [`Identity`] of each reader; an [`OpenedGrant`] is what one of them gets.
//! * [`split_secret`] makes [`RecoveryShare`]s of an account's secret, of which enough bring it back.
//! * An [`OpenBadge`] is what one says, for people; nobody has verified it here.
//! * A [`PublishingIndex`] is a creator's own: what is published already need not be published again.
//!
//! The crate is pure: it fetches nothing, stores nothing, packages no media and reads no clock. Bundles and publication
//! records hold content keys, since publishing gives them away. The bytes are specified in `docs/spec.md`, sections 11,
//! 17, 20, 21, 24 and 27 to 33.

#[macro_use]
mod secret_text;
#[macro_use]
mod text;
mod account;
mod any;
mod bundle;
#[cfg(test)]
mod bundle_tests;
mod erasure;
mod exposed_key;
pub mod fhir;
mod file_ref;
mod grant;
mod health;
mod ids;
mod index;
mod links;
mod live;
mod open_badge;
mod pack;
mod published;
mod records;
mod recovery;
#[cfg(test)]
mod samples;
mod sealed;
mod segments;
mod share;
mod stream;
mod time;
mod track;
mod track_fields;
mod track_kind;
mod trail;

pub use account::{
    AccountIndex, Clock, ClockError, DEVICES_SEEN_MAX, DeviceId, Displaced, Entry, EntryError, EntryName,
    Export, ExportError, FileEntry, HEADER_FIELDS_LEN_MAX, HEADER_FIELDS_MAX, HeaderFields,
    HeaderFieldsError, Hold, HoldError, INDEX_EXPORT_LEN_MAX, INDEX_NAMES_MAX, INDEX_PAGE_ENTRIES_MAX,
    INDEX_PAGE_LEN_MAX, INDEX_PATH_LEN_MAX, INDEX_ROOT_LEN_MAX, IndexFull, IndexPage, IndexPath, IndexRoot,
    NameError, PageError, PagePrefix, PageRef, PointerContents, PointerContentsError, RootError, Seen,
    SeenError, Stamp, StoredPublishingIndex, TOMBSTONE_KEPT_S, What,
};
pub use any::{ShareRecord, SharingRecord};
pub use bundle::{
    ATTACHMENTS_MAX, Attachment, BUNDLE_LEN_MAX, Bundle, BundleError, BundleKind, BundleParts, CHAPTERS_MAX,
    Chapter, ITEMS_MAX, Item, Strip, TRACKS_MAX,
};
pub use erasure::{
    ERASED_OBJECTS_MAX, ERASURE_GIVEN_MAX, ERASURE_LEN_MAX, ErasedObject, Erasure, ErasureCertificate,
    ErasureError, KeyFate, KeyGiven, KeyGivenBy, KeyGivenError,
};
pub use file_ref::FileRef;
pub use grant::{
    ChainError, DELEGATION_DEPTH_MAX, DELEGATION_SLOTS, DELEGATION_TYPE, Delegation, DelegationKeys,
    DelegationNote, Depth, GRANT_END, GRANT_FILES_MAX, GRANT_LEN_MAX, GRANT_RECIPIENTS_MAX, GRANT_SLOT,
    GRANT_TYPE, Grant, GrantKeys, GrantLink, GrantLinkError, GrantNote, GrantVersion, GrantVersionError,
    GrantedFile, HolderSecret, Holding, Identity, IdentityError, NewDelegation, NewGrant, NoteError,
    OpenGrantError, OpenedDelegation, OpenedGrant, OwnIdentity, RECIPIENT_TEXT_LEN_MAX, SealGrantError,
    SealedSource, SeenDelegation,
};
pub use health::{
    HEALTH_EMBEDDED_DEFAULT_LEN, HEALTH_FILE_LEN_MAX, HEALTH_LABEL_CHARS_MAX, HEALTH_LINK_URL_CHARS_MAX,
    HealthFileType, HealthFlags, HealthFlagsError, HealthKey, HealthLinkError, HealthLinkText,
    HealthManifest, HealthQuestion, JweError, JweIv, ManifestFile, ManifestStatus, link_key, open_jwe,
    seal_jwe,
};
pub use ids::{ContentHash, LiveId, PublicationId, VerifiedBytes};
pub use index::{INDEX_ENTRIES_MAX, INDEX_LEN_MAX, IndexError, Progress, PublishingIndex};
pub use links::{
    GUEST_LINK_S, LinkEvent, LinkEventKind, LinkId, LinkIdError, LinkInquiry, READER_CHARS_MAX, Reader,
};
pub use live::{
    AnnouncedPrelude, AnnouncedPreludeError, LIVE_SEGMENTS_MAX, LONGEST_S_MAX, LiveState, LiveStream,
    LiveStreamError, LiveTrack, PRELUDE_LEN_MAX, Prelude, PreludeError, PreludeParts, TARGET_S_MAX, Taken,
    UnfinishedError,
};
pub use open_badge::{OPEN_BADGE_LEN_MAX, OpenBadge};
pub use pack::{
    BlockPlace, CATALOGUE_GONE_MAX, CATALOGUE_LEN_MAX, CATALOGUE_PACKS_MAX, CATALOGUE_TYPE, Catalogue,
    CatalogueError, GonePack, IndexBlock, MergeError, PACK_BLOCK_LEN_MAX, PACK_LEN_MAX, PACK_RECORDS_LEN_MAX,
    PACK_RECORDS_MAX, PACK_TOP_LEN_MAX, PACK_TYPE, PackEnding, PackError, PackFull, PackKey, PackRef,
    PackSummary, PackTop, PackWriter, PushRecordError, RECORD_BYTES_MAX, RecordLink, RecordLinkError,
    RecordPlace, Search, SearchStep,
};
pub use published::{PublishedBundle, PublishedBundleError};
pub use records::{
    Denial, HEALTH_FILES_MAX, HealthFile, HealthLink, HealthLinkEnd, HealthLinkFields, HealthLinkRecordError,
    Live, LiveEnd, LiveSegment, Publication, SegmentLen, SegmentNumber, SegmentNumberError, Share, ShareEnd,
    ShareError, ShareReader, Withdrawal,
};
pub use recovery::{
    JoinSharesError, RECOVERY_SHARE_WORDS, RECOVERY_SHARES_MAX, RECOVERY_SHARES_MIN, RecoveryShare,
    RecoveryShareError, SplitSecretError, join_secret, split_secret,
};
pub use sealed::{
    FRAME_HEAD_LEN, FrameKind, ReceivedBatch, ReceivedCell, SEALED_UPLOAD_HEAD_LEN_MAX, SealedReadError,
    SealedReader, SealedUpload, SealedUploadError, frame_head,
};
pub use segments::{PARTS_MAX, Part, SEGMENT_BYTES_MAX, SEGMENTS_MAX, Segment, SegmentPlace, SegmentsError};
pub use share::{
    AccessToken, Attempts, AttemptsError, FOLDER_TYPE, FolderFile, Knock, Passcode, PasscodeError,
    SHARE_ATTEMPTS_MAX, SHARE_FILES_MAX, SHARE_FOLDER_FILES_MAX, SHARE_FOLDER_LIST_LEN_MAX,
    SHARE_PASSCODE_LEN_MAX, SHARE_SESSION_S, ShareContents, ShareContentsError, ShareKeys, ShareLabel,
    ShareLink, ShareLinkError, ShareSecret, ShareTags, ShareTagsError, SharedFile, SharedFolder,
    SharedFolderError, UnwrapError, WRAPPED_LEN, Wrapped,
};
pub use stream::{
    AppendSignature, AppendSignatureError, BatchNumber, BatchNumberError, DeviceStream, DeviceStreamEnd,
    KeptBatch, KeptBatches, KeptBatchesError, ReadingsError, STREAM_ANSWER_LEN_MAX, STREAM_BATCH_LEN_MAX,
    STREAM_BATCHES_MAX, STREAM_BYTES_MAX, STREAM_NAME_LEN_MAX, STREAM_NUMBER_AHEAD_MAX, StreamInquiry,
    StreamToken, readings, signed_text,
};
pub use text::{
    About, Byline, Codecs, FileName, Label, LanguageTag, MediaType, Reason, TextError, Title, TrackId,
};
pub use time::Millis;
pub use track::{BitRates, INIT_LEN_MAX, Track, TrackError, TrackParts};
pub use track_kind::{Channels, ChannelsError, InitSection, Picture, TrackKind};
pub use trail::{
    ACCOUNTING_S, AskedHolder, AskedLink, Disclosure, EVENTS_OF_ANSWER_MAX, Facts, GATEWAY_CLOCK_SLACK_S,
    LINK_KEPT_S, PatientId, Purpose, TRAIL_PAGE_ENTRIES_MAX, TakenEvents, Trail, TrailEntry, TrailError,
    TrailHead, TrailKeys, TrailText, TrailWhat, accounting, accounting_as_csv, take_events, trail_as_fhir,
    trail_as_page,
};
