//! The rules of spec §17 that concern more than one field of a bundle.

use std::collections::HashSet;

use super::{BundleError, BundleKind, BundleParts, Chapter, Strip};
use crate::{MediaType, Millis, TrackKind};

const PICTURE_TYPES: [&str; 3] = ["image/jpeg", "image/png", "image/webp"];

pub(super) fn check(parts: &BundleParts) -> Result<(), BundleError> {
    check_kind(parts)?;
    check_chapters(&parts.chapters, parts.duration)?;
    check_unique(parts)?;
    if let Some(poster) = &parts.poster {
        check_picture_type(&poster.media_type)?;
    }
    parts.strip.as_ref().map_or(Ok(()), check_strip)
}

/// A collection lists publications; everything else plays.
fn check_kind(parts: &BundleParts) -> Result<(), BundleError> {
    let BundleParts { kind, duration, ref tracks, ref items, .. } = *parts;
    let is_collection = kind == BundleKind::Collection;
    let playable = tracks.iter().filter(|track| !matches!(track.kind(), TrackKind::Subtitles)).count();
    let plays_as_its_kind = if is_collection { tracks.is_empty() } else { playable > 0 };
    if !plays_as_its_kind {
        return Err(BundleError::Tracks { kind, tracks: tracks.len(), playable });
    }
    if is_collection != (duration == Millis::default()) {
        return Err(BundleError::Duration { kind, duration });
    }
    if let Some(ledger) = parts.ledger.filter(|_| is_collection) {
        return Err(BundleError::Ledger { ledger });
    }
    if let Some(live) = parts.live.filter(|_| parts.ledger.is_none()) {
        return Err(BundleError::Live { live });
    }
    if !is_collection && !items.is_empty() {
        return Err(BundleError::Items { kind, items: items.len() });
    }
    Ok(())
}

fn check_chapters(chapters: &[Chapter], duration: Millis) -> Result<(), BundleError> {
    let mut earliest = 0;
    for (chapter, &Chapter { at, .. }) in chapters.iter().enumerate() {
        if at.get() < earliest || at >= duration {
            return Err(BundleError::Chapter { chapter, at });
        }
        earliest = at.get() + 1;
    }
    Ok(())
}

fn check_unique(parts: &BundleParts) -> Result<(), BundleError> {
    let mut ids = HashSet::new();
    if let Some(again) = parts.tracks.iter().find(|track| !ids.insert(track.id())) {
        return Err(BundleError::SameTrack { id: again.id().clone() });
    }
    let mut names = HashSet::new();
    if let Some(again) = parts.attachments.iter().find(|attachment| !names.insert(&attachment.name)) {
        return Err(BundleError::SameAttachment { name: again.name.clone() });
    }
    Ok(())
}

fn check_picture_type(found: &MediaType) -> Result<(), BundleError> {
    if PICTURE_TYPES.contains(&found.as_str()) {
        Ok(())
    } else {
        Err(BundleError::PictureType { found: found.clone() })
    }
}

fn check_strip(strip: &Strip) -> Result<(), BundleError> {
    check_picture_type(&strip.file.media_type)?;
    let (count, columns, rows) = (strip.count.get(), strip.columns.get(), strip.rows.get());
    if count > u32::from(columns) * u32::from(rows) {
        return Err(BundleError::Strip { count, columns, rows });
    }
    Ok(())
}
