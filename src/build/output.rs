//! Creates the output of a build, and takes it away again when the build fails, so that no part of
//! one is ever taken for a whole.
//!
//! Nothing has the name of the output before it is whole, since whoever is killed cannot take anything
//! away, and Nix moves what has that name into the store for people to look at. A file has no name at all
//! before (`O_TMPFILE`). A directory is made in the build directory where it can be renamed from there, and
//! else beside the output. In a sandbox the latter is a directory of Nix's own, which vanishes with the build.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag};
use nix::sys::stat::Mode;
use nix::unistd::linkat;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use tempfile::TempDir;
use thiserror::Error;

use crate::bytes::compress;
use crate::bytes::compression::Compressor;
use crate::console::progress::Progress;
use crate::tar::plan::{Dialect, Entry, TarPlan};
use crate::tar::write::{self, WriteError};

/// An output could not be written.
#[derive(Debug, Error)]
pub enum OutputError {
    #[error("cannot create `{}`", path.display())]
    Create { path: PathBuf, source: io::Error },
    #[error("cannot write `{}`", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Content(WriteError),
}

impl OutputError {
    /// Names the output that `error` is about, if it is about the output.
    #[must_use]
    pub fn of_write(error: WriteError, path: &Path) -> Self {
        match error {
            WriteError::Write(source) => Self::Write {
                path: path.to_owned(),
                source,
            },
            other => Self::Content(other),
        }
    }
}

/// How much of a tar is written at once, in bytes.
const BUFFER: usize = 256 * 1024;

/// The mode of output files.
const FILE_MODE: u32 = 0o644;

/// The digits before the first `-` of an output's name, which tag an image that has no tag.
#[must_use]
pub fn hash_part(out: &Path) -> String {
    let name = out.file_name().unwrap_or_default().to_string_lossy();
    name.split('-').next().unwrap_or_default().to_owned()
}

/// Creates the file `path`, which must not exist, with what `fill` writes. When that fails, there is
/// no file.
///
/// # Errors
/// As `fill`, or when the file cannot be created.
pub fn file<E: From<OutputError>>(
    path: &Path,
    fill: impl FnOnce(File) -> Result<(), E>,
) -> Result<(), E> {
    is_free(path)?;
    let Some(file) = Unnamed::beside(path)? else {
        let unfinished = Unfinished::beside(path)?;
        let name = unfinished.0.path().join("file");
        fill(create_file(&name, path)?)?;
        return Ok(rename(&name, path)?);
    };
    fill(
        file.0
            .try_clone()
            .map_err(|source| create_error(path, source))?,
    )?;
    Ok(file.give_name(path)?)
}

/// Creates the directory `path`, which must not exist, with the files that `fill` makes. When that
/// fails, there is no directory. It is made in `build_directory` if it can be.
///
/// # Errors
/// As `fill`, or when the directory or a file cannot be created.
pub fn files<E: From<OutputError>>(
    path: &Path,
    build_directory: &Path,
    fill: impl FnOnce(&Files<'_>) -> Result<(), E>,
) -> Result<(), E> {
    directory(path, build_directory, |unfinished| {
        fill(&Files { path, unfinished })
    })
}

/// The files of a directory that is yet to get its name.
#[derive(Debug)]
pub struct Files<'a> {
    path: &'a Path,
    unfinished: &'a Path,
}

impl Files<'_> {
    /// Creates the file `name` with `bytes` in it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn bytes(&self, name: &str, bytes: &[u8]) -> Result<(), OutputError> {
        let path = self.path.join(name);
        write_bytes(self.create(name)?, &path, bytes)
    }

    /// Creates the file `name` with the tar that `plan` describes.
    ///
    /// # Errors
    /// When content cannot be read or the file cannot be written.
    pub fn tar(&self, name: &str, plan: &TarPlan, progress: Progress) -> Result<(), OutputError> {
        let path = self.path.join(name);
        write_tar(
            self.create(name)?,
            &path,
            plan,
            Compressor::None,
            1,
            progress,
        )
    }

    fn create(&self, name: &str) -> Result<File, OutputError> {
        create_file(&self.unfinished.join(name), &self.path.join(name))
    }
}

/// A file that has no name.
#[derive(Debug)]
struct Unnamed(File);

/// Where the kernel shows open files by number; a file without a name is linked from there.
const OPEN_FILES: &str = "/proc/self/fd";

