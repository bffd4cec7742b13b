//! Writes a streamed image from its description, to stdout or into a file, in one forward pass.
//! Beside it, every layer is compared with what the description recorded.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::{io, thread};

use rayon::prelude::*;
use serde_json::{Map, Value, json};
use thiserror::Error;

use crate::build::context::Context;
use crate::build::output::{self, OutputError};
use crate::bytes::digest::{DiffId, HashWriter, Sha256};
use crate::bytes::source::{Range, Source};
use crate::bytes::{compress, parallel};
use crate::closure::store_layer;
use crate::console::progress::Progress;
use crate::console::text;
use crate::description::{self, Description, LAYER, NOW, RecordedLayer, Unpacked};
use crate::engines::{self, Objection};
use crate::foreign::archive::error::ArchiveError;
use crate::foreign::archive::{ArchiveFile, index};
use crate::foreign::base;
use crate::imitate::{python, python_json};
use crate::members::{self, SpoolError};
use crate::request::attrs::{Attrs, LayeredImageAttrs};
use crate::request::time::{Time, TimeError};
use crate::tar::header;
use crate::tar::owner::Owner;
use crate::tar::plan::{Content, Dialect, Entry, Kind, TarPlan};
use crate::tar::write::{self, Out, WriteError};
use crate::tree::scan::ScanError;

/// The mode of the archive's members.
const MEMBER_MODE: u32 = 0o644;

/// The mode of the customisation layer's member, which nixpkgs takes from the store's file.
const CUSTOMISATION_MODE: u32 = 0o444;

