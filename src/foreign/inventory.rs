//! Reads all of an image file once, whatever is wrong with it: an archive, packed or not, an OCI
//! layout or a stream. Of every file in it, that gives the digest and, if it is a layer, the rest.

pub mod entries;
pub mod totals;
pub mod files;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use rayon::prelude::*;
use thiserror::Error;

use crate::bytes::compression::{Compression, MAGIC};
use crate::bytes::decompress::Decoded;
use crate::bytes::digest::{Algorithm, Digests};
use crate::bytes::read_ahead::ReadAhead;
use crate::bytes::source::{RangeReader, Source};
use crate::console::capped::Capped;
use crate::console::progress::Progress;
use crate::foreign::archive::error::ArchiveError;
use crate::foreign::archive::index::{self, Form, Opened};
use crate::foreign::archive::member_path::{MemberPath, text_of};
use crate::foreign::archive::visitor::Visitor;
use crate::foreign::archive::{Archive, ArchiveFile, ArchiveMember, Place};
use crate::foreign::blob::{Content, Damage};
use crate::foreign::images::blob_ref;
use crate::foreign::inventory::entries::{Entries, Noting};
use crate::foreign::inventory::files::Files;
use crate::foreign::inventory::totals::Totals;
use crate::request::limits::Limits;

/// The size of buffers between a compressed file and its decoder, in bytes.
const BUFFER: usize = 256 * 1024;

/// Where an image is.
pub enum Input {
    /// An archive, or the directory of an OCI layout.
    Path(PathBuf),
    /// An archive that comes by once, and what messages call it.
    Stream {
        name: PathBuf,
        content: Box<dyn Read + Send>,
    },
}

/// What all there is was found to be.
#[derive(Debug)]
pub struct Inventory {
    pub archive: Archive,
    pub form: Form,
    /// What made members of the archive unreadable.
    pub wrong: Capped<ArchiveError>,
    files: BTreeMap<Place, InventoryFile>,
}

/// One file, as [`blob::Blob`] has it.
#[derive(Debug)]
pub struct InventoryFile {
    pub packing: Compression,
    pub digests: Digests,
    pub size: u64,
    pub content: Option<Content>,
    /// What is wrong with it if it is to be a layer.
    pub damage: Option<Arc<Damage>>,
    /// None if there are no entries.
    entries: Option<Box<Entries>>,
}

/// Those of what is no layer.
static NO_ENTRIES: LazyLock<Entries> = LazyLock::new(Entries::default);

impl InventoryFile {
    /// Those of the layer.
    #[must_use]
    pub fn entries(&self) -> &Entries {
        self.entries.as_deref().unwrap_or(&NO_ENTRIES)
    }
}

/// An image file cannot be read at all.
#[derive(Debug, Error)]
pub enum InventoryError {
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error("cannot read `{}`", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("the layers in `{}` have more than {max} entries together; `--limit maxEntries=...` allows more", path.display())]
    TooManyEntries { path: PathBuf, max: u32 },
    #[error("the store paths in the layers of `{}` have more than {max} bytes together; `--limit maxNames=...` allows more", path.display())]
    TooManyStorePaths {
        path: PathBuf,
        /// In bytes.
        max: u64,
    },
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name().fmt(f)
    }
}

impl Input {
    fn name(&self) -> &Path {
        match self {
            Self::Path(path) => path,
            Self::Stream { name, .. } => name,
        }
    }
}

impl Inventory {
    /// What is known of the file `name`; links are followed.
    ///
    /// # Errors
    /// When there is none, or the name leads out of the archive. `needed_by` says in a message who
    /// asked for it.
    pub fn file(
        &self,
        name: &str,
        needed_by: &'static str,
    ) -> Result<&InventoryFile, ArchiveError> {
        let file = self.archive.file(name, needed_by)?;
        // Nothing is left out that can be read, but for what a damaged archive ends in.
        self.of(file).ok_or_else(|| ArchiveError::Missing {
            path: self.archive.path.clone(),
            name: name.to_owned(),
            needed_by,
        })
    }

    /// What is known of `file`, if it could be read.
    #[must_use]
    pub fn of(&self, file: &ArchiveFile) -> Option<&InventoryFile> {
        self.files.get(&file.place)
    }
}

/// Reads all of `input`.
///
/// # Errors
/// When it cannot be opened. What is wrong with it otherwise is part of the inventory.
pub fn read(
    input: Input,
    noting: Noting,
    limits: &Limits,
    progress: Progress,
) -> Result<Inventory, InventoryError> {
    let path = input.name().to_owned();
    let totals = Totals::new(noting, limits);
    let inventory = read_all(input, &totals, progress)?;
    totals.check(&path)?;
    Ok(inventory)
}

