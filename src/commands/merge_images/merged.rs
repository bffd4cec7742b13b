//! The members of several archives as those of one.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use serde_json::Value;

use crate::bytes::digest::{HashWriter, Sha256};
use crate::bytes::source::RangeReader;
use crate::commands::merge_images::MergeImagesError;
use crate::console::text;
use crate::foreign::archive::member_path::{self, MemberPath};
use crate::foreign::archive::{Archive, ArchiveMember};
use crate::image::docker_archive::{self, Planned};
use crate::image::retain;
use crate::imitate::jq;
use crate::tar::plan::{Content, Kind};

/// The mode of the two documents that are written anew.
const DOCUMENT_MODE: u32 = 0o644;

/// What a umask of 022 forbids.
const UMASK: u32 = 0o022;

/// The members of all images so far.
#[derive(Default)]
pub(super) struct Merged {
    members: BTreeMap<MemberPath, Joined>,
    /// How many archives they come from.
    archives: usize,
    /// The digests of the files that images consist of.
    parts: BTreeMap<MemberPath, Sha256>,
}

/// A member, and the number of the archive that it comes from.
struct Joined {
    archive: usize,
    planned: Planned,
}

impl Joined {
    fn target(&self) -> Option<&[u8]> {
        match &self.planned.kind {
            Kind::Symlink { target } => Some(target),
            _ => None,
        }
    }
}

impl Merged {
    /// Adds the members of `archive` whose names are still free. What its images consist of, `parts`, may be
    /// there already if it is the same.
    pub(super) fn add(
        &mut self,
        mut archive: Archive,
        parts: &BTreeMap<String, Sha256>,
        temporary: &Path,
    ) -> Result<(), MergeImagesError> {
        self.refuse_two_kinds(&archive)?;
        let names = parts
            .keys()
            .map(|name| archive.member_path(name.as_bytes()));
        let names: Vec<MemberPath> = names.collect::<Result<_, _>>()?;
        archive
            .members
            .retain(|path, _| !self.members.contains_key(path));
        retain::spool_if_out_of_order(&mut archive, temporary)?;
        self.archives += 1;
        for (path, member) in archive.members {
            let (archive, planned) = (self.archives, planned(member));
            self.members.insert(path, Joined { archive, planned });
        }
        for (name, digest) in names.into_iter().zip(parts.values()) {
            if !self.has_part(&name, *digest)? {
                return Err(MergeImagesError::OtherBytes {
                    path: archive.path,
                    name: text::shown(&name.join(&b'/')),
                });
            }
        }
        Ok(())
    }

    fn refuse_two_kinds(&self, archive: &Archive) -> Result<(), MergeImagesError> {
        for (path, member) in &archive.members {
            let is_directory = matches!(member, ArchiveMember::Directory { .. });
            let is_other = |joined: &Joined| !matches!(joined.planned.kind, Kind::Directory);
            if let Some(name) = member_path::two_kinds(&self.members, is_other, path, is_directory)
            {
                return Err(MergeImagesError::TwoKinds {
                    path: archive.path.clone(),
                    name: text::shown(&name.join(&b'/')),
                });
            }
        }
        Ok(())
    }

    /// Whether `name`, by which an image of the last archive calls a part, leads to the bytes of this `digest`.
    fn has_part(&mut self, name: &MemberPath, digest: Sha256) -> Result<bool, MergeImagesError> {
        let found = member_path::follow(&self.members, name.clone(), Joined::target);
        let Some((found, joined)) = found else {
            return Ok(false);
        };
        if joined.archive == self.archives {
            self.parts.insert(found, digest);
            return Ok(true);
        }
        if let Some(known) = self.parts.get(&found) {
            return Ok(*known == digest);
        }
        let Kind::Regular {
            content: Content::Range(range),
            ..
        } = &joined.planned.kind
        else {
            return Ok(false);
        };
        let mut hash = HashWriter::new();
        let read = io::copy(&mut RangeReader::new(range.clone()), &mut hash);
        read.map_err(|source| MergeImagesError::Read {
            path: range.source.path().to_owned(),
            source,
        })?;
        let known = hash.into_sha256();
        self.parts.insert(found, known);
        Ok(known == digest)
    }

    /// Writes the document `name` anew.
    pub(super) fn set_document(&mut self, name: &str, document: &Value) {
        let text = jq::print(document).into_bytes();
        let planned = Planned {
            mode: DOCUMENT_MODE,
            kind: Kind::Regular {
                size: text.len() as u64,
                content: Content::Inline(text),
            },
        };
        let archive = self.archives;
        self.members
            .insert(vec![name.as_bytes().to_vec()], Joined { archive, planned });
    }

    pub(super) fn into_members(self) -> docker_archive::Members {
        let members = self.members.into_iter();
        members
            .map(|(path, joined)| (path, joined.planned))
            .collect()
    }
}

fn planned(member: ArchiveMember) -> Planned {
    match member {
        ArchiveMember::Directory { mode } => Planned {
            mode: mode & !UMASK,
            kind: Kind::Directory,
        },
        ArchiveMember::File(file) => Planned {
            mode: file.mode & !UMASK,
            kind: Kind::of_range(file.range),
        },
        ArchiveMember::Symlink { target } => Planned {
            mode: crate::tree::scan::SYMLINK_MODE,
            kind: Kind::Symlink { target },
        },
    }
}