/// A described image could not be written.
#[derive(Debug, Error)]
pub enum StreamError {
    #[error("cannot read the image description `{}`", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("`{}` is not an image description of this version of `builder`", path.display())]
    Json {
        path: PathBuf,
        source: serde_json::Error,
    },
    #[error(
        "image description `{}` records {recorded} store layers but lists {listed}; it was changed by hand and has to be built again",
        path.display()
    )]
    Count {
        path: PathBuf,
        recorded: usize,
        listed: usize,
    },
    #[error("`config` is {found}; it has to be a set, such as `{{ Cmd = [ \"/bin/sh\" ]; }}`")]
    Config { found: Value },
    #[error(
        "`config.Env` is {found}; it has to be a list of strings, such as `[ \"NAME=value\" ]`"
    )]
    Env { found: Value },
    #[error("cannot give the image the name of `--repo_tag`")]
    Reference(#[source] Objection),
    #[error(transparent)]
    Time(#[from] TimeError),
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error(transparent)]
    Spool(#[from] SpoolError),
    #[error(transparent)]
    Scan(#[from] ScanError),
    #[error(
        "{layer} has other bytes than the image description recorded: DiffID {found} instead of {recorded}; a store path has changed, `nix-store --verify --check-contents` finds it"
    )]
    Changed {
        layer: String,
        recorded: DiffId,
        found: DiffId,
    },
    #[error(
        "{layer} has {found} bytes and had {recorded} when the image was described; a store path has changed, `nix-store --verify --check-contents` finds it"
    )]
    Resized {
        layer: String,
        recorded: u64,
        found: u64,
    },
    #[error("cannot start a thread to hash in")]
    Thread(#[source] io::Error),
    #[error(transparent)]
    Content(WriteError),
    #[error(transparent)]
    Output(#[from] OutputError),
}

/// A member of the image, and what is said when it is written.
#[derive(Debug)]
struct Part {
    message: Option<String>,
    entry: Entry,
    /// The DiffID that its bytes must have.
    recorded: Option<RecordedDiffId>,
}

#[derive(Debug)]
struct RecordedDiffId {
    /// What messages call the layer.
    layer: String,
    diff_id: DiffId,
}

/// Everything of an image, ready to be written.
#[derive(Debug)]
pub struct Streamed {
    layers: Vec<Part>,
    /// Config and manifest.
    documents: [Part; 2],
}

/// Reads the description in `path`.
///
/// # Errors
/// When it cannot be read or parsed.
pub fn read(path: &Path) -> Result<Description, StreamError> {
    let text = std::fs::read(path).map_err(|source| StreamError::Read {
        path: path.to_owned(),
        source,
    })?;
    let description: Description =
        serde_json::from_slice(&text).map_err(|source| StreamError::Json {
            path: path.to_owned(),
            source,
        })?;
    let listed = description.store_layers.len();
    match &description.builder.store_layers {
        Some(recorded) if recorded.len() != listed => Err(StreamError::Count {
            path: path.to_owned(),
            recorded: recorded.len(),
            listed,
        }),
        _ => Ok(description),
    }
}

/// Builds the layered image that `attrs` describe in a file.
///
/// # Errors
/// When an input cannot be read, a store path has changed or the output cannot be written.
pub fn build(
    attrs: &Attrs<LayeredImageAttrs>,
    now: Time,
    context: &Context,
) -> Result<(), StreamError> {
    let image = plan(&read(&attrs.ours.conf)?, None, now, context)?;
    let progress = context.progress;
    let text = format!("writing an image of {}", text::size(image.size()));
    progress.phase("write", &text);
    let out = &attrs.out;
    let wrap = |source| {
        StreamError::Output(OutputError::Write {
            path: out.clone(),
            source,
        })
    };
    let threads = context.threads;
    output::file(out, |file| {
        let bar = progress.bar(image.size());
        let written = compress::write(file, attrs.ours.compressor, threads, wrap, |to| {
            image
                .write(&mut Out::Writer(&mut bar.watch(to)), |_| {})
                .map_err(|error| error.at(out))
        });
        bar.finish();
        written.map(drop)
    })
}

impl StreamError {
    fn at(self, path: &Path) -> Self {
        match self {
            Self::Content(error) => Self::Output(OutputError::of_write(error, path)),
            other => other,
        }
    }
}

/// Plans the image of `description`. `repo_tag` takes the place of the description's.
///
/// # Errors
/// When an input cannot be read.
pub fn plan(
    description: &Description,
    repo_tag: Option<&str>,
    now: Time,
    context: &Context,
) -> Result<Streamed, StreamError> {
    if let Some(reference) = repo_tag
        && let Some(objection) = engines::reference::check_reference(reference)
    {
        return Err(StreamError::Reference(objection));
    }
    let created = resolve("created", &description.created, now)?;
    let mtime = resolve("mtime", &description.mtime, now)?.seconds();
    let mut layers = base_layers(description, context)?;
    let progress = context.progress;
    layers.extend(store_layers(description, mtime, layers.len(), progress)?);
    layers.push(customisation_layer(description, mtime, layers.len())?);

    let config = image_config(description, &created, &layers)?.into_bytes();
    let config_name = format!("{}.json", Sha256::of(&config).hex());
    let manifest = json!([{
        "Config": config_name,
        "RepoTags": [repo_tag.unwrap_or(&description.repo_tag)],
        "Layers": layers.iter().map(|layer| layer.name.as_str()).collect::<Vec<_>>(),
    }]);
    let manifest = python_json::print(&manifest).into_bytes();

    let nobody = Arc::new(Owner::numeric(0, 0));
    let document = |name: &str, bytes, message: Option<&str>| Part {
        message: message.map(str::to_owned),
        entry: Entry::inline(name, bytes, MEMBER_MODE, &nobody, mtime),
        recorded: None,
    };
    let documents = [
        document(&config_name, config, Some("Adding manifests...")),
        document("manifest.json", manifest, None),
    ];
    Ok(Streamed {
        layers: layers.into_iter().map(|layer| layer.part).collect(),
        documents,
    })
}

fn resolve(argument: &'static str, value: &str, now: Time) -> Result<Time, TimeError> {
    if value == NOW {
        return Ok(now);
    }
    Time::parse(argument, value)
}

/// A layer, and what config and manifest say of it.
struct StreamedLayer {
    name: String,
    diff_id: DiffId,
    /// What the history calls the layer's store paths.
    paths: Vec<String>,
    part: Part,
}

fn base_layers(
    description: &Description,
    context: &Context,
) -> Result<Vec<StreamedLayer>, StreamError> {
    let Some(path) = &description.from_image else {
        return Ok(Vec::new());
    };
    let limits = &description.builder.limits;
    let mut archive = index::index(path, limits, &mut |_, _| Ok(()))?;
    let layers = &description.builder.base_layers;
    let is_in_order = {
        let files = layers.iter().map(|layer| archive.file(&layer.name, NEEDED));
        let files: Vec<&ArchiveFile> = files.collect::<Result<_, _>>()?;
        files.is_sorted_by(|a, b| a.range.stored_end() <= b.range.offset)
    };
    members::spool(&mut archive, is_in_order, &context.temporary_directory)?;
    let layers = layers.iter().enumerate().map(|(index, layer)| {
        let file = archive.file(&layer.name, NEEDED)?;
        let range = file.range.clone();
        let (name, range) = match &layer.unpacked {
            None => (&layer.name, range),
            Some(Unpacked {
                packing,
                name,
                size,
            }) => (name, base::unpacked(range, *packing, *size, limits)),
        };
        let entry = Entry {
            name: name.clone().into_bytes(),
            kind: Kind::of_range(range),
            mode: file.mode,
            owner: Arc::clone(&file.owner),
            mtime: file.mtime,
            xattrs: Vec::new(),
        };
        Ok(StreamedLayer {
            name: name.clone(),
            diff_id: layer.diff_id,
            paths: vec![name.clone()],
            part: Part {
                message: Some(format!(
                    "Adding base layer {} from {}",
                    index + 1,
                    layer.name
                )),
                entry,
                // A base layer may be compressed, so its bytes need not have its DiffID.
                recorded: None,
            },
        })
    });
    layers.collect()
}

/// Who asks for a base layer, in messages.
const NEEDED: &str = "the image description names as a layer";

/// Hashes store layers whose time was not known when they were described.
fn record(plans: &[TarPlan], progress: Progress) -> Result<Vec<RecordedLayer>, StreamError> {
    let bar = progress.bar(plans.iter().map(TarPlan::size).sum());
    let recorded = parallel::try_map(plans.par_iter(), |plan| description::record(plan, &bar));
    bar.finish();
    recorded.map_err(StreamError::Content)
}

fn store_layers(
    description: &Description,
    mtime: u64,
    below: usize,
    progress: Progress,
) -> Result<Vec<StreamedLayer>, StreamError> {
    let owner = description::owner(
        description.uid,
        description.gid,
        &description.uname,
        &description.gname,
    );
    let listed = &description.store_layers;
    let plans = parallel::try_map(listed.par_iter(), |paths| {
        store_layer::plan(paths, &owner, mtime)
    })?;
    let recorded = match &description.builder.store_layers {
        Some(recorded) => recorded.clone(),
        None => record(&plans, progress)?,
    };
    let layers = plans.into_iter().zip(recorded).zip(listed).enumerate();
    layers
        .map(|(index, ((plan, recorded), paths))| {
            let number = below + index + 1;
            let paths = paths.iter().map(|path| path.as_path().display());
            let paths: Vec<String> = paths.map(|path| path.to_string()).collect();
            let list = python::repr_list(&paths);
            let message = format!("Creating layer {number} from paths: {list}");
            let owner = Arc::new(Owner::numeric(0, 0));
            let member = Member {
                number,
                message,
                recorded,
                mode: MEMBER_MODE,
                owner,
                mtime,
            };
            member.of(plan.size(), Content::Tar(Arc::new(plan)), paths)
        })
        .collect()
}

fn customisation_layer(
    description: &Description,
    mtime: u64,
    below: usize,
) -> Result<StreamedLayer, StreamError> {
    let directory = &description.customisation_layer;
    let path = directory.join(LAYER);
    let read = |source| {
        StreamError::Content(WriteError::Read {
            path: path.clone(),
            source,
        })
    };
    let file = File::open(&path).map_err(read)?;
    let size = file.metadata().map_err(read)?.len();
    let number = below + 1;
    let member = Member {
        number,
        message: format!("Creating layer {number} with customisation..."),
        recorded: description.builder.customisation_layer.clone(),
        mode: CUSTOMISATION_MODE,
        owner: Arc::new(Owner::root()),
        mtime,
    };
    let range = Range {
        source: Arc::new(Source::file(&path, file)),
        offset: 0,
        size,
        sparse: None,
    };
    let paths = vec![directory.display().to_string()];
    member.of(size, Content::Range(range), paths)
}

/// What a recorded layer's member is made from.
struct Member {
    number: usize,
    message: String,
    recorded: RecordedLayer,
    mode: u32,
    owner: Arc<Owner>,
    mtime: u64,
}

impl Member {
    fn of(
        self,
        size: u64,
        content: Content,
        paths: Vec<String>,
    ) -> Result<StreamedLayer, StreamError> {
        let recorded = self.recorded;
        let shown = shown(self.number, &paths);
        if size != recorded.size {
            return Err(StreamError::Resized {
                layer: shown,
                recorded: recorded.size,
                found: size,
            });
        }
        let name = format!("{}/layer.tar", recorded.diff_id.hex());
        Ok(StreamedLayer {
            part: Part {
                message: Some(self.message),
                entry: Entry {
                    name: name.clone().into_bytes(),
                    kind: Kind::Regular { size, content },
                    mode: self.mode,
                    owner: self.owner,
                    mtime: self.mtime,
                    xattrs: Vec::new(),
                },
                recorded: Some(RecordedDiffId {
                    layer: shown,
                    diff_id: recorded.diff_id,
                }),
            },
            name,
            diff_id: recorded.diff_id,
            paths,
        })
    }
}

/// What messages call the layer of `paths`.
fn shown(number: usize, paths: &[String]) -> String {
    match paths {
        [] => format!("layer {number}"),
        [path] => format!("layer {number}, of `{path}`,"),
        [path, others @ ..] => {
            let others = text::count(others.len(), "other store path");
            format!("layer {number}, of `{path}` and {others},")
        }
    }
}

fn image_config(
    description: &Description,
    created: &Time,
    layers: &[StreamedLayer],
) -> Result<String, StreamError> {
    let created = created.to_string();
    let diff_ids: Vec<String> = layers
        .iter()
        .map(|layer| layer.diff_id.to_string())
        .collect();
    let history: Vec<Value> = layers
        .iter()
        .map(|layer| {
            let paths = python::repr_list(&layer.paths);
            json!({ "created": created, "comment": format!("store paths: {paths}") })
        })
        .collect();
    Ok(python_json::print(&json!({
        "created": created,
        "architecture": description.architecture,
        "os": "linux",
        "config": container_config(description)?,
        "rootfs": { "diff_ids": diff_ids, "type": "layers" },
        "history": history,
    })))
}

/// The image's `config`, with the base image's variables before its own. Of variables with equal
/// names the first one's place and the last one's value stay.
fn container_config(description: &Description) -> Result<Value, StreamError> {
    if description.from_image.is_none() {
        return Ok(description.config.clone());
    }
    let mut config = match &description.config {
        Value::Null => Map::new(),
        Value::Object(config) => config.clone(),
        other => {
            return Err(StreamError::Config {
                found: other.clone(),
            });
        }
    };
    let own = match engines::config::env(&config) {
        None | Some(Value::Null) => Vec::new(),
        Some(env) => serde_json::from_value(env.clone())
            .map_err(|_| StreamError::Env { found: env.clone() })?,
    };
    // By name; a variable that is there again stays in its place.
    let mut env = Map::new();
    for variable in description.builder.base_env.iter().cloned().chain(own) {
        let name = variable.split('=').next().unwrap_or_default().to_owned();
        env.insert(name, variable.into());
    }
    if !env.is_empty() {
        engines::config::set_env(&mut config, env.into_values().collect());
    }
    Ok(Value::Object(config))
}

impl Streamed {
    /// The size of the archive in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        (self.unpadded_size() + 2 * header::BLOCK).next_multiple_of(header::RECORD)
    }

    fn unpadded_size(&self) -> u64 {
        let parts = self.layers.iter().chain(&self.documents);
        parts.map(|part| Dialect::Pax.entry_size(&part.entry)).sum()
    }

    /// Writes the archive to `out`, and hands `say` a line about each step. Beside it the layers are
    /// hashed; config and manifest follow only when all are what was recorded, so that a wrong
    /// image never is a whole one.
    ///
    /// # Errors
    /// When content cannot be read or is not what was recorded, or `out` fails.
    pub fn write(&self, out: &mut Out<'_>, mut say: impl FnMut(&str)) -> Result<(), StreamError> {
        let gave_up = AtomicBool::new(false);
        thread::scope(|scope| {
            let verified = thread::Builder::new()
                .name("verify".to_owned())
                .spawn_scoped(scope, || self.verify(&gave_up))
                .map_err(StreamError::Thread)?;
            let written = write_parts(&self.layers, out, &mut say);
            gave_up.store(written.is_err(), Ordering::Relaxed);
            let verified = verified
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            written.and(verified)
        })?;
        write_parts(&self.documents, out, &mut say)?;
        let padding = self.size() - self.unpadded_size();
        write::write_zeros(out, padding).map_err(StreamError::Content)
    }

    /// Hashes all layers whose DiffID was recorded, until `gave_up`.
    fn verify(&self, gave_up: &AtomicBool) -> Result<(), StreamError> {
        parallel::try_map(self.layers.par_iter(), |layer| {
            if gave_up.load(Ordering::Relaxed) {
                return Ok(());
            }
            layer.verify()
        })
        .map(drop)
    }
}

fn write_parts(
    parts: &[Part],
    out: &mut Out<'_>,
    say: &mut impl FnMut(&str),
) -> Result<(), StreamError> {
    for part in parts {
        if let Some(message) = &part.message {
            say(message);
        }
        write::write_entry(Dialect::Pax, &part.entry, out).map_err(StreamError::Content)?;
    }
    Ok(())
}

impl Part {
    /// Compares the DiffID of the content with the recorded one.
    fn verify(&self) -> Result<(), StreamError> {
        let Some(recorded) = &self.recorded else {
            return Ok(());
        };
        let mut hash = HashWriter::new();
        write::write_entry_content(&self.entry, &mut hash).map_err(StreamError::Content)?;
        let found = hash.into_diff_id();
        if found == recorded.diff_id {
            return Ok(());
        }
        Err(StreamError::Changed {
            layer: recorded.layer.clone(),
            recorded: recorded.diff_id,
            found,
        })
    }
}
