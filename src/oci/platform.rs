//! What an image runs on, in Go's words.

use std::fmt;

use serde::Deserialize;

use crate::oci::bounded::{short, short_or_none};

/// What an image runs on, in the words of Go.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(expecting = "an object with `architecture` and `os`")]
pub struct Platform {
    #[serde(deserialize_with = "short")]
    pub architecture: String,
    #[serde(deserialize_with = "short")]
    pub os: String,
    #[serde(default, deserialize_with = "short_or_none")]
    pub variant: Option<String>,
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        match self.variant.as_deref() {
            None | Some("") => Ok(()),
            Some(variant) => write!(f, "/{variant}"),
        }
    }
}
