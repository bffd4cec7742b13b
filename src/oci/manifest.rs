//! Reads the documents of an OCI image layout: index, manifest, image config, and the descriptors
//! by which they name each other. Docker's media types for the same things are read alike. Nothing
//! is opened here; see <https://github.com/opencontainers/image-spec>, version 1.1.

use serde::Deserialize;
use thiserror::Error;

use crate::oci::bounded::short;
use crate::oci::descriptor::Descriptor;
use crate::oci::media_type::MediaType;
use crate::oci::strict_json::{self, DocumentError, Respelled};

/// The file that makes a directory, or an archive, an OCI layout.
pub const LAYOUT: &str = "oci-layout";

/// The file in a layout's root that lists its images.
pub const INDEX: &str = "index.json";

/// A list of images, or of lists of images.
#[derive(Debug)]
pub struct Index {
    pub manifests: Vec<Descriptor>,
    /// Its keys in another case.
    pub respelled: Vec<Respelled>,
}

/// The parts of one image.
#[derive(Debug)]
pub struct Manifest {
    pub config: Descriptor,
    /// Lowest first. Each has the media type [`MediaType::Layer`].
    pub layers: Vec<Descriptor>,
    /// Its keys in another case.
    pub respelled: Vec<Respelled>,
}

/// A document of a layout is not what it should be.
#[derive(Debug, Error)]
pub enum OciError {
    #[error(transparent)]
    Document(#[from] DocumentError),
    #[error(
        "its `schemaVersion` is {found}; only 2 is read, which registries have served since 2017"
    )]
    Schema { found: u64 },
    #[error("its `imageLayoutVersion` is `{found}`; only 1.x is read")]
    LayoutVersion { found: String },
    #[error(
        "it has both `manifests` and `{other}`, and so is an index to some programs and a manifest to others (CVE-2021-41190)"
    )]
    Ambiguous { other: &'static str },
    #[error(
        "its `mediaType` is that of {found}, but it is named as {expected}, and programs differ in which they believe (CVE-2021-41190)"
    )]
    MediaType {
        found: MediaType,
        expected: &'static str,
    },
    #[error("it has no `{key}`, which {what} needs")]
    Lacks {
        key: &'static str,
        what: &'static str,
    },
    #[error(
        "its config has the media type of {found}; this is no image but something stored like one"
    )]
    NoImage { found: MediaType },
    #[error(
        "its layer {number} has the media type of {found}; layers are tars, plain or packed with gzip or zstd"
    )]
    Layer { number: usize, found: MediaType },
}

