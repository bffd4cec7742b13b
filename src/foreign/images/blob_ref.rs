//! What documents say of a file that they name.

use std::borrow::Cow;

use crate::bytes::compression::Compression;
use crate::bytes::digest::{Algorithm, Digest};
use crate::foreign::archive::Archive;
use crate::foreign::archive::error::ArchiveError;
use crate::oci::descriptor::Descriptor;
use crate::oci::media_type::MediaType;

/// A member, and what the document that names it says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    pub name: String,
    pub digest: Option<Digest>,
    /// In bytes.
    pub size: Option<u64>,
    pub packing: Option<Compression>,
}

impl Blob {
    /// A member of which only the name is known.
    pub(crate) fn named(name: String) -> Self {
        Self {
            digest: digest_in(&name),
            name,
            size: None,
            packing: None,
        }
    }

    pub(crate) fn described(descriptor: &Descriptor) -> Self {
        Self {
            name: descriptor.path(),
            digest: Some(descriptor.digest),
            size: Some(descriptor.size),
            packing: match descriptor.media_type {
                MediaType::Layer(packing) => Some(packing),
                _ => None,
            },
        }
    }

    /// Whether the name is a promise about the bytes as they stand. skopeo and others call a layer
    /// by its DiffID, whatever it is packed with.
    #[must_use]
    pub fn is_named_by_digest(&self) -> bool {
        self.name.starts_with("blobs/")
    }

    /// How the digest is computed that the member is called by.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        algorithm_of(self.digest)
    }

    /// The text of a member that is a JSON document, and is what it is named as.
    ///
    /// # Errors
    /// When it is missing, too large, or has another size or digest.
    pub fn json<'a>(
        &self,
        archive: &'a Archive,
        needed_by: &'static str,
    ) -> Result<Cow<'a, [u8]>, ArchiveError> {
        let found = archive.file(&self.name, needed_by)?.range.size;
        if let Some(said) = self.size {
            archive.check_size(&self.name, found, said)?;
        }
        let text = archive.json(&self.name, needed_by)?;
        if let Some(said) = self.digest {
            archive.check_digest(&self.name, said.algorithm().digest(&text), said)?;
        }
        Ok(text)
    }
}

/// How the digest is computed that the file `name` of an archive is called by, if it is.
#[must_use]
pub fn algorithm_by_name(name: &str) -> Algorithm {
    algorithm_of(digest_in(name))
}

fn algorithm_of(digest: Option<Digest>) -> Algorithm {
    digest.map_or(Algorithm::Sha256, |digest| digest.algorithm())
}

/// The digest that is the name of a config, blob or layer, if it is one.
fn digest_in(name: &str) -> Option<Digest> {
    let stem = [".json", ".tar"]
        .iter()
        .find_map(|end| name.strip_suffix(end));
    let stem = stem.unwrap_or(name);
    let hex_at = stem.rfind(['/', ':']).map_or(0, |at| at + 1);
    let (front, hex) = stem.split_at(hex_at);
    let digest = Digest::from_hex(hex)?;
    let fronts = match digest {
        Digest::Sha256(_) => ["", "sha256:", "blobs/sha256/"],
        Digest::Sha512(_) => ["", "sha512:", "blobs/sha512/"],
    };
    fronts.contains(&front).then_some(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_are_digests_promise_one() {
        let [sha256, sha512] = [Algorithm::Sha256, Algorithm::Sha512].map(|one| one.digest(b""));
        for digest in [sha256, sha512] {
            let hex = digest.hex();
            for name in [
                hex.clone(),
                format!("{hex}.json"),
                format!("{hex}.tar"),
                digest.to_string(),
                format!("blobs/{}/{hex}", digest.algorithm()),
            ] {
                assert_eq!(Blob::named(name).digest, Some(digest));
            }
        }
        for name in [
            "config.json".to_owned(),
            format!("{}/layer.tar", sha256.hex()),
            format!("{}.tar.gz", sha256.hex()),
            format!("other/{}", sha256.hex()),
            format!("blobs/sha256/{}", sha512.hex()),
            format!("blobs/sha512/{}", sha256.hex()),
            format!("sha512:{}", sha256.hex()),
        ] {
            assert_eq!(Blob::named(name).digest, None);
        }
    }
}
