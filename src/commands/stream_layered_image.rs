//! Writes a streamed image, as the program does that `streamLayeredImage` makes.

use std::fs::File;
use std::io;
use std::path::Path;

use nix::fcntl::{FcntlArg, fcntl};
use thiserror::Error;

use crate::build::context::Context;
use crate::console::progress::Progress;
use crate::image::streamed;
use crate::image::streamed::error::StreamError;
use crate::request::time::Time;
use crate::tar::write::{Out, WriteError};

/// The size of the pipe to the reader of a stream, in bytes; more than this only root may ask for.
const PIPE: i32 = 1 << 20;

/// A streamed image could not be written.
#[derive(Debug, Error)]
pub enum StreamLayeredImageError {
    #[error("cannot write to the standard output")]
    Stdout(#[source] io::Error),
    #[error(transparent)]
    Stream(StreamError),
}

/// Writes the image that the description `conf` describes to `out`, with nixpkgs' lines about it on the console.
/// `repo_tag` takes the place of the name and tag in the description.
///
/// # Errors
/// When an input cannot be read, a store path has changed, or `out` fails.
pub fn write(
    conf: &Path,
    repo_tag: Option<&str>,
    now: Time,
    mut out: File,
    context: &Context,
) -> Result<(), StreamLayeredImageError> {
    let description = streamed::read(conf).map_err(StreamLayeredImageError::Stream)?;
    let progress = context.progress;
    if description.from_image.is_none() {
        progress.line("No 'fromImage' provided");
    }
    let image = streamed::plan(&description, repo_tag, now, context);
    let image = image.map_err(StreamLayeredImageError::Stream)?;
    // A larger pipe means fewer changes between writer and reader. It is no harm if it stays small.
    let _ = fcntl(&out, FcntlArg::F_SETPIPE_SZ(PIPE));
    let bar = progress.bar(image.size());
    let say = |line: &str| bar.line(progress, line);
    let written = if progress == Progress::Plain {
        image.write(&mut Out::Descriptor(&out), say)
    } else {
        // Only what passes through us can move the bar.
        image.write(&mut Out::Writer(&mut bar.watch(&mut out)), say)
    };
    bar.finish();
    written.map_err(|error| match error {
        StreamError::Content(WriteError::Write(source)) => StreamLayeredImageError::Stdout(source),
        other => StreamLayeredImageError::Stream(other),
    })?;
    progress.line("Done.");
    Ok(())
}
