//! Runs a script as root of an image that is mounted somewhere: in ipc, mount, net, pid and uts
//! namespaces of its own, with `/dev`, `/sys`, `/proc` and the Nix store in it, and without a network.
//!
//! Two processes of `builder` do it. The first makes the namespaces and the mounts, all of which go
//! with it; the second is process 1 of the new pid namespace, which the script cannot end, and takes
//! every process of the script along when it ends.

use std::ffi::OsStr;
use std::io::{self, PipeWriter};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, open, openat2};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::stat::{Mode, mkdirat};
use nix::unistd::{Pid, UnlinkatFlags, chdir, chroot, unlinkat};
use thiserror::Error;

use crate::build::process;
use crate::build::process::Ended;
use crate::build::relay::Relay;
use crate::vm::guest::{self, GuestError};

/// The directories of the host that the script finds in the image.
const BOUND: [&str; 2] = ["/dev", "/sys"];

/// The directories that the script finds in the image besides, with nothing of the host in them.
const MADE: [&str; 2] = ["/proc", "/tmp"];

/// What is taken away again where it is empty. `/tmp` is not: nixpkgs leaves it.
const REMOVED: [&str; 3] = ["/dev", "/proc", "/sys"];

/// The mode of a directory that is made for the script.
const MODE: Mode = Mode::from_bits_truncate(0o755);

/// The namespaces of a script.
const NAMESPACES: CloneFlags = CloneFlags::CLONE_NEWIPC
    .union(CloneFlags::CLONE_NEWNS)
    .union(CloneFlags::CLONE_NEWNET)
    .union(CloneFlags::CLONE_NEWPID)
    .union(CloneFlags::CLONE_NEWUTS);

/// A script could not be run in the image.
#[derive(Debug, Error)]
pub enum NamespaceError {
    #[error("cannot open the root of the image, `{}`", path.display())]
    Root { path: PathBuf, source: io::Error },
    #[error(
        "cannot make directory `{}` of the image for the script; the base image may have something else there",
        path.display()
    )]
    Make { path: PathBuf, source: io::Error },
    #[error("cannot take directory `{}` of the image away again", path.display())]
    Remove { path: PathBuf, source: io::Error },
    #[error("cannot make namespaces for the script")]
    Namespaces(#[source] io::Error),
    #[error("cannot mount `{}` in the image", path.display())]
    Mount { path: PathBuf, source: io::Error },
    #[error("cannot change to the root of the image, `{}`", path.display())]
    Chroot { path: PathBuf, source: io::Error },
    #[error("cannot start `{}` in the image", script.display())]
    Start { script: PathBuf, source: io::Error },
    #[error(transparent)]
    Guest(#[from] GuestError),
}

/// A script, and the image it runs in.
#[derive(Debug)]
pub struct InImage<'a> {
    /// Where the image is mounted.
    pub root: &'a Path,
    /// The script, in the store.
    pub script: &'a Path,
    /// `/nix/store`.
    pub store_dir: &'a Path,
}

impl InImage<'_> {
    /// Runs the script by `builder`, this program, and says how it ended.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn run(&self, builder: &Path) -> Result<Ended, NamespaceError> {
        let image = Image::open(self.root)?;
        for path in BOUND
            .iter()
            .chain(&MADE)
            .map(Path::new)
            .chain([self.store_dir])
        {
            image.make_directory(path)?;
        }
        let start = |source| NamespaceError::Start {
            script: builder.to_owned(),
            source,
        };
        // Before there are namespaces, in which no thread can be started.
        let relay = Relay::start(&[]).map_err(start)?;
        let ends = relay.ends().map_err(start)?;
        let ended = thread::scope(|scope| {
            // Namespaces are a thread's, and these go with it.
            let thread = scope.spawn(move || self.run_in_namespaces(builder, ends));
            thread
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })?;
        let _ = relay.finish();
        let store_parent = self.store_dir.parent();
        let store = [self.store_dir].into_iter().chain(store_parent);
        for path in REMOVED.iter().map(Path::new).chain(store) {
            image.remove_empty(path)?;
        }
        Ok(ended)
    }

    fn run_in_namespaces(
        &self,
        builder: &Path,
        [stdout, stderr]: [PipeWriter; 2],
    ) -> Result<Ended, NamespaceError> {
        unshare(NAMESPACES).map_err(|errno| NamespaceError::Namespaces(errno.into()))?;
        // Nothing that is mounted here is to be seen outside.
        bind_or_change("/", None, MsFlags::MS_PRIVATE)?;
        // Only now, since a descriptor stays in the namespace in which it was opened.
        let image = Image::open(self.root)?;
        for path in BOUND.iter().map(Path::new).chain([self.store_dir]) {
            let place = image.directory(path)?;
            // By its descriptor, so that no link of the image leads the mount elsewhere.
            let place = format!("/proc/self/fd/{}", place.as_raw_fd());
            bind_or_change(&place, Some(path), MsFlags::MS_BIND)?;
        }
        Command::new(builder)
            .arg("root-script")
            .args([self.root, self.script])
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(stderr)
            .status()
            .map(Ended::from)
            .map_err(|source| NamespaceError::Start {
                script: builder.to_owned(),
                source,
            })
    }
}

