//! Checks an image archive, an OCI layout or a stream: recomputes every digest, size, DiffID and
//! reference, and tells all that is wrong, not only the first of it.

mod image;
mod layout;
mod legacy;
mod problem;
mod report;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use self::image::Config;
use crate::bytes::digest::Sha256;
use crate::console::capped::Capped;
use crate::console::progress::Progress;
use crate::console::text::shown;
use crate::engines::{self, Engine, Objection};
use crate::foreign::archive::error::ArchiveError;
use crate::foreign::archive::member_path::{MemberPath, text_of};
use crate::foreign::archive::{ArchiveFile, ArchiveMember, Place};
use crate::foreign::images::error::ImagesError;
use crate::foreign::images::{self, Image, consistency, docker};
use crate::foreign::inventory::entries::Noting;
use crate::foreign::inventory::{self, Input, Inventory, InventoryError, InventoryFile};
use crate::oci::manifest;
use crate::oci::strict_json::Respelled;
use crate::request::limits::Limits;

pub use self::problem::{Problem, What};

/// What checking an image found.
#[derive(Debug)]
pub struct Report {
    /// What messages call the image.
    pub name: String,
    /// How many different images there are; one for several platforms counts as several.
    pub images: usize,
    /// How many different layers they have.
    pub layers: usize,
    /// How many files there are.
    pub files: usize,
    /// What is wrong, file by file in their order.
    pub problems: Capped<Problem>,
    /// What is odd and does no harm, likewise.
    pub notes: Capped<Problem>,
    /// Whether the image contradicts itself nowhere, whatever engines say of it.
    pub is_consistent: bool,
    /// The engines that refuse it.
    pub refused_by: BTreeSet<Engine>,
}

/// Reads the image in `input` and checks all of it.
///
/// # Errors
/// When it cannot be read at all.
pub fn read(input: Input, limits: &Limits, progress: Progress) -> Result<Report, InventoryError> {
    Ok(verify(inventory::read(
        input,
        Noting::Problems,
        limits,
        progress,
    )?))
}

/// Checks everything that `inventory` found.
#[must_use]
pub fn verify(mut inventory: Inventory) -> Report {
    let wrong = std::mem::take(&mut inventory.wrong);
    let mut verifier = Verifier {
        inventory: &inventory,
        used: BTreeSet::new(),
        images: BTreeSet::new(),
        layers: BTreeSet::new(),
        tags: BTreeMap::new(),
        configs: BTreeMap::new(),
        problems: Capped::default(),
        notes: Capped::default(),
        is_consistent: true,
        refused_by: BTreeSet::new(),
    };
    for error in wrong.told {
        verifier.problem("", What::Archive(error));
    }
    verifier.problems.more += wrong.more;
    verifier.check();
    verifier.report()
}

struct Verifier<'a> {
    inventory: &'a Inventory,
    /// The members that something refers to.
    used: BTreeSet<MemberPath>,
    /// The IDs of the images, each of which may have several names, or be in `manifest.json` and an index.
    images: BTreeSet<Sha256>,
    /// The layers that have been checked by themselves, by the members that hold them.
    layers: BTreeSet<MemberPath>,
    /// The names that `manifest.json` gives its images, and the last layer of each.
    tags: BTreeMap<String, Option<Rc<str>>>,
    /// The configs that have been parsed; none for what is no config.
    configs: BTreeMap<Place, Option<Rc<Config>>>,
    problems: Capped<Problem>,
    notes: Capped<Problem>,
    is_consistent: bool,
    refused_by: BTreeSet<Engine>,
}

impl<'a> Verifier<'a> {
    fn check(&mut self) {
        let archive = &self.inventory.archive;
        let mut repeated: Vec<&MemberPath> = archive
            .repeated
            .iter()
            .filter(|(name, member)| !self.is_same(member, archive.members.get(name)))
            .map(|(name, _)| name)
            .collect();
        repeated.dedup();
        for name in repeated {
            self.problem(&text_of(name), What::Repeated);
        }
        let is_docker = images::has(archive, images::MANIFEST);
        let is_layout = images::is_layout(archive);
        if is_docker {
            self.check_docker();
        }
        if is_layout {
            self.check_layout();
        }
        // Nothing can be built on it, though the specification allows it.
        if is_layout && self.images.is_empty() && self.problems.count() == 0 {
            let (path, name) = (archive.path.clone(), manifest::INDEX);
            self.problem(name, What::Images(ImagesError::Empty { path, name }));
        }
        if is_docker && is_layout {
            self.check_agreement();
        }
        // Who knows what a file that is no tar was to be.
        let is_tar = self.problems.count() == 0 || !archive.members.is_empty();
        if !is_docker && !is_layout && is_tar {
            let path = archive.path.clone();
            let error = if images::has(archive, images::REPOSITORIES) {
                ImagesError::Legacy { path }
            } else {
                ImagesError::NoImages { path }
            };
            self.problem("", What::Images(error));
        }
        self.check_legacy(is_docker);
        self.check_unused();
    }

