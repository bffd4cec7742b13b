//! Pulls an image from a registry into an archive, as `pullImage` does: by skopeo, whose bytes the
//! hash in a user's code is of. Its failures are told in our words.

use std::fmt::{self, Display};
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;
use thiserror::Error;

use crate::build::context::Context;
use crate::build::output::{self, OutputError};
use crate::closure::graph::{self, GraphError};
use crate::closure::references;
use crate::request::attrs::{Attrs, Section};
use crate::request::store_path::{StorePath, StorePathError};

/// An image could not be pulled.
#[derive(Debug, Error)]
pub enum PullError {
    #[error(
        "cannot read `authFile` `{}`; a build in Nix's sandbox sees it when `extra-sandbox-paths` in nix.conf names it, \
         and the users that Nix builds as have to be allowed to read it",
        path.display()
    )]
    AuthFile { path: PathBuf, source: io::Error },
    #[error("cannot run `{}`, which pulls images", skopeo.display())]
    Run { skopeo: PathBuf, source: io::Error },
    #[error("cannot pull `{image}`: {why}")]
    Failed {
        image: String,
        why: Why,
        source: Said,
    },
    #[error(
        "cannot pull `{image}` with this version of Nix: the image has `{}` in it, which pulling needs too, and Nix before \
         2.18 takes that for a reference, which no download may have. Use Nix 2.18 or later, or pull the image with skopeo to a \
         file `{name}` and add it by `nix-store --add-fixed sha256 {name}`",
        path.as_path().display()
    )]
    Reference {
        image: String,
        path: StorePath,
        /// What the output is called, without its hash.
        name: String,
    },
    #[error("cannot read the archive of `{image}` that skopeo has written")]
    Read { image: String, source: io::Error },
    #[error("cannot use the closure of pullImage")]
    Closure(#[from] GraphError),
    #[error("the closure of pullImage has something in it that is no store path")]
    StorePath(#[from] StorePathError),
    #[error(transparent)]
    Output(#[from] OutputError),
}

/// Why there is no image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    Credentials { given: bool },
    Missing,
    Platform,
    Reference,
    PlainHttp,
    Certificate,
    TooMany,
    Unreachable,
    Other,
}

impl Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Credentials { given: false } => {
                "the registry wants credentials, or has no such image; `authFile` names a file with credentials"
            }
            Self::Credentials { given: true } => {
                "the registry refuses the credentials in `authFile`, or has no such image"
            }
            Self::Missing => {
                "the registry does not have it; see what `skopeo inspect` says of the name and the tag that you mean, \
                 since registries delete images that lost their tag"
            }
            Self::Platform => {
                "it is not there for this platform; `os`, `arch` and `variant` choose among those that `skopeo inspect --raw` lists"
            }
            Self::Reference => {
                "that is no name of an image; `imageName` has neither tag nor digest, and `imageDigest` is `sha256:` and 64 digits"
            }
            Self::PlainHttp => {
                "the registry does not speak TLS; `tlsVerify = false` pulls without, if you trust the network"
            }
            Self::Certificate => {
                "the certificate of the registry is not one of an authority in `cacert`; \
                 `tlsVerify = false` takes it as it is, if you trust the network"
            }
            Self::TooMany => {
                "the registry has had too many requests from here; it may allow more to those with credentials, which `authFile` names"
            }
            Self::Unreachable => {
                "the registry cannot be reached; behind a proxy, Nix's daemon has to have `https_proxy` in its environment"
            }
            Self::Other => "skopeo fails",
        })
    }
}

