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

/// What will be built: what [`CustomisationAttrs`] ask for, without defaults. Nothing in it can be wrong.
struct Settled<'a> {
    contents: &'a [PathBuf],
    scripts: Option<Scripts<'a>>,
    /// `/nix/store`.
    store_dir: &'a str,
    out: &'a Path,
}

/// What runs in the layer's root before it is packed. The texts of the scripts are in the environment.
struct Scripts<'a> {
    /// The layer's name, for messages.
    layer: &'a str,
    shell: Option<&'a Path>,
    /// The arguments that hold a script, all of which run.
    running: &'static str,
    /// The arguments one of which a message is about.
    arguments: &'static str,
    as_root: Option<AsRoot>,
    environment: &'a BTreeMap<String, String>,
}

/// The programs that `fakeRootCommands` run below.
struct AsRoot {
    fakeroot: String,
    /// Set if the layer is `/` for the script.
    proot: Option<String>,
}

/// Settles what `attrs` ask for.
fn settle(attrs: &Attrs<CustomisationAttrs>) -> Settled<'_> {
    let asked = &attrs.ours;
    let program = |path: &Option<PathBuf>, name: &str| {
        path.as_ref()
            .map_or_else(|| name.to_owned(), |path| path.display().to_string())
    };
    let runs_as_root = asked.enable_fakechroot || !asked.fake_root_commands.is_empty();
    let as_root = runs_as_root.then(|| AsRoot {
        fakeroot: program(&asked.fakeroot, "fakeroot"),
        proot: asked
            .enable_fakechroot
            .then(|| program(&asked.proot, "proot")),
    });
    let arguments = match (asked.extra_commands.is_empty(), runs_as_root) {
        (true, false) => None,
        (false, false) => Some(["`extraCommands`"; 2]),
        (true, true) => Some([FAKE_ROOT_ARGUMENT; 2]),
        (false, true) => Some([
            "`extraCommands` and `fakeRootCommands`",
            "`extraCommands` or `fakeRootCommands`",
        ]),
    };
    Settled {
        contents: &asked.contents,
        scripts: arguments.map(|[running, arguments]| Scripts {
            layer: &asked.name,
            shell: asked.shell.as_deref(),
            running,
            arguments,
            as_root,
            environment: &attrs.environment,
        }),
        store_dir: &asked.store_dir,
        out: &attrs.out,
    }
}

/// Builds the layer that `attrs` describe.
///
/// # Errors
/// When an input cannot be read, a script fails or the output cannot be written.
pub fn build(
    attrs: &Attrs<CustomisationAttrs>,
    context: &Context,
) -> Result<(), CustomisationError> {
    let layer = settle(attrs);
    let progress = context.progress;
    let packages = text::count(layer.contents.len(), "package");
    progress.phase("join", &format!("joining {packages}"));
    let mut warnings = Warnings::default();
    let joined = join::join(layer.contents, &mut warnings);
    warnings.tell(progress);
    let mut tree = joined?;
    if let Some(scripts) = &layer.scripts {
        tree = run_scripts(scripts, layer.store_dir, &tree, context)?;
    }

    warn_of_hidden_store(&tree, layer.store_dir).tell(progress);

    let plan = plan(&layer, tree, context)?;
    progress.phase(
        "pack",
        &format!(
            "packing {} in {}",
            text::size(plan.size()),
            text::count(plan.entries.len(), "file")
        ),
    );
    write(&plan, layer.out, context)
}

/// Plans the tar of `tree`, with the owners that scripts gave, and without what was only bound into it.
fn plan(
    layer: &Settled<'_>,
    tree: Directory,
    context: &Context,
) -> Result<TarPlan, CustomisationError> {
    let owner = Arc::new(Owner::numeric(0, 0));
    let mut plan = TarPlan::of_tree(tree, &owner, context.source_date_epoch);
    plan.dialect = Dialect::GnuNumericOwner;
    let as_root = layer
        .scripts
        .as_ref()
        .and_then(|scripts| scripts.as_root.as_ref());
    if let Some(as_root) = as_root {
        let build_directory = &context.build_directory;
        let state = State::read(&build_directory.join(STATE))?;
        state.apply(&build_directory.join(ROOT), &mut plan.entries)?;
        if as_root.proot.is_some() {
            leave_out_bound(&mut plan, layer.store_dir, context, &owner);
        }
    }
    Ok(plan)
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
    scripts: &Scripts<'_>,
    store_dir: &str,
    tree: &Directory,
    context: &Context,
) -> Result<Directory, CustomisationError> {
    let root = context.build_directory.join(ROOT);
    materialise(tree, &root).map_err(ScriptError::from)?;
    let text = format!("running {}", scripts.running);
    context.progress.phase("scripts", &text);
    run(scripts, store_dir, &context.build_directory)?;
    scan::scan(&root, 0).map_err(|source| CustomisationError::Left {
        arguments: scripts.arguments,
        layer: scripts.layer.to_owned(),
        source,
    })
}

/// Runs `extraCommands` as the build's user and then `fakeRootCommands` below fakeroot, and proot.
fn run(
    scripts: &Scripts<'_>,
    store_dir: &str,
    build_directory: &Path,
) -> Result<(), CustomisationError> {
    let mut build_command = EXTRA_COMMANDS.to_owned();
    let mut as_root = SETUP.to_owned();
    if let Some(AsRoot { fakeroot, proot }) = &scripts.as_root {
        let fakeroot = format!("{fakeroot} -s \"$fakerootState\" {AS_ROOT}");
        build_command += "\n";
        match proot {
            Some(proot) => build_command += &below_proot(proot, store_dir, &fakeroot),
            None => {
                build_command += &fakeroot;
                as_root += "cd old_out\n";
            }
        }
    }
    as_root += "eval \"$fakeRootCommands\"";

    let root = build_directory.join(ROOT);
    let script = Script {
        arguments: scripts.arguments,
        layer: scripts.layer,
        shell: scripts.shell,
        build_command: &build_command,
        root: Some(&root),
    };
    let mut environment = scripts.environment.clone();
    let path = |name| build_directory.join(name).to_string_lossy().into_owned();
    environment.insert("asRoot".to_owned(), as_root);
    environment.insert("fakerootState".to_owned(), path(STATE));
    environment.insert("fakerootStatus".to_owned(), path(STATUS));
    let heard = script::run(&script, build_directory, &environment)?;
    if scripts.as_root.is_some() {
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
fn below_proot(proot: &str, store_dir: &str, command: &str) -> String {
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
fn leave_out_bound(plan: &mut TarPlan, store_dir: &str, context: &Context, owner: &Arc<Owner>) {
    let store = format!(".{store_dir}");
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
