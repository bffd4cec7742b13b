//! The grammar of image names and tags, which all engines have from one Go library,
//! `github.com/distribution/reference`.

use super::{Engine, Objection, Refusal, always, before, cut};

/// How many characters a tag may have.
const MAX_TAG: usize = 128;

/// How many characters a name may have: for engines of today without its registry, for older ones with
/// it. A name without a registry is one of `docker.io`, and `docker.io/library/app` if it has one part.
const MAX_NAME: usize = 255;

const DEFAULT_DOMAIN: &str = "docker.io/";
const DEFAULT_PATH: &str = "library/";

/// How many digits an image ID has; a name that looks like one, without a tag, is refused.
const ID_LENGTH: usize = 64;

const KIND: &str = "tag";

/// Those that run containers parse the names in an archive before they take it. skopeo and crane do not
/// look at them.
const READERS: &[Refusal] = &[
    always(Engine::Docker),
    always(Engine::Podman),
    always(Engine::Containerd),
];

/// Those whose library is older than version 0.5, of 2023.
const OLD_READERS: &[Refusal] = &[
    before(Engine::Docker, "26.1"),
    always(Engine::Podman),
    before(Engine::Containerd, "1.7"),
];

const PODMAN: &[Refusal] = &[always(Engine::Podman)];

/// Containerd takes a name without a tag.
const NEED_TAG: &[Refusal] = &[always(Engine::Docker), always(Engine::Podman)];

/// Checks a tag. `subject` is what messages call the place that it stands in.
#[must_use]
pub fn check_tag(subject: &str, tag: &str) -> Option<Objection> {
    if is_tag(tag) {
        return None;
    }
    let way_out = similar_tag(tag).unwrap_or_else(|| "latest".to_owned());
    Some(objection(
        format!(
            "{subject} is `{}`, but a tag is 1 to {MAX_TAG} letters, digits, `_`, `.` and `-`, and does not begin with `.` or `-`; write for example `{way_out}`",
            cut(tag)
        ),
        READERS,
    ))
}

/// Checks a name, which may begin with a registry and has no tag.
#[must_use]
pub fn check_name(subject: &str, name: &str) -> Option<Objection> {
    let (why, refused_by) = match wrong_name(name) {
        Some(why) => (why, READERS),
        None => (unusual_name(name)?, OLD_READERS),
    };
    Some(objection(
        format!(
            "{subject} is `{}`, but {why}; write it as `app`, `team/app` or `registry.example.com/team/app`",
            cut(name)
        ),
        refused_by,
    ))
}

/// Checks a name with a tag, as an archive has it.
#[must_use]
pub fn check_reference(reference: &str) -> Option<Objection> {
    if let Some(objection) = check_digested(reference) {
        return objection;
    }
    let (name, tag) = match reference.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
        _ => (reference, None),
    };
    let shown = cut(reference);
    if let Some(objection) = check_name(&format!("the name in `{shown}`"), name) {
        return Some(objection);
    }
    let Some(tag) = tag else {
        let refused_by = if is_id(name) { READERS } else { NEED_TAG };
        let text = format!("`{shown}` has no tag; write it as `{shown}:latest`");
        return Some(objection(text, refused_by));
    };
    check_tag(&format!("the tag in `{shown}`"), tag)
}

/// Checks a name with the digest of a manifest behind it, if it is one.
fn check_digested(reference: &str) -> Option<Option<Objection>> {
    let (name, digest) = reference.split_once('@')?;
    let (algorithm, hex) = digest.split_once(':')?;
    let length = match algorithm {
        "sha256" => 64,
        "sha512" => 128,
        _ => return None,
    };
    let is_digit = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if hex.len() != length || !hex.bytes().all(is_digit) {
        return None;
    }
    let named = check_reference(name);
    Some(named.or_else(|| {
        let text = format!(
            "`{}` has a digest, which an archive cannot promise; leave it out",
            cut(reference)
        );
        Some(objection(text, PODMAN))
    }))
}