impl Why {
    /// Tells what skopeo means. There is nothing but its words: it ends with 1 whatever happened.
    fn of(message: &str, has_credentials: bool) -> Self {
        // It joins what each of its layers has to say by colons, and names things of the user within these parts: a
        // digest may have `404` in it, an image be called `denied`, and a disk says `permission denied`.
        let message = message.to_lowercase();
        let lines = message.split('\n');
        let parts: Vec<&str> = lines.flat_map(|line| line.split(": ")).collect();
        let says = |words: &[&str]| {
            let begins = |part: &&str| {
                let mut rests = words.iter().filter_map(|word| part.strip_prefix(word));
                rests.any(|rest| !rest.starts_with(|next: char| next.is_alphanumeric()))
            };
            parts.iter().any(begins)
        };
        // In this order: the reason comes in front of what it led to, as in `unauthorized: ...`.
        if says(&[
            "unauthorized",
            "authentication required",
            "invalid username/password",
            "denied",
            "requested access to the resource is denied",
            "401",
            "403",
            "invalid status code from registry 401",
            "invalid status code from registry 403",
        ]) {
            Self::Credentials {
                given: has_credentials,
            }
        } else if says(&[
            "toomanyrequests",
            "too many requests",
            "429",
            "invalid status code from registry 429",
        ]) {
            Self::TooMany
        } else if says(&["no image found in"]) {
            Self::Platform
        } else if says(&[
            "manifest unknown",
            "name unknown",
            "404",
            "invalid status code from registry 404",
        ]) {
            Self::Missing
        } else if says(&["invalid reference format", "invalid checksum digest"]) {
            Self::Reference
        } else if says(&["server gave http response to https client"]) {
            Self::PlainHttp
        } else if says(&["x509", "tls"]) {
            Self::Certificate
        } else if says(&["dial tcp", "no such host", "i/o timeout", "proxyconnect"]) {
            Self::Unreachable
        } else {
            Self::Other
        }
    }
}

/// The last words of skopeo.
#[derive(Debug, Error)]
#[error("skopeo says: {0}")]
pub struct Said(String);

/// An image of a registry, as `pullImage` asks for it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "a set")]
pub struct PullAttrs {
    /// `docker://NAME@DIGEST`.
    pub source: String,
    /// The `NAME:TAG` that the archive says.
    pub destination: String,
    /// The platform in Go's words, to choose by where the image is there for several.
    pub os: String,
    pub arch: String,
    /// Empty for any.
    pub variant: String,
    pub tls_verify: bool,
    /// Credentials for registries; null for none.
    pub auth_file: Option<PathBuf>,
    pub skopeo: PathBuf,
    /// The authorities to trust.
    pub certificates: PathBuf,
}

impl Section for PullAttrs {
    const KEY: &'static str = "pull";
}

/// What will be pulled: what [`PullAttrs`] ask for, checked.
struct Settled<'a> {
    source: &'a str,
    destination: &'a str,
    os: &'a str,
    arch: &'a str,
    variant: Option<&'a str>,
    tls_verify: bool,
    /// A file that can be read.
    auth_file: Option<&'a Path>,
    skopeo: &'a Path,
    certificates: &'a Path,
    /// The store paths that must not be in the image: those of the build's own closure, if our Nix code has handed that
    /// over. It does so where Nix would take them for references, which no output with a fixed hash may have.
    forbidden: Vec<StorePath>,
    out: &'a Path,
}

/// Settles what `attrs` ask for; afterwards only the registry can say no.
fn settle(attrs: &Attrs<PullAttrs>) -> Result<Settled<'_>, PullError> {
    let asked = &attrs.ours;
    // skopeo takes a file that is not there for an empty one, and the registry's answer would mislead.
    if let Some(path) = &asked.auth_file {
        File::open(path).map_err(|source| PullError::AuthFile {
            path: path.clone(),
            source,
        })?;
    }
    let closure = attrs.closure.as_ref().map(graph::parse).transpose()?;
    let forbidden = closure.iter().flatten();
    let forbidden = forbidden.map(|path| StorePath::parse(path.path.as_bytes()));
    Ok(Settled {
        source: &asked.source,
        destination: &asked.destination,
        os: &asked.os,
        arch: &asked.arch,
        variant: Some(&*asked.variant).filter(|variant| !variant.is_empty()),
        tls_verify: asked.tls_verify,
        auth_file: asked.auth_file.as_deref(),
        skopeo: &asked.skopeo,
        certificates: &asked.certificates,
        forbidden: forbidden.collect::<Result<_, _>>()?,
        out: &attrs.out,
    })
}

