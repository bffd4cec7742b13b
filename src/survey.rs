//! Reads all of an image file once, whatever is wrong with it: an archive, packed or not, an OCI
//! layout or a stream. Of every file in it, that gives the digest and, if it is a layer, the rest.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use rayon::prelude::*;
use thiserror::Error;

use crate::archive::{
    self, Archive, ArchiveError, ArchiveFile, ArchiveMember, MemberPath, Place, Visitor, text_of,
};
use crate::blob::{self, Content, Damage};
use crate::bytes::compression::{MAGIC, Packing};
use crate::bytes::decompress::Decoded;
use crate::bytes::digest::{Algorithm, Digests};
use crate::bytes::read_ahead::ReadAhead;
use crate::bytes::source::{RangeReader, Source};
use crate::console::capped::Told;
use crate::console::progress::Progress;
use crate::entries::{Entries, Noting};
use crate::images;
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
pub struct Survey {
    pub archive: Archive,
    pub form: Form,
    /// What made members of the archive unreadable.
    pub wrong: Told<ArchiveError>,
    files: BTreeMap<Place, Surveyed>,
}

/// How many problems with entries are told, of all layers together.
const MAX_TOLD: usize = 2_000;

/// How an image is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Directory,
    /// A tar, packed so.
    Archive(Packing),
}

/// One file, as [`blob::Blob`] has it.
#[derive(Debug)]
pub struct Surveyed {
    pub packing: Packing,
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

impl Surveyed {
    /// Those of the layer.
    #[must_use]
    pub fn entries(&self) -> &Entries {
        self.entries.as_deref().unwrap_or(&NO_ENTRIES)
    }
}

/// An image file cannot be read at all.
#[derive(Debug, Error)]
pub enum SurveyError {
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

/// What all layers have together.
struct Totals {
    noting: Noting,
    limits: Limits,
    entries: AtomicU64,
    /// In bytes.
    store_paths: AtomicU64,
}

impl Totals {
    /// Reads a file, which may be a layer, and is called by a digest of `algorithm`.
    fn read(&self, content: &mut dyn Read, algorithm: Algorithm) -> io::Result<Surveyed> {
        let mut entries = Entries::default();
        let blob = blob::read(content, algorithm, &self.limits, &mut |member| {
            let before = entries.store_path_bytes;
            // Nothing more is kept of an image that is refused below.
            if self.entries.fetch_add(1, Ordering::Relaxed) < u64::from(self.limits.max_entries)
                && self.store_paths.load(Ordering::Relaxed) <= self.limits.max_names
            {
                entries.note(member, self.noting);
            }
            let more = entries.store_path_bytes - before;
            self.store_paths.fetch_add(more, Ordering::Relaxed);
        })?;
        Ok(Surveyed {
            packing: blob.packing,
            size: blob.size,
            content: blob.content(),
            digests: blob.digests,
            damage: blob.content.err().map(Arc::new),
            entries: (entries.count > 0).then(|| Box::new(entries)),
        })
    }

