//! How much a foreign image may ask for, or a symlink in what is copied to the root of a layer. Every limit is far
//! above what images have, and bounds the memory or the time that a hostile one costs; `dockerToolsLimits` of the
//! package set raises each by its name.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// How large a JSON document may be, and all of a packed archive together, in bytes. Registries take
/// manifests of 4 MiB, and skopeo and podman read neither larger ones nor larger configs.
pub const MAX_JSON: u64 = 8 << 20;

/// How many members an archive, or files a layout, may have, with the directories that their names lead
/// through: a hundred thousand of these deep ones would be millions. A layer takes seven; no engine
/// runs images of more than 127 layers.
pub const MAX_MEMBERS: usize = 50_000;

/// How many bytes the names of these may have together, with what links lead to and who owns them; and
/// the store paths in all layers, when they are shown.
pub const MAX_NAMES: u64 = 8 << 20;

/// How many layers an image may have. Docker runs at most 127.
pub const MAX_LAYERS: usize = 1024;

/// How many images an archive may list, or the indexes of a layout with those in indexes of indexes.
pub const MAX_MANIFESTS: usize = 1_000;

/// How deep indexes may be within indexes. BuildKit's lie one deep.
pub const MAX_NESTING: usize = 4;

/// How many bytes may come out of one compressed stream: a layer, or a whole archive.
pub const MAX_UNPACKED: u64 = 256 << 30;

/// How many times its packed size a stream may become. Programs and texts become 2 to 20 times as
/// large, the zeros of a sparse file 1,000 times with gzip and 10,000 times with zstd.
pub const MAX_RATIO: u64 = 200;

/// How many bytes may come out whatever the ratio, since an image may well have some zeros.
pub const FREE_OF_RATIO: u64 = 256 << 20;

/// How much of what it has unpacked zstd may ask to keep in memory, in bytes. The tools that are written in Go ask
/// for as much from level 10 on, zstd itself from level 20 on; neither more than 8 MiB by default.
pub const MAX_ZSTD_WINDOW: u64 = 32 << 20;

/// How much memory xz may ask for, in bytes: as much as `xz -8` does.
pub const MAX_XZ_MEMORY: u64 = 40 << 20;

/// How many entries the layers of an image may make together, those that are hidden again included. A
/// million take 45 MB of memory while they are merged.
pub const MAX_ENTRIES: u32 = 4_000_000;

/// How deep an entry may lie in directories.
pub const MAX_DEPTH: usize = 1024;

/// How many bytes names, link targets and attributes of these entries may have together, with some 20 for
/// each entry. They are in a temporary file.
pub const MAX_METADATA: u32 = 1 << 30;

/// How many values a JSON document may have, those within values included. Each takes memory, up to a
/// hundred bytes, and two bytes of text are enough for one; 100,000 entries of history have 300,000.
pub const MAX_VALUES: usize = 310_000;

/// How long it may take to unpack one compressed stream, in seconds. [`MAX_UNPACKED`] bytes have two hours
/// at 38 MB a second.
pub const MAX_SECONDS: u64 = 2 * 60 * 60;

/// How many variables the environment of an image may have. Linux starts no process with more than 2 MiB of
/// them.
pub const MAX_ENV: usize = 10_000;

/// How many copies of files and directories the symlinks of one item of `copyToRoot` may make. tzdata's `posix -> .`
/// makes some 25,000. A file takes 250 bytes of memory, a directory with little in it 650.
pub const MAX_LINK_COPIES: usize = 75_000;

/// The limits of one build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    rename_all = "camelCase",
    default,
    deny_unknown_fields,
    expecting = "a set",
    remote = "Self"
)]
pub struct Limits {
    pub max_json: u64,
    pub max_members: usize,
    pub max_names: u64,
    pub max_layers: usize,
    pub max_manifests: usize,
    pub max_nesting: usize,
    pub max_unpacked: u64,
    pub max_ratio: u64,
    pub max_zstd_window: u64,
    pub max_xz_memory: u64,
    pub max_entries: u32,
    pub max_depth: usize,
    pub max_metadata: u32,
    pub max_values: usize,
    pub max_seconds: u64,
    pub max_env: usize,
    pub max_link_copies: usize,
}

impl Serialize for Limits {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for Limits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let given = Value::deserialize(deserializer)?;
        // What serde says of a number by itself does not name the limit.
        for (name, value) in given.as_object().into_iter().flatten() {
            let max = highest(name);
            if value.as_u64().is_none_or(|number| number > max) {
                return Err(D::Error::custom(format!(
                    "`{name}` is {value}; it has to be a whole number from 0 to {max}"
                )));
            }
        }
        Self::deserialize(given).map_err(D::Error::custom)
    }
}

/// What the limit `name` can be at most.
fn highest(name: &str) -> u64 {
    match name {
        // What these count is numbered with 32 bits.
        "maxEntries" | "maxMetadata" => u32::MAX.into(),
        _ => u64::MAX,
    }
}

impl Limits {
    /// Whether nobody has raised any.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_json: MAX_JSON,
            max_members: MAX_MEMBERS,
            max_names: MAX_NAMES,
            max_layers: MAX_LAYERS,
            max_manifests: MAX_MANIFESTS,
            max_nesting: MAX_NESTING,
            max_unpacked: MAX_UNPACKED,
            max_ratio: MAX_RATIO,
            max_zstd_window: MAX_ZSTD_WINDOW,
            max_xz_memory: MAX_XZ_MEMORY,
            max_entries: MAX_ENTRIES,
            max_depth: MAX_DEPTH,
            max_metadata: MAX_METADATA,
            max_values: MAX_VALUES,
            max_seconds: MAX_SECONDS,
            max_env: MAX_ENV,
            max_link_copies: MAX_LINK_COPIES,
        }
    }
}