/// Pulls the image that `attrs` name to the output.
///
/// # Errors
/// When the credentials cannot be read, or skopeo cannot be run or fails.
pub fn build(attrs: &Attrs<PullAttrs>, context: &Context) -> Result<(), PullError> {
    let image = settle(attrs)?;
    let platform = image.platform();
    let text = format!("pulling `{}` for {platform}", image.source);
    context.progress.phase("pull", &text);
    output::file(image.out, |file| {
        let run = |source| PullError::Run {
            skopeo: image.skopeo.to_owned(),
            source,
        };
        let archive = file.as_fd().try_clone_to_owned().map_err(run)?;
        match copy(&image, file, context).map_err(run)? {
            None => check_references(&image, &archive),
            Some(said) => Err(PullError::Failed {
                image: image.source.to_owned(),
                why: Why::of(&said.0, image.auth_file.is_some()),
                source: said,
            }),
        }
    })
}

impl Settled<'_> {
    /// In words.
    fn platform(&self) -> String {
        let parts = [Some(self.os), Some(self.arch), self.variant].into_iter();
        let given: Vec<_> = parts.flatten().filter(|part| !part.is_empty()).collect();
        given.join("/")
    }
}

/// Looks for store paths in `archive` that must not be there.
fn check_references(image: &Settled<'_>, archive: &OwnedFd) -> Result<(), PullError> {
    if image.forbidden.is_empty() {
        return Ok(());
    }
    let read = |source| PullError::Read {
        image: image.source.to_owned(),
        source,
    };
    // The archive has no name yet, and was opened to be written.
    let archive = File::open(format!("/proc/self/fd/{}", archive.as_raw_fd())).map_err(read)?;
    let found = references::find(archive, &image.forbidden).map_err(read)?;
    match found.first() {
        None => Ok(()),
        Some(path) => Err(PullError::Reference {
            image: image.source.to_owned(),
            path: (*path).clone(),
            name: name(image.out),
        }),
    }
}

/// What the store path `out` is called: its file name without the hash.
fn name(out: &Path) -> String {
    let name = out.file_name().unwrap_or_default().to_string_lossy();
    let name = name.split_once('-').map(|(_, name)| name.to_owned());
    name.unwrap_or_default()
}

/// Runs skopeo with the arguments that nixpkgs gives it, but for the output, which is `archive`; when
/// it fails, gives what it said.
fn copy(image: &Settled<'_>, archive: File, context: &Context) -> io::Result<Option<Said>> {
    // The archive has no name yet: skopeo finds it as its standard input.
    let destination = format!("docker-archive:/proc/self/fd/0:{}", image.destination);

    let mut command = Command::new(image.skopeo);
    command
        .arg("--insecure-policy")
        .arg("--tmpdir")
        .arg(&context.temporary_directory)
        .args(["--override-os", image.os, "--override-arch", image.arch]);
    if let Some(variant) = image.variant {
        command.args(["--override-variant", variant]);
    }
    command
        .arg("copy")
        .arg(format!("--src-tls-verify={}", image.tls_verify));
    if let Some(path) = image.auth_file {
        command.arg("--authfile").arg(path);
    }
    // Nix gives builders a terminal, on which skopeo would draw; into a pipe it writes lines.
    let (lines, pipe) = io::pipe()?;
    command
        .arg(image.source)
        .arg(destination)
        .env("SSL_CERT_FILE", image.certificates)
        .stdin(archive)
        .stdout(pipe.try_clone()?)
        .stderr(pipe);
    let mut child = command.spawn()?;
    // The pipe ends when nobody has its other end, and the command still does.
    drop(command);

    let mut last = String::new();
    for line in BufReader::new(lines).split(b'\n') {
        let line = line?;
        let line = String::from_utf8_lossy(&line);
        match fatal(&line) {
            Some(message) => last = message,
            None => {
                context.progress.line(&line);
                last = line.into_owned();
            }
        }
    }
    Ok((!child.wait()?.success()).then_some(Said(last)))
}

