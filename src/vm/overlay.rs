//! The disk of the virtual machine, on which a layer is made on top of a base image: the base below,
//! the layer above, both seen as one through overlayfs. As in nixpkgs the working directory of hooks
//! has `image` (the base), `layer`, `work` and `mnt` (where both are one).
//!
//! The base is one directory, merged from all layers of the image by [`crate::rootfs::flatten`] before a byte
//! of it is written; see ARCHITECTURE.md. So overlayfs has one lower directory, whatever the number of
//! layers, and no entry of a base image is ever unpacked through a link of another.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::statvfs::statvfs;
use serde::Deserialize;
use thiserror::Error;

use crate::console::progress::Progress;
use crate::foreign::base;
use crate::foreign::base::error::BaseError;
use crate::foreign::images::selector::Selector;
use crate::oci::platform::Platform;
use crate::oci::whiteout;
use crate::request::ids::{disk_size, memory_size};
use crate::request::limits::Limits;
use crate::rootfs::flatten::{self, FlattenError};
use crate::rootfs::unpack::{self, UnpackError};

/// The mount point of the disk in the build directory; scripts of users may know its name.
const DISK: &str = "disk";

/// What e2fsprogs makes of the disk: ext4 without a journal, since nobody reads the disk after a
/// crash, with all that large images need: 64-bit block numbers, files and directories of any size, an
/// inode for every block, and extended attributes, in which overlayfs keeps its notes. Nothing is left
/// to the defaults of the machine, and nothing reserved for root.
const MKFS: [&str; 10] = [
    "-q",
    "-F",
    "-m",
    "0",
    "-i",
    "4096",
    "-O",
    "none,64bit,dir_index,dir_nlink,ext_attr,extent,extra_isize,filetype,flex_bg,huge_file,large_dir,large_file,\
     sparse_super,uninit_bg",
    "-E",
    "lazy_itable_init=1,nodiscard",
];

/// Empty disks are zeros already, so that the kernel need not write the inode tables.
const DISK_OPTIONS: &str = "noinit_itable";

/// Renamed directories are copied, and copied files are whole: what overlayfs would note instead is
/// nothing that a layer can hold.
const OVERLAY_OPTIONS: &str = "redirect_dir=off,metacopy=off,index=off";

/// The attribute by which overlayfs marks a directory that hides what lies below.
const OPAQUE: &str = "trusted.overlay.opaque";

/// How little of the disk is free, in hundredths, when it counts as full.
const FULL: u64 = 1;

