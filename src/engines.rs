//! What container engines take, as one set of rules about what users write into an image: names and
//! tags, times, processors, the config, the number of layers. Each rule says who refuses what breaks
//! it. Builds and `builder verify` ask the same rules; `tests/engines` asks the engines themselves.

pub mod config;
pub mod created;
pub mod document;
pub mod layers;
pub mod platform;
pub mod reference;
pub mod values;

use std::fmt;
use std::path::Path;

use serde::Serialize;
use serde_json::Value;
use thiserror::Error;

use crate::console::progress::Progress;
use crate::console::warnings::Warnings;
use crate::oci::platform::Platform;

/// A program that takes images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    Docker,
    Podman,
    Containerd,
    Skopeo,
    Crane,
}

/// An engine that refuses something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Refusal {
    pub engine: Engine,
    /// The first version that is known to refuse it; none if all do.
    pub since: Option<&'static str>,
    /// The first version that is known to take it; none if there is none yet.
    pub until: Option<&'static str>,
}

/// A rule that an image breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Objection {
    /// A word for programs, which stays the same.
    pub kind: &'static str,
    /// What it is about, the value, and the way out, as a sentence without an end; who refuses it
    /// follows.
    pub text: String,
    /// In the order of [`Engine`]. None of them refuses what is only read otherwise than it was meant.
    pub refused_by: &'static [Refusal],
}

/// `engine` refuses it in every version.
const fn always(engine: Engine) -> Refusal {
    Refusal {
        engine,
        since: None,
        until: None,
    }
}

/// `engine` refuses it up to `version`, which is the first that is known to take it.
const fn before(engine: Engine, version: &'static str) -> Refusal {
    Refusal {
        engine,
        since: None,
        until: Some(version),
    }
}

/// `engine` refuses it from `version` on, which is the first that is known to refuse it.
const fn since(engine: Engine, version: &'static str) -> Refusal {
    Refusal {
        engine,
        since: Some(version),
        until: None,
    }
}

/// All of them, in every version.
pub const ALL: &[Refusal] = &[
    always(Engine::Docker),
    always(Engine::Podman),
    always(Engine::Containerd),
    always(Engine::Skopeo),
    always(Engine::Crane),
];

/// Those that run containers. What all of these refuse is of no use to anybody.
const RUNNERS: [Engine; 3] = [Engine::Docker, Engine::Podman, Engine::Containerd];

impl Engine {
    /// What people call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Docker => "Docker",
            Self::Podman => "podman",
            Self::Containerd => "containerd",
            Self::Skopeo => "skopeo",
            Self::Crane => "crane",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.engine.name())?;
        if let Some(since) = self.since {
            write!(f, " since {since}")?;
        }
        if let Some(until) = self.until {
            write!(f, " before {until}")?;
        }
        Ok(())
    }
}

impl Objection {
    /// Whether no engine that runs containers takes the image.
    #[must_use]
    pub fn is_refused_by_all(&self) -> bool {
        RUNNERS.iter().all(|runner| {
            let always = |refusal: &Refusal| refusal.since.is_none() && refusal.until.is_none();
            self.refused_by
                .iter()
                .any(|refusal| refusal.engine == *runner && always(refusal))
        })
    }

    /// Whether an engine of today refuses the image. crane, which only copies images, does not count by
    /// itself.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        let mut refusals = self.refused_by.iter();
        refusals.any(|refusal| refusal.until.is_none() && refusal.engine != Engine::Crane)
    }
}

/// The end of a sentence about an image that is `refused_by` engines.
#[must_use]
pub fn refusing(refused_by: &[Refusal]) -> String {
    match refused_by {
        [] => String::new(),
        refused_by if refused_by == ALL => "; no engine takes the image".to_owned(),
        [one] => format!("; {one} refuses the image"),
        [first @ .., last] => {
            let first: Vec<String> = first.iter().map(Refusal::to_string).collect();
            format!("; {} and {last} refuse the image", first.join(", "))
        }
    }
}

impl fmt::Display for Objection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.text, refusing(self.refused_by))
    }
}

impl std::error::Error for Objection {}

/// What users say of an image.
#[derive(Debug)]
pub struct Claims<'a> {
    /// With the registry, in lower case.
    pub name: &'a str,
    pub tag: Option<&'a str>,
    pub config: &'a Value,
    pub platform: Option<&'a Platform>,
}

/// Checks what users say of an image.
#[must_use]
pub fn check(said: &Claims<'_>) -> Vec<Objection> {
    let name = reference::check_name("`name`", said.name);
    let tag = said.tag.and_then(|tag| reference::check_tag("`tag`", tag));
    let config = config::check(said.config);
    let platform = said.platform.map(platform::check).unwrap_or_default();
    let names = name.into_iter().chain(tag);
    names.chain(config).chain(platform).collect()
}

/// Checks what an image is built on: a base in `path`, for the platform `base`. The image is for
/// `built`.
#[must_use]
pub fn check_base(
    path: &Path,
    base: Option<&Platform>,
    built: Option<&Platform>,
) -> Option<Objection> {
    platform::check_base(&path.display().to_string(), base?, built?)
}

/// An image that no engine would take is not built.
#[derive(Debug, Error)]
#[error("cannot build image `{image}`")]
pub struct Refused {
    image: String,
    source: Objection,
}

/// What objections are called where they are counted.
const WARNED_OF: &str = "warnings about what engines take";

/// Decides what becomes of `image`, which is being built: an error if no engine takes it, and a
/// warning for everything else, which is added to `warnings`.
///
/// # Errors
/// The first objection that all engines share.
pub fn judge(
    image: &str,
    objections: impl IntoIterator<Item = Objection>,
    warnings: &mut Warnings,
) -> Result<(), Refused> {
    let mut refused = Ok(());
    for objection in objections {
        if !objection.is_refused_by_all() {
            warnings.add(WARNED_OF, || objection.to_string());
        } else if refused.is_ok() {
            refused = Err(Refused {
                image: image.to_owned(),
                source: objection,
            });
        }
    }
    refused
}

/// The same, and tells the warnings.
///
/// # Errors
/// The first objection that all engines share.
pub fn judge_and_warn(
    image: &str,
    objections: impl IntoIterator<Item = Objection>,
    progress: Progress,
) -> Result<(), Refused> {
    let mut warnings = Warnings::default();
    let judged = judge(image, objections, &mut warnings);
    warnings.tell(progress);
    judged
}

/// How long a value may be in a message, in characters.
const MAX_VALUE: usize = 80;

/// `value` as JSON in a message, cut if it is long.
fn shown(value: &Value) -> String {
    cut(&value.to_string())
}

/// `text` on one line, cut if it is long.
fn cut(text: &str) -> String {
    let mut shown = String::new();
    for letter in text.chars().take(MAX_VALUE) {
        if letter.is_control() {
            shown.extend(letter.escape_default());
        } else {
            shown.push(letter);
        }
    }
    if text.chars().nth(MAX_VALUE).is_some() {
        shown += "...";
    }
    shown
}
