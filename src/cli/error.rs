//! All that may go wrong, and which exit status it has.

use std::error::Error as _;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;

use thiserror::Error;

use crate::build::script::ScriptError;
use crate::commands::base_json::CreatedNowError;
use crate::commands::build_image::ImageError;
use crate::commands::build_layer::BuildLayerError;
use crate::commands::convert::ConvertError;
use crate::commands::customisation_layer::CustomisationError;
use crate::commands::describe_layers::DescriptionError;
use crate::commands::export_image::ExportError;
use crate::commands::inspect::InspectError;
use crate::commands::merge_derivations::error::MergeDerivationsError;
use crate::commands::merge_images::MergeImagesError;
use crate::commands::pull_image::PullError;
use crate::commands::pure_layer::LayerError;
use crate::commands::registration::RegistrationError;
use crate::commands::root_layer::RootLayerError;
use crate::commands::run_with_overlay::RunWithOverlayError;
use crate::commands::stream_layered_image::StreamLayeredImageError;
use crate::commands::tarsum::PrintTarSumError;
use crate::foreign::inventory::InventoryError;
use crate::image::layout::error::LayoutError;
use crate::image::streamed::error::StreamError;
use crate::request::attrs::AttrsError;
use crate::vm::guest::GuestError;
use crate::vm::host::HostError;
use crate::vm::namespaces::NamespaceError;
use crate::vm::overlay::OverlayError;

/// A subcommand failed.
#[derive(Debug, Error)]
pub(super) enum CliError {
    #[error(
        "cannot find out what to build: there is no {}; `builder {command}` is run by a derivation with structured attributes",
        places(searched)
    )]
    NoAttrs {
        command: &'static str,
        searched: Vec<PathBuf>,
    },
    #[error("environment variable `{name}` is `{}`; it has to be a whole number from 0 to {max}", value.display())]
    Number {
        name: &'static str,
        value: OsString,
        max: u64,
    },
    // Not the source, because it prints its own source as if it were its text.
    #[error("cannot start {threads} threads: {error}; build with fewer cores (`--cores`)")]
    Threads {
        threads: usize,
        error: rayon::ThreadPoolBuildError,
    },
    #[error("cannot block signal SIGXFSZ")]
    Signals(#[source] io::Error),
    #[error("cannot find out the working directory")]
    WorkingDirectory(#[source] io::Error),
    #[error(transparent)]
    CreatedNow(#[from] CreatedNowError),
    #[error(transparent)]
    Attrs(#[from] AttrsError),
    #[error(transparent)]
    Layer(#[from] LayerError),
    #[error(transparent)]
    Image(#[from] ImageError),
    #[error(transparent)]
    Merge(#[from] MergeImagesError),
    #[error(transparent)]
    MergeDerivations(#[from] MergeDerivationsError),
    #[error(transparent)]
    Pull(#[from] PullError),
    #[error(transparent)]
    Export(#[from] ExportError),
    #[error(transparent)]
    Customisation(#[from] CustomisationError),
    #[error(transparent)]
    Description(#[from] DescriptionError),
    #[error(transparent)]
    LayeredImage(#[from] StreamError),
    #[error(transparent)]
    Stream(#[from] StreamLayeredImageError),
    #[error(transparent)]
    BuildLayer(#[from] BuildLayerError),
    #[error(transparent)]
    Layout(#[from] LayoutError),
    #[error(transparent)]
    Convert(#[from] ConvertError),
    #[error(transparent)]
    RootLayer(#[from] RootLayerError),
    #[error(transparent)]
    RunWithOverlay(#[from] RunWithOverlayError),
    #[error(transparent)]
    Overlay(#[from] OverlayError),
    #[error(transparent)]
    AsRoot(#[from] NamespaceError),
    #[error(transparent)]
    Guest(#[from] GuestError),
    #[error(transparent)]
    Host(#[from] HostError),
    #[error(
        "the virtual machine ran out of memory; raise `buildVMMemorySize` from {memory_size} MiB"
    )]
    OutOfMemory {
        memory_size: u64,
        source: Option<Box<CliError>>,
    },
    #[error("cannot find out which program this is")]
    CurrentExe(#[source] io::Error),
    #[error(
        "an image is no text for a terminal; write it to a file or a pipe, for example with `| docker load`"
    )]
    Terminal,
    #[error("cannot write to the standard output")]
    Stdout(#[source] io::Error),
    #[error(transparent)]
    TarSum(#[from] PrintTarSumError),
    #[error(transparent)]
    Inventory(#[from] InventoryError),
    #[error(transparent)]
    Inspect(#[from] InspectError),
    #[error("cannot write man pages to `{}`", path.display())]
    Man { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Registration(#[from] RegistrationError),
    #[error("cannot use `--limit`")]
    Limit(#[source] serde_json::Error),
}

fn places(searched: &[PathBuf]) -> String {
    let places: Vec<_> = searched
        .iter()
        .map(|path| format!("`{}`", path.display()))
        .collect();
    places.join(" and no ")
}

impl CliError {
    /// 1, or the status that a user's script ended with; 2 where 1 has a meaning of its own.
    #[must_use]
    pub(super) fn exit_code(&self) -> u8 {
        if let Self::Inventory(_) | Self::Inspect(InspectError::Inventory(_)) | Self::Limit(_) =
            self
        {
            return 2;
        }
        if let Self::Host(error) = self {
            return error.exit_code();
        }
        match self.script() {
            Some(ScriptError::Failed { status, .. }) => u8::try_from(*status).unwrap_or(1),
            _ => 1,
        }
    }

    /// The failure of a user's script, if it was one.
    fn script(&self) -> Option<&ScriptError> {
        match self {
            Self::Layer(LayerError::Script(script))
            | Self::Customisation(CustomisationError::Script(script)) => Some(script),
            Self::RootLayer(error) => error.script(),
            Self::RunWithOverlay(error) => error.script(),
            Self::OutOfMemory { source, .. } => source.as_ref()?.script(),
            _ => None,
        }
    }

    /// Whether there is nothing to say: the reader of a stream went away, or the virtual machine has
    /// said it.
    #[must_use]
    pub(super) fn is_quiet(&self) -> bool {
        match self {
            Self::Stdout(error) | Self::Stream(StreamLayeredImageError::Stdout(error)) => {
                error.kind() == io::ErrorKind::BrokenPipe
            }
            Self::Host(error) => error.is_told(),
            _ => false,
        }
    }
}

pub(crate) fn report(error: &CliError) {
    if error.is_quiet() {
        return;
    }
    let mut text = format!("error: {error}\n");
    let mut cause = error.source();
    while let Some(error) = cause {
        text += &format!("  caused by: {error}\n");
        cause = error.source();
    }
    // Where words cannot go, the exit code has to do.
    let _ = io::stderr().write_all(text.as_bytes());
}