fn read_all(
    input: Input,
    totals: &Totals,
    progress: Progress,
) -> Result<Inventory, InventoryError> {
    let limits = &totals.limits;
    let path = input.name().to_owned();
    let open = |source| InventoryError::Read {
        path: path.clone(),
        source,
    };
    match input {
        Input::Path(path) => match Opened::open(&path).map_err(open)? {
            Opened::Directory => {
                let archive = index::index_directory(&path, limits)?;
                let errors = Capped::default();
                Ok(read_files(
                    archive,
                    Form::Directory,
                    errors,
                    totals,
                    progress,
                ))
            }
            Opened::Archive(file, Compression::Plain) => {
                let mut errors = Capped::default();
                let archive = index::index_open(&path, file, limits, &mut errors)?;
                let form = Form::Archive(Compression::Plain);
                Ok(read_files(archive, form, errors, totals, progress))
            }
            Opened::Archive(file, compression) => {
                let bar = progress.bar(file.metadata().map_err(open)?.len());
                let file = BufReader::with_capacity(BUFFER, bar.watch_reader(file));
                let source = Source::stream(&path, limits);
                let inventory = read_stream(&path, source, Box::new(file), compression, totals);
                bar.finish();
                inventory
            }
        },
        Input::Stream { name, mut content } => {
            let mut magic = Vec::with_capacity(MAGIC);
            let started = content.by_ref().take(MAGIC as u64).read_to_end(&mut magic);
            started.map_err(open)?;
            let packing = Compression::of(&magic);
            let bar = progress.count();
            let content = bar.watch_reader(io::Cursor::new(magic).chain(content));
            let content = Box::new(BufReader::with_capacity(BUFFER, content));
            let inventory = read_stream(&name, Source::gone(&name), content, packing, totals);
            bar.finish();
            inventory
        }
    }
}

/// Reads what comes by once.
fn read_stream(
    path: &Path,
    source: Source,
    content: Box<dyn Read + Send>,
    packing: Compression,
    totals: &Totals,
) -> Result<Inventory, InventoryError> {
    let limits = &totals.limits;
    let open = |source| InventoryError::Read {
        path: path.to_owned(),
        source,
    };
    let content = Decoded::new(content, packing, limits).map_err(open)?;
    let content = ReadAhead::new(Box::new(content)).map_err(open)?;
    let mut seen = Seen {
        totals,
        files: Files::default(),
        errors: Capped::default(),
    };
    let archive = index::index_stream(path, source, content, limits, &mut seen)?;
    Ok(Inventory {
        files: seen.files.files,
        form: Form::Archive(packing),
        wrong: seen.errors,
        archive,
    })
}

/// Reads every file of `archive`, which can be read in any order.
fn read_files(
    archive: Archive,
    form: Form,
    mut errors: Capped<ArchiveError>,
    totals: &Totals,
    progress: Progress,
) -> Inventory {
    let repeated = archive.repeated.iter().map(|(_, member)| member);
    let ranges: BTreeMap<_, _> = archive
        .members
        .values()
        .chain(repeated)
        .filter_map(|member| match member {
            ArchiveMember::File(file) => Some((file.place, &file.range)),
            _ => None,
        })
        .collect();
    let by_sha512 = by_sha512(&archive);
    let bar = progress.bar(ranges.values().map(|range| range.size).sum());
    // Not collected first, since there may be very many.
    let found = Mutex::new((Files::default(), BTreeMap::new()));
    ranges.into_par_iter().for_each(|(place, range)| {
        let mut content = bar.watch_reader(RangeReader::new(range.clone()));
        let algorithm = match by_sha512.contains(&place) {
            true => Algorithm::Sha512,
            false => Algorithm::Sha256,
        };
        let file = totals.read(&mut content, algorithm);
        let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
        match file {
            Ok(file) => found.0.add(place, file),
            Err(source) => {
                let path = range.source.path().to_owned();
                found.1.insert(place, ArchiveError::Read { path, source });
            }
        }
    });
    bar.finish();
    let (files, unread) = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    for error in unread.into_values() {
        errors.add(error);
    }
    Inventory {
        archive,
        form,
        wrong: errors,
        files: files.files,
    }
}

/// The files of `archive` that any name, that of a link too, calls by SHA-512.
fn by_sha512(archive: &Archive) -> BTreeSet<Place> {
    let names = archive.members.keys().map(text_of);
    let names = names.filter(|name| blob_ref::algorithm_by_name(name) == Algorithm::Sha512);
    let files = names.filter_map(|name| archive.file(&name, "is named").ok().cloned());
    files.map(|file| file.place).collect()
}

/// Keeps what is wrong and goes on.
impl Visitor for Capped<ArchiveError> {
    fn content(&mut self, _: &MemberPath, _: Place, _: &mut dyn Read) -> Result<(), ArchiveError> {
        Ok(())
    }

    fn wrong(&mut self, error: ArchiveError) -> Result<(), ArchiveError> {
        // The limits are there so that nobody goes on.
        if matches!(
            error,
            ArchiveError::TooMany { .. } | ArchiveError::TooManyNames { .. }
        ) {
            return Err(error);
        }
        self.add(error);
        Ok(())
    }
}

/// Reads every file that comes by, and goes on whatever is wrong.
struct Seen<'a> {
    totals: &'a Totals,
    files: Files,
    errors: Capped<ArchiveError>,
}

impl Visitor for Seen<'_> {
    fn content(
        &mut self,
        name: &MemberPath,
        place: Place,
        content: &mut dyn Read,
    ) -> Result<(), ArchiveError> {
        let algorithm = blob_ref::algorithm_by_name(&text_of(name));
        // Where the archive cannot be read, its reader will say so too.
        if let Ok(file) = self.totals.read(content, algorithm) {
            self.files.add(place, file);
        }
        Ok(())
    }

    fn wrong(&mut self, error: ArchiveError) -> Result<(), ArchiveError> {
        self.errors.wrong(error)
    }
}
