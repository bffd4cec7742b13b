//! Writes a streamed image from its description, to stdout or into a file, in one forward pass.
//! Beside it, every layer is compared with what the description recorded.

pub mod error;
pub mod part;
pub mod config;
pub mod layers;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, ScopedJoinHandle};

use rayon::prelude::*;
use serde_json::json;

use crate::build::context::Context;
use crate::bytes::digest::Sha256;
use crate::bytes::parallel;
use crate::engines;
use crate::image::description::{Description, NOW};
use crate::image::docker_manifest::{self, KeyOrder};
use crate::image::streamed::config::image_config;
use crate::image::streamed::error::StreamError;
use crate::image::streamed::layers::{
    StreamedLayer, base_layers, customisation_layer, ready_layers, store_layers,
};
use crate::image::streamed::part::{About, Part};
use crate::imitate::python_json;
use crate::request::time::{Time, TimeError};
use crate::tar::owner::Owner;
use crate::tar::plan::{Dialect, Entry, TarPlan};
use crate::tar::write::{self, Out};

/// The mode of the archive's members.
const MEMBER_MODE: u32 = 0o644;

/// Everything of an image, ready to be written.
#[derive(Debug)]
pub struct Streamed {
    /// The layers, and behind them config and manifest.
    plan: TarPlan,
    /// What belongs to each entry of the plan, in its order.
    about: Vec<About>,
    /// How many of the entries are layers.
    layers: usize,
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
    let mtime = resolve("mtime", &description.mtime, now)?.seconds();
    let (layers, config) = layers_and_config(description, now, context)?;
    let config = config.into_bytes();
    let config_name = format!("{}.json", Sha256::of(&config).hex());
    let name = repo_tag.unwrap_or(&description.repo_tag);
    let names = layers.iter().map(|layer| &layer.name);
    let entry = docker_manifest::entry(KeyOrder::ConfigFirst, &config_name, [name], names);
    let manifest = python_json::print(&json!([entry])).into_bytes();

    let nobody = Arc::new(Owner::numeric(0, 0));
    let document = |name: &str, bytes, message: Option<&str>| Part {
        entry: Entry::inline(name, bytes, MEMBER_MODE, &nobody, mtime),
        about: About {
            message: message.map(str::to_owned),
            recorded: None,
        },
    };
    let documents = [
        document(&config_name, config, Some("Adding manifests...")),
        document("manifest.json", manifest, None),
    ];
    let count = layers.len();
    let parts = layers.into_iter().map(|layer| layer.part).chain(documents);
    let (entries, about) = parts.map(|part| (part.entry, part.about)).unzip();
    Ok(Streamed {
        plan: TarPlan {
            dialect: Dialect::Pax,
            entries,
            ..TarPlan::default()
        },
        about,
        layers: count,
    })
}

/// The layers of the image of `description`, lowest first, and its config.
pub(crate) fn layers_and_config(
    description: &Description,
    now: Time,
    context: &Context,
) -> Result<(Vec<StreamedLayer>, String), StreamError> {
    let created = resolve("created", &description.created, now)?;
    let mtime = resolve("mtime", &description.mtime, now)?.seconds();
    let mut layers = base_layers(description, context)?;
    let progress = context.progress;
    layers.extend(ready_layers(description, mtime, layers.len(), progress)?);
    layers.extend(store_layers(description, mtime, layers.len(), progress)?);
    layers.push(customisation_layer(description, mtime, layers.len())?);
    let config = image_config(description, &created, &layers)?;
    Ok((layers, config))
}

fn resolve(argument: &'static str, value: &str, now: Time) -> Result<Time, TimeError> {
    if value == NOW {
        return Ok(now);
    }
    Time::parse(argument, value)
}

impl Streamed {
    /// The size of the archive in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.plan.size()
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
            let mut verified = Some(verified);
            let written = write::write_watched(&self.plan, out, StreamError::Content, |place| {
                if place == self.layers
                    && let Some(verified) = verified.take()
                {
                    joined(verified)?;
                }
                self.about[place].message.iter().for_each(|line| say(line));
                Ok(())
            });
            // Nobody waits for hashes of an image that cannot be written.
            gave_up.store(written.is_err(), Ordering::Relaxed);
            let verified = verified.map_or(Ok(()), joined);
            written.and(verified)
        })
    }

    /// Hashes all layers whose DiffID was recorded, until `gave_up`.
    fn verify(&self, gave_up: &AtomicBool) -> Result<(), StreamError> {
        let layers = self.plan.entries.par_iter().zip(&self.about);
        parallel::try_map(layers, |(entry, about)| {
            if gave_up.load(Ordering::Relaxed) {
                return Ok(());
            }
            about.verify(entry)
        })
        .map(drop)
    }
}

/// What a thread came to; its panic goes on here.
fn joined<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
