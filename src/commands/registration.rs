//! What a Nix database in an image is to know: the closure of the contents and of the configuration.
//!
//! nixpkgs' `closureInfo` writes that down, but with the file of the configuration itself, which is not
//! in the image. The text is what `nix-store --load-db` reads. Each path has a line for itself, its hash,
//! its size, what it was derived from (empty) and how many references it has; then a line for each of these.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{fs, io};

use serde::Deserialize;
use thiserror::Error;

use crate::build::context::Context;
use crate::build::output::{self, OutputError};
use crate::request::attrs::{Attrs, Section};

/// How many lines there are before the references.
const FIELDS: usize = 5;

/// What a database is to know cannot be told.
#[derive(Debug, Error)]
pub enum RegistrationError {
    #[error("cannot read `{}`", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot use the registration `{}`", path.display())]
    Text { path: PathBuf, source: TextError },
    #[error(transparent)]
    Output(#[from] OutputError),
}

/// A text is no registration.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum TextError {
    #[error("line {line} is `{found}`, where it should say how many references `{path}` has")]
    Count {
        path: String,
        line: usize,
        found: String,
    },
    #[error("it ends within what it says of `{path}`")]
    Short { path: String },
    #[error("it does not have `{path}`")]
    Missing { path: String },
}

/// Makes a directory of what `attrs` ask for: `registration`, for `nix-store --load-db`, and `roots`: the
/// store paths, one a line, that only the configuration keeps alive.
///
/// # Errors
/// When the registration cannot be read or is none, or the output cannot be written.
pub fn build(attrs: &Attrs<RegistrationAttrs>, context: &Context) -> Result<(), RegistrationError> {
    let ours = &attrs.ours;
    let path = || ours.registration.clone();
    let text = fs::read_to_string(path()).map_err(|source| RegistrationError::Read {
        path: path(),
        source,
    })?;
    let (registration, roots) = Registration::parse(&text)
        .and_then(|all| {
            let roots = all.roots(&ours.base_json, &ours.contents)?;
            Ok((all.without(&ours.base_json), roots))
        })
        .map_err(|source| RegistrationError::Text {
            path: path(),
            source,
        })?;
    let lines = |lines: &[&str]| -> String { lines.iter().flat_map(|line| [line, "\n"]).collect() };
    output::files(&attrs.out, &context.build_directory, |files| {
        files.bytes("registration", lines(&registration).as_bytes())?;
        files.bytes("roots", lines(&roots).as_bytes())?;
        Ok(())
    })
}

/// The lines of each path, in the order of the text.
struct Registration<'a>(Vec<Vec<&'a str>>);

impl<'a> Registration<'a> {
    fn parse(text: &'a str) -> Result<Self, TextError> {
        let lines: Vec<&str> = text.lines().collect();
        let mut entries = Vec::new();
        let mut at = 0;
        while at < lines.len() {
            let path = || lines[at].to_owned();
            let short = || TextError::Short { path: path() };
            let count = lines.get(at + FIELDS - 1).ok_or_else(short)?;
            let count: usize = count.parse().map_err(|_| TextError::Count {
                path: path(),
                line: at + FIELDS,
                found: (*count).to_owned(),
            })?;
            let end = (at + FIELDS).checked_add(count).ok_or_else(short)?;
            entries.push(lines.get(at..end).ok_or_else(short)?.to_vec());
            at = end;
        }
        Ok(Self(entries))
    }

    /// All lines but those of `path`.
    fn without(&self, path: &str) -> Vec<&'a str> {
        let others = self.0.iter().filter(|entry| entry[0] != path);
        others.flatten().copied().collect()
    }

    /// What `path` refers to, but for itself and for what `contents`, which are in these paths, need.
    fn roots(&self, path: &str, contents: &[PathBuf]) -> Result<Vec<&'a str>, TextError> {
        let references: BTreeMap<&str, &[&str]> = self
            .0
            .iter()
            .map(|entry| (entry[0], &entry[FIELDS..]))
            .collect();
        let of_path = references.get(path).ok_or_else(|| TextError::Missing {
            path: path.to_owned(),
        })?;
        let is_wanted = |known: &&str| {
            contents
                .iter()
                .any(|item| item.starts_with(Path::new(known)))
        };
        let mut todo: Vec<&str> = references.keys().copied().filter(is_wanted).collect();
        let mut kept = BTreeSet::from([path]);
        while let Some(next) = todo.pop() {
            if kept.insert(next) {
                todo.extend(references.get(next).copied().unwrap_or_default());
            }
        }
        let roots = of_path.iter().copied();
        Ok(roots
            .filter(|reference| !kept.contains(reference))
            .collect())
    }
}

/// What a Nix database in an image is to know, as `mkDbExtraCommand` asks for it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "a set")]
pub struct RegistrationAttrs {
    /// The registration that nixpkgs' `closureInfo` wrote.
    pub registration: PathBuf,
    /// The store path to leave out: the file of the image's configuration.
    pub base_json: String,
    /// What is a root of the garbage collector already.
    pub contents: Vec<PathBuf>,
}

impl Section for RegistrationAttrs {
    const KEY: &'static str = "database";
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A registration of words: each is a path and what it refers to.
    fn text(words: &str) -> String {
        let lines = words.split_whitespace().flat_map(|word| {
            let (path, references) = word.split_at(1);
            let fields = [
                path.to_owned(),
                format!("sha256:{path}"),
                "1".to_owned(),
                String::new(),
            ];
            let count = references.len().to_string();
            let references = references.chars().map(|reference| reference.to_string());
            fields
                .into_iter()
                .chain([count])
                .chain(references.collect::<Vec<_>>())
        });
        lines.map(|line| line + "\n").collect()
    }

    #[track_caller]
    fn check(words: &str, contents: &[&str], rest: &str, roots: &[&str]) {
        let all = text(words);
        let all = Registration::parse(&all).unwrap();
        let left: String = all
            .without("j")
            .iter()
            .flat_map(|line| [line, "\n"])
            .collect();
        assert_eq!(left, text(rest));
        let contents: Vec<PathBuf> = contents.iter().map(PathBuf::from).collect();
        assert_eq!(all.roots("j", &contents).unwrap(), roots);
    }

    #[test]
    fn the_configuration_goes_and_what_it_names_stays() {
        check("a ba jb", &[], "a ba", &["b"]);
        check("a b jjba", &[], "a b", &["b", "a"]);
        check("j", &[], "", &[]);
    }

    #[test]
    fn what_the_contents_need_has_a_root_already() {
        check("a ba cc jabc", &["b"], "a ba cc", &["c"]);
        check("a ba cb jab", &["c/bin/run"], "a ba cb", &[]);
        check("a ba jb", &["a"], "a ba", &["b"]);
    }

    #[track_caller]
    fn check_error(text: &str, expected: &str) {
        let parsed = Registration::parse(text);
        let error = parsed
            .and_then(|all| all.roots("/j", &[]).map(drop))
            .unwrap_err();
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn what_is_no_registration_is_refused() {
        check_error("", "it does not have `/j`");
        check_error("/a\n\n", "it ends within what it says of `/a`");
        check_error("/a\nx\n1\n\n2\n/b\n", "it ends within what it says of `/a`");
        let many = format!("/a\nx\n1\n\n{}\n", usize::MAX);
        check_error(&many, "it ends within what it says of `/a`");
        check_error(
            "/a\nx\n1\n/b\n-1\n",
            "line 5 is `-1`, where it should say how many references `/a` has",
        );
    }
}
