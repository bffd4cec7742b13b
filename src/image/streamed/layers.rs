//! The layers of a streamed image as members of its archive.

use std::sync::Arc;

use rayon::prelude::*;

use crate::build::context::Context;
use crate::bytes::digest::DiffId;
use crate::bytes::parallel;
use crate::bytes::source::Range;
use crate::closure::store_layer;
use crate::console::progress::Progress;
use crate::console::text;
use crate::console::warnings::Warnings;
use crate::foreign::archive::{ArchiveFile, index};
use crate::foreign::base;
use crate::image::description::{self, Description, LAYER, RecordedLayer, Unpacked};
use crate::image::docker_archive::{self};
use crate::image::ready_layer::ReadyLayer;
use crate::image::streamed::MEMBER_MODE;
use crate::image::streamed::error::StreamError;
use crate::image::streamed::part::{About, Part, RecordedDiffId};
use crate::imitate::python;
use crate::request::store_path::StorePath;
use crate::tar::owner::Owner;
use crate::tar::plan::{Content, Entry, Kind, TarPlan};
use crate::tar::write::WriteError;

/// The mode of the customisation layer's member, which nixpkgs takes from the store's file.
const CUSTOMISATION_MODE: u32 = 0o444;

/// A layer, and what config and manifest say of it.
pub(crate) struct StreamedLayer {
    pub(crate) name: String,
    pub(crate) diff_id: DiffId,
    /// What the history calls the layer's store paths.
    pub(crate) paths: Vec<String>,
    pub(crate) part: Part,
}

impl StreamedLayer {
    /// What messages call a layer of which a DiffID was recorded; none for those of the base.
    pub(crate) fn shown(&self) -> Option<&str> {
        let recorded = self.part.about.recorded.as_ref();
        recorded.map(|recorded| recorded.layer.as_str())
    }
}

pub(crate) fn base_layers(
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
    docker_archive::spool(&mut archive, is_in_order, &context.temporary_directory)?;
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
                entry,
                about: About {
                    message: Some(format!(
                        "Adding base layer {} from {}",
                        index + 1,
                        layer.name
                    )),
                    // A base layer may be compressed, so its bytes need not have its DiffID.
                    recorded: None,
                },
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

pub(crate) fn store_layers(
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

/// The layers that were made on their own. The archive's member has the image's time, and what is in it its own.
pub(crate) fn ready_layers(
    description: &Description,
    mtime: u64,
    below: usize,
    progress: Progress,
) -> Result<Vec<StreamedLayer>, StreamError> {
    let ready = description.builder.ready_layers.iter().enumerate();
    let layers = ready.map(|(index, ready)| {
        let recipe = ReadyLayer::read(&ready.path)?.recipe;
        let mut warnings = Warnings::default();
        let plan = recipe.plan(&mut warnings);
        warnings.tell(progress);
        let plan = plan?;
        let number = below + index + 1;
        // Not what lies at its root: that has a name which says nothing of what is in it.
        let paths = recipe.store_paths.iter().map(StorePath::as_path);
        let paths: Vec<String> = paths.map(|path| path.display().to_string()).collect();
        let list = python::repr_list(&paths);
        let member = Member {
            number,
            message: format!("Creating layer {number} from paths: {list}"),
            recorded: RecordedLayer {
                diff_id: ready.diff_id,
                size: ready.size,
            },
            mode: MEMBER_MODE,
            owner: Arc::new(Owner::numeric(0, 0)),
            mtime,
        };
        member.of(plan.size(), Content::Tar(Arc::new(plan)), paths)
    });
    layers.collect()
}

pub(crate) fn customisation_layer(
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
    let range = Range::of_file(&path).map_err(read)?;
    let number = below + 1;
    let member = Member {
        number,
        message: format!("Creating layer {number} with customisation..."),
        recorded: description.builder.customisation_layer.clone(),
        mode: CUSTOMISATION_MODE,
        owner: Arc::new(Owner::root()),
        mtime,
    };
    let paths = vec![directory.display().to_string()];
    member.of(range.size, Content::Range(range), paths)
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
                about: About {
                    message: Some(self.message),
                    recorded: Some(RecordedDiffId {
                        layer: shown,
                        diff_id: recorded.diff_id,
                    }),
                },
                entry: Entry {
                    name: name.clone().into_bytes(),
                    kind: Kind::Regular { size, content },
                    mode: self.mode,
                    owner: self.owner,
                    mtime: self.mtime,
                    xattrs: Vec::new(),
                },
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
