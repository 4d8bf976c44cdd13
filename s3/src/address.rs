//! Where a bucket and a key lie in the account's index, and the other way round.

use s3s::path::check_bucket_name;
use sharing::{IndexPath, NameError};

/// What a key stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Address {
    /// A file.
    File(IndexPath),
    /// A key that ends with `/`: an empty object by which clients make a folder visible.
    Marker(IndexPath),
}

/// The place of a key: the path below the folder that is the bucket.
pub(crate) fn address(bucket: &str, key: &str) -> Result<Address, NameError> {
    match key.strip_suffix('/') {
        Some(folder) => IndexPath::new(format!("{bucket}/{folder}")).map(Address::Marker),
        None => IndexPath::new(format!("{bucket}/{key}")).map(Address::File),
    }
}

/// The folder at the top of the index that is this bucket.
pub(crate) fn bucket_path(bucket: &str) -> Result<IndexPath, NameError> {
    IndexPath::new(bucket)
}

/// The bucket that a path is in: its first part, when that may be the name of one.
pub(crate) fn bucket_of(path: &str) -> Option<&str> {
    let (bucket, _) = path.split_once('/')?;
    check_bucket_name(bucket).then_some(bucket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_paths_below_their_bucket() {
        let path = |text: &str| IndexPath::new(text).unwrap();
        assert_eq!(address("photos", "a/ü.jpg"), Ok(Address::File(path("photos/a/ü.jpg"))));
        assert_eq!(address("photos", "a/"), Ok(Address::Marker(path("photos/a"))));
        for none in ["", "/", "/a", "a//b", "../a", "a/./b", "a\n", &"x".repeat(256), &"x/".repeat(600)] {
            assert!(address("photos", none).is_err(), "{none:?}");
        }
    }

    #[test]
    fn only_what_may_be_a_bucket_is_one() {
        assert_eq!(bucket_of("photos/a/b"), Some("photos"));
        for none in ["photos", "My Photos/a", "ab/a", "192.168.0.1/a"] {
            assert_eq!(bucket_of(none), None, "{none:?}");
        }
    }
}
