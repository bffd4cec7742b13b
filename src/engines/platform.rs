//! What an image runs on, in the words of Go (`GOOS`, `GOARCH`), which the OCI image specification
//! takes over, and in other programs' words for the same processors.

use super::{Engine, Objection, Refusal, always, before, cut};
use crate::oci::platform::Platform;

const KIND: &str = "platformWord";

/// A base image for something else than the image that is built on it.
const OTHER_BASE: &str = "basePlatform";

/// Go's words for processors that run Linux.
const ARCHITECTURES: &[&str] = &[
    "386",
    "amd64",
    "arm",
    "arm64",
    "armbe",
    "arm64be",
    "loong64",
    "mips",
    "mips64",
    "mips64le",
    "mips64p32",
    "mips64p32le",
    "mipsle",
    "ppc",
    "ppc64",
    "ppc64le",
    "riscv",
    "riscv64",
    "s390",
    "s390x",
    "sparc",
    "sparc64",
    "wasm",
];

/// Nix's, Linux' and Debian's words for processors, and what Go has in their place: the architecture,
/// and the variant if the word says one.
const OTHERS: &[(&str, &str, &str)] = &[
    ("aarch64", "arm64", ""),
    ("aarch64_be", "arm64be", ""),
    ("armhf", "arm", "v7"),
    ("armel", "arm", "v6"),
    ("armv5l", "arm", "v5"),
    ("armv5tel", "arm", "v5"),
    ("armv6l", "arm", "v6"),
    ("armv7", "arm", "v7"),
    ("armv7a", "arm", "v7"),
    ("armv7l", "arm", "v7"),
    ("armv8l", "arm", "v8"),
    ("i386", "386", ""),
    ("i486", "386", ""),
    ("i586", "386", ""),
    ("i686", "386", ""),
    ("x86", "386", ""),
    ("x86_64", "amd64", ""),
    ("x86-64", "amd64", ""),
    ("x64", "amd64", ""),
    ("loongarch64", "loong64", ""),
    ("mipsel", "mipsle", ""),
    ("mips64el", "mips64le", ""),
    ("powerpc", "ppc", ""),
    ("powerpc64", "ppc64", ""),
    ("powerpc64le", "ppc64le", ""),
    ("ppc64el", "ppc64le", ""),
    ("wasm32", "wasm", ""),
];

/// Docker on Linux loads nothing else; old versions end over other words.
const OLD_DOCKER: &[Refusal] = &[before(Engine::Docker, "26.1")];
const DOCKER: &[Refusal] = &[always(Engine::Docker)];

/// The variants that Go and containerd know, by architecture.
const VARIANTS: &[(&str, &[&str])] = &[
    ("amd64", &["v1", "v2", "v3", "v4"]),
    ("arm", &["v5", "v6", "v7", "v8"]),
    ("arm64", &["v8", "v9"]),
    ("ppc64le", &["power8", "power9", "power10"]),
    ("riscv64", &["rva20u64", "rva22u64", "rva23u64"]),
];

/// Checks the words for what an image runs on.
#[must_use]
pub fn check(platform: &Platform) -> Vec<Objection> {
    let architecture = check_architecture(&platform.architecture);
    let variant = platform.variant.as_deref().unwrap_or_default();
    let variant = match architecture {
        None => check_variant(&platform.architecture, variant),
        Some(_) => None,
    };
    architecture.into_iter().chain(variant).collect()
}

fn check_architecture(found: &str) -> Option<Objection> {
    if ARCHITECTURES.contains(&found) {
        return None;
    }
    let lower = found.to_ascii_lowercase();
    let meant = OTHERS.iter().find(|(other, ..)| *other == lower);
    let meant = meant.map(|(_, architecture, variant)| (*architecture, *variant));
    let known = ARCHITECTURES.iter().find(|known| **known == lower);
    let way_out = match meant.or(known.map(|known| (*known, ""))) {
        Some((architecture, "")) => format!("write `{architecture}`"),
        Some((architecture, variant)) => {
            format!("write `{architecture}`, and `{variant}` as `variant`")
        }
        None => "write one of Go's words for processors, such as `amd64` or `arm64`".to_owned(),
    };
    Some(objection(
        KIND,
        format!(
            "`architecture` is `{}`, which is no word of Go for a processor, so engines do not know that the image is for theirs; {way_out}",
            cut(found)
        ),
    ))
}