/// What is said of an image that an archive has no name for. It can be loaded, and called by its ID.
#[must_use]
pub fn no_name() -> Objection {
    let text = "an image has no name, and containerd imports nothing then; give it one".to_owned();
    objection(text, &[])
}

fn objection(text: String, refused_by: &'static [Refusal]) -> Objection {
    Objection {
        kind: KIND,
        text,
        refused_by,
    }
}

fn is_tag(tag: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let is_rest = |byte: u8| is_word(byte) || matches!(byte, b'.' | b'-');
    tag.len() <= MAX_TAG && tag.bytes().next().is_some_and(is_word) && tag.bytes().all(is_rest)
}

/// A tag that looks like `tag`, if there is one.
fn similar_tag(tag: &str) -> Option<String> {
    let replace = |letter: char| match letter {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '.' | '-' => letter,
        _ => '-',
    };
    let similar: String = tag.chars().map(replace).collect();
    let similar = similar.trim_start_matches(['.', '-']);
    let similar = &similar[..similar.len().min(MAX_TAG)];
    is_tag(similar).then(|| similar.to_owned())
}

/// What is wrong with `name`, in words.
fn wrong_name(name: &str) -> Option<&'static str> {
    let (domain, path) = split_domain(name);
    if path.is_empty() || path.split('/').any(str::is_empty) {
        return Some("one of its parts is empty");
    }
    if path.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Some("a name has no capital letters behind the registry");
    }
    if !path.split('/').all(is_path_component) {
        return Some(
            "the parts of a name are of small letters and digits, with `.`, `_`, `__` or any number of `-` between two of these",
        );
    }
    // What cannot be a host with a port may still be the first part of a path.
    if domain.is_some_and(|domain| !is_domain(domain) && !is_path_component(domain)) {
        return Some(
            "its first part is neither a host, with or without a port, nor a part of a path",
        );
    }
    let library = if domain.is_none() && !path.contains('/') {
        DEFAULT_PATH.len()
    } else {
        0
    };
    (library + path.len() > MAX_NAME).then_some(
        "a name has 255 characters at most, without the registry and with `library/` if it has one part",
    )
}

/// What older engines do not take.
fn unusual_name(name: &str) -> Option<&'static str> {
    let (domain, path) = split_domain(name);
    let is_plain_host = |domain: &str| domain.contains(['.', ':']) || domain == "localhost";
    if domain.is_some_and(|domain| domain.starts_with('[')) {
        return Some("older engines know no IPv6 address as a registry");
    }
    if domain.is_some_and(|domain| !is_plain_host(domain)) {
        return Some("older engines take a first part in capital letters for no registry");
    }
    let whole = match domain {
        Some(_) => name.len(),
        None if path.contains('/') => DEFAULT_DOMAIN.len() + name.len(),
        None => DEFAULT_DOMAIN.len() + DEFAULT_PATH.len() + name.len(),
    };
    (whole > MAX_NAME).then_some(
        "for older engines a name has 255 characters at most together with its registry, or `docker.io/library/`",
    )
}

fn is_id(name: &str) -> bool {
    let is_digit = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    name.len() == ID_LENGTH && name.bytes().all(is_digit)
}

/// The registry, if the name begins with one, and the rest.
/// A name as people write it: without Docker Hub, which engines write out.
#[must_use]
pub fn familiar(name: &str) -> &str {
    match name.strip_prefix(DEFAULT_DOMAIN) {
        Some(path) => path.strip_prefix(DEFAULT_PATH).unwrap_or(path),
        None => name,
    }
}

/// A name as engines write it out: with the registry, and with `library/` for what Docker Hub has by one part alone.
#[must_use]
pub fn canonical(name: &str) -> String {
    match split_domain(name) {
        (Some("docker.io"), path) if !path.contains('/') => {
            format!("{DEFAULT_DOMAIN}{DEFAULT_PATH}{path}")
        }
        (Some(_), _) => name.to_owned(),
        (None, path) if path.contains('/') => format!("{DEFAULT_DOMAIN}{path}"),
        (None, path) => format!("{DEFAULT_DOMAIN}{DEFAULT_PATH}{path}"),
    }
}

