//! The entries of a tar of the merged tree.

use std::sync::Arc;

use crate::rootfs::entry::MergedKind;
use crate::rootfs::merged::{MergedEntry, MergedTree, Step};
use crate::rootfs::records::RecordsError;
use crate::tar::owner::Owner;
use crate::tar::plan::{Entry, Kind};
use crate::tree::scan::SYMLINK_MODE;

/// The mode of `./`: in nixpkgs' machine it is that of a new directory above all layers.
const ROOT_MODE: u32 = 0o755;

/// The entries of `flat` in the order and with the names in which `tar -C root --hard-dereference
/// --sort=name .` writes them. Each is read when it is asked for.
pub fn entries(
    flat: &MergedTree,
    mtime: u64,
) -> impl Iterator<Item = Result<Entry, RecordsError>> + use<'_> {
    flat.walk().filter_map(move |step| match step {
        Ok(Step::Entry(entry)) => Some(Ok(packed(entry, mtime))),
        Ok(Step::Left { .. }) => None,
        Err(error) => Some(Err(error)),
    })
}

fn packed(entry: MergedEntry, mtime: u64) -> Entry {
    let mut about = entry.about;
    let mut name = b"./".to_vec();
    if entry.path.is_empty() {
        (about.mode, about.uid, about.gid) = (ROOT_MODE, 0, 0);
    } else {
        name.extend_from_slice(&entry.path);
    }
    let kind = match entry.kind {
        MergedKind::Directory => {
            if !entry.path.is_empty() {
                name.push(b'/');
            }
            Kind::Directory
        }
        MergedKind::File(range) => Kind::of_range(range),
        MergedKind::Symlink { target } => {
            about.mode = SYMLINK_MODE;
            Kind::Symlink { target }
        }
        MergedKind::Special(kind) => Kind::Special(kind),
    };
    let (uid, gid) = (u64::from(about.uid), u64::from(about.gid));
    Entry {
        name,
        kind,
        mode: about.mode,
        owner: Arc::new(Owner::in_nixpkgs_vm(uid, gid)),
        mtime,
        xattrs: about.xattrs,
    }
}
