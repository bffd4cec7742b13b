//! Recognises what people hand in as an image that is none: the program of a streamed image above all, which has the
//! place of an image in their code.

use std::path::{Path, PathBuf};
use std::{fs, io};

use thiserror::Error;

use crate::tar::read;

/// Something that is no image, in the words that follow its path.
#[derive(Debug, Clone, Error, PartialEq, Eq)]
pub enum Mistaken {
    #[error(
        "is the program of a streamed image, and no image: it writes one when it runs; use `buildLayeredImage` in the place of `streamLayeredImage`, or the archive that the program writes"
    )]
    Stream,
    #[error("is a script, and no image archive; its first line is `{first_line}`")]
    Script { first_line: String },
    #[error("is a program, and no image archive")]
    Program,
    #[error(
        "is a JSON document, and no image; an image is an archive with its documents and layers, or the directory of an OCI layout"
    )]
    Json,
    #[error(
        "is a derivation that has yet to be built, and no image; name its output: in Nix the image itself and not its `drvPath`, in a shell what `nix-store --realise` prints"
    )]
    Derivation,
    #[error(
        "is the directory of a layer, with `layer.tar`, `json` and `VERSION`, and no image; what `buildImage` makes of it is one"
    )]
    LayerDirectory,
    #[error(
        "is a directory, but not that of an OCI layout: it has no {missing}; an image is such a directory, or an archive"
    )]
    Directory { missing: String },
    #[error(
        "is the tar of a file system, as `exportImage` writes it, and no image archive: it has no `manifest.json` and no `index.json`; `buildImage` with its content as `copyToRoot`, or `docker import`, makes an image of it"
    )]
    FileSystem,
}

/// How many bytes of a file [`of_bytes`] wants to see: whole scripts of streams, whose paths are long.
pub const START: usize = 4096;

/// How much of the first line of a script is told, in bytes.
const MAX_LINE: usize = 100;

/// Recognises a file by its first bytes. What begins as a tar does is none of these, whatever its first member is
/// called.
#[must_use]
pub fn of_bytes(start: &[u8]) -> Option<Mistaken> {
    if read::is_header(start) {
        return None;
    }
    let text = start.trim_ascii_start();
    if start.starts_with(b"#!") {
        return Some(script(start));
    } else if start.starts_with(b"\x7fELF") {
        return Some(Mistaken::Program);
    } else if start.starts_with(b"Derive(") || start.starts_with(b"DrvWithVersion(") {
        return Some(Mistaken::Derivation);
    }
    let is_json = text.starts_with(b"{") || text.starts_with(b"[");
    is_json.then_some(Mistaken::Json)
}

/// What a stream's program has in it. Ours, and nixpkgs' wrapper, hand on the description; nixpkgs' own program is
/// Python that says what it is for.
const OF_STREAMS: [&[u8]; 3] = [
    b"/bin/builder stream ",
    b"-conf.json",
    b"This script generates a Docker image from a set of store paths",
];

/// The description that a program of ours streams, by its text: `exec BUILDER stream DESCRIPTION "$@"`.
#[must_use]
pub fn description_of_program(start: &[u8]) -> Option<PathBuf> {
    let text = std::str::from_utf8(start).ok()?;
    let line = text.lines().nth(1)?.strip_prefix("exec ")?;
    let mut words = line.split(' ');
    let (program, command) = (words.next()?, words.next()?);
    let description = words.next().filter(|word| word.starts_with('/'))?;
    let is_ours = program.ends_with("/bin/builder") && command == "stream" && words.eq(["\"$@\""]);
    is_ours.then(|| description.into())
}

fn script(start: &[u8]) -> Mistaken {
    let has = |text: &[u8]| start.windows(text.len()).any(|part| part == text);
    if OF_STREAMS.iter().any(|text| has(text)) {
        return Mistaken::Stream;
    }
    let line = start.split(|byte| *byte == b'\n').next();
    let line = line.unwrap_or_default();
    let line = &line[..line.len().min(MAX_LINE)];
    Mistaken::Script {
        first_line: line.escape_ascii().to_string(),
    }
}

/// The documents by which images are found: one of them has to be there.
const DOCUMENTS: [&str; 3] = ["manifest.json", "index.json", "repositories"];

