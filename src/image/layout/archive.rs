//! A layout as one tar, which is a docker archive too.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use crate::foreign::images::MANIFEST;
use crate::image::layout::error::LayoutError;
use crate::image::layout::{VERSION, Written};
use crate::oci::descriptor::blob_path;
use crate::oci::manifest::{INDEX, LAYOUT};
use crate::tar::owner::Owner;
use crate::tar::plan::{Content, Entry, Kind, TarPlan};

/// The mode of every directory, and of every file.
const DIRECTORY_MODE: u32 = 0o555;
const FILE_MODE: u32 = 0o444;

/// Plans the tar of what was `written` to `root`: the documents come first, in the order in which a reader needs them,
/// and then the layers, lowest first. Everything has the time `mtime`, in seconds since 1970.
///
/// # Errors
/// When a file in `root` cannot be looked at.
pub fn plan(root: &Path, written: &Written, mtime: u64) -> Result<TarPlan, LayoutError> {
    let owner = Arc::new(Owner::root());
    let docker = Value::Array(written.docker.clone())
        .to_string()
        .into_bytes();
    let mut entries = vec![Entry::inline(
        LAYOUT,
        VERSION.as_bytes().to_vec(),
        FILE_MODE,
        &owner,
        mtime,
    )];
    let file = |name: &str| -> Result<Entry, LayoutError> {
        let path = root.join(name);
        let found = std::fs::metadata(&path).map_err(|source| LayoutError::Write {
            path: path.clone(),
            source,
        })?;
        let kind = Kind::Regular {
            size: found.len(),
            content: Content::File(path),
        };
        Ok(entry(name, kind, FILE_MODE, &owner, mtime))
    };
    entries.push(file(INDEX)?);
    entries.push(Entry::inline(MANIFEST, docker, FILE_MODE, &owner, mtime));
    for name in ["blobs/", "blobs/sha256/"] {
        entries.push(entry(name, Kind::Directory, DIRECTORY_MODE, &owner, mtime));
    }
    let mut known = BTreeSet::new();
    for digest in written.documents.iter().chain(&written.layers) {
        if known.insert(*digest) {
            entries.push(file(&blob_path(*digest))?);
        }
    }
    Ok(TarPlan {
        entries,
        ..TarPlan::default()
    })
}

fn entry(name: &str, kind: Kind, mode: u32, owner: &Arc<Owner>, mtime: u64) -> Entry {
    Entry {
        name: name.as_bytes().to_vec(),
        kind,
        mode,
        owner: Arc::clone(owner),
        mtime,
        xattrs: Vec::new(),
    }
}
