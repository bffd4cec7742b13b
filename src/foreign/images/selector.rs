//! Chooses one of several images by its name.

use std::collections::BTreeSet;

use crate::console::text;
use crate::engines::reference::familiar;
use crate::foreign::archive::Archive;
use crate::foreign::images::error::ImagesError;
use crate::oci::platform::Platform;

/// Which image of an archive with several.
#[derive(Debug, Clone, Copy, Default)]
pub struct Selector<'a> {
    pub name: Option<&'a str>,
    pub tag: Option<&'a str>,
    /// What it is to run on. Of images for several platforms, without this the first is taken.
    pub platform: Option<&'a Platform>,
}

impl<'a> Selector<'a> {
    /// The image called `reference`, such as `name:1`, for whatever platform.
    #[must_use]
    pub fn of_reference(reference: &'a str) -> Self {
        let (name, tag) = split(reference);
        Self {
            name,
            tag,
            platform: None,
        }
    }

    /// Whether an image called `names` is wanted.
    pub(crate) fn wants(self, names: &[String]) -> bool {
        if self.name.is_none() && self.tag.is_none() {
            return true;
        }
        names.iter().any(|reference| {
            let (name, tag) = split(reference);
            let same_name =
                |wanted: &str| name.is_some_and(|name| familiar(name) == familiar(wanted));
            self.name.is_none_or(same_name) && self.tag.is_none_or(|wanted| tag == Some(wanted))
        })
    }

    pub(crate) fn no_such_name(self, archive: &Archive, found: String) -> ImagesError {
        ImagesError::NoSuchName {
            path: archive.path.clone(),
            wanted: format!(
                "{}:{}",
                self.name.unwrap_or("<any name>"),
                self.tag.unwrap_or("<any tag>")
            ),
            found,
        }
    }
}

/// The name and the tag of a reference. A layout may call its images by a tag alone, which skopeo
/// takes for a name as well.
pub(crate) fn split(reference: &str) -> (Option<&str>, Option<&str>) {
    match reference.rsplit_once(':') {
        // What follows the last colon is the port of a registry.
        Some((_, tag)) if tag.contains('/') => (Some(reference), None),
        Some((name, tag)) => (Some(name), Some(tag)),
        None if reference.contains('/') => (Some(reference), None),
        None => (Some(reference), Some(reference)),
    }
}

/// How many names an error lists.
const MAX_SHOWN: usize = 50;

pub(crate) fn shown_names<'a>(images: impl Iterator<Item = &'a [String]>) -> String {
    let mut known = BTreeSet::new();
    let mut names: Vec<String> = Vec::new();
    for name in images.flatten().filter(|name| known.insert(*name)) {
        if names.len() < MAX_SHOWN {
            names.push(format!("`{}`", text::shown(name.as_bytes())));
        }
    }
    match known.len() - names.len() {
        0 if names.is_empty() => "only images without a name".to_owned(),
        0 => names.join(", "),
        more => format!("{}, and {more} more", names.join(", ")),
    }
}

/// The name, as Docker shows it, and the tag of a reference: the same for what engines call by one name.
pub(crate) fn reference(name: &str) -> (Option<&str>, Option<&str>) {
    let (name, tag) = split(name);
    (name.map(familiar), tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_have_a_name_and_a_tag() {
        assert_eq!(split("app:1"), (Some("app"), Some("1")));
        assert_eq!(split("host:5000/app:1"), (Some("host:5000/app"), Some("1")));
        assert_eq!(split("host:5000/app"), (Some("host:5000/app"), None));
        assert_eq!(split("latest"), (Some("latest"), Some("latest")));
    }
}