    /// Whether two members have the same bytes, and so do no harm by having one name: layers of
    /// layered images on layered bases are there as often as they are used.
    fn is_same(&self, one: &ArchiveMember, other: Option<&ArchiveMember>) -> bool {
        let (ArchiveMember::File(one), Some(ArchiveMember::File(other))) = (one, other) else {
            return false;
        };
        let digest = |one: &ArchiveFile| self.inventory.of(one).map(|file| file.digests.sha256);
        digest(one).is_some() && digest(one) == digest(other)
    }

    /// Checks what `manifest.json` leads to.
    fn check_docker(&mut self) {
        self.use_member(images::MANIFEST);
        match docker::read_manifest(&self.inventory.archive) {
            Ok((images, respelled)) => {
                self.note_keys(images::MANIFEST, &respelled);
                for image in &images {
                    self.check_tags(image);
                    self.check_image(image, images::MANIFEST, &[]);
                }
            }
            Err(error) => self.problem(images::MANIFEST, What::Images(error)),
        }
    }

    /// Compares the images of `manifest.json` with those of the index.
    fn check_agreement(&mut self) {
        let archive = &self.inventory.archive;
        let images = docker::images_of_docker(archive);
        let agree = images.and_then(|images| consistency::check(archive, &images));
        // What else may be wrong with the documents has been told.
        if let Err(error @ ImagesError::Disagree { .. }) = agree {
            self.problem("", What::Images(error));
        }
    }

    fn check_tags(&mut self, image: &Image) {
        // An image may have very many names.
        let layer: Option<Rc<str>> = image.layers.last().map(|layer| layer.name.as_str().into());
        if image.names.is_empty() {
            self.object(images::MANIFEST, Some(engines::reference::no_name()));
        }
        for reference in &image.names {
            let objection = engines::reference::check_reference(reference);
            self.object(images::MANIFEST, objection);
            let tag = reference.rsplit_once(':').map_or("", |(_, tag)| tag);
            if tag.is_empty() || tag.contains('/') {
                continue;
            }
            if self.tags.insert(reference.clone(), layer.clone()).is_some() {
                let reference = shown(reference.as_bytes());
                self.problem(images::MANIFEST, What::TwoImages { reference });
            }
        }
    }

    /// Notes the keys of the document `name` that Go's programs read, and others do not.
    fn note_keys(&mut self, name: &str, respelled: &[Respelled]) {
        for key in respelled {
            self.problem(name, What::Key(key.clone()));
        }
    }

    /// Notes what nothing refers to.
    fn check_unused(&mut self) {
        let archive = &self.inventory.archive;
        let unused = archive.members.iter().filter(|(name, member)| {
            !matches!(member, ArchiveMember::Directory { .. }) && !self.used.contains(*name)
        });
        let unused: Vec<String> = unused.map(|(name, _)| text_of(name)).collect();
        for name in unused {
            self.problem(&name, What::Unused);
        }
    }

    /// What is known of the file `name`, which `namer` names as `role`. It counts as used from here
    /// on; that it is not there is a problem.
    fn file(&mut self, name: &str, namer: &str, role: &'static str) -> Option<&'a InventoryFile> {
        self.use_member(name);
        match self.inventory.file(name, "is named") {
            Ok(file) => Some(file),
            Err(error) => {
                let what = What::of_missing(error, name, role);
                self.problem(namer, what);
                None
            }
        }
    }

    /// The text of the JSON document `name`, which [`Self::file`] has found.
    fn text(&mut self, name: &str) -> Option<Cow<'a, [u8]>> {
        let text = self.inventory.archive.json(name, "is named");
        self.known(name, text)
    }

    fn known<T>(&mut self, name: &str, text: Result<T, ArchiveError>) -> Option<T> {
        match text {
            Ok(text) => Some(text),
            Err(error) => {
                self.problem(name, What::Archive(error));
                None
            }
        }
    }

    /// Notes that something refers to the member `name`, and so to those that it leads to.
    fn use_member(&mut self, name: &str) {
        if let Ok((trail, _)) = self.inventory.archive.trail(name, "is named") {
            self.used.extend(trail);
        }
    }

    fn object(&mut self, file: &str, objection: Option<Objection>) {
        if let Some(objection) = objection {
            self.problem(file, What::Objection(objection));
        }
    }

    fn problem(&mut self, file: &str, what: What) {
        let told = if what.is_note() {
            &mut self.notes
        } else {
            match what.refused_by() {
                Some(by) => self
                    .refused_by
                    .extend(by.iter().map(|refusal| refusal.engine)),
                None => self.is_consistent = false,
            }
            &mut self.problems
        };
        let count = what.count();
        let file = shown(file.as_bytes());
        told.add_counted(Problem { file, what }, count);
    }

    fn report(mut self) -> Report {
        let members = self.inventory.archive.members.values();
        let files = members.filter(|member| matches!(member, ArchiveMember::File(_)));
        // File by file in their order. Stable, so that what is found first of a file comes first.
        for found in [&mut self.problems, &mut self.notes] {
            found.told.sort_by(|a, b| a.file.cmp(&b.file));
        }
        Report {
            name: self.inventory.archive.path.display().to_string(),
            images: self.images.len(),
            layers: self.layers.len(),
            files: files.count(),
            problems: self.problems,
            notes: self.notes,
            is_consistent: self.is_consistent,
            refused_by: self.refused_by,
        }
    }
}
