//! Builds the customisation layer of streamed and layered images: the contents joined as links,
//! and what `extraCommands` and `fakeRootCommands` made of them. The output is a directory with
//! `layer.tar` and its `checksum`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use serde::Deserialize;
use thiserror::Error;

use crate::build::context::Context;
use crate::build::fakeroot::{State, StateError};
use crate::build::output::{self, OutputError};
use crate::build::relay::Heard;
use crate::build::script::{self, Script, ScriptError};
use crate::bytes::digest::{DiffId, HashWriter};
use crate::console::text;
use crate::console::warnings::Warnings;
use crate::image::description::{CHECKSUM, LAYER};
use crate::request::attrs::{Attrs, Section};
use crate::tar::names::path_of;
use crate::tar::owner::Owner;
use crate::tar::plan::{Dialect, Entry, Kind, TarPlan};
use crate::tar::write;
use crate::tree::materialise::materialise;
use crate::tree::scan::{self, ScanError};
use crate::tree::{Directory, Node, join};

/// The root of the layer in the build directory; scripts of users may know its name.
const ROOT: &str = "old_out";

/// Where fakeroot leaves its state and the script its exit status, in the build directory.
const STATE: &str = ".fakeroot-state";
const STATUS: &str = ".fakeroot-status";

const EXTRA_COMMANDS: &str = "(cd old_out; eval \"$extraCommands\")";

/// The argument with what runs below fakeroot, for messages.
const FAKE_ROOT_ARGUMENT: &str = "`fakeRootCommands`";

/// What runs below fakeroot. Its exit status goes into a file, since proot keeps it to itself.
///
/// The daemon of fakeroot gets new owners as messages that nobody waits for, and ends without reading
/// those that are left. `test` asks it about a file: it answers once it has read all before. fakeroot
/// would have `/bin/ls` ask, which is not in the sandbox.
const AS_ROOT: &str = r#"bash -c 'bash -e -c "$asRoot"; echo $? > "$fakerootStatus"; test -d /'"#;

/// The first lines of what bash runs as root: stdenv's functions and the attributes, as in nixpkgs.
const SETUP: &str = r#"
if [ -e "$NIX_ATTRS_SH_FILE" ]; then . "$NIX_ATTRS_SH_FILE"; fi
source "$stdenv/setup"
"#;