fn bind_or_change(
    place: &str,
    source: Option<&Path>,
    flags: MsFlags,
) -> Result<(), NamespaceError> {
    let flags = flags | MsFlags::MS_REC;
    mount(source, place, None::<&str>, flags, None::<&str>).map_err(|errno| NamespaceError::Mount {
        path: source.unwrap_or(Path::new(place)).to_owned(),
        source: errno.into(),
    })
}

/// Process 1 of the script's pid namespace: mounts `/proc` in the image at `root`, makes it the root,
/// runs `script` there and waits until it has ended.
///
/// # Errors
/// When that is impossible. The script may fail in its own ways, which are told apart from these.
pub fn run_script(root: &Path, script: &Path) -> Result<Ended, NamespaceError> {
    guest::go_first_when_memory_runs_out()?;
    let image = Image::open(root)?;
    let proc = Path::new("/proc");
    let place = image.directory(proc)?;
    let place = format!("/proc/self/fd/{}", place.as_raw_fd());
    mount(
        Some("proc"),
        place.as_str(),
        Some("proc"),
        MsFlags::empty(),
        None::<&str>,
    )
    .map_err(|errno| NamespaceError::Mount {
        path: proc.to_owned(),
        source: errno.into(),
    })?;
    drop(image);

    let enter = |errno: Errno| NamespaceError::Chroot {
        path: root.to_owned(),
        source: errno.into(),
    };
    chroot(root).map_err(enter)?;
    chdir("/").map_err(enter)?;
    let start = |source| NamespaceError::Start {
        script: script.to_owned(),
        source,
    };
    let child = Command::new(script)
        .stdin(Stdio::null())
        .spawn()
        .map_err(start)?;
    let child = Pid::from_raw(child.id().cast_signed());
    process::wait(child).map_err(|errno| start(errno.into()))
}

/// The root directory of an image, in which every path is looked up as if it were `/`: no link of the
/// image leads out of it.
struct Image {
    root: OwnedFd,
}

impl Image {
    fn open(path: &Path) -> Result<Self, NamespaceError> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let root = open(path, flags, Mode::empty()).map_err(|errno| NamespaceError::Root {
            path: path.to_owned(),
            source: errno.into(),
        })?;
        Ok(Self { root })
    }

    fn look_up(&self, path: &Path) -> nix::Result<OwnedFd> {
        let how = OpenHow::new()
            .flags(OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC)
            .resolve(ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS);
        openat2(&self.root, path, how)
    }

    /// The directory `path`, which has to be there.
    fn directory(&self, path: &Path) -> Result<OwnedFd, NamespaceError> {
        self.look_up(path).map_err(|errno| NamespaceError::Make {
            path: path.to_owned(),
            source: errno.into(),
        })
    }

    /// Makes the directory `path` and those it lies in, where they are missing.
    fn make_directory(&self, path: &Path) -> Result<(), NamespaceError> {
        let mut above = Vec::new();
        above.extend(path.ancestors().filter(|path| path.parent().is_some()));
        for path in above.into_iter().rev() {
            let error = |errno: Errno| NamespaceError::Make {
                path: path.to_owned(),
                source: errno.into(),
            };
            match self.look_up(path) {
                Ok(_) => continue,
                Err(Errno::ENOENT) => {}
                Err(errno) => return Err(error(errno)),
            }
            let (parent, name) = self.split(path).map_err(error)?;
            mkdirat(&parent, name, MODE).map_err(error)?;
        }
        Ok(())
    }

    /// Removes the directory `path` when it is empty.
    fn remove_empty(&self, path: &Path) -> Result<(), NamespaceError> {
        let removed = self
            .split(path)
            .and_then(|(parent, name)| unlinkat(&parent, name, UnlinkatFlags::RemoveDir));
        match removed {
            // The script may have taken it away, or put something else there.
            Ok(()) | Err(Errno::ENOTEMPTY | Errno::ENOTDIR | Errno::ENOENT) => Ok(()),
            Err(errno) => Err(NamespaceError::Remove {
                path: path.to_owned(),
                source: errno.into(),
            }),
        }
    }

    fn split<'p>(&self, path: &'p Path) -> nix::Result<(OwnedFd, &'p OsStr)> {
        let parent = path.parent().unwrap_or(Path::new("/"));
        Ok((self.look_up(parent)?, path.file_name().unwrap_or_default()))
    }
}
