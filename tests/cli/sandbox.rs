//! Runs the built `builder` as Nix does: in an empty build directory, with an `.attrs.json`, on
//! inputs whose names look like store paths. Everything lies in one directory that vanishes.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// What stands for a hash in the name of every store path.
const HASH: &str = "00000000000000000000000000000000";

/// Where programs are found.
#[expect(
    clippy::disallowed_methods,
    reason = "what the tests compare with is on the machine"
)]
pub(crate) fn search_path() -> OsString {
    std::env::var_os("PATH").unwrap_or_default()
}

#[derive(Debug)]
pub(crate) struct Sandbox {
    root: TempDir,
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        // Other users run `builder` here too.
        fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755)).unwrap();
        for name in ["store", "build"] {
            fs::create_dir(root.path().join(name)).unwrap();
        }
        Self { root }
    }

    pub(crate) fn root(&self) -> &Path {
        self.root.path()
    }

    /// The working directory of a build.
    pub(crate) fn build_directory(&self) -> PathBuf {
        self.root().join("build")
    }

    /// A store path that nobody has made yet.
    pub(crate) fn store_path(&self, name: &str) -> PathBuf {
        self.root().join("store").join(format!("{HASH}-{name}"))
    }

    /// Where the output of a build goes.
    pub(crate) fn out(&self) -> PathBuf {
        self.store_path("out")
    }

    /// A store path that is a file.
    pub(crate) fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.store_path(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    /// A store path that is a directory with `files`: name and content of each.
    pub(crate) fn directory(&self, name: &str, files: &[(&str, &str)]) -> PathBuf {
        let path = self.store_path(name);
        fs::create_dir(&path).unwrap();
        for (name, content) in files {
            let file = path.join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, content).unwrap();
        }
        path
    }

    pub(crate) fn write_attrs(&self, attrs: &Value) {
        let path = self.build_directory().join(".attrs.json");
        fs::write(path, attrs.to_string()).unwrap();
    }

    /// `builder` in the build directory; the environment holds what every run needs, no more.
    pub(crate) fn builder(&self, arguments: &[&str]) -> Command {
        self.command(env!("CARGO_BIN_EXE_builder"), arguments)
    }

    /// `script` in a shell that finds `builder` as `$0` and `arguments` as `$@`.
    pub(crate) fn shell(&self, script: &str, arguments: &[&str]) -> Command {
        let whole = ["-c", script, env!("CARGO_BIN_EXE_builder")];
        self.command("/bin/sh", &[&whole, arguments].concat())
    }

    /// `program` as a build runs it.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(self.build_directory())
            .env_clear()
            .env("PATH", search_path())
            .env("NIX_BUILD_CORES", "2");
        command
    }

    /// What `output` has on stderr, with the paths that change from run to run replaced.
    pub(crate) fn stderr(&self, output: &Output) -> String {
        self.shown(&output.stderr)
    }

    /// `text` with the paths that change from run to run replaced.
    pub(crate) fn shown(&self, text: &[u8]) -> String {
        let store = format!("{}/store/{HASH}-", self.root().display());
        String::from_utf8_lossy(text)
            .replace(&store, "/nix/store/[HASH]-")
            .replace(&*self.root().to_string_lossy(), "[TMP]")
    }
}
