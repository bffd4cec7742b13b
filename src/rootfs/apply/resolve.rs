//! Follows the names of entries through the tree, as far as it is there.

use std::borrow::Cow;

use crate::console::text::shown;
use crate::rootfs::apply::Apply;
use crate::rootfs::apply::nodes::ROOT;
use crate::rootfs::apply::nodes::{Directory, NodeKind};
use crate::rootfs::apply::unlisted;
use crate::rootfs::entry::MergedKind;
use crate::rootfs::error::{ApplyError, MAX_LINK_PARTS, MAX_LINKS, MAX_NAME};

/// A part of a path without symlinks.
#[derive(Debug)]
pub(super) struct Part<'a> {
    pub(super) name: Cow<'a, [u8]>,
    /// None if there is no such directory.
    pub(super) directory: Option<Directory>,
}

pub(super) fn check_length(name: &[u8]) -> Result<(), ApplyError> {
    let length = name.len();
    if length > MAX_NAME {
        return Err(ApplyError::Name { length });
    }
    Ok(())
}

/// The parts of a name in a tar, of which leading slashes and `.` count for nothing.
pub(super) fn parts(name: &[u8]) -> Result<Vec<&[u8]>, ApplyError> {
    let parts = name.split(|byte| *byte == b'/');
    let parts: Vec<_> = parts.filter(|part| !matches!(*part, b"" | b".")).collect();
    if parts.contains(&b"..".as_slice()) {
        return Err(ApplyError::Leaves { name: shown(name) });
    }
    Ok(parts)
}

impl Apply {
    /// Where `parts` lead within the root, all symlinks resolved as if the root were `/`. What is
    /// not there is taken for a directory.
    pub(super) fn resolve<'a>(&mut self, parts: &[&'a [u8]]) -> Result<Vec<Part<'a>>, ApplyError> {
        let mut path: Vec<Part<'_>> = Vec::with_capacity(parts.len());
        let mut left: Vec<Cow<'_, [u8]>> = parts.iter().rev().map(|part| (*part).into()).collect();
        let (mut links, mut link_parts) = (0, 0);
        while let Some(name) = left.pop() {
            match &*name {
                b"" | b"." => continue,
                b".." => {
                    path.pop();
                    continue;
                }
                _ => {}
            }
            let above = self.last(&path);
            let above = above.and_then(|above| Some((above, self.entry(above, &name)?)));
            let node = above.map(|(_, number)| &self.nodes[number as usize]);
            if let Some(node) = node.filter(|node| node.kind == NodeKind::Symlink) {
                let link = self.records.read(node.record, &mut self.window)?;
                let MergedKind::Symlink { target } = link.kind else {
                    continue;
                };
                let from = left.len();
                left.extend(
                    target
                        .split(|byte| *byte == b'/')
                        .map(|part| part.to_vec().into()),
                );
                left[from..].reverse();
                links += 1;
                link_parts += left.len() - from;
                let named = || shown(&parts.join(&b'/'));
                if links > MAX_LINKS {
                    return Err(ApplyError::Circle { path: named() });
                }
                if link_parts > MAX_LINK_PARTS {
                    return Err(ApplyError::Winding { path: named() });
                }
                if target.starts_with(b"/") {
                    path.clear();
                }
                continue;
            }
            check_length(&name)?;
            let max = self.limits.max_depth;
            if path.len() >= max {
                return Err(ApplyError::Deep { max });
            }
            let directory = above.and_then(|(above, number)| self.as_directory(above, number));
            path.push(Part { name, directory });
        }
        Ok(path)
    }

    /// The directory that `path` leads to, if it is one.
    pub(super) fn last(&self, path: &[Part<'_>]) -> Option<Directory> {
        let root = Directory {
            node: ROOT,
            hides_before: self.nodes[ROOT as usize].hides_before,
        };
        path.last().map_or(Some(root), |part| part.directory)
    }

    /// The directory `path`; what is missing of it is made.
    pub(super) fn make_directory(
        &mut self,
        path: &mut [Part<'_>],
    ) -> Result<Directory, ApplyError> {
        for depth in 0..path.len() {
            if path[depth].directory.is_some() {
                continue;
            }
            let above = self.last(&path[..depth]).expect("it has just been made");
            let name = &*path[depth].name;
            if self.entry(above, name).is_some() {
                let names: Vec<_> = path[..=depth].iter().map(|part| &*part.name).collect();
                let path = shown(&names.join(&b'/'));
                return Err(ApplyError::Below { path });
            }
            self.count()?;
            let record = self.write(name, &unlisted())?;
            let number = self.node(above.node, name);
            let node = &mut self.nodes[number as usize];
            node.kind = NodeKind::Directory;
            node.is_shared = false;
            node.record = record;
            node.touched = self.made;
            path[depth].directory = self.as_directory(above, number);
        }
        Ok(self.last(path).expect("it has just been made"))
    }
}