/// The customisation layer could not be built.
#[derive(Debug, Error)]
pub enum CustomisationError {
    #[error(transparent)]
    Scan(#[from] ScanError),
    #[error(transparent)]
    Script(#[from] ScriptError),
    #[error("cannot read what {arguments} of layer `{layer}` left")]
    Left {
        arguments: &'static str,
        layer: String,
        source: ScanError,
    },
    #[error("{0} of layer `{1}` did not run to its end; the output stands above")]
    NoStatus(&'static str, String),
    #[error("cannot read `{}`", path.display())]
    Status { path: PathBuf, source: io::Error },
    #[error("cannot find out which owners `fakeRootCommands` gave")]
    State(#[from] StateError),
    #[error(transparent)]
    Output(#[from] OutputError),
}

/// Builds the layer that `attrs` describe.
///
/// # Errors
/// When an input cannot be read, a script fails or the output cannot be written.
pub fn build(
    attrs: &Attrs<CustomisationAttrs>,
    context: &Context,
) -> Result<(), CustomisationError> {
    let layer = &attrs.ours;
    let progress = context.progress;
    progress.phase(
        "join",
        &format!("joining {}", text::count(layer.contents.len(), "package")),
    );
    let mut warnings = Warnings::default();
    let joined = join::join(&layer.contents, &mut warnings);
    warnings.tell(progress);
    let mut tree = joined?;
    if layer.has_script() {
        tree = run_scripts(attrs, &tree, context)?;
    }

    warn_of_hidden_store(&tree, &layer.store_dir).tell(progress);

    let owner = Arc::new(Owner::numeric(0, 0));
    let mut plan = TarPlan::of_tree(tree, &owner, context.source_date_epoch);
    let build_directory = &context.build_directory;
    if layer.runs_as_root() {
        let state = State::read(&build_directory.join(STATE))?;
        state.apply(&build_directory.join(ROOT), &mut plan.entries)?;
    }
    if layer.enable_fakechroot {
        leave_out_bound(&mut plan, layer, context, &owner);
    }
    plan.dialect = Dialect::GnuNumericOwner;
    progress.phase(
        "pack",
        &format!(
            "packing {} in {}",
            text::size(plan.size()),
            text::count(plan.entries.len(), "file")
        ),
    );
    write(&plan, &attrs.out, context)
}

/// Warns if `tree`, which lies above the layers of the store paths, has something else than directories where
/// `store_dir` is.
fn warn_of_hidden_store(tree: &Directory, store_dir: &str) -> Warnings {
    let mut warnings = Warnings::default();
    let mut directory = tree;
    let mut path = String::new();
    for part in store_dir.split('/').filter(|part| !part.is_empty()) {
        path = format!("{path}/{part}");
        match directory.entries.get(part.as_bytes()) {
            None => break,
            Some(Node::Directory(next)) => directory = next,
            Some(other) => {
                let noun = other.noun();
                warnings.add("files in the place of the store's directories", || {
                    format!(
                        "`{path}` is {noun} in what `contents` and the scripts made, which lies above the layers of the store \
                         paths: containers see none of these then; give it another name"
                    )
                });
                break;
            }
        }
    }
    warnings
}

/// Copies `tree` to disk, runs the scripts there and reads back what they made of it.
fn run_scripts(
    attrs: &Attrs<CustomisationAttrs>,
    tree: &Directory,
    context: &Context,
) -> Result<Directory, CustomisationError> {
    let layer = &attrs.ours;
    let root = context.build_directory.join(ROOT);
    materialise(tree, &root).map_err(ScriptError::from)?;
    let text = format!("running {}", layer.running());
    context.progress.phase("scripts", &text);
    run(layer, &attrs.environment, &context.build_directory)?;
    scan::scan(&root, 0).map_err(|source| CustomisationError::Left {
        arguments: layer.scripts(),
        layer: layer.name.clone(),
        source,
    })
}

impl CustomisationAttrs {
    fn runs_as_root(&self) -> bool {
        self.enable_fakechroot || !self.fake_root_commands.is_empty()
    }

    fn has_script(&self) -> bool {
        self.runs_as_root() || !self.extra_commands.is_empty()
    }

    /// The scripts that there are.
    fn running(&self) -> &'static str {
        match (self.extra_commands.is_empty(), self.runs_as_root()) {
            (false, true) => "`extraCommands` and `fakeRootCommands`",
            _ => self.scripts(),
        }
    }

    /// The arguments that hold a script, one of which a message is about.
    fn scripts(&self) -> &'static str {
        match (self.extra_commands.is_empty(), self.runs_as_root()) {
            (_, false) => "`extraCommands`",
            (true, true) => FAKE_ROOT_ARGUMENT,
            (false, true) => "`extraCommands` or `fakeRootCommands`",
        }
    }
}

/// Runs `extraCommands` as the build's user and then `fakeRootCommands` below fakeroot, and proot.
fn run(
    layer: &CustomisationAttrs,
    environment: &BTreeMap<String, String>,
    build_directory: &Path,
) -> Result<(), CustomisationError> {
    let program = |path: &Option<PathBuf>, name: &str| {
        path.as_ref()
            .map_or_else(|| name.to_owned(), |path| path.display().to_string())
    };
    let fakeroot = program(&layer.fakeroot, "fakeroot");
    let mut build_command = EXTRA_COMMANDS.to_owned();
    let mut as_root = SETUP.to_owned();
    if layer.runs_as_root() {
        let fakeroot = format!("{fakeroot} -s \"$fakerootState\" {AS_ROOT}");
        build_command += "\n";
        if layer.enable_fakechroot {
            build_command += &proot(&program(&layer.proot, "proot"), &layer.store_dir, &fakeroot);
        } else {
            build_command += &fakeroot;
            as_root += "cd old_out\n";
        }
    }
    as_root += "eval \"$fakeRootCommands\"";

    let root = build_directory.join(ROOT);
    let script = Script {
        arguments: layer.scripts(),
        layer: &layer.name,
        shell: layer.shell.as_deref(),
        build_command: &build_command,
        root: Some(&root),
    };
    let mut environment = environment.clone();
    let path = |name| build_directory.join(name).to_string_lossy().into_owned();
    environment.insert("asRoot".to_owned(), as_root);
    environment.insert("fakerootState".to_owned(), path(STATE));
    environment.insert("fakerootStatus".to_owned(), path(STATUS));
    let heard = script::run(&script, build_directory, &environment)?;
    if layer.runs_as_root() {
        let as_root = Script {
            arguments: FAKE_ROOT_ARGUMENT,
            ..script
        };
        check_status(&as_root, &heard, &build_directory.join(STATUS))?;
    }
    Ok(())
}

/// proot with the layer as `/`, in which the build directory and the host's special directories
/// stay visible.
fn proot(proot: &str, store_dir: &str, command: &str) -> String {
    let bound = [
        "/dev/",
        "/proc/",
        "/sys/",
        &format!("{store_dir}/"),
        "$NIX_BUILD_TOP",
    ];
    let bind = |path: &&str| format!(" --bind=\"{path}:{path}!\"");
    let binds: String = bound.iter().map(bind).collect();
    format!("{proot} -r \"$PWD/{ROOT}\"{binds} --pwd=/ {command}")
}

fn check_status(script: &Script<'_>, heard: &Heard, path: &Path) -> Result<(), CustomisationError> {
    let no_status = || CustomisationError::NoStatus(script.arguments, script.layer.to_owned());
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(no_status()),
        Err(source) => {
            return Err(CustomisationError::Status {
                path: path.to_owned(),
                source,
            });
        }
    };
    match text.trim().parse() {
        Ok(0) => Ok(()),
        Ok(status) => Err(script.failed(status, heard).into()),
        Err(_) => Err(no_status()),
    }
}

/// Takes out of a layer what was only bound into it, as nixpkgs' tar excludes it: `/dev`, `/proc`,
/// `/sys`, the store and the build directory. Where proot had to make a directory to bind
/// something, nixpkgs' tar sees it, and so it is in the layer.
fn leave_out_bound(
    plan: &mut TarPlan,
    layer: &CustomisationAttrs,
    context: &Context,
    owner: &Arc<Owner>,
) {
    let store = format!(".{}", layer.store_dir);
    let build = format!(".{}", context.build_directory.display());
    let bound = ["./dev", "./proc", "./sys", &store, &build];
    plan.entries.retain(|entry| {
        !bound.iter().any(|bound| {
            let rest = entry.name.strip_prefix(bound.as_bytes());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
        })
    });

    add_parents(plan, &store, owner, context.source_date_epoch);
}

/// Adds the directories above `store`, which begins with `./`, that `plan` has not. What has the place of one stays.
fn add_parents(plan: &mut TarPlan, store: &str, owner: &Arc<Owner>, mtime: u64) {
    let parents = store
        .match_indices('/')
        .skip(1)
        .map(|(at, _)| &store[..=at]);
    for parent in parents {
        let path = path_of(parent.as_bytes());
        if plan
            .entries
            .iter()
            .any(|entry| path_of(&entry.name) == path)
        {
            continue;
        }
        let at = plan
            .entries
            .partition_point(|entry| components(&entry.name) < components(parent.as_bytes()));
        let made = Entry {
            name: parent.as_bytes().to_vec(),
            kind: Kind::Directory,
            mode: 0o755,
            owner: Arc::clone(owner),
            mtime,
            xattrs: Vec::new(),
        };
        plan.entries.insert(at, made);
    }
}

fn components(name: &[u8]) -> Vec<&[u8]> {
    name.split(|byte| *byte == b'/')
        .filter(|part| !part.is_empty())
        .collect()
}

fn write(plan: &TarPlan, out: &Path, context: &Context) -> Result<(), CustomisationError> {
    output::files(out, &context.build_directory, |files| {
        let tar = out.join(LAYER);
        files.tar(LAYER, plan, context.progress)?;
        let diff_id = hash(plan).map_err(|error| OutputError::of_write(error, &tar))?;
        let checksum = format!("{}\n", diff_id.hex());
        files.bytes(CHECKSUM, checksum.as_bytes())?;
        Ok(())
    })
}

fn hash(plan: &TarPlan) -> Result<DiffId, write::WriteError> {
    let mut hash = HashWriter::new();
    write::write(plan, &mut hash)?;
    Ok(hash.into_diff_id())
}

/// The customisation layer of a streamed image: its contents as links, and scripts on top.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "a set")]
pub struct CustomisationAttrs {
    pub name: String,
    pub contents: Vec<PathBuf>,
    /// Empty for none, as is the next one.
    pub extra_commands: String,
    pub fake_root_commands: String,
    pub enable_fakechroot: bool,
    /// `/nix/store`.
    pub store_dir: String,
    /// The bash that runs the scripts; null without any.
    pub shell: Option<PathBuf>,
    pub fakeroot: Option<PathBuf>,
    pub proot: Option<PathBuf>,
}

impl Section for CustomisationAttrs {
    const KEY: &'static str = "customisation";
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names in a layer with `names` and all that leads to `store`.
    #[track_caller]
    fn check(names: &[&str], store: &str, expected: &[&str]) {
        let owner = Arc::new(Owner::numeric(0, 0));
        let entry = |name: &&str| Entry::inline(name, Vec::new(), 0o444, &owner, 0);
        let mut plan = TarPlan {
            entries: names.iter().map(entry).collect(),
            ..TarPlan::default()
        };
        add_parents(&mut plan, store, &owner, 0);
        let names = plan.entries.iter().map(|entry| &*entry.name);
        let names: Vec<_> = names.map(String::from_utf8_lossy).collect();
        assert_eq!(names, expected);
    }

    #[test]
    fn directories_above_the_store_are_there_once() {
        check(
            &["./", "./a", "./z"],
            "./nix/store",
            &["./", "./a", "./nix/", "./z"],
        );
        check(&["./", "./nix/"], "./nix/store", &["./", "./nix/"]);
        check(&["./", "./nix"], "./nix/store", &["./", "./nix"]);
        check(&["./"], "./store", &["./"]);
        check(
            &["./", "./a/", "./a/b"],
            "./a/c/store",
            &["./", "./a/", "./a/b", "./a/c/"],
        );
    }
}