    /// Refuses the image at `path` if it has too much.
    fn check(&self, path: &Path) -> Result<(), SurveyError> {
        let path = path.to_owned();
        let (max_entries, max) = (self.limits.max_entries, self.limits.max_names);
        if self.entries.load(Ordering::Relaxed) > u64::from(max_entries) {
            let max = max_entries;
            Err(SurveyError::TooManyEntries { path, max })
        } else if self.store_paths.load(Ordering::Relaxed) > max {
            Err(SurveyError::TooManyStorePaths { path, max })
        } else {
            Ok(())
        }
    }
}

/// The files that have been read.
#[derive(Default)]
struct Files {
    files: BTreeMap<Place, Surveyed>,
    /// Those of which problems are told, with the numbers of these.
    told: BTreeMap<Place, usize>,
    /// The sum of these numbers.
    told_count: usize,
    /// From which file on problems are only counted.
    untold: Option<Place>,
}

impl Files {
    /// Adds the file at `place`. Which problems are told does not depend on the order in which files
    /// are added.
    fn add(&mut self, place: Place, mut file: Surveyed) {
        if let Some(entries) = &mut file.entries {
            if self.untold.is_some_and(|untold| place >= untold) {
                entries.tell_no_more();
            }
            if entries.told() > 0 {
                self.told.insert(place, entries.told());
                self.told_count += entries.told();
            }
        }
        self.files.insert(place, file);
        while self.told_count > MAX_TOLD
            && let Some((last, count)) = self.told.pop_last()
        {
            self.told_count -= count;
            self.untold = Some(last);
            if let Some(entries) = self
                .files
                .get_mut(&last)
                .and_then(|file| file.entries.as_mut())
            {
                entries.tell_no_more();
            }
        }
    }
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

impl Survey {
    /// What is known of the file `name`; links are followed.
    ///
    /// # Errors
    /// When there is none, or the name leads out of the archive. `needed_by` says in a message who
    /// asked for it.
    pub fn file(&self, name: &str, needed_by: &'static str) -> Result<&Surveyed, ArchiveError> {
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
    pub fn of(&self, file: &ArchiveFile) -> Option<&Surveyed> {
        self.files.get(&file.place)
    }
}

/// Reads all of `input`.
///
/// # Errors
/// When it cannot be opened. What is wrong with it otherwise is part of the survey.
pub fn read(
    input: Input,
    noting: Noting,
    limits: &Limits,
    progress: Progress,
) -> Result<Survey, SurveyError> {
    let path = input.name().to_owned();
    let totals = Totals {
        noting,
        limits: *limits,
        entries: AtomicU64::new(0),
        store_paths: AtomicU64::new(0),
    };
    let survey = read_all(input, &totals, progress)?;
    totals.check(&path)?;
    Ok(survey)
}

fn read_all(input: Input, totals: &Totals, progress: Progress) -> Result<Survey, SurveyError> {
    let limits = &totals.limits;
    let path = input.name().to_owned();
    let open = |source| SurveyError::Read {
        path: path.clone(),
        source,
    };
    match input {
        Input::Path(path) if fs::metadata(&path).map_err(open)?.is_dir() => {
            let archive = archive::index_directory(&path, limits)?;
            let errors = Told::default();
            Ok(read_files(
                archive,
                Form::Directory,
                errors,
                totals,
                progress,
            ))
        }
        Input::Path(path) => {
            let packing = Packing::of_file(&path).map_err(open)?;
            if packing == Packing::Plain {
                let mut errors = Told::default();
                let archive = archive::index_file(&path, limits, &mut errors)?;
                let form = Form::Archive(packing);
                return Ok(read_files(archive, form, errors, totals, progress));
            }
            let file = File::open(&path).map_err(open)?;
            let bar = progress.bar(file.metadata().map_err(open)?.len());
            let file = BufReader::with_capacity(BUFFER, bar.watch_reader(file));
            let source = Source::stream(&path, limits);
            let survey = read_stream(&path, source, Box::new(file), packing, totals);
            bar.finish();
            survey
        }
        Input::Stream { name, mut content } => {
            let mut magic = Vec::with_capacity(MAGIC);
            let started = content.by_ref().take(MAGIC as u64).read_to_end(&mut magic);
            started.map_err(open)?;
            let packing = Packing::of(&magic);
            let bar = progress.count();
            let content = bar.watch_reader(io::Cursor::new(magic).chain(content));
            let content = Box::new(BufReader::with_capacity(BUFFER, content));
            let survey = read_stream(&name, Source::gone(&name), content, packing, totals);
            bar.finish();
            survey
        }
    }
}

/// Reads what comes by once.
fn read_stream(
    path: &Path,
    source: Source,
    content: Box<dyn Read + Send>,
    packing: Packing,
    totals: &Totals,
) -> Result<Survey, SurveyError> {
    let limits = &totals.limits;
    let open = |source| SurveyError::Read {
        path: path.to_owned(),
        source,
    };
    let content = Decoded::new(content, packing, limits).map_err(open)?;
    let content = ReadAhead::new(Box::new(content)).map_err(open)?;
    let mut seen = Seen {
        totals,
        files: Files::default(),
        errors: Told::default(),
    };
    let archive = archive::index_stream(path, source, content, limits, &mut seen)?;
    Ok(Survey {
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
    mut errors: Told<ArchiveError>,
    totals: &Totals,
    progress: Progress,
) -> Survey {
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
    Survey {
        archive,
        form,
        wrong: errors,
        files: files.files,
    }
}

/// The files of `archive` that any name, that of a link too, calls by SHA-512.
fn by_sha512(archive: &Archive) -> BTreeSet<Place> {
    let names = archive.members.keys().map(text_of);
    let names = names.filter(|name| images::algorithm_by_name(name) == Algorithm::Sha512);
    let files = names.filter_map(|name| archive.file(&name, "is named").ok().cloned());
    files.map(|file| file.place).collect()
}

/// Keeps what is wrong and goes on.
impl Visitor for Told<ArchiveError> {
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
    errors: Told<ArchiveError>,
}

impl Visitor for Seen<'_> {
    fn content(
        &mut self,
        name: &MemberPath,
        place: Place,
        content: &mut dyn Read,
    ) -> Result<(), ArchiveError> {
        let algorithm = images::algorithm_by_name(&text_of(name));
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
