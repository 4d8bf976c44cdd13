//! Settings of the long-running roles. What is decisive stands first: flag, environment, TOML file.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use crate::failure::Usage;
use crate::folders;

/// Reads a role's TOML file: the one that is named, or else `default_name` in the user's
/// configuration folder, which may be absent.
pub(crate) fn load<T>(named: Option<&Path>, default_name: &str) -> anyhow::Result<T>
where
    T: DeserializeOwned + Default,
{
    let path: PathBuf = match named {
        Some(path) => path.to_owned(),
        None => folders::config()?.join(default_name),
    };
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound && named.is_none() => return Ok(T::default()),
        Err(error) => {
            return Err(Usage::because(format!("cannot read the settings {}: {error}", path.display())));
        }
    };
    toml::from_str(&text)
        .map_err(|error| Usage::because(format!("in the settings {}: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Pond {
        depth: Option<u32>,
    }

    fn read(text: &str) -> anyhow::Result<Pond> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        load(Some(file.path()), "pond.toml")
    }

    #[test]
    fn a_file_is_read() {
        assert_eq!(read("depth = 3").unwrap(), Pond { depth: Some(3) });
    }

    #[test]
    fn what_is_misspelt_or_missing_is_named() {
        assert!(format!("{:#}", read("dpeth = 3").unwrap_err()).contains("dpeth"));
        let missing = load::<Pond>(Some(Path::new("/nonexistent/pond.toml")), "pond.toml").unwrap_err();
        assert!(format!("{missing:#}").contains("/nonexistent/pond.toml"));
    }
}