/// The disk could not be made ready, or not be read.
#[derive(Debug, Error)]
pub enum OverlayError {
    #[error("cannot start `{}` to make a file system on `{}`", mkfs.display(), device.display())]
    StartMkfs {
        mkfs: PathBuf,
        device: PathBuf,
        source: io::Error,
    },
    #[error(
        "`{}` could not make a file system on `{}`; its output stands above. A disk of {disk_size} MiB may be too small: \
         raise `diskSize`",
        mkfs.display(), device.display()
    )]
    Mkfs {
        mkfs: PathBuf,
        device: PathBuf,
        disk_size: u64,
    },
    #[error("cannot make directory `{}`", path.display())]
    Make { path: PathBuf, source: io::Error },
    #[error("cannot mount {what} on `{}`", path.display())]
    Mount {
        what: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    #[error("cannot unmount `{}`; is a process of a script still in it?", path.display())]
    Unmount { path: PathBuf, source: io::Error },
    #[error("cannot find out how much of the disk is free at `{}`", path.display())]
    Free { path: PathBuf, source: io::Error },
    #[error("cannot turn what overlayfs left at `{}` into a whiteout", path.display())]
    Whiteout { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Base(#[from] BaseError),
    #[error(transparent)]
    Flatten(#[from] FlattenError),
    #[error(transparent)]
    Unpack(#[from] UnpackError),
}

/// The directories of the disk.
#[derive(Debug, Clone)]
pub struct Places {
    disk: PathBuf,
}

impl Places {
    /// Those of the disk in the build directory `build_directory`.
    #[must_use]
    pub fn of(build_directory: &Path) -> Self {
        Self {
            disk: build_directory.join(DISK),
        }
    }

    /// Those of the disk that is mounted at `disk`.
    #[must_use]
    pub fn at(disk: &Path) -> Self {
        Self {
            disk: disk.to_owned(),
        }
    }

    /// Where hooks run.
    #[must_use]
    pub fn disk(&self) -> &Path {
        &self.disk
    }

    /// The base image; not there without one.
    #[must_use]
    pub fn image(&self) -> PathBuf {
        self.disk.join("image")
    }

    /// What the layer adds.
    #[must_use]
    pub fn layer(&self) -> PathBuf {
        self.disk.join("layer")
    }

    /// Both as one, while they are mounted.
    #[must_use]
    pub fn mnt(&self) -> PathBuf {
        self.disk.join("mnt")
    }

    fn work(&self) -> PathBuf {
        self.disk.join("work")
    }

    /// Whether there is a base image.
    #[must_use]
    pub fn has_base(&self) -> bool {
        self.image().is_dir()
    }
}

/// A mounted file system, which is unmounted when this goes.
#[derive(Debug)]
pub struct Mounted {
    path: PathBuf,
}

impl Mounted {
    /// Unmounts it now, and says so when that is impossible.
    ///
    /// # Errors
    /// When a process still uses it.
    pub fn unmount(self) -> Result<(), OverlayError> {
        unmount(&self.path)
    }

    /// Leaves it mounted.
    pub fn keep(self) {
        std::mem::forget(self);
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // After an error, or after `unmount`, when there is nothing left to do.
        let _ = umount2(&self.path, MntFlags::MNT_DETACH);
    }
}

/// Unmounts what is mounted on `path`.
///
/// # Errors
/// When a process still uses it.
pub fn unmount(path: &Path) -> Result<(), OverlayError> {
    umount2(path, MntFlags::empty()).map_err(|errno| OverlayError::Unmount {
        path: path.to_owned(),
        source: errno.into(),
    })
}

/// Makes a file system on the disk of `overlay`, mounts it at the place for it, and fills it: the
/// base image, that for `platform` if there are several, is unpacked, the other directories are empty.
/// `layer` is not made yet.
///
/// # Errors
/// When a program or the kernel refuses, or the base image cannot be used.
pub fn prepare(
    overlay: &OverlayAttrs,
    platform: Option<&Platform>,
    places: &Places,
    progress: Progress,
) -> Result<Mounted, OverlayError> {
    make_file_system(overlay)?;
    make_directory(&places.disk)?;
    mount(
        Some(&overlay.device),
        &places.disk,
        Some("ext4"),
        MsFlags::MS_NOATIME,
        Some(DISK_OPTIONS),
    )
    .map_err(|errno| mount_error("the disk", &places.disk, errno))?;
    let mounted = Mounted {
        path: places.disk.clone(),
    };
    if let Some(path) = &overlay.from_image {
        progress.phase(
            "base",
            &format!("unpacking base image `{}`", path.display()),
        );
        unpack_base(overlay, path, platform, places, progress)?;
    }
    make_directory(&places.work())?;
    make_directory(&places.mnt())?;
    Ok(mounted)
}

fn make_file_system(overlay: &OverlayAttrs) -> Result<(), OverlayError> {
    let (mkfs, device) = (&overlay.mkfs, &overlay.device);
    let status = Command::new(mkfs)
        .args(MKFS)
        .arg(device)
        .stdin(Stdio::null())
        .status()
        .map_err(|source| OverlayError::StartMkfs {
            mkfs: mkfs.clone(),
            device: device.clone(),
            source,
        })?;
    if status.success() {
        return Ok(());
    }
    Err(OverlayError::Mkfs {
        mkfs: mkfs.clone(),
        device: device.clone(),
        disk_size: overlay.disk_size,
    })
}

fn unpack_base(
    overlay: &OverlayAttrs,
    path: &Path,
    platform: Option<&Platform>,
    places: &Places,
    progress: Progress,
) -> Result<(), OverlayError> {
    let selector = Selector {
        name: overlay.from_image_name.as_deref(),
        tag: overlay.from_image_tag.as_deref(),
        platform,
    };
    let base = base::read(path, selector, (), &overlay.limits, progress)?;
    // What has to be uncompressed goes to the disk too, since the machine's /tmp is memory.
    progress.phase("merge", &flatten::merging(&base));
    let flat = flatten::flatten(&base, &places.disk)?;
    Ok(unpack::unpack(&flat, &places.image())?)
}

fn make_directory(path: &Path) -> Result<(), OverlayError> {
    fs::create_dir(path).map_err(|source| OverlayError::Make {
        path: path.to_owned(),
        source,
    })
}

fn mount_error(what: &'static str, path: &Path, errno: nix::Error) -> OverlayError {
    OverlayError::Mount {
        what,
        path: path.to_owned(),
        source: errno.into(),
    }
}

/// Shows the base image with the layer on top of it, or the layer alone, as one directory.
///
/// # Errors
/// When the kernel refuses.
pub fn mount_layer(places: &Places) -> Result<Mounted, OverlayError> {
    let (layer, mnt) = (places.layer(), places.mnt());
    let mounted = if places.has_base() {
        let options = format!(
            "lowerdir={},upperdir={},workdir={},{OVERLAY_OPTIONS}",
            places.image().display(),
            layer.display(),
            places.work().display()
        );
        let flags = MsFlags::empty();
        mount(
            Some("overlay"),
            &mnt,
            Some("overlay"),
            flags,
            Some(options.as_str()),
        )
    } else {
        mount(
            Some(&layer),
            &mnt,
            None::<&str>,
            MsFlags::MS_BIND,
            None::<&str>,
        )
    };
    mounted.map_err(|errno| mount_error("the base image with the layer on top", &mnt, errno))?;
    Ok(Mounted { path: mnt })
}

/// Whether less than a hundredth of the disk, or no inode, is free.
///
/// # Errors
/// When nothing is mounted there any more.
pub fn is_full(places: &Places) -> Result<bool, OverlayError> {
    let free = statvfs(&places.disk).map_err(|errno| OverlayError::Free {
        path: places.disk.clone(),
        source: errno.into(),
    })?;
    Ok(free.blocks_available() * 100 <= free.blocks() * FULL || free.files_available() == 0)
}

/// Turns what overlayfs noted in the layer into what a layer's tar says: a character device 0/0 into
/// the whiteout `.wh.NAME`, and a directory that hides a lower one with something in it into one with
/// `.wh..wh..opq`. Without a base image there is nothing to hide, and a device is a device.
///
/// # Errors
/// When the disk is full or cannot be read.
pub fn write_whiteouts(places: &Places) -> Result<(), OverlayError> {
    if !places.has_base() {
        return Ok(());
    }
    write_whiteouts_in(&places.layer(), Some(&places.image()))
}

/// `lower` is the directory that `upper` lies on, if it lies on one.
fn write_whiteouts_in(upper: &Path, lower: Option<&Path>) -> Result<(), OverlayError> {
    let error = |source| OverlayError::Whiteout {
        path: upper.to_owned(),
        source,
    };
    let entries: Vec<_> = fs::read_dir(upper)
        .map_err(error)?
        .collect::<Result<_, _>>()
        .map_err(error)?;
    for entry in entries {
        let (path, name) = (entry.path(), entry.file_name());
        let metadata = entry.metadata().map_err(error)?;
        if metadata.is_dir() {
            let below = lower.map(|lower| lower.join(&name));
            let below = below.filter(|below| is_directory(below));
            write_whiteouts_in(&path, below.as_deref())?;
        } else if metadata.file_type().is_char_device() && metadata.rdev() == 0 {
            fs::remove_file(&path).map_err(error)?;
            let mut marker = OsString::from_vec(whiteout::PREFIX.to_vec());
            marker.push(&name);
            File::create_new(upper.join(marker)).map_err(error)?;
        }
    }
    // overlayfs marks every new directory as opaque, since that saves it a look below.
    if lower.is_some_and(has_entries) && is_opaque(upper).map_err(error)? {
        File::create_new(upper.join(OsStr::from_bytes(whiteout::OPAQUE))).map_err(error)?;
    }
    Ok(())
}

/// Whether `path` is a directory, and not a link to one.
fn is_directory(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir())
}

fn has_entries(directory: &Path) -> bool {
    fs::read_dir(directory).is_ok_and(|mut entries| entries.next().is_some())
}

fn is_opaque(directory: &Path) -> io::Result<bool> {
    Ok(xattr::get(directory, OPAQUE)?.is_some_and(|value| value == b"y"))
}

/// The disk of a virtual machine and the base image on it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "a set")]
pub struct OverlayAttrs {
    /// `/dev/vda`.
    pub device: PathBuf,
    /// e2fsprogs' `mkfs.ext4`.
    pub mkfs: PathBuf,
    /// In MiB, for messages.
    #[serde(deserialize_with = "disk_size")]
    pub disk_size: u64,
    /// In MiB, for messages.
    #[serde(deserialize_with = "memory_size")]
    pub memory_size: u64,
    pub from_image: Option<PathBuf>,
    pub from_image_name: Option<String>,
    pub from_image_tag: Option<String>,
    /// Which of the images in a layout for several platforms; null for the first.
    #[serde(default)]
    pub platform: Option<Platform>,
    /// What the image may ask for.
    #[serde(default)]
    pub limits: Limits,
    /// `/nix/store`.
    pub store_dir: String,
}

/// A section of a subcommand that runs in a virtual machine.
pub trait UsesOverlay {
    fn overlay(&self) -> &OverlayAttrs;
}
