//! Finds the symlinks of a base image that directories of a new layer take the place of. Distributions have `/bin` as a
//! symlink to `usr/bin`: a layer with a directory `/bin` hides all that is there.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;

use crate::bytes::source::{Range, RangeReader, Source};
use crate::closure::files::{ClosureQuery, Presence};
use crate::console::text::printable_path;
use crate::console::warnings::Warnings;
use crate::foreign::base::Observer;
use crate::oci::whiteout::{self, Hidden};
use crate::tar::names::path_of;
use crate::tar::read::{Member, MemberKind, ReadError, Reader};

/// What warnings are about.
const REPLACED: &str = "directories in the place of symlinks of the base image";

/// The directories of a layer, by their paths.
#[derive(Debug, Default)]
pub struct Directories(BTreeSet<Vec<u8>>);

/// What one layer of a base image has, or hides, at the paths of [`Directories`]: the target of a symlink, or none for
/// everything else. In the order of the layer.
pub type Links = Vec<(Vec<u8>, Option<Vec<u8>>)>;

/// The new layer could not be read.
#[derive(Debug, Error)]
pub enum DirectoriesError {
    #[error("cannot read `{}`", path.display())]
    Open { path: PathBuf, source: io::Error },
    #[error("`{}` is damaged or no tar", path.display())]
    Tar { path: PathBuf, source: ReadError },
}

impl Directories {
    /// Reads the headers of the tar `path`.
    ///
    /// # Errors
    /// When it cannot be read, or is damaged.
    pub fn of(path: &Path) -> Result<Self, DirectoriesError> {
        let open = |source| DirectoriesError::Open {
            path: path.to_owned(),
            source,
        };
        let file = File::open(path).map_err(open)?;
        let size = file.metadata().map_err(open)?.len();
        let mut tar = Reader::of_layer(RangeReader::new(Range {
            source: Arc::new(Source::file(path, file)),
            offset: 0,
            size,
            sparse: None,
        }));
        let mut found = BTreeSet::new();
        let tar_error = |source| DirectoriesError::Tar {
            path: path.to_owned(),
            source,
        };
        while let Some(member) = tar.next_member().map_err(tar_error)? {
            if member.kind == MemberKind::Directory {
                found.insert(path_of(&member.name).into_owned());
            }
        }
        Ok(Self(found))
    }

    /// Warns of each symlink that is there when all of `layers`, lowest first, lie over each other. They are those
    /// of the image `base`.
    pub fn warn<'a>(
        &self,
        base: &Path,
        layers: impl Iterator<Item = &'a Links>,
        warnings: &mut Warnings,
    ) {
        let links: BTreeMap<&[u8], &Option<Vec<u8>>> = layers
            .flatten()
            .map(|(path, target)| (path.as_slice(), target))
            .collect();
        for (path, target) in links {
            let Some(target) = target else { continue };
            let path = Path::new("/").join(OsStr::from_bytes(path));
            let target = Path::new(OsStr::from_bytes(target));
            let parent = path.parent().unwrap_or(Path::new("/"));
            let leads_to = parent.join(target).into_os_string().into_vec();
            let leads_to = Path::new("/").join(OsStr::from_bytes(&path_of(&leads_to)));
            warnings.add(REPLACED, || {
                format!(
                    "the directory `{path}` of the image takes the place of the symlink `{path}` to `{}` in base image `{}`, so that \
                     nothing of what it leads to is found in `{path}`; put the files into `{}`",
                    printable_path(target),
                    base.display(),
                    printable_path(&leads_to),
                    path = printable_path(&path),
                )
            });
        }
    }
}

impl Observer for &Directories {
    type Noted = Links;

    fn note(self, member: &Member, noted: &mut Links) {
        let path = path_of(&member.name);
        if self.0.contains(&*path) {
            let is_link = member.kind == MemberKind::Symlink;
            noted.push((path.into_owned(), is_link.then(|| member.link.clone())));
            return;
        }
        let (directory, last) = match path.iter().rposition(|byte| *byte == b'/') {
            Some(at) => (&path[..=at], &path[at + 1..]),
            None => (&b""[..], &*path),
        };
        match whiteout::hidden_by(last) {
            None => {}
            Some(Hidden::Name(hidden)) => {
                let hidden = [directory, hidden].concat();
                if self.0.contains(&hidden) {
                    noted.push((hidden, None));
                }
            }
            Some(Hidden::Directory) => {
                let below = self.0.range(directory.to_vec()..);
                let below = below.take_while(|path| path.starts_with(directory));
                noted.extend(below.map(|path| (path.clone(), None)));
            }
        }
    }
}

/// Both for a layer whose closure's files are looked for too.
impl Observer for (ClosureQuery<'_>, &Directories) {
    type Noted = (Presence, Links);

    fn note(self, member: &Member, (presence, links): &mut (Presence, Links)) {
        self.0.note(&member.name, presence);
        self.1.note(member, links);
    }
}
