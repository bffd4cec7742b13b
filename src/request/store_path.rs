//! Parses store paths, and the file that lists a closure.

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// The number of base-32 digits at the start of a store path's name.
const HASH_DIGITS: usize = 32;

/// The path of a store object: an absolute path whose last component is
/// `<32 base-32 digits>-<name>`. Its contents do not change while a build runs.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StorePath(PathBuf);

/// A path that should name a store object does not.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum StorePathError {
    #[error(
        "`{path}` is not an absolute path; expected a store path such as `/nix/store/<hash>-<name>`"
    )]
    NotAbsolute { path: String },
    #[error("`{path}` is not a store path: its last part is not `<32 digits>-<name>`")]
    NoHash { path: String },
}

impl StorePath {
    /// Reads `path` as a store path. It need not exist.
    ///
    /// # Errors
    /// When it is not absolute, or its last component does not begin with a hash part.
    pub fn parse(path: &[u8]) -> Result<Self, StorePathError> {
        let shown = || String::from_utf8_lossy(path).into_owned();
        if !path.starts_with(b"/") {
            return Err(StorePathError::NotAbsolute { path: shown() });
        }
        let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        if hash_part(name).is_none() {
            return Err(StorePathError::NoHash { path: shown() });
        }
        Ok(Self(PathBuf::from(OsStr::from_bytes(path))))
    }

    #[must_use]
    pub fn as_path(&self) -> &Path {
        &self.0
    }
}

/// The hash digits that a store object's name begins with, if it does.
fn hash_part(name: &[u8]) -> Option<&[u8]> {
    let (hash, rest) = name.split_at_checked(HASH_DIGITS)?;
    let is_digit = |byte: &u8| byte.is_ascii_digit() || byte.is_ascii_lowercase();
    (hash.iter().all(is_digit) && rest.starts_with(b"-") && rest.len() > 1).then_some(hash)
}

impl Serialize for StorePath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Names of store objects are ASCII.
        serializer.collect_str(&self.0.display())
    }
}

impl<'de> Deserialize<'de> for StorePath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let path = String::deserialize(deserializer)?;
        Self::parse(path.as_bytes()).map_err(D::Error::custom)
    }
}

impl fmt::Debug for StorePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Reads the store paths of a closure, one a line, as `writeClosure` and `writeReferencesToFile`
/// list them. Order and repetitions stay.
///
/// # Errors
/// When a line is not a store path.
pub fn parse_closure(text: &[u8]) -> Result<Vec<StorePath>, StorePathError> {
    text.split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(StorePath::parse)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELLO: &[u8] = b"/nix/store/vf5swd6ff5cbk535ilpj0cz865rd1k6s-fx-hello-3.0";

    #[test]
    fn a_closure_is_one_store_path_a_line() {
        let text = [HELLO, b"\n", HELLO, b"\n"].concat();
        let closure = parse_closure(&text).unwrap();
        assert_eq!(closure.len(), 2);
        assert_eq!(closure[0].as_path(), Path::new(OsStr::from_bytes(HELLO)));
    }

    #[test]
    fn what_is_no_store_path_is_refused_by_name() {
        let error = StorePath::parse(b"store/x").unwrap_err();
        assert!(
            error
                .to_string()
                .contains("`store/x` is not an absolute path")
        );
        let error = parse_closure(b"/nix/store/short-hello\n").unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("`/nix/store/short-hello` is not a store path")
        );
    }
}
