//! Indexes a directory as if it were an archive: an OCI layout that nobody packed.

use std::ffi::OsStr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use super::error::ArchiveError;
use super::member_path::MemberPath;
use super::{Archive, ArchiveFile, ArchiveMember, Place};
use crate::bytes::source::{Range, Source};
use crate::console::text::shown;
use crate::request::store_path::StorePath;
use crate::tar::owner::Owner;

/// The mode and time of every file, whatever it has on this machine: those that Nix gives it.
const FILE_MODE: u32 = 0o444;
const DIRECTORY_MODE: u32 = 0o555;
const MTIME: u64 = 1;

/// Adds what is in `directory`, which has the name `at`, to `archive`, in the order of the names. Links are not
/// followed.
///
/// # Errors
/// When something cannot be read, is neither directory, file nor link, or is too much.
pub(super) fn index(
    archive: &mut Archive,
    directory: &Path,
    at: &MemberPath,
) -> Result<(), ArchiveError> {
    let entries = fs::read_dir(directory).map_err(|source| read(directory, source))?;
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|source| read(directory, source))?;
        let mut name = at.clone();
        name.push(entry.file_name().into_vec());
        archive.count(1, name.iter().map(Vec::len).sum())?;
        archive.refuse_too_deep(&name)?;
        names.push(name);
    }
    names.sort();
    for name in names {
        let path = directory.join(OsStr::from_bytes(name.last().expect("it has just got one")));
        let member = member(archive, &name, &path)?;
        let is_directory = matches!(member, ArchiveMember::Directory { .. });
        archive.members.insert(name.clone(), member);
        if is_directory {
            index(archive, &path, &name)?;
        }
    }
    Ok(())
}

fn member(
    archive: &Archive,
    name: &MemberPath,
    path: &Path,
) -> Result<ArchiveMember, ArchiveError> {
    let mut path = path.to_owned();
    let mut metadata = fs::symlink_metadata(&path).map_err(|source| read(&path, source))?;
    if metadata.is_symlink()
        && let Some((linked, found)) = blob_in_store(archive, name, &path)
    {
        (path, metadata) = (linked, found);
    }
    let path = path.as_path();
    let kind = metadata.file_type();
    if kind.is_dir() {
        Ok(ArchiveMember::Directory {
            mode: DIRECTORY_MODE,
        })
    } else if kind.is_file() {
        Ok(ArchiveMember::File(ArchiveFile {
            mode: FILE_MODE,
            owner: Arc::new(Owner::root()),
            mtime: MTIME,
            place: Place {
                file: u32::try_from(archive.members.len()).unwrap_or(u32::MAX),
                offset: 0,
            },
            range: Range {
                source: Arc::new(Source::closed_file(path)),
                offset: 0,
                size: metadata.len(),
                sparse: None,
            },
        }))
    } else if kind.is_symlink() {
        let target = fs::read_link(path).map_err(|source| read(path, source))?;
        Ok(ArchiveMember::Symlink {
            target: target.into_os_string().into_vec(),
        })
    } else {
        Err(ArchiveError::Special {
            path: archive.path.clone(),
            name: shown(&name.join(&b'/')),
        })
    }
}

/// How many parts the name of a blob has: `blobs`, the algorithm and the digest.
const BLOB_PARTS: usize = 3;

/// The file that a link leads to which has the place of a blob, if that file is in a Nix store: there, a layout shares
/// blobs with the outputs that they were made in. That it has the digest is checked as with any blob. Any other link
/// has to stay within the layout.
fn blob_in_store(
    archive: &Archive,
    name: &MemberPath,
    link: &Path,
) -> Option<(PathBuf, fs::Metadata)> {
    if name.len() != BLOB_PARTS || name[0] != b"blobs" {
        return None;
    }
    let target = fs::read_link(link)
        .ok()
        .filter(|target| target.is_absolute())?;
    let target = fs::canonicalize(target).ok()?;
    let store = |path: &Path| {
        let mut within = path.ancestors();
        let object = within.find(|path| StorePath::parse(path.as_os_str().as_bytes()).is_ok());
        object?.parent().map(Path::to_owned)
    };
    let found = store(&target)?;
    let own = fs::canonicalize(&archive.path)
        .ok()
        .and_then(|path| store(&path));
    if found != Path::new(DEFAULT_STORE) && Some(&found) != own.as_ref() {
        return None;
    }
    let metadata = fs::metadata(&target).ok()?;
    metadata.is_file().then_some((target, metadata))
}

/// Where Nix has its store unless it was built otherwise.
const DEFAULT_STORE: &str = "/nix/store";

fn read(path: &Path, source: io::Error) -> ArchiveError {
    ArchiveError::Open {
        path: PathBuf::from(path),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::foreign::archive::index;
    use crate::request::limits::Limits;

    /// Neither the order in which a file system lists names nor that of places in memory shows.
    #[test]
    fn files_sort_by_name() {
        let layout = tempfile::tempdir().unwrap();
        for name in [
            "b",
            "a/z",
            "a-b",
            "c/d/e",
            "a/b/c",
            "a/a",
            "B",
            "c/d.x",
            "z",
            "index.json",
        ] {
            let path = layout.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, name).unwrap();
        }
        let archive = index::index_directory(layout.path(), &Limits::default()).unwrap();
        let files = archive
            .members
            .iter()
            .filter_map(|(name, member)| match member {
                ArchiveMember::File(file) => Some((file.place, name)),
                _ => None,
            });
        let by_name: Vec<_> = files.collect();
        assert_eq!(by_name.len(), 10);
        assert!(by_name.is_sorted_by(|(one, _), (next, _)| one < next));
    }
}
