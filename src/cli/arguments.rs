//! The command line: its subcommands and what they take.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use serde_json::Value;

use crate::bytes::compression::Compressor;
use crate::cli::error::CliError;
use crate::commands::convert::Conversion;
use crate::image::layout::output::Form;
use crate::image::parts::Packing;
use crate::oci::platform::Platform;
use crate::request::limits::Limits;

/// Turns Nix closures into container images.
///
/// Nix derivations run most subcommands as their builder. These take no arguments: what to build
/// stands in the derivation's structured attributes, `.attrs.json`, and the output goes where these
/// say. See docs/format.md for the bytes.
#[derive(Debug, Parser)]
#[command(version, name = "builder", max_term_width = 100)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Clone, Subcommand)]
pub(super) enum Command {
    /// Make a layer without root's rights (mkPureLayer): layer.tar, json and VERSION
    PureLayer,
    /// Make an image archive that Docker loads (buildImage)
    Image,
    /// Join several image archives in one (mergeImages)
    Merge,
    /// Merge directories and unpacked tar archives in one directory (mergeDrvs)
    MergeDerivations,
    /// Pull an image from a registry into an archive (pullImage)
    Pull,
    /// Make one flat tar of the files of an image (exportImage)
    Export,
    /// Make an image's JSON with the time of the build in it (created = "now")
    BaseJson,
    /// Make the customisation layer of a streamed image: layer.tar and checksum
    CustomisationLayer,
    /// Describe a streamed image: its layers with DiffIDs and sizes (streamLayeredImage)
    Description,
    /// Make a layered image archive from a description (buildLayeredImage)
    LayeredImage,
    /// Write the image of a description to standard output
    Stream {
        /// What `builder description` made
        conf: PathBuf,
        /// The name and tag of the image, instead of those in the description
        #[arg(long = "repo_tag", short = 't', value_name = "NAME:TAG")]
        repo_tag: Option<String>,
    },
    /// Make a layer that any number of images may have (buildLayer): layer.json, and the packed blob
    BuildLayer,
    /// Write an image as an OCI layout, with packed layers (ociLayout)
    OciLayout,
    /// Join images for several platforms in one index (imageIndex)
    ImageIndex,
    /// Make a layer as root, in a virtual machine (mkRootLayer): layer.tar, json and VERSION
    RootLayer,
    /// Run hooks as root before and after an image is mounted, in a virtual machine (runWithOverlay)
    RunWithOverlay,
    /// Mount image and layer for the next hook of `run-with-overlay`
    #[command(hide = true)]
    OverlayMount,
    /// Unmount them again, and write the whiteouts of the layer
    #[command(hide = true)]
    OverlayUnmount,
    /// Run a script as process 1 of its namespaces, with another root
    #[command(hide = true)]
    RootScript { root: PathBuf, script: PathBuf },
    /// Make what a Nix database loads, without the file of an image's configuration (includeNixDB)
    Registration,
    /// Run a virtual machine, and say in words why it failed
    WatchVm {
        /// How long the machine may take to boot
        #[arg(long, value_name = "SECONDS", default_value_t = 600,
            value_parser = parse_boot)]
        boot: u64,
        /// The program that runs the machine
        program: OsString,
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Show what is in an image: its config, its layers and the store paths in them
    Inspect {
        /// An image archive, plain or packed with gzip, xz, bzip2 or zstd, or the directory of an OCI layout;
        /// `-` for an archive on standard input
        image: PathBuf,
        /// Show only this one of several images
        #[arg(long = "image", value_name = "NAME:TAG")]
        reference: Option<String>,
        /// Print JSON instead of text
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        limits: LimitArguments,
    },
    /// Check an image: every digest, size, DiffID and reference in it
    ///
    /// Says all that is wrong. The exit status is 0 if nothing is, 1 if something is, 2 if the image
    /// cannot be read.
    Verify {
        /// An image archive, plain or packed with gzip, xz, bzip2 or zstd, or the directory of an OCI layout;
        /// `-` for an archive on standard input
        image: PathBuf,
        /// Print JSON instead of text
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        limits: LimitArguments,
    },
    /// Write an image in another form: as an OCI layout, as an archive, or for one platform
    ///
    /// Layers that are packed with gzip or zstd keep their bytes unless `--compressor` says otherwise; others are packed
    /// with gzip.
    Convert(ConvertArguments),
    /// Print completions of this command line for a shell
    #[command(hide = true)]
    Completions { shell: Shell },
    /// Write the man pages, of this program and of each subcommand, to a directory
    #[command(hide = true)]
    Man { directory: PathBuf },
    /// Print the TarSum (tarsum.v1+sha256) of the tar on standard input
    Tarsum,
}

