//! Creates the output of a build, and takes it away again when the build fails, so that no part of
//! one is ever taken for a whole.
//!
//! Files have no name before they are whole (`O_TMPFILE`). Whoever is killed cannot take anything away,
//! and what has the name of the output then, Nix moves into the store for people to look at.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag};
use nix::sys::stat::Mode;
use nix::unistd::linkat;
use thiserror::Error;

use crate::compress::{self, Compression};
use crate::plan::{Entry, TarPlan};
use crate::progress::Progress;
use crate::tar::Dialect;
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
    let Some(file) = Unnamed::beside(path, path)? else {
        return named_file(path, fill);
    };
    Ok(file.fill(fill)?.give_name()?)
}

/// Creates the directory `path`, which must not exist, with the files that `fill` makes. When that
/// fails, there is no directory.
///
/// # Errors
/// As `fill`, or when the directory or a file cannot be created.
pub fn files<E: From<OutputError>>(
    path: &Path,
    fill: impl FnOnce(&mut Files<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let mut files = Files {
        directory: path,
        is_made: false,
        whole: Vec::new(),
    };
    let filled = fill(&mut files).and_then(|()| Ok(files.give_names()?));
    filled.inspect_err(|_| {
        if files.is_made {
            // The first failure is the one to report.
            let _ = fs::remove_dir_all(path);
        }
    })
}

/// The files of a directory, which is made when all of them are whole.
#[derive(Debug)]
pub struct Files<'a> {
    directory: &'a Path,
    is_made: bool,
    whole: Vec<Unnamed>,
}

impl Files<'_> {
    /// Creates the file `name` with `bytes` in it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn bytes(&mut self, name: &str, bytes: &[u8]) -> Result<(), OutputError> {
        let path = self.directory.join(name);
        self.file(&path, |file| write_bytes(file, &path, bytes))
    }

    /// Creates the file `name` with the tar that `plan` describes.
    ///
    /// # Errors
    /// When content cannot be read or the file cannot be written.
    pub fn tar(
        &mut self,
        name: &str,
        plan: &TarPlan,
        progress: Progress,
    ) -> Result<(), OutputError> {
        let path = self.directory.join(name);
        self.file(&path, |file| {
            write_tar(file, &path, plan, Compression::None, 1, progress)
        })
    }

    fn file(
        &mut self,
        path: &Path,
        fill: impl FnOnce(File) -> Result<(), OutputError>,
    ) -> Result<(), OutputError> {
        if !self.is_made
            && let Some(file) = Unnamed::beside(self.directory, path)?
        {
            self.whole.push(file.fill(fill)?);
            return Ok(());
        }
        self.make()?;
        named_file(path, fill)
    }

    fn make(&mut self) -> Result<(), OutputError> {
        if !self.is_made {
            make_directory(self.directory)?;
            self.is_made = true;
        }
        Ok(())
    }

    fn give_names(&mut self) -> Result<(), OutputError> {
        self.make()?;
        self.whole.iter().try_for_each(Unnamed::give_name)
    }
}

/// A file that is yet to get its name.
#[derive(Debug)]
struct Unnamed {
    file: File,
    path: PathBuf,
}

/// Where the kernel shows open files by number; a file without a name is linked from there.
const OPEN_FILES: &str = "/proc/self/fd";

impl Unnamed {
    /// Creates what shall be `path`, on the file system on which `output` will be. None if that
    /// knows no files without names.
    fn beside(output: &Path, path: &Path) -> Result<Option<Self>, OutputError> {
        let create = |errno: Errno| OutputError::Create {
            path: output.to_owned(),
            source: errno.into(),
        };
        if fs::symlink_metadata(output).is_ok() {
            return Err(create(Errno::EEXIST));
        }
        let directory = match output.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        if !Path::new(OPEN_FILES).exists() {
            return Ok(None);
        }
        let flags = OFlag::O_TMPFILE | OFlag::O_WRONLY | OFlag::O_CLOEXEC;
        let mode = Mode::from_bits_truncate(FILE_MODE);
        match nix::fcntl::open(directory, flags, mode) {
            Ok(fd) => Ok(Some(Self {
                file: fd.into(),
                path: path.to_owned(),
            })),
            Err(Errno::EOPNOTSUPP | Errno::EISDIR | Errno::EINVAL) => Ok(None),
            Err(errno) => Err(create(errno)),
        }
    }

    fn fill<E: From<OutputError>>(
        self,
        fill: impl FnOnce(File) -> Result<(), E>,
    ) -> Result<Self, E> {
        let file = self.file.try_clone().map_err(|source| self.create(source));
        fill(file?)?;
        Ok(self)
    }

    fn give_name(&self) -> Result<(), OutputError> {
        let open = format!("{OPEN_FILES}/{}", self.file.as_raw_fd());
        let follow = AtFlags::AT_SYMLINK_FOLLOW;
        let linked = linkat(AT_FDCWD, open.as_str(), AT_FDCWD, &self.path, follow);
        linked.map_err(|errno| self.create(errno.into()))
    }

    fn create(&self, source: io::Error) -> OutputError {
        OutputError::Create {
            path: self.path.clone(),
            source,
        }
    }
}

/// As [`file`], where the file has its name from the start.
fn named_file<E: From<OutputError>>(
    path: &Path,
    fill: impl FnOnce(File) -> Result<(), E>,
) -> Result<(), E> {
    let mut options = OpenOptions::new();
    let created = options
        .write(true)
        .create_new(true)
        .mode(FILE_MODE)
        .open(path);
    let file = created.map_err(|source| OutputError::Create {
        path: path.to_owned(),
        source,
    })?;
    fill(file).inspect_err(|_| {
        // The first failure is the one to report.
        let _ = fs::remove_file(path);
    })
}

/// Creates the directory `path`, which must not exist, and lets `fill` fill it. When that fails,
/// the directory is gone again.
///
/// # Errors
/// As `fill`, or when the directory cannot be created.
pub fn directory<E: From<OutputError>>(
    path: &Path,
    fill: impl FnOnce() -> Result<(), E>,
) -> Result<(), E> {
    make_directory(path)?;
    fill().inspect_err(|_| {
        let _ = fs::remove_dir_all(path);
    })
}

fn make_directory(path: &Path) -> Result<(), OutputError> {
    let created = fs::DirBuilder::new().mode(0o755).create(path);
    created.map_err(|source| OutputError::Create {
        path: path.to_owned(),
        source,
    })
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
    compression: Compression,
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
    compression: Compression,
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

    /// Makes two files in a directory as where the file system knows no files without names.
    fn make_named(path: &Path, last: impl FnOnce() -> Result<(), OutputError>) {
        let _ = files(path, |files| {
            files.make()?;
            files.bytes("one", b"1")?;
            assert!(path.join("one").exists());
            files.bytes("two", b"2")?;
            last()
        });
    }

    #[test]
    fn files_may_have_their_names_from_the_start() {
        let directory = tempfile::tempdir().unwrap();
        let out = directory.path().join("out");
        make_named(&out, || Ok(()));
        assert_eq!(fs::read(out.join("one")).unwrap(), b"1");
        assert_eq!(fs::read(out.join("two")).unwrap(), b"2");
    }

    #[test]
    fn files_with_names_go_when_the_build_fails() {
        let directory = tempfile::tempdir().unwrap();
        let out = directory.path().join("out");
        make_named(&out, || bytes(&directory.path().join("none/three"), b"3"));
        assert!(!out.exists());
    }
}
