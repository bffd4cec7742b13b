//! How much a foreign image may ask for. Every limit is far above what images have, and bounds the
//! memory or the time that a hostile one costs; `limits` of the Nix scope raises each by its name.

use serde::Deserialize;

/// How large a JSON document may be, in bytes. Registries allow 4 MiB.
pub const MAX_JSON: u64 = 16 << 20;

/// How many members an archive, or files a layout, may have. A layer takes four; no engine runs
/// images of more than 127 layers.
pub const MAX_MEMBERS: usize = 100_000;

/// How many layers an image may have. Docker runs at most 127.
pub const MAX_LAYERS: usize = 1024;

/// How many images the indexes of a layout may list, those in indexes of indexes included.
pub const MAX_MANIFESTS: usize = 1_000;

/// How deep indexes may be within indexes. BuildKit's lie one deep.
pub const MAX_NESTING: usize = 4;

/// The limits of one build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(
    rename_all = "camelCase",
    default,
    deny_unknown_fields,
    expecting = "a set"
)]
pub struct Limits {
    pub max_json: u64,
    pub max_members: usize,
    pub max_layers: usize,
    pub max_manifests: usize,
    pub max_nesting: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_json: MAX_JSON,
            max_members: MAX_MEMBERS,
            max_layers: MAX_LAYERS,
            max_manifests: MAX_MANIFESTS,
            max_nesting: MAX_NESTING,
        }
    }
}