/// What `convert` takes.
#[derive(Debug, Clone, Args)]
pub(super) struct ConvertArguments {
    /// An image archive, the directory of an OCI layout, or what `streamLayeredImage` made
    image: PathBuf,
    /// What to write: a file if the name ends in `.tar`, else a directory. It must not exist
    out: PathBuf,
    /// What to write, whatever its name
    #[arg(long, value_name = "FORM")]
    to: Option<FormArgument>,
    /// How to pack the layers: with gzip, with zstd or not at all. Those of a docker archive that are packed stay
    /// as they are
    #[arg(long)]
    compressor: Option<CompressorArgument>,
    /// Take only this one of several images
    #[arg(long = "image", value_name = "NAME:TAG")]
    reference: Option<String>,
    /// Take only the image for this platform, such as `linux/arm64`
    #[arg(long, value_name = "OS/ARCHITECTURE[/VARIANT]", value_parser = parse_platform)]
    platform: Option<Platform>,
    #[command(flatten)]
    limits: LimitArguments,
}

impl ConvertArguments {
    pub(super) fn conversion(&self) -> Result<Conversion<'_>, CliError> {
        let form = self.to.unwrap_or_else(|| FormArgument::of_name(&self.out));
        Ok(Conversion {
            image: &self.image,
            out: &self.out,
            form: form.form(),
            packing: Packing::of(self.compressor.map(CompressorArgument::compressor)),
            reference: self.reference.as_deref(),
            platform: self.platform.as_ref(),
            limits: self.limits.limits()?,
        })
    }
}

/// What `convert` writes.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum FormArgument {
    /// An OCI layout in a directory
    Layout,
    /// One tar, an OCI layout and a docker archive at once
    Archive,
}

impl FormArgument {
    /// What `out` is by its name.
    fn of_name(out: &Path) -> Self {
        match out.extension() {
            Some(extension) if extension == "tar" => Self::Archive,
            _ => Self::Layout,
        }
    }

    fn form(self) -> Form {
        match self {
            Self::Layout => Form::Directory,
            Self::Archive => Form::Archive,
        }
    }
}

/// How `convert` packs layers.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum CompressorArgument {
    Gz,
    Zstd,
    None,
}

impl CompressorArgument {
    fn compressor(self) -> Compressor {
        match self {
            Self::Gz => Compressor::Gzip,
            Self::Zstd => Compressor::Zstd,
            Self::None => Compressor::None,
        }
    }
}

fn parse_platform(text: &str) -> Result<Platform, String> {
    let parts: Vec<&str> = text.split('/').collect();
    match parts.as_slice() {
        [os, architecture, variant @ ..]
            if variant.len() <= 1 && parts.iter().all(|part| !part.is_empty()) =>
        {
            Ok(Platform {
                os: (*os).to_owned(),
                architecture: (*architecture).to_owned(),
                variant: variant.first().map(|variant| (*variant).to_owned()),
            })
        }
        _ => Err("it has to be OS/ARCHITECTURE or OS/ARCHITECTURE/VARIANT".to_owned()),
    }
}

/// How long a machine may be told to boot, in seconds: a week. Clocks run out at some number.
const MAX_BOOT: u64 = 7 * 24 * 60 * 60;

/// What an image may ask for.
#[derive(Debug, Clone, Args)]
pub(super) struct LimitArguments {
    /// Raise a limit, by the name that a message gives, for example `maxRatio=2000`
    #[arg(long = "limit", value_name = "NAME=NUMBER", value_parser = parse_limit)]
    limits: Vec<(String, u64)>,
}

impl LimitArguments {
    pub(super) fn limits(&self) -> Result<Limits, CliError> {
        let limits = self.limits.iter().cloned();
        let limits = limits.map(|(name, number)| (name, number.into())).collect();
        serde_json::from_value(Value::Object(limits)).map_err(CliError::Limit)
    }
}

fn parse_boot(text: &str) -> Result<u64, String> {
    let seconds = text.parse().ok();
    seconds
        .filter(|seconds| (1..=MAX_BOOT).contains(seconds))
        .ok_or_else(|| format!("it has to be a whole number of seconds from 1 to {MAX_BOOT}"))
}

fn parse_limit(text: &str) -> Result<(String, u64), String> {
    let (name, number) = text.split_once('=').ok_or("it has to be NAME=NUMBER")?;
    let number = number
        .parse()
        .map_err(|_| format!("it has no whole number from 0 to {}", u64::MAX))?;
    Ok((name.to_owned(), number))
}

/// The command line without what only `builder` runs; completions would offer it otherwise.
pub(crate) fn public_command() -> clap::Command {
    let whole = Arguments::command();
    let subcommands = whole
        .get_subcommands()
        .filter(|command| !command.is_hide_set());
    clap::Command::new("builder")
        .version(env!("CARGO_PKG_VERSION"))
        .subcommands(subcommands.cloned())
}