/// Recognises a directory by the names in it.
///
/// # Errors
/// When it cannot be looked at.
pub fn of_directory(path: &Path) -> io::Result<Option<Mistaken>> {
    let has = |name: &&str| fs::symlink_metadata(path.join(name)).is_ok();
    // It can be read at all.
    fs::read_dir(path)?;
    if DOCUMENTS.iter().any(has) {
        return Ok(None);
    }
    if ["layer.tar", "json", "VERSION"].iter().all(has) {
        return Ok(Some(Mistaken::LayerDirectory));
    }
    let missing: Vec<String> = ["index.json", "oci-layout", "blobs"]
        .iter()
        .filter(|name| !has(name))
        .map(|name| format!("`{name}`"))
        .collect();
    let missing = match &*missing {
        [] => return Ok(None),
        [one] => one.clone(),
        [others @ .., last] => format!("{} and no {last}", others.join(", no ")),
    };
    Ok(Some(Mistaken::Directory { missing }))
}

/// Directories at the root of a file system, by the Filesystem Hierarchy Standard.
const OF_ROOT: [&[u8]; 18] = [
    b"bin", b"boot", b"dev", b"etc", b"home", b"lib", b"lib64", b"media", b"mnt", b"opt", b"proc",
    b"root", b"run", b"sbin", b"srv", b"sys", b"usr", b"var",
];

/// Recognises an archive that could be no image by the names of its members, each in its parts: the tar of a file
/// system has some of those at its top that every one has, or a Nix store.
pub fn of_members<'a>(members: impl Iterator<Item = &'a [Vec<u8>]>) -> Option<Mistaken> {
    let mut of_root = 0;
    for name in members {
        match name {
            [name] if DOCUMENTS.iter().any(|document| document.as_bytes() == name) => return None,
            [name] if OF_ROOT.contains(&name.as_slice()) => of_root += 1,
            [nix, store] if nix == b"nix" && store == b"store" => of_root += 2,
            _ => {}
        }
    }
    (of_root >= 2).then_some(Mistaken::FileSystem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(start: &[u8], expected: &str) {
        let found = of_bytes(start).map_or("nothing".to_owned(), |found| found.to_string());
        assert!(found.starts_with(expected), "{found}");
    }

    const STREAM: &str = "is the program of a streamed image";

    #[test]
    fn every_program_of_a_stream_is_recognised() {
        // Ours.
        check(
            b"#!/nix/store/x-bash/bin/bash\nexec /nix/store/x-builder/bin/builder stream \"$@\"\n",
            STREAM,
        );
        check(
            b"#! /nix/store/x-bash/bin/bash -e\nexec \"/nix/store/x-stream\"  /nix/store/x-app-conf.json \"$@\" \n",
            STREAM,
        );
        // nixpkgs'.
        check(
            b"#! /nix/store/x-bash-5.2/bin/bash -e\nexec \"/nix/store/x-stream_layered_image.py\"  /nix/store/x-app-conf.json \"$@\" \n",
            STREAM,
        );
        check(
            b"#!/nix/store/x-python3/bin/python3\n\"\"\"\nThis script generates a Docker image from a set of store paths. Uses\n",
            STREAM,
        );
    }

    #[test]
    fn other_things_are_told_apart() {
        check(
            b"#!/bin/sh\necho",
            "is a script, and no image archive; its first line is `#!/bin/sh`",
        );
        check(
            b"#!",
            "is a script, and no image archive; its first line is `#!`",
        );
        check(b"\x7fELF\x02", "is a program");
        check(b"Derive([(\"out\",", "is a derivation");
        check(b" \n{\"a\": 1}", "is a JSON document");
        check(b"[]", "is a JSON document");
        check(b"", "nothing");
        check(b"text", "nothing");
        check(&[0; 600], "nothing");
    }

    #[test]
    fn a_tar_is_a_tar_whatever_its_first_member_is_called() {
        for name in ["#!script", "{", "Derive(", "\u{7f}ELF"] {
            let mut header = tar::Header::new_gnu();
            header.set_path(name).unwrap();
            header.set_size(0);
            header.set_cksum();
            check(header.as_bytes(), "nothing");
        }
    }

    #[test]
    fn a_file_system_is_told_from_an_image() {
        let found = |names: &[&str]| {
            let names: Vec<Vec<Vec<u8>>> = names
                .iter()
                .map(|name| {
                    name.split('/')
                        .map(|part| part.as_bytes().to_vec())
                        .collect()
                })
                .collect();
            of_members(names.iter().map(Vec::as_slice))
        };
        let tar = Some(Mistaken::FileSystem);
        assert_eq!(found(&["bin", "etc", "etc/passwd"]), tar);
        assert_eq!(found(&["nix", "nix/store", "nix/store/a"]), tar);
        assert_eq!(found(&["bin", "etc", "manifest.json"]), None);
        assert_eq!(found(&["bin", "etc", "index.json"]), None);
        assert_eq!(found(&["bin", "a"]), None);
        assert_eq!(found(&["a/bin", "a/etc"]), None);
        assert_eq!(found(&[]), None);
    }
}