/// Checks the operating system of an image in an archive of Docker's form.
#[must_use]
pub fn check_os(found: &str) -> Option<Objection> {
    if matches!(found, "" | "linux") {
        return None;
    }
    let is_linux = found.eq_ignore_ascii_case("linux");
    Some(Objection {
        kind: KIND,
        text: format!(
            "`os` is `{}`, and Docker on Linux loads only `linux`",
            cut(found)
        ),
        refused_by: if is_linux { OLD_DOCKER } else { DOCKER },
    })
}

fn check_variant(architecture: &str, found: &str) -> Option<Objection> {
    let known = VARIANTS.iter().find(|(other, _)| *other == architecture);
    let known = known.map_or(&[][..], |(_, variants)| variants);
    // `v8.1` and so on are ARM's own.
    let base = found.split('.').next().unwrap_or_default();
    if found.is_empty()
        || known.contains(&found)
        || architecture == "arm64" && known.contains(&base)
    {
        return None;
    }
    let way_out = match known {
        [] => "leave it out".to_owned(),
        known => format!("leave it out, or write one of {}", list(known)),
    };
    Some(objection(
        KIND,
        format!(
            "`variant` is `{}`, which `{architecture}` does not have, so engines do not know that the image is for their processor; {way_out}",
            cut(found)
        ),
    ))
}

fn list(words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    words.join(", ")
}

/// Compares what an image is `built` for with what its base, which messages call `path`, is for.
#[must_use]
pub fn check_base(path: &str, base: &Platform, built: &Platform) -> Option<Objection> {
    if base.os == built.os && base.architecture == built.architecture {
        return None;
    }
    let way_out = match base.os == built.os {
        true => format!(
            "take a base for `{}`, or set `architecture = \"{}\"`",
            cut(&built.architecture),
            cut(&base.architecture)
        ),
        false => format!("take a base for `{}`", cut(&built.os)),
    };
    Some(objection(
        OTHER_BASE,
        format!(
            "base image `{path}` is for {base}, but the image that is built on it says {built}; {way_out}"
        ),
    ))
}

fn objection(kind: &'static str, text: String) -> Objection {
    Objection {
        kind,
        text,
        refused_by: &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn platform(architecture: &str, variant: &str) -> Platform {
        Platform {
            os: "linux".to_owned(),
            architecture: architecture.to_owned(),
            variant: Some(variant.to_owned()),
        }
    }

    #[test]
    fn words_of_go_are_right() {
        for (architecture, variant) in [
            ("amd64", ""),
            ("amd64", "v3"),
            ("arm", "v7"),
            ("arm64", "v8"),
            ("arm64", "v8.2"),
            ("386", ""),
            ("riscv64", ""),
            ("s390x", ""),
            ("loong64", ""),
            ("ppc64le", "power9"),
        ] {
            assert_eq!(
                check(&platform(architecture, variant)),
                [],
                "{architecture} {variant}"
            );
        }
    }

    #[test]
    fn other_words_are_answered_with_those_of_go() {
        for (found, meant) in [
            ("aarch64", "write `arm64`"),
            ("x86_64", "write `amd64`"),
            ("X86_64", "write `amd64`"),
            ("AMD64", "write `amd64`"),
            ("armv7l", "write `arm`, and `v7` as `variant`"),
            ("i686", "write `386`"),
            ("powerpc64le", "write `ppc64le`"),
            ("pdp11", "such as `amd64`"),
            ("", "such as `amd64`"),
        ] {
            let [objection] = check(&platform(found, "")).try_into().unwrap();
            let objection: Objection = objection;
            assert!(objection.text.contains(meant), "{objection}");
        }
        for (architecture, variant) in [
            ("amd64", "v8"),
            ("arm64", "8"),
            ("386", "v1"),
            ("arm", "7"),
            ("s390x", "z13"),
        ] {
            assert_eq!(
                check(&platform(architecture, variant)).len(),
                1,
                "{architecture} {variant}"
            );
        }
    }

    #[test]
    fn every_other_word_leads_to_one_of_go() {
        for (other, architecture, variant) in OTHERS {
            assert!(!ARCHITECTURES.contains(other), "{other}");
            assert_eq!(check(&platform(architecture, variant)), [], "{other}");
        }
    }
}