/// The message of skopeo's last line, in which it tells why it fails:
/// `time="..." level=fatal msg="..."`.
fn fatal(line: &str) -> Option<String> {
    let (_, message) = line.split_once(" level=fatal msg=")?;
    // Go's quotes are JSON's, but for odd characters.
    Some(serde_json::from_str(message).unwrap_or_else(|_| message.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(message: &str, expected: Why) {
        assert_eq!(Why::of(message, false), expected, "{message}");
    }

    #[test]
    fn what_skopeo_says_is_understood() {
        check(
            "reading manifest x in y: unauthorized: authentication required",
            Why::Credentials { given: false },
        );
        check(
            "unable to retrieve auth token: invalid username/password: unauthorized",
            Why::Credentials { given: false },
        );
        check(
            "reading manifest x in y: errors: denied: requested access to the resource is denied",
            Why::Credentials { given: false },
        );
        check(
            "reading manifest x: toomanyrequests: You have reached your pull rate limit.",
            Why::TooMany,
        );
        check(
            "choosing image instance: no image found in image index for architecture \"s390x\", variant \"\", OS \"linux\"",
            Why::Platform,
        );
        check("reading manifest x: manifest unknown", Why::Missing);
        check(
            "repository name not known to registry: name unknown",
            Why::Missing,
        );
        check(
            "Invalid source name docker://a@b: invalid reference format",
            Why::Reference,
        );
        check(
            "pinging container registry x: Get \"https://x/v2/\": http: server gave HTTP response to HTTPS client",
            Why::PlainHttp,
        );
        check(
            "pinging: Get \"https://x/v2/\": x509: certificate signed by unknown authority",
            Why::Certificate,
        );
        check(
            "pinging: Get \"https://x/v2/\": dial tcp: lookup x: no such host",
            Why::Unreachable,
        );
        check("writing blob: no space left on device", Why::Other);
        check(
            "reading manifest x: received unexpected HTTP status: 404 Not Found",
            Why::Missing,
        );
        check(
            "fetching: invalid status code from registry 404 (Not Found)",
            Why::Missing,
        );
        check(
            "reading manifest x in y: errors:\ndenied: requested access to the resource is denied\nunauthorized: authentication required\n",
            Why::Credentials { given: false },
        );
    }

    #[test]
    fn what_only_looks_like_an_answer_of_a_registry_is_none() {
        for message in [
            "writing blob: open /build/oci123/blob: permission denied",
            "creating temporary directory: mkdir /tmp/x: permission denied: try again",
            "reading manifest sha256:4041f404e404a404b404c404d404e404f404a404b404c404d404e404f404a404 in y: EOF",
            "reading manifest 404 in localhost/404: unexpected EOF",
            "reading manifest latest in localhost/denied: unexpected EOF",
            "reading manifest latest in localhost/unauthorized-x509: unexpected EOF",
            "reading manifest denied-1 in localhost/a: unexpected EOF",
            "writing blob sha256:4290000: no space left on device",
        ] {
            check(message, Why::Other);
        }
    }

    #[test]
    fn a_fatal_line_is_told_from_others() {
        let line = r#"time="2026-11-21T12:19:38Z" level=fatal msg="lookup \"x\" fails""#;
        assert_eq!(fatal(line).as_deref(), Some("lookup \"x\" fails"));
        let bare = r#"time="2026-11-21T12:19:38Z" level=fatal msg=EOF"#;
        assert_eq!(fatal(bare).as_deref(), Some("EOF"));
        assert_eq!(fatal("Copying blob sha256:ac39"), None);
    }
}
