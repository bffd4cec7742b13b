//! How many layers an image may have, and how they may be packed in an archive.

use super::{Engine, Objection, Refusal, always, before};
use crate::bytes::compression::Compression;

const COUNT: &str = "layerCount";

const PACKING: &str = "layerPacking";

/// How many layers Docker has above each other in a store of its own; in containerd's it takes more.
const MAX_LAYERS: usize = 125;

const DOCKER: &[Refusal] = &[always(Engine::Docker)];

/// Those that keep a list of a layer's names refuse one that is there twice.
pub const REPEATED: &[Refusal] = &[
    always(Engine::Docker),
    always(Engine::Podman),
    always(Engine::Crane),
];

/// Those that unpack layers, each by itself, find no target of a hard link to another one.
pub const NO_TARGET: &[Refusal] = &[
    always(Engine::Docker),
    always(Engine::Podman),
    always(Engine::Containerd),
];

/// crane reads layers in archives as they stand, or packed with gzip.
const NO_ZSTD: &[Refusal] = &[before(Engine::Docker, "23.0"), always(Engine::Crane)];

/// containerd unpacks gzip and zstd.
const NO_XZ: &[Refusal] = &[always(Engine::Containerd), always(Engine::Crane)];

/// Checks the number of layers. `way_out` says what to do about it.
#[must_use]
pub fn check_count(count: usize, way_out: &str) -> Option<Objection> {
    (count > MAX_LAYERS).then(|| Objection {
        kind: COUNT,
        text: format!(
            "the image has {count} layers, and Docker takes {MAX_LAYERS} unless it keeps images in containerd's store; {way_out}"
        ),
        refused_by: DOCKER,
    })
}

/// Checks how a layer is packed that `manifest.json` names.
#[must_use]
pub fn check_packing(packing: Compression) -> Option<Objection> {
    let refused_by = match packing {
        Compression::Plain | Compression::Gzip => return None,
        Compression::Zstd => NO_ZSTD,
        _ => NO_XZ,
    };
    Some(Objection {
        kind: PACKING,
        text: format!(
            "it is a layer packed with {packing}, in an archive of Docker's form; pack it with gzip, or not at all"
        ),
        refused_by,
    })
}
