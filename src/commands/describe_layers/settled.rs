//! What a streamed image is asked to be, and what will be described.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use crate::build::output;
use crate::commands::describe_layers::DescriptionError;
use crate::console::progress::Progress;
use crate::engines::{self, Claims};
use crate::image::description::NOW;
use crate::oci::platform::Platform;
use crate::request::attrs::{Attrs, Section};
use crate::request::ids::{group_id, max_layers, user_id};
use crate::request::limits::Limits;
use crate::request::time::{Time, TimeError};

/// A streamed image, as `streamLayeredImage` asks for its description.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "a set")]
pub struct DescriptionAttrs {
    /// With the registry, in lower case.
    pub name: String,
    /// Null stands for the hash part of the output path.
    pub tag: Option<String>,
    pub base_json: PathBuf,
    pub customisation_layer: PathBuf,
    pub from_image: Option<PathBuf>,
    /// What `buildLayer` made, lowest first.
    #[serde(default)]
    pub layers: Vec<PathBuf>,
    /// A time, or `now`.
    pub created: String,
    pub mtime: String,
    #[serde(deserialize_with = "user_id")]
    pub uid: u32,
    #[serde(deserialize_with = "group_id")]
    pub gid: u32,
    pub uname: String,
    pub gname: String,
    /// The layers of the base image and the customisation layer count too.
    #[serde(deserialize_with = "max_layers")]
    pub max_layers: u64,
    /// A list of steps, or the path of a file with one; null for nixpkgs' automatic layering.
    pub layering_pipeline: Option<Value>,
    pub include_store_paths: bool,
    /// Whether only the store paths of each layer are wanted, as a list of lists.
    #[serde(default)]
    pub layers_only: bool,
    pub debug: bool,
    /// `/nix/store`.
    pub store_dir: String,
}

impl Section for DescriptionAttrs {
    const KEY: &'static str = "description";
}

/// The base JSON of a streamed image.
#[derive(Debug, Deserialize)]
#[serde(expecting = "an object")]
pub(super) struct ImageJson {
    pub(super) architecture: Value,
    pub(super) config: Value,
    pub(super) os: Value,
    pub(super) variant: Option<Value>,
}

impl ImageJson {
    /// What the image is for, if that is said in words.
    fn platform(&self) -> Option<Platform> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        Some(Platform {
            architecture: text(&self.architecture)?,
            os: text(&self.os)?,
            variant: self.variant.as_ref().and_then(text),
        })
    }
}

/// What will be described: what [`DescriptionAttrs`] ask for, checked and without defaults.
pub(super) struct Settled<'a> {
    /// With the registry, in lower case.
    pub(super) name: &'a str,
    /// `name:tag`.
    pub(super) repo_tag: String,
    pub(super) base_json: ImageJson,
    pub(super) platform: Option<Platform>,
    /// None is the time of the run; so is it for `mtime`.
    pub(super) created: Option<Time>,
    pub(super) mtime: Option<Time>,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) uname: &'a str,
    pub(super) gname: &'a str,
    pub(super) from_image: Option<&'a Path>,
    /// What `buildLayer` made, lowest first.
    pub(super) ready_layers: &'a [PathBuf],
    pub(super) customisation_layer: &'a Path,
    /// What is not in any layer of store paths, beside what `buildLayer` made.
    pub(super) excluded: [&'a Path; 2],
    pub(super) include_store_paths: bool,
    /// The store paths with their references, as Nix says.
    pub(super) closure: Option<&'a Value>,
    /// None for nixpkgs' automatic layering.
    pub(super) layering_pipeline: Option<&'a Value>,
    /// The layers of the base image and the customisation layer count too.
    pub(super) max_layers: usize,
    pub(super) layers_only: bool,
    pub(super) debug: bool,
    /// `/nix/store`.
    pub(super) store_dir: &'a str,
    pub(super) out: &'a Path,
    pub(super) limits: Limits,
}

/// Settles what `attrs` ask for. The closure and the `layeringPipeline` are read when layers are chosen.
pub(super) fn settle(
    attrs: &Attrs<DescriptionAttrs>,
    progress: Progress,
) -> Result<Settled<'_>, DescriptionError> {
    let asked = &attrs.ours;
    let base_json = read_json(&asked.base_json)?;
    let platform = base_json.platform();
    let objections = engines::check(&Claims {
        name: &asked.name,
        tag: asked.tag.as_deref(),
        config: &base_json.config,
        platform: platform.as_ref(),
    });
    engines::judge_and_warn(&asked.name, objections, progress)?;
    let tag = asked.tag.clone();
    let tag = tag.unwrap_or_else(|| output::hash_part(&attrs.out));
    Ok(Settled {
        name: &asked.name,
        repo_tag: format!("{}:{tag}", asked.name),
        base_json,
        platform,
        created: resolve("created", &asked.created)?,
        mtime: resolve("mtime", &asked.mtime)?,
        uid: asked.uid,
        gid: asked.gid,
        uname: &asked.uname,
        gname: &asked.gname,
        from_image: asked.from_image.as_deref(),
        ready_layers: &asked.layers,
        customisation_layer: &asked.customisation_layer,
        excluded: [&asked.base_json, &asked.customisation_layer],
        include_store_paths: asked.include_store_paths,
        closure: attrs.closure.as_ref(),
        layering_pipeline: asked.layering_pipeline.as_ref(),
        max_layers: usize::try_from(asked.max_layers).unwrap_or(usize::MAX),
        layers_only: asked.layers_only,
        debug: asked.debug,
        store_dir: &asked.store_dir,
        out: &attrs.out,
        limits: attrs.limits,
    })
}

fn read_json(path: &Path) -> Result<ImageJson, DescriptionError> {
    let text = std::fs::read(path).map_err(|source| DescriptionError::Read {
        path: path.to_owned(),
        source,
    })?;
    serde_json::from_slice(&text).map_err(|source| DescriptionError::BaseJson {
        path: path.to_owned(),
        source,
    })
}

/// The time that `value` gives, or `None` for [`NOW`].
fn resolve(argument: &'static str, value: &str) -> Result<Option<Time>, TimeError> {
    if value == NOW {
        return Ok(None);
    }
    Time::parse(argument, value).map(Some)
}