impl Unnamed {
    /// Creates what shall be `output`, on the file system on which it will be. None if that knows no
    /// files without names.
    fn beside(output: &Path) -> Result<Option<Self>, OutputError> {
        if !Path::new(OPEN_FILES).exists() {
            return Ok(None);
        }
        let flags = OFlag::O_TMPFILE | OFlag::O_WRONLY | OFlag::O_CLOEXEC;
        let mode = Mode::from_bits_truncate(FILE_MODE);
        match nix::fcntl::open(parent(output), flags, mode) {
            Ok(fd) => Ok(Some(Self(fd.into()))),
            Err(Errno::EOPNOTSUPP | Errno::EISDIR | Errno::EINVAL) => Ok(None),
            Err(errno) => Err(create_error(output, errno.into())),
        }
    }

    fn give_name(&self, path: &Path) -> Result<(), OutputError> {
        let open = format!("{OPEN_FILES}/{}", self.0.as_raw_fd());
        let follow = AtFlags::AT_SYMLINK_FOLLOW;
        let linked = linkat(AT_FDCWD, open.as_str(), AT_FDCWD, path, follow);
        linked.map_err(|errno| create_error(path, errno.into()))
    }
}

/// A directory of another name than the output's. It is gone when this is dropped.
#[derive(Debug)]
struct Unfinished(TempDir);

impl Unfinished {
    /// Creates it where it can be renamed to `output`: in `build_directory`, or else beside `output`.
    fn new(output: &Path, build_directory: &Path) -> Result<Self, OutputError> {
        if let Ok(made) = Self::within(build_directory) {
            // The kernel looks at the file systems first, and only then for what is renamed.
            let nothing = made.0.path().join("nothing");
            if fs::rename(nothing, output).is_err_and(|error| error.kind() == ErrorKind::NotFound) {
                return Ok(made);
            }
        }
        Self::beside(output)
    }

    fn beside(output: &Path) -> Result<Self, OutputError> {
        Self::within(parent(output)).map_err(|source| create_error(output, source))
    }

    fn within(directory: &Path) -> io::Result<Self> {
        let mut builder = tempfile::Builder::new();
        let builder = builder
            .prefix(".unfinished-")
            .permissions(Permissions::from_mode(0o755));
        builder.tempdir_in(directory).map(Self)
    }
}

/// Creates the directory `path`, which must not exist, and lets `fill` fill it under the name that it has
/// until it is whole. When that fails, the directory is gone again. It is made in `build_directory` if it
/// can be.
///
/// # Errors
/// As `fill`, or when the directory cannot be created.
pub fn directory<E: From<OutputError>>(
    path: &Path,
    build_directory: &Path,
    fill: impl FnOnce(&Path) -> Result<(), E>,
) -> Result<(), E> {
    is_free(path)?;
    let unfinished = Unfinished::new(path, build_directory)?;
    fill(unfinished.0.path())?;
    rename(unfinished.0.path(), path)?;
    // Nothing has the old name any more.
    let _ = unfinished.0.keep();
    Ok(())
}

/// Fails when something is at `path`, before any work is done for it.
fn is_free(path: &Path) -> Result<(), OutputError> {
    match fs::symlink_metadata(path) {
        Ok(_) => Err(create_error(path, Errno::EEXIST.into())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(create_error(path, error)),
    }
}

/// Renames what is at `from`, unless something is at `to`, be it a file or an empty directory.
fn rename(from: &Path, to: &Path) -> Result<(), OutputError> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Ok(()) => Ok(()),
        // Some file systems, 9p among them, rename only as POSIX has it, which replaces.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {
            is_free(to)?;
            fs::rename(from, to).map_err(|source| create_error(to, source))
        }
        Err(errno) => Err(create_error(to, errno.into())),
    }
}

/// Creates the file `path`, which messages call `shown`.
fn create_file(path: &Path, shown: &Path) -> Result<File, OutputError> {
    let mut options = OpenOptions::new();
    let options = options.write(true).create_new(true).mode(FILE_MODE);
    options
        .open(path)
        .map_err(|source| create_error(shown, source))
}

fn create_error(path: &Path, source: io::Error) -> OutputError {
    OutputError::Create {
        path: path.to_owned(),
        source,
    }
}

