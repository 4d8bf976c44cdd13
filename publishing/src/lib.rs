//! From a creator's master to a publication.
//!
//! [`encode`] turns what browsers do not play, or play only in one size, into what they do: it is everything here that
//! calls ffmpeg. A master that needs no encoding needs no ffmpeg either.

pub mod encode;
