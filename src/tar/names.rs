//! Compares the names of a tar by the paths that they lead to: `./nix/`, `/nix` and `nix` are one. No tar that we
//! write has two names for one path.

use std::borrow::Cow;
use std::collections::HashSet;

use crate::bytes::source::RangeReader;
use crate::tar::plan::TarPlan;
use crate::tar::read::Reader;

/// The path of `name` below the root, without `./`, `/` and trailing `/`, and with `..` taken back, as
/// `realpath -ms` does. That of the root itself is empty.
#[must_use]
pub fn path_of(name: &[u8]) -> Cow<'_, [u8]> {
    let trimmed = name.strip_prefix(b"./").unwrap_or(name);
    let trimmed = trimmed.strip_prefix(b"/").unwrap_or(trimmed);
    let trimmed = trimmed.strip_suffix(b"/").unwrap_or(trimmed);
    let is_odd = |part: &[u8]| matches!(part, b"" | b"." | b"..");
    if !trimmed.split(|byte| *byte == b'/').any(is_odd) {
        return Cow::Borrowed(trimmed);
    }
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in name.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    Cow::Owned(parts.join(&b'/'))
}

/// A path that `plan` has twice, in what it takes over of another tar or in its own entries: our bug. Reads the
/// headers of what it takes over; what cannot be read there fails when it is written.
#[must_use]
pub fn twice(plan: &TarPlan) -> Option<Vec<u8>> {
    let mut paths = HashSet::new();
    for range in plan.prefix.iter().filter(|range| range.size > 0) {
        let mut tar = Reader::new(RangeReader::new(range.clone()));
        while let Ok(Some(member)) = tar.next_member() {
            let path = path_of(&member.name).into_owned();
            if let Some(Cow::Owned(twice)) = paths.replace(Cow::Owned(path)) {
                return Some(twice);
            }
        }
    }
    let names = plan.entries.iter().map(|entry| path_of(&entry.name));
    for path in names {
        if let Some(twice) = paths.replace(path) {
            return Some(twice.into_owned());
        }
    }
    None
}

/// Whether `next` comes behind `last` in the tar of a tree that is walked in order, in which no path is there twice.
#[must_use]
pub fn is_behind(last: &[u8], next: &[u8]) -> bool {
    let [last, next] = [last, next].map(path_of);
    let parts = |path| <[u8]>::split(path, |byte| *byte == b'/');
    // The root is before all.
    last.is_empty() && !next.is_empty() || parts(&last).lt(parts(&next))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::bytes::source::Range;
    use crate::bytes::source::Source;
    use crate::tar::owner::Owner;
    use crate::tar::plan::Entry;
    use crate::tar::write;

    fn plan(names: &[&str]) -> TarPlan {
        let owner = Arc::new(Owner::root());
        let entry = |name: &&str| Entry::inline(name, Vec::new(), 0o444, &owner, 0);
        TarPlan {
            entries: names.iter().map(entry).collect(),
            ..TarPlan::default()
        }
    }

    #[test]
    fn a_path_has_many_names() {
        for (name, path) in [
            ("nix", "nix"),
            ("./nix/", "nix"),
            ("/nix", "nix"),
            (".//nix", "nix"),
            ("./././nix//", "nix"),
            ("nix/./store", "nix/store"),
            ("nix/x/../store", "nix/store"),
            ("../nix", "nix"),
            ("./", ""),
            (".", ""),
            ("/", ""),
            ("", ""),
            (".nix", ".nix"),
            ("..nix/...", "..nix/..."),
        ] {
            let found = path_of(name.as_bytes());
            assert_eq!(String::from_utf8_lossy(&found), path, "{name}");
        }
    }

    #[test]
    fn a_path_that_is_there_twice_is_found_by_any_name() {
        assert_eq!(twice(&plan(&["./", "./a", "./a/b", "b"])), None);
        assert_eq!(twice(&plan(&["./nix/", "nix"])), Some(b"nix".to_vec()));
        assert_eq!(
            twice(&plan(&["/nix", "a", "./nix/"])),
            Some(b"nix".to_vec())
        );
        assert_eq!(twice(&plan(&["./", "/"])), Some(Vec::new()));
    }

    #[test]
    fn a_path_of_another_tar_counts_too() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let taken = plan(&["./a", "./nix"]);
        write::write(&taken, &mut file).unwrap();
        let reopened = file.reopen().unwrap();
        let prefix = Range {
            source: Arc::new(Source::file(file.path(), reopened)),
            offset: 0,
            size: taken.unpadded_size(),
            sparse: None,
        };
        let prefix = vec![prefix];
        let with = |names| TarPlan {
            prefix: prefix.clone(),
            ..plan(names)
        };
        assert_eq!(twice(&with(&["./nixos"])), None);
        assert_eq!(twice(&with(&["nix/"])), Some(b"nix".to_vec()));
    }

    #[test]
    #[should_panic(expected = "a path is in a tar twice")]
    fn no_plan_is_written_that_has_a_path_twice() {
        let _ = write::write(&plan(&["./nix/", "nix"]), &mut std::io::sink());
    }

    #[test]
    fn entries_of_a_tree_come_in_order() {
        let names = ["./", "./a/", "./a/b", "./a-b", "./b/"].map(str::as_bytes);
        for (at, last) in names.iter().enumerate() {
            for (behind, next) in names.iter().enumerate() {
                assert_eq!(is_behind(last, next), at < behind);
            }
        }
    }
}