/// An index or a manifest, before it is known which.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", expecting = "an object")]
struct Raw {
    schema_version: u64,
    media_type: Option<MediaType>,
    manifests: Option<Vec<Descriptor>>,
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", expecting = "an object")]
struct RawLayout {
    #[serde(deserialize_with = "short")]
    image_layout_version: String,
}

/// Checks the text of `oci-layout`, and gives its keys in another case.
///
/// # Errors
/// When it is not JSON, or of another version than 1.
pub fn check_layout(text: &[u8]) -> Result<Vec<Respelled>, OciError> {
    let (layout, respelled): (RawLayout, _) = strict_json::parse_noting(text)?;
    let found = layout.image_layout_version;
    if found.starts_with("1.") {
        return Ok(respelled);
    }
    Err(OciError::LayoutVersion { found })
}

impl Index {
    /// Parses the text of an index: `index.json`, or a blob named as one.
    ///
    /// # Errors
    /// When it is no index, or could be taken for something else too.
    pub fn parse(text: &[u8]) -> Result<Self, OciError> {
        const WHAT: &str = "an index";
        let (raw, respelled) = Raw::parse(text, &MediaType::Index, WHAT)?;
        let manifests = raw.manifests.ok_or(OciError::Lacks {
            key: "manifests",
            what: WHAT,
        })?;
        Ok(Self {
            manifests,
            respelled,
        })
    }
}

impl Manifest {
    /// Parses the text of a blob that is named as a manifest.
    ///
    /// # Errors
    /// When it is none, could be taken for something else too, or its parts are not those of an
    /// image.
    pub fn parse(text: &[u8]) -> Result<Self, OciError> {
        const WHAT: &str = "a manifest";
        let lacks = |key| OciError::Lacks { key, what: WHAT };
        let (raw, respelled) = Raw::parse(text, &MediaType::Manifest, WHAT)?;
        let config = raw.config.ok_or_else(|| lacks("config"))?;
        if config.media_type != MediaType::Config {
            return Err(OciError::NoImage {
                found: config.media_type,
            });
        }
        let layers = raw.layers.ok_or_else(|| lacks("layers"))?;
        let odd = |layer: &Descriptor| !matches!(layer.media_type, MediaType::Layer(_));
        match layers.iter().position(odd) {
            None => Ok(Self {
                config,
                layers,
                respelled,
            }),
            Some(index) => Err(OciError::Layer {
                number: index + 1,
                found: layers[index].media_type.clone(),
            }),
        }
    }
}

/// The descriptors in a manifest of whatever it is: its config, and its layers.
///
/// # Errors
/// When it is no manifest.
pub fn parts(text: &[u8]) -> Result<Vec<Descriptor>, OciError> {
    let (raw, _) = Raw::parse(text, &MediaType::Manifest, "a manifest")?;
    let layers = raw.layers.unwrap_or_default();
    Ok(raw.config.into_iter().chain(layers).collect())
}

impl Raw {
    /// The document, and its keys in another case.
    fn parse(
        text: &[u8],
        expected: &MediaType,
        what: &'static str,
    ) -> Result<(Self, Vec<Respelled>), OciError> {
        let (raw, respelled): (Self, _) = strict_json::parse_noting(text)?;
        if raw.schema_version != 2 {
            return Err(OciError::Schema {
                found: raw.schema_version,
            });
        }
        if raw.manifests.is_some() {
            let others = [
                ("config", raw.config.is_some()),
                ("layers", raw.layers.is_some()),
            ];
            if let Some((other, _)) = others.into_iter().find(|(_, is_there)| *is_there) {
                return Err(OciError::Ambiguous { other });
            }
        }
        match raw.media_type {
            Some(found) if found != *expected => Err(OciError::MediaType {
                found,
                expected: what,
            }),
            _ => Ok((raw, respelled)),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::bytes::compression::Compression;
    use crate::oci::image_config::ImageConfig;
    use serde_json::{Value, json};

    use super::*;
    use crate::bytes::digest::{Algorithm, Sha256};

    fn descriptor(media_type: &str) -> Value {
        let digest = Sha256::of(media_type.as_bytes()).to_string();
        json!({ "mediaType": media_type, "digest": digest, "size": 3 })
    }

    fn index() -> Value {
        let mut manifest = descriptor("application/vnd.oci.image.manifest.v1+json");
        manifest["platform"] = json!({ "os": "linux", "architecture": "arm", "variant": "v7" });
        manifest["annotations"] = json!({ "org.opencontainers.image.ref.name": "1" });
        json!({ "schemaVersion": 2, "manifests": [manifest] })
    }

    fn manifest() -> Value {
        json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": descriptor("application/vnd.oci.image.config.v1+json"),
            "layers": [descriptor("application/vnd.oci.image.layer.v1.tar+gzip")],
        })
    }

    fn with(mut document: Value, key: &str, value: Value) -> Vec<u8> {
        document[key] = value;
        document.to_string().into_bytes()
    }

    #[track_caller]
    fn check_error<T: std::fmt::Debug>(parsed: Result<T, OciError>, expected: &str) {
        let error = parsed.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn an_index_names_images_and_what_they_run_on() {
        let index = Index::parse(index().to_string().as_bytes()).unwrap();
        let [image] = index.manifests.as_slice() else {
            panic!("{index:?}")
        };
        assert_eq!(image.media_type, MediaType::Manifest);
        assert_eq!(image.annotations.ref_name.as_deref(), Some("1"));
        assert_eq!(image.platform.as_ref().unwrap().to_string(), "linux/arm/v7");
        assert!(!image.is_attestation());
    }

    #[test]
    fn blobs_lie_in_the_directory_of_their_algorithm() {
        for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
            let digest = algorithm.digest(b"");
            let mut index = index();
            index["manifests"][0]["digest"] = json!(digest.to_string());
            let index = Index::parse(index.to_string().as_bytes()).unwrap();
            let path = format!("blobs/{algorithm}/{}", digest.hex());
            assert_eq!(index.manifests[0].path(), path);
        }
    }

