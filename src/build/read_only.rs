//! Finds out which directory of a layer a script may not write to: those that come from packages are
//! read-only, as they are in the store.

use std::fmt;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::build::relay::Heard;

/// The read-only directories of a layer, of which a script has met one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadOnly {
    /// One of them, below the root of the layer: that which the script has met, if it said so.
    directory: PathBuf,
    /// How many there are besides, where it is not known which of them the script has met.
    others: usize,
}

impl ReadOnly {
    /// What a script that `heard` was refused has met in the layer at `root`; none if it was refused
    /// nothing, or if every directory can be written to.
    #[must_use]
    pub fn find(heard: &Heard, root: &Path) -> Option<Self> {
        let line = heard.denied.as_ref()?;
        // Programs say paths as they were told them.
        let line = line
            .replace(&format!("{}/", root.display()), "")
            .replace("./", "");
        let mut first: Option<PathBuf> = None;
        let mut met: Option<PathBuf> = None;
        let mut count = 0;
        let mut todo = vec![root.to_owned()];
        while let Some(directory) = todo.pop() {
            let Ok(entries) = fs::read_dir(&directory) else {
                continue;
            };
            let found = entries
                .flatten()
                .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
            for entry in found {
                let path = entry.path();
                if is_read_only(&path) {
                    count += 1;
                    let below = path.strip_prefix(root).unwrap_or(&path).to_owned();
                    let longer = met
                        .as_ref()
                        .is_none_or(|met| met.as_os_str().len() < below.as_os_str().len());
                    if longer && names(&line, &below) {
                        met = Some(below.clone());
                    }
                    if first.as_ref().is_none_or(|first| below < *first) {
                        first = Some(below);
                    }
                }
                todo.push(path);
            }
        }
        // What lies outside of the layer is not its directories' fault.
        if met.is_none() && refused(&line).is_some_and(|path| path.starts_with('/')) {
            return None;
        }
        Some(Self {
            others: if met.is_some() { 0 } else { count.max(1) - 1 },
            directory: met.or(first)?,
        })
    }
}

/// The path that `line` says was refused: in quotes, or what stands before the reason.
fn refused(line: &str) -> Option<&str> {
    let before = line.split(": Permission denied").next()?;
    let quoted = before
        .trim_end_matches(['\'', '’'])
        .rsplit(['\'', '‘'])
        .next()?;
    Some(if before.ends_with(['\'', '’']) {
        quoted
    } else {
        before.rsplit(": ").next()?
    })
}

fn is_read_only(directory: &Path) -> bool {
    let metadata = fs::symlink_metadata(directory);
    metadata.is_ok_and(|metadata| metadata.permissions().mode() & 0o200 == 0)
}

/// Whether `line` has a path in it that leads to the directory `below`, or into it.
fn names(line: &str, below: &Path) -> bool {
    let below = below.to_string_lossy();
    let of_a_path = |character: char| character.is_alphanumeric() || "-_.+/".contains(character);
    line.match_indices(&*below).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let behind = line[at + below.len()..].chars().next();
        !before.is_some_and(of_a_path)
            && behind.is_none_or(|behind| behind == '/' || !of_a_path(behind))
    })
}

impl fmt::Display for ReadOnly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let directory = self.directory.display();
        match self.others {
            0 => write!(
                f,
                "directory `{directory}` of the layer is read-only, as it is in its package; `chmod -R u+w {directory}` lets the script change it"
            ),
            others => write!(
                f,
                "{} directories of the layer are read-only, as they are in their packages, `{directory}` among them; \
                 `chmod -R u+w {directory}` lets the script change that one",
                others + 1
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Finds what `said` is about among `directories`, all read-only.
    #[track_caller]
    fn check(directories: &[&str], said: &str, expected: Option<(&str, usize)>) {
        let root = tempfile::tempdir().unwrap();
        for directory in directories {
            fs::create_dir_all(root.path().join(directory)).unwrap();
        }
        for directory in directories {
            let mode = fs::Permissions::from_mode(0o555);
            fs::set_permissions(root.path().join(directory), mode).unwrap();
        }
        fs::create_dir(root.path().join("writable")).unwrap();
        let said = said.replace("ROOT", &root.path().display().to_string());
        let heard = Heard { denied: Some(said) };
        let found = ReadOnly::find(&heard, root.path());
        for directory in directories {
            let mode = fs::Permissions::from_mode(0o755);
            fs::set_permissions(root.path().join(directory), mode).unwrap();
        }
        let expected = expected.map(|(directory, others)| ReadOnly {
            directory: PathBuf::from(directory),
            others,
        });
        assert_eq!(found, expected);
    }

    #[test]
    fn the_directory_that_a_program_names_is_found() {
        let all = ["c", "etc", "etc/ssl", "share/etc", "share"];
        for (said, directory) in [
            ("touch: cannot touch 'etc/new': Permission denied", "etc"),
            ("touch: cannot touch './etc/new': Permission denied", "etc"),
            (
                "touch: cannot touch 'ROOT/etc/new': Permission denied",
                "etc",
            ),
            (
                "mkdir: cannot create directory ‘etc/ssl/x’: Permission denied",
                "etc/ssl",
            ),
            (
                "rm: cannot remove 'share/etc/x': Permission denied",
                "share/etc",
            ),
            ("bash: line 1: etc/conf: Permission denied", "etc"),
            (
                "rmdir: failed to remove 'etc/ssl': Permission denied",
                "etc/ssl",
            ),
        ] {
            check(&all, said, Some((directory, 0)));
        }
    }

    #[test]
    fn the_first_directory_stands_for_all_when_none_is_named() {
        check(
            &["etc", "bin", "etc/x"],
            "touch: cannot touch 'new': Permission denied",
            Some(("bin", 2)),
        );
        check(
            &["etc"],
            "touch: cannot touch 'new': Permission denied",
            Some(("etc", 0)),
        );
        check(
            &["c"],
            "touch: cannot touch 'etc/new': Permission denied",
            Some(("c", 0)),
        );
    }

    #[test]
    fn without_a_read_only_directory_there_is_nothing_to_say() {
        check(&[], "touch: cannot touch 'new': Permission denied", None);
    }

    #[test]
    fn what_lies_outside_of_the_layer_has_nothing_to_do_with_it() {
        for said in [
            "touch: cannot touch '/new': Permission denied",
            "mkdir: cannot create directory ‘/var/lib’: Permission denied",
            "bash: line 1: /new: Permission denied",
            "/nix/store/x/setup: line 1: /etc/x: Permission denied",
        ] {
            check(&["etc"], said, None);
        }
        check(
            &["etc"],
            "/nix/store/x/setup: line 1: new: Permission denied",
            Some(("etc", 0)),
        );
        assert_eq!(ReadOnly::find(&Heard::default(), Path::new("/")), None);
    }
}
