//! The sources, and which modules they use.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The folders of `src`, in the order of `lib.rs`: each may use those before it.
pub(crate) const FOLDERS: &str = include_str!("../../src/lib.rs");

/// One source file without its tests.
pub(crate) struct Source {
    /// Its module: `tar::read`.
    pub(crate) module: String,
    /// Its path below `src`.
    pub(crate) path: String,
    pub(crate) text: String,
}

/// All source files, by module.
pub(crate) struct Sources(pub(crate) BTreeMap<String, Source>);

impl Sources {
    /// Reads all files below `root`, but `lib.rs` and `main.rs`.
    pub(crate) fn read(root: &Path) -> Self {
        let mut found = BTreeMap::new();
        read_directory(root, root, &mut found);
        Self(found)
    }

    /// Files by path and text.
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let sources = files.iter().map(|(path, text)| source(path, text));
        Self(
            sources
                .map(|source| (source.module.clone(), source))
                .collect(),
        )
    }

    /// The modules that `source` uses, as far as they have files here, and the folders of all others.
    pub(crate) fn used_by(&self, source: &Source) -> BTreeSet<String> {
        let mut used = BTreeSet::new();
        for path in paths(source) {
            let parts: Vec<&str> = path.split("::").collect();
            let longest = (1..=parts.len())
                .rev()
                .map(|length| parts[..length].join("::"));
            let known = longest
                .into_iter()
                .find(|module| self.0.contains_key(module));
            used.insert(known.unwrap_or_else(|| parts[0].to_owned()));
        }
        used.remove(&source.module);
        used
    }
}

impl Source {
    /// The folder that it is in, or the file of.
    pub(crate) fn folder(&self) -> &str {
        self.module.split("::").next().unwrap_or_default()
    }
}

fn read_directory(root: &Path, directory: &Path, found: &mut BTreeMap<String, Source>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path
            .strip_prefix(root)
            .unwrap()
            .to_string_lossy()
            .into_owned();
        if path.is_dir() {
            read_directory(root, &path, found);
        } else if name != "lib.rs" && name != "main.rs" && name.ends_with(".rs") {
            let source = source(&name, &fs::read_to_string(&path).unwrap());
            found.insert(source.module.clone(), source);
        }
    }
}

fn source(path: &str, text: &str) -> Source {
    let text = text
        .split("#[cfg(test)]\nmod tests")
        .next()
        .unwrap_or_default();
    Source {
        module: path.trim_end_matches(".rs").replace('/', "::"),
        path: path.to_owned(),
        text: text.to_owned(),
    }
}

/// The paths within the crate that `source` names, from its root: in `use` lines, and in its code.
pub(crate) fn paths(source: &Source) -> Vec<String> {
    let code: Vec<&str> = source
        .text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect();
    let code = code.join("\n");
    let mut found = Vec::new();
    for statement in code.split(';') {
        let statement = statement.trim_start();
        let used = statement
            .strip_prefix("pub ")
            .unwrap_or(statement)
            .strip_prefix("use ");
        match used {
            Some(tree) => expand(&tree.split_whitespace().collect::<String>(), "", &mut found),
            None => found.extend(statement.match_indices("crate::").map(|(at, _)| {
                let is_path =
                    |letter: char| letter.is_alphanumeric() || letter == '_' || letter == ':';
                let rest = &statement[at..];
                rest[..rest.find(|letter| !is_path(letter)).unwrap_or(rest.len())].to_owned()
            })),
        }
    }
    found
        .iter()
        .filter_map(|path| from_root(path, &source.module))
        .collect()
}

/// The leaves of a tree of `use`.
fn expand(tree: &str, prefix: &str, leaves: &mut Vec<String>) {
    let Some(open) = tree.find('{') else {
        leaves.push(format!("{prefix}{tree}"));
        return;
    };
    let prefix = format!("{prefix}{}", &tree[..open]);
    let inner = tree[open + 1..].trim_end_matches('}');
    let (mut depth, mut start) = (0, 0);
    let whole = format!("{inner},");
    for (at, letter) in whole.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                expand(&whole[start..at], &prefix, leaves);
                start = at + 1;
            }
            _ => {}
        }
    }
}

/// `path`, which stands in `module`, from the crate's root; none if it leads to another crate.
fn from_root(path: &str, module: &str) -> Option<String> {
    let mut base: Vec<&str> = module.split("::").collect();
    let mut parts = path.split("::").peekable();
    match parts.next()? {
        "crate" => base.clear(),
        "self" => {}
        "super" => {
            base.pop();
            while parts.next_if_eq(&"super").is_some() {
                base.pop();
            }
        }
        _ => return None,
    }
    base.extend(parts.filter(|part| !part.is_empty() && *part != "self"));
    (!base.is_empty()).then(|| base.join("::"))
}