    #[test]
    fn a_manifest_of_docker_reads_as_one_of_oci() {
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
            "config": descriptor("application/vnd.docker.container.image.v1+json"),
            "layers": [descriptor("application/vnd.docker.image.rootfs.diff.tar.gzip")],
        });
        let manifest = Manifest::parse(manifest.to_string().as_bytes()).unwrap();
        assert_eq!(
            manifest.layers[0].media_type,
            MediaType::Layer(Compression::Gzip)
        );
    }

    #[test]
    fn cve_2021_41190_a_document_is_an_index_or_a_manifest() {
        let both = with(index(), "layers", json!([]));
        check_error(Index::parse(&both), "both `manifests` and `layers`");
        let both = with(manifest(), "manifests", json!([]));
        check_error(Manifest::parse(&both), "both `manifests` and `config`");

        let other = json!("application/vnd.oci.image.index.v1+json");
        let other = with(manifest(), "mediaType", other);
        check_error(
            Manifest::parse(&other),
            "is that of an index, but it is named as a manifest",
        );

        check_error(
            Index::parse(manifest().to_string().as_bytes()),
            "is that of a manifest, but it is named as an index",
        );
        check_error(
            Manifest::parse(index().to_string().as_bytes()),
            "it has no `config`, which a manifest needs",
        );
    }

    #[test]
    fn a_key_that_is_there_twice_in_whatever_case_is_refused() {
        let manifest = manifest().to_string();
        let twice = manifest.replace("{\"schemaVersion\"", "{\"layers\":[],\"schemaVersion\"");
        check_error(
            Manifest::parse(twice.as_bytes()),
            "the key `layers` is there twice",
        );
        let other = manifest.replace("{\"schemaVersion\"", "{\"Layers\":[],\"schemaVersion\"");
        check_error(
            Manifest::parse(other.as_bytes()),
            "the keys `Layers` and `layers` are one key to Docker",
        );
    }

    #[test]
    fn other_schemas_and_artifacts_are_refused() {
        let old = with(manifest(), "schemaVersion", json!(1));
        check_error(Manifest::parse(&old), "`schemaVersion` is 1");
        let chart = descriptor("application/vnd.cncf.helm.config.v1+json");
        let chart = with(manifest(), "config", chart);
        check_error(Manifest::parse(&chart), "this is no image");
        let module = json!([descriptor("application/wasm")]);
        let module = with(manifest(), "layers", module);
        check_error(
            Manifest::parse(&module),
            "its layer 1 has the media type of `application/wasm`",
        );
    }

    #[test]
    fn what_go_leaves_out_or_writes_as_null_is_empty() {
        for text in ["{}", r#"{"config":null,"rootfs":null}"#] {
            let config = ImageConfig::parse(text.as_bytes()).unwrap();
            assert!(config.config.env.is_empty() && config.rootfs.diff_ids.is_empty());
            assert_eq!(config.platform(), None);
        }
        let text =
            br#"{"config":{"Env":null,"Cmd":"sh","User":"4294967296"},"rootfs":{"diff_ids":null}}"#;
        assert!(ImageConfig::parse(text).unwrap().config.env.is_empty());
    }

    #[test]
    fn layouts_of_another_version_are_refused() {
        assert!(check_layout(br#"{"imageLayoutVersion":"1.0.0"}"#).is_ok());
        let two = br#"{"imageLayoutVersion":"2.0.0"}"#;
        check_error(check_layout(two), "its `imageLayoutVersion` is `2.0.0`");
    }

    #[test]
    fn attestations_are_no_images() {
        for (key, value) in [
            (
                "platform",
                json!({ "os": "unknown", "architecture": "unknown" }),
            ),
            (
                "annotations",
                json!({ "vnd.docker.reference.type": "attestation-manifest" }),
            ),
        ] {
            let mut index = index();
            index["manifests"][0][key] = value;
            let index = Index::parse(index.to_string().as_bytes()).unwrap();
            assert!(index.manifests[0].is_attestation());
        }
    }
}
