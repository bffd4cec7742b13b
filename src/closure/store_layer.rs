//! Plans a layer of store paths as nixpkgs' stream script writes it: `/nix` and `/nix/store` first, then
//! every path with all that is in it, ordered as Python orders paths.

use std::path::Path;
use std::sync::Arc;

use rayon::prelude::*;

use crate::bytes::parallel;
use crate::closure::files::{self, ClosureFile};
use crate::imitate::python;
use crate::request::store_path::StorePath;
use crate::tar::owner::Owner;
use crate::tar::plan::{Dialect, Entry, TarPlan};
use crate::tree::scan::ScanError;
use crate::tree::{Directory, Node};

/// The mode of `/nix` and `/nix/store`.
const STORE_MODE: u32 = 0o755;

/// The directory that every such layer has.
pub const STORE: &[u8] = b"nix/store";

/// Plans the layer of `paths`, in their order.
///
/// # Errors
/// When a path is missing or cannot be read.
pub fn plan(paths: &[StorePath], owner: &Arc<Owner>, mtime: u64) -> Result<TarPlan, ScanError> {
    let listed = parallel::try_map(paths.par_iter(), |path| list(path.as_path()))?;
    let store = ["/nix", "/nix/store"].into_iter().map(|name| ClosureFile {
        name: name.as_bytes().to_vec(),
        node: Node::Directory(Directory::empty(STORE_MODE, 0)),
    });
    let files = store.chain(listed.into_iter().flatten());
    Ok(TarPlan {
        dialect: Dialect::Pax,
        prefix: Vec::new(),
        entries: files
            .map(|file| Entry::of_node(file.name, file.node, owner, mtime))
            .collect(),
    })
}

fn list(path: &Path) -> Result<Vec<ClosureFile>, ScanError> {
    let mut files = files::list_store_path(path)?;
    for file in &mut files {
        file.name.insert(0, b'/');
    }
    files.sort_by(|a, b| python::path_order(&a.name, &b.name));
    Ok(files)
}