fn parent(output: &Path) -> &Path {
    match output.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// Creates the file `path` with `bytes` in it.
///
/// # Errors
/// When it cannot be written.
pub fn bytes(path: &Path, bytes: &[u8]) -> Result<(), OutputError> {
    file(path, |file| write_bytes(file, path, bytes))
}

fn write_bytes(mut file: File, path: &Path, bytes: &[u8]) -> Result<(), OutputError> {
    file.write_all(bytes).map_err(|source| OutputError::Write {
        path: path.to_owned(),
        source,
    })
}

/// Creates the file `path` with the tar that `plan` describes.
///
/// # Errors
/// When content cannot be read or the file cannot be written.
pub fn tar(
    path: &Path,
    plan: &TarPlan,
    compression: Compressor,
    threads: usize,
    progress: Progress,
) -> Result<(), OutputError> {
    file(path, |file| {
        write_tar(file, path, plan, compression, threads, progress)
    })
}

/// Creates the file `path` with the tar of `entries`, which has `size` bytes.
///
/// # Errors
/// As [`tar`], or with the first error among `entries`.
pub fn tar_of_entries<E: From<OutputError>>(
    path: &Path,
    dialect: Dialect,
    entries: impl Iterator<Item = Result<Entry, E>>,
    size: u64,
    progress: Progress,
) -> Result<(), E> {
    let wrap = |error| E::from(OutputError::of_write(error, path));
    let bar = progress.bar(size);
    let written = file(path, |file| {
        let mut out = BufWriter::with_capacity(BUFFER, file);
        write::write_entries(dialect, entries, &mut bar.watch(&mut out), wrap)?;
        out.flush().map_err(WriteError::Write).map_err(wrap)
    });
    bar.finish();
    written
}

fn write_tar(
    file: File,
    path: &Path,
    plan: &TarPlan,
    compression: Compressor,
    threads: usize,
    progress: Progress,
) -> Result<(), OutputError> {
    let wrap = |source| OutputError::Write {
        path: path.to_owned(),
        source,
    };
    let bar = progress.bar(plan.size());
    let written = compress::write(file, compression, threads, wrap, |out| {
        write::write(plan, &mut bar.watch(out)).map_err(|error| OutputError::of_write(error, path))
    });
    bar.finish();
    written.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// Where an output may be made: one file system, and two.
    fn places() -> [(TempDir, TempDir); 2] {
        let new = || tempfile::tempdir().unwrap();
        [
            (new(), new()),
            (new(), tempfile::tempdir_in("/dev/shm").unwrap()),
        ]
    }

    #[test]
    fn a_directory_has_its_name_when_it_is_whole() {
        for (number, (store, build)) in places().into_iter().enumerate() {
            let out = store.path().join("out");
            files::<OutputError>(&out, build.path(), |files| {
                files.bytes("one", b"1")?;
                let (where_it_is, elsewhere) = match number {
                    0 => (&build, &store),
                    _ => (&store, &build),
                };
                assert!(names(where_it_is.path())[0].starts_with(".unfinished-"));
                assert_eq!(names(elsewhere.path()), [""; 0]);
                files.bytes("two", b"2")
            })
            .unwrap();
            assert_eq!(names(store.path()), ["out"]);
            assert_eq!(names(build.path()), [""; 0]);
            assert_eq!(names(&out), ["one", "two"]);
            assert_eq!(
                fs::metadata(&out).unwrap().permissions().mode() & 0o7777,
                0o755
            );
        }
    }

    #[test]
    fn a_directory_goes_when_the_build_fails() {
        for (store, build) in places() {
            let failed = files(&store.path().join("out"), build.path(), |files| {
                files.bytes("one", b"1")?;
                files.bytes("none/two", b"2")
            });
            assert!(failed.is_err());
            assert_eq!(names(store.path()), [""; 0]);
            assert_eq!(names(build.path()), [""; 0]);
        }
    }

    #[test]
    fn what_came_in_between_is_not_replaced() {
        for (store, build) in places() {
            let out = store.path().join("out");
            let made = files::<OutputError>(&out, build.path(), |_| {
                fs::create_dir(&out).unwrap();
                Ok(())
            });
            let Err(OutputError::Create { source, .. }) = made else {
                panic!("it is replaced");
            };
            assert_eq!(source.kind(), ErrorKind::AlreadyExists);
        }
    }

    #[test]
    fn a_place_that_cannot_be_looked_at_is_not_free() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        fs::write(&file, "").unwrap();
        let out = file.join("out");
        let Err(OutputError::Create { source, .. }) = is_free(&out) else {
            panic!("it is free");
        };
        assert_eq!(source.kind(), ErrorKind::NotADirectory);
    }

    #[test]
    fn an_empty_directory_is_not_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let made = files(directory.path(), &std::env::temp_dir(), |_| Ok(()));
        let Err(OutputError::Create { source, .. }) = made else {
            panic!("it is replaced");
        };
        assert_eq!(source.kind(), ErrorKind::AlreadyExists);
    }
}