/// Whether a reference has a tag: what follows the last colon may be the port of a registry.
#[must_use]
pub fn has_tag(reference: &str) -> bool {
    let tag = reference.rsplit_once(':').map(|(_, tag)| tag);
    tag.is_some_and(|tag| !tag.contains('/'))
}

fn split_domain(name: &str) -> (Option<&str>, &str) {
    match name.split_once('/') {
        Some((first, rest))
            if first.contains(['.', ':'])
                || first == "localhost"
                || first.bytes().any(|byte| byte.is_ascii_uppercase()) =>
        {
            (Some(first), rest)
        }
        _ => (None, name),
    }
}

fn is_domain(domain: &str) -> bool {
    let (host, port) = match domain.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (domain, None),
    };
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    if !port.is_none_or(is_port) {
        return false;
    }
    if let Some(address) = host.strip_prefix('[') {
        let is_address = |address: &str| {
            let is_part = |byte: u8| byte.is_ascii_hexdigit() || byte == b':';
            !address.is_empty() && address.bytes().all(is_part)
        };
        return address.strip_suffix(']').is_some_and(is_address);
    }
    let is_component = |part: &str| {
        let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        !part.is_empty()
            && part.bytes().all(is_inner)
            && !part.starts_with('-')
            && !part.ends_with('-')
    };
    host.split('.').all(is_component)
}

