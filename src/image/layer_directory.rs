//! The directory that a layer's derivation makes: `layer.tar`, `json` and `VERSION`.

use std::path::{Path, PathBuf};

use crate::build::context::Context;
use crate::build::output::{self, OutputError};
use crate::console::text;
use crate::image::config::BaseJson;
use crate::tar::plan::TarPlan;
use crate::tar::tarsum;

/// The version of the legacy layer format; without a newline.
pub const VERSION: &str = "1.0";

/// What nixpkgs' `chmod ug+w` adds to the mode of a layer's root.
pub(crate) const ROOT_WRITABLE: u32 = 0o220;

/// What is said before `items` are merged.
pub(crate) fn merging(items: &[PathBuf]) -> String {
    match items.len() {
        0 => "nothing to copy to the root of the layer".to_owned(),
        1 => format!("copying `{}` to the root of the layer", items[0].display()),
        count => format!("merging {count} items into the root of the layer"),
    }
}

/// What is said before `plan` is written.
pub(crate) fn packing(plan: &TarPlan) -> String {
    let files = text::count(plan.entries.len(), "file");
    format!("packing {} in {files}", text::size(plan.size()))
}

/// Writes `layer.tar`, `json` and `VERSION` to the directory `out`.
pub(crate) fn write(
    plan: &TarPlan,
    base_json: BaseJson,
    out: &Path,
    context: &Context,
) -> Result<(), OutputError> {
    output::files(out, &context.build_directory, |files| {
        let tar = out.join("layer.tar");
        // The TarSum hashes file by file and so in parallel, beside the writing. What is read
        // twice comes out of the page cache the second time.
        let (written, tarsum) = rayon::join(
            || files.tar("layer.tar", plan, context.progress),
            || tarsum::of_plan(plan).map_err(|error| OutputError::of_write(error, &tar)),
        );
        written?;
        let json = base_json.layer_json(&tarsum?);
        files.bytes("json", json.as_bytes())?;
        files.bytes("VERSION", VERSION.as_bytes())?;
        Ok(())
    })
}