/// Whether `part` is `alphanumeric (separator alphanumeric)*`, the separators being `.`, `_`, `__` and
/// any number of `-`.
fn is_path_component(part: &str) -> bool {
    let is_alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let separators = part.split(|letter: char| letter.is_ascii() && is_alphanumeric(letter as u8));
    let is_separator = |separator: &str| {
        matches!(separator, "" | "." | "_" | "__") || separator.bytes().all(|byte| byte == b'-')
    };
    let ends = [part.bytes().next(), part.bytes().next_back()];
    ends.iter().all(|end| end.is_some_and(is_alphanumeric))
        && separators.into_iter().all(is_separator)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_out_and_shortened_again() {
        for (short, long) in [
            ("app:1", "docker.io/library/app:1"),
            ("team/app:1", "docker.io/team/app:1"),
            ("localhost/app", "localhost/app"),
            ("host:5000/app:1", "host:5000/app:1"),
            ("ghcr.io/team/app:1", "ghcr.io/team/app:1"),
        ] {
            assert_eq!(canonical(short), long);
            assert_eq!(canonical(long), long);
            assert_eq!(familiar(long), short);
        }
        assert_eq!(canonical("docker.io/app"), "docker.io/library/app");
        assert!(has_tag("host:5000/app:1"));
        assert!(!has_tag("host:5000/app"));
    }

    #[test]
    fn tags_are_words_of_128_characters_at_most() {
        for good in ["1", "_", "v1.2-rc_3", "A.b", &"a".repeat(128)] {
            assert_eq!(check_tag("`tag`", good), None, "{good}");
        }
        for wrong in [
            "",
            ".1",
            "-1",
            "1+2",
            "1~rc1",
            "a/b",
            "a:b",
            "a b",
            "ä",
            "1\n",
            &"a".repeat(129),
        ] {
            assert!(check_tag("`tag`", wrong).is_some(), "{wrong}");
        }
    }

    #[test]
    fn a_tag_like_the_wrong_one_is_shown() {
        for (wrong, similar) in [
            ("1.2.0+20240115", Some("1.2.0-20240115")),
            ("1~rc1", Some("1-rc1")),
            (".1", Some("1")),
            ("feature/x", Some("feature-x")),
            ("ä", None),
            ("", None),
        ] {
            assert_eq!(similar_tag(wrong).as_deref(), similar);
        }
        assert_eq!(similar_tag(&"é".repeat(200)), None);
        assert_eq!(similar_tag(&"ab+".repeat(99)).unwrap().len(), 128);
    }

    /// What engines said of each name, asked with the tag `1`: taken, taken by new ones, refused.
    #[test]
    fn names_are_those_of_the_reference_grammar() {
        let long = |count| "x".repeat(count);
        for good in [
            "a__b",
            "a--b",
            "a---b",
            "a.b",
            "a_b",
            "1",
            "Host.com/a",
            "localhost/a",
            "localhost/localhost/a",
            "host:5000/a",
            "host:99999/a",
            "host:0/a",
            "127.0.0.1/a",
            "ho_st/a",
            "ho_st.com/a",
            "xn--h-1ga.de/a",
            "docker.io/a",
            "docker.io/library/a",
            "docker.io/a/b/c",
            "docker.io",
            "a/b/c",
            "scratch",
            &"0f".repeat(32),
            &format!("host.com/{}", long(246)),
            &long(237),
        ] {
            assert_eq!(check_name("`name`", good), None, "{good}");
        }
        for unusual in [
            "Host/a",
            "HOST/a",
            "LOCALHOST/a",
            "[::1]:5000/a",
            "[::1]/a",
            &long(247),
            &format!("a/{}", long(253)),
            &format!("host.com/{}", long(255)),
        ] {
            let objection = check_name("`name`", unusual).unwrap();
            assert_eq!(objection.refused_by, OLD_READERS, "{unusual}");
        }
        for wrong in [
            "-app",
            "_app",
            ".app",
            "app.",
            "app-",
            "app_",
            "a//b",
            "a..b",
            "a___b",
            "a-_b",
            "a.-b",
            "a._b",
            "a/.b",
            "a/b.",
            "host:port/a",
            "host:/a",
            ":5000/a",
            "[fe80::1%25eth0]/a",
            "ho_st:5000/a",
            "-host.com/a",
            "host-.com/a",
            "host..com/a",
            "host./a",
            ".host/a",
            "h\u{f6}.de/a",
            "docker.io/",
            "a/",
            "/a",
            "a b",
            " a",
            "a ",
            "a\n",
            "\u{e4}",
            "a/\u{e4}",
            "a+b",
            "a~b",
            "a%b",
            "a@b",
            "http://host.com/a",
            "docker://a",
            "oci:a",
            ".",
            "..",
            "../a",
            "a/../b",
            "",
            "<none>",
            "a,b",
            "a=b",
            "a\\b",
            "App",
            "a/App",
            "host.com/App",
            "[]/a",
            "[g]/a",
            "[::1/a",
            "a:5",
            &long(255),
            &long(248),
            &format!("{}/a", long(255)),
            &format!("a/{}", long(254)),
            &format!("host.com/{}", long(256)),
        ] {
            let objection = check_name("`name`", wrong).unwrap_or_else(|| panic!("{wrong}"));
            assert_eq!(objection.refused_by, READERS, "{wrong}");
        }
    }

    #[test]
    fn references_have_a_tag() {
        for good in [
            "host:5000/a:1",
            "a:1",
            &format!("{}:1", "0f".repeat(32)),
            "localhost:5000/a:1",
        ] {
            assert_eq!(check_reference(good), None, "{good}");
        }
        for (wrong, refused_by) in [
            ("a", NEED_TAG),
            ("host.com:5000/a", NEED_TAG),
            ("a:", READERS),
            (":1", READERS),
            ("a:1:2", READERS),
            ("a@sha256:0", READERS),
            (&format!("a:1@sha256:{}", "0f".repeat(32)), PODMAN),
            (&format!("a@sha512:{}", "0f".repeat(64)), NEED_TAG),
            ("a:b c", READERS),
            (&"0f".repeat(32), READERS),
            ("", READERS),
        ] {
            let objection = check_reference(wrong).unwrap_or_else(|| panic!("{wrong}"));
            assert_eq!(objection.refused_by, refused_by, "{wrong}");
        }
    }
}
