//! How we read the documents of foreign images, compared with Go's `encoding/json`, by which every
//! engine reads them.

mod json;
mod kind;

use expect_test::expect;
use nix_image_builder::bytes::digest::Sha256;
use nix_image_builder::console::progress::Progress;
use nix_image_builder::foreign::base;
use nix_image_builder::foreign::images::selector::Selector;
use nix_image_builder::request::limits::Limits;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};
use serde_json::{Value, json};

use self::json::{Json, string, text};
use self::kind::{Kind, REF_NAME};
use crate::errors::layouts::{self, Layout};
use crate::errors::tars::Tar;
use crate::sandbox::Sandbox;
use crate::support::for_all;
use crate::verify::{self, run};

/// `key` with each letter in another case, or as the letter beyond ASCII that folds to it, as `choices` say.
fn respelled(key: &str, choices: &[u8]) -> String {
    let letters = key.chars().zip(choices.iter().cycle());
    let letters = letters.map(|(letter, choice)| match (choice % 4, letter) {
        (0, letter) => letter.to_ascii_uppercase(),
        (1, letter) => letter.to_ascii_lowercase(),
        (2, 's' | 'S') => '\u{17f}',
        (2, 'k' | 'K') => '\u{212a}',
        (_, letter) => letter,
    });
    letters.collect()
}

fn any_spelling() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 1..8)
}

/// Members that nobody reads, wherever they stand: keys of other objects among them, since the type at hand
/// does not know these.
fn ignored_members() -> impl Strategy<Value = Vec<(String, Json)>> {
    let nested = r#"{"Layers":[1],"layers":[2],"ENV":3,"Env":4,"env":5}"#;
    let members = vec![
        ("digests", text(1)),
        ("Labels", text(nested)),
        ("history", text(format!("[{nested}]"))),
        ("imageLayoutVersion", string("1")),
        ("", text("null")),
        ("\u{130}os", text("[]")),
        ("o\u{73}\u{301}", text("{}")),
        ("\u{17f}", text(1)),
        ("architecture ", string("x")),
        ("manifest", text("[{}]")),
        ("Other", text("1e999")),
        ("Other", text("2")),
        ("oTHER", text("3")),
        ("ſ", text(0)),
    ];
    subsequence(members, 0..8).prop_map(|members| {
        let members = members.into_iter();
        members
            .map(|(key, value)| (key.to_owned(), value))
            .collect()
    })
}

fn any_kind() -> impl Strategy<Value = Kind> {
    select(vec![Kind::Config, Kind::Manifest, Kind::Docker])
}

/// What is done to one object of a document.
#[derive(Debug, Clone)]
struct Oddity {
    object: Index,
    member: Index,
    position: Index,
    spelling: Vec<u8>,
    what: Change,
}

#[derive(Debug, Clone)]
enum Change {
    Respell,
    /// Once more, with this value or its own.
    Again(Option<&'static str>),
    Remove,
    Set(&'static str),
}

fn any_oddity() -> impl Strategy<Value = Oddity> {
    let values = || {
        select(vec![
            "null", "[]", "{}", "\"x\"", "7", "[null]", "[\"y\"]", "true",
        ])
    };
    let what = prop_oneof![
        4 => Just(Change::Respell),
        2 => values().prop_map(|value| Change::Again(Some(value))),
        1 => Just(Change::Again(None)),
        1 => Just(Change::Remove),
        2 => values().prop_map(Change::Set),
    ];
    let indexes = (any::<Index>(), any::<Index>(), any::<Index>());
    (indexes, any_spelling(), what).prop_map(|((object, member, position), spelling, what)| {
        Oddity {
            object,
            member,
            position,
            spelling,
            what,
        }
    })
}

impl Oddity {
    /// The names of the key that is there twice afterwards, if one is.
    fn apply(&self, kind: Kind, document: &mut Json) -> Option<[String; 2]> {
        let path = self.object.get(kind.objects());
        let object = path.iter().fold(document, |value, key| value.at(key));
        let members = object.members();
        let at = self.member.index(members.len());
        let (key, value) = members[at].clone();
        let other = respelled(&key, &self.spelling);
        match &self.what {
            Change::Respell => members[at].0 = other,
            Change::Remove => {
                members.remove(at);
            }
            Change::Set(set) => members[at].1 = text(set),
            Change::Again(set) => {
                let again = set.map_or(value, text);
                let position = self.position.index(members.len() + 1);
                members.insert(position, (other.clone(), again));
                return Some([key, other]);
            }
        }
        None
    }
}

#[test]
fn a_key_once_more_in_any_case_is_refused_by_both_its_names() {
    let again = any_oddity().prop_map(|oddity| Oddity {
        what: match oddity.what {
            Change::Again(value) => Change::Again(value),
            _ => Change::Again(None),
        },
        ..oddity
    });
    let ignored = vec(ignored_members(), 4);
    for_all(
        500,
        (any_kind(), ignored, again),
        |(kind, ignored, again)| {
            let mut document = kind.whole();
            let twice = again.apply(kind, &mut document).expect("it is there again");
            let mut without = kind.whole();
            for document in [&mut document, &mut without] {
                for (path, ignored) in kind.objects().iter().zip(&ignored) {
                    let object = path.iter().fold(&mut *document, |value, key| value.at(key));
                    object.members().splice(0..0, ignored.iter().cloned());
                }
            }
            kind.ours(&without.to_string())
                .map_err(|error| format!("{without}\n{error}"))?;
            let error = match kind.ours(&document.to_string()) {
                Ok(read) => return Err(format!("{document}\nis read as {read}")),
                Err(error) => error,
            };
            let names = twice
                .iter()
                .all(|name| error.contains(&format!("`{name}`")));
            // Another value may be of the wrong type before the key is there again.
            let is_other = matches!(again.what, Change::Again(Some(_)));
            match names || is_other {
                true => Ok(()),
                false => Err(format!("{document}\n{error}")),
            }
        },
    );
}

#[test]
fn a_key_in_another_case_is_read_as_by_go() {
    let spellings = vec((any::<Index>(), any_spelling()), 1..40);
    for_all(60, (any_kind(), spellings), |(kind, spellings)| {
        let texts = spellings.iter().map(|(object, spelling)| {
            let mut document = kind.whole();
            let path = object.get(kind.objects());
            let object = path.iter().fold(&mut document, |value, key| value.at(key));
            for (key, _) in object.members() {
                *key = respelled(key, spelling);
            }
            document.to_string()
        });
        let texts: Vec<String> = texts.collect();
        for text in &texts {
            kind.ours(text)
                .map_err(|error| format!("{text}\n{error}"))?;
        }
        kind.is_as_go_reads(&texts)
    });
}

#[test]
fn documents_with_several_oddities_are_read_as_by_go_or_not_at_all() {
    let one = (vec(any_oddity(), 1..4), vec(ignored_members(), 4));
    for_all(60, (any_kind(), vec(one, 1..40)), |(kind, documents)| {
        let texts = documents.iter().map(|(oddities, ignored)| {
            let mut document = kind.whole();
            for (path, ignored) in kind.objects().iter().zip(ignored) {
                let object = path.iter().fold(&mut document, |value, key| value.at(key));
                object.members().extend(ignored.iter().cloned());
            }
            // Later ones may not find what earlier ones have changed, so each starts from the inside.
            let mut oddities: Vec<_> = oddities.iter().collect();
            oddities
                .sort_by_key(|oddity| std::cmp::Reverse(oddity.object.index(kind.objects().len())));
            oddities.dedup_by_key(|oddity| oddity.object.index(kind.objects().len()));
            for oddity in oddities {
                oddity.apply(kind, &mut document);
            }
            document.to_string()
        });
        kind.is_as_go_reads(&texts.collect::<Vec<_>>())
    });
}

/// What is not obvious, one by one: whether we take it, and that Go reads it alike.
#[test]
fn odd_documents_are_read_as_by_go() {
    let diff_id = Sha256::of(b"x");
    for (is_taken, kind, text) in [
        (
            true,
            Kind::Config,
            r#"{"CONFIG":{"env":["A=1"]},"ROOTFſ":{}}"#,
        ),
        (true, Kind::Config, r#"{"config":{"env":null}}"#),
        (
            true,
            Kind::Config,
            r#"{"config":null,"oſ":"linux","Arch":"x"}"#,
        ),
        // No other letters fold to those of ASCII.
        (
            true,
            Kind::Config,
            r#"{"confıg":{"Env":["A=1"]},"confİg":1}"#,
        ),
        (
            true,
            Kind::Config,
            r#"{"config":{"Ｅnv":["A=1"],"Énv":["B=1"]}}"#,
        ),
        (
            true,
            Kind::Config,
            r#"{"con fig":{"Env":["A=1"]},"co\u0000nfig":{}}"#,
        ),
        (
            true,
            Kind::Config,
            r#"{"c\u006fnfig":{"E\u006ev":["A=1"]}}"#,
        ),
        (
            true,
            Kind::Config,
            &format!(r#"{{"rootfs":{{"DIFF_IDS":["{diff_id}"]}}}}"#),
        ),
        (
            false,
            Kind::Config,
            r#"{"config":{"Env":["A=1"],"env":["A=2"]}}"#,
        ),
        (
            false,
            Kind::Config,
            r#"{"config":{"Env":null,"env":["A=2"]}}"#,
        ),
        (
            false,
            Kind::Config,
            r#"{"config":{"Env":["A=1"],"Env":["A=1"]}}"#,
        ),
        (
            false,
            Kind::Config,
            r#"{"config":{},"Config":{"Env":["A=1"]}}"#,
        ),
        (false, Kind::Config, r#"{"Created":1,"os":"a","OS":"a"}"#),
        (false, Kind::Config, r#"{"config":{"env":"A=1"}}"#),
        (
            true,
            Kind::Docker,
            r#"[{"config":"c","repotags":["a:1"],"layers":["l"]}]"#,
        ),
        (
            true,
            Kind::Docker,
            r#"[{"Config":"c","Layer":["l"],"disk":1,"DisK":2}]"#,
        ),
        (
            false,
            Kind::Docker,
            r#"[{"Config":"c","Layers":["l"],"layer\u017f":["m"]}]"#,
        ),
    ] {
        let ours = kind.ours(text);
        assert_eq!(ours.is_ok(), is_taken, "{text}: {ours:?}");
        kind.is_as_go_reads(&[text.to_owned()]).unwrap();
    }
    // A key of a map is what it is.
    for (name, read) in [
        (REF_NAME, "v1"),
        ("Org.opencontainers.image.ref.name", ""),
        ("org.opencontainerſ.image.ref.name", ""),
    ] {
        let mut document = Kind::Manifest.whole();
        let annotations = document.at("config").at("annotations").members();
        annotations[1].0 = name.to_owned();
        let text = document.to_string();
        assert_eq!(Kind::Manifest.ours(&text).unwrap()["config"][2], read);
        Kind::Manifest.is_as_go_reads(&[text]).unwrap();
    }
}

/// The keys of `value` and of all in it, in lower case.
fn in_lower_case(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(in_lower_case).collect(),
        Value::Object(members) => members
            .into_iter()
            .map(|(key, value)| (key.to_lowercase(), in_lower_case(value)))
            .collect(),
        other => other,
    }
}

/// As users of nix2container and nix-snapshotter write them, all of them in one image.
#[test]
fn an_image_with_keys_in_lower_case_is_one_as_any_other() {
    let layer = Tar::new().file("hello", "hello").finish();
    let config = in_lower_case(verify::config(&[&layer])).to_string();
    let digest = Sha256::of(config.as_bytes());
    let name = format!("{}.json", digest.hex());
    let manifest = json!([{ "config": name, "repotags": ["base:1"], "layers": ["a/layer.tar"] }]);
    let archive = Tar::new()
        .file(&name, &config)
        .file("a/layer.tar", &layer)
        .file("manifest.json", manifest.to_string())
        .finish();
    let mut layout = Layout::new();
    let image = {
        let config = layout.blob(layouts::CONFIG, &config);
        let layer = layout.blob(layouts::LAYER, &layer);
        let manifest = json!({ "schemaVersion": 2, "config": config, "layers": [layer] });
        layout.blob(layouts::MANIFEST, in_lower_case(manifest).to_string())
    };
    let layout = layout
        .index(&[])
        .file(
            "index.json",
            in_lower_case(layouts::index_of(&[image])).to_string(),
        )
        .file("oci-layout", r#"{"imagelayoutversion":"1.0.0"}"#)
        .archive()
        .finish();
    for image in [&archive, &layout] {
        let sandbox = Sandbox::new();
        let path = sandbox.file("base.tar", image);
        let limits = Limits::default();
        let base = base::read(&path, Selector::default(), (), &limits, Progress::Plain).unwrap();
        assert_eq!(base.env, ["A=1"]);
        assert_eq!(base.layers.len(), 1);
        let (_, all) = base::read_all(&path, None, &limits, Progress::Plain).unwrap();
        assert_eq!(all.len(), 1);
        let shown = run(&sandbox, &["inspect", path.to_str().unwrap()], b"");
        assert!(String::from_utf8_lossy(&shown.stdout).contains("environment  A=1"));
    }
    let sandbox = Sandbox::new();
    let verified = |image: &[u8]| {
        let path = sandbox.file("base.tar", image);
        let output = run(&sandbox, &["verify", path.to_str().unwrap()], b"");
        sandbox
            .shown(&output.stdout)
            .replace(&digest.hex(), "[CONFIG]")
    };
    expect![[r#"
        /nix/store/[HASH]-base.tar is right: 1 image, 1 layer, 3 files
        note: [CONFIG].json has the key `env`, which Docker, podman and all that is written in Go read as `Env`, and other programs do not
        note: [CONFIG].json: `config.env` is `Env` to Go's programs, which overlook the case of letters, and nothing to all others; write it `Env`
        note: manifest.json has the key `config`, which Docker, podman and all that is written in Go read as `Config`, and other programs do not
        note: manifest.json has the key `repotags`, which Docker, podman and all that is written in Go read as `RepoTags`, and other programs do not
        note: manifest.json has the key `layers`, which Docker, podman and all that is written in Go read as `Layers`, and other programs do not
    "#]].assert_eq(&verified(&archive));
    expect![[r#"
        /nix/store/[HASH]-base.tar is right: 1 image, 1 layer, 5 files
        note: blobs/sha256/[CONFIG] has the key `env`, which Docker, podman and all that is written in Go read as `Env`, and other programs do not
        note: blobs/sha256/[CONFIG]: `config.env` is `Env` to Go's programs, which overlook the case of letters, and nothing to all others; write it `Env`
        note: blobs/sha256/90c4183a1da5a678330cdb7c85ea085a9b8237c2ed05799a03ff50d1f28f6e9c has the key `schemaversion`, which Docker, podman and all that is written in Go read as `schemaVersion`, and other programs do not
        note: blobs/sha256/90c4183a1da5a678330cdb7c85ea085a9b8237c2ed05799a03ff50d1f28f6e9c has the key `mediatype`, which Docker, podman and all that is written in Go read as `mediaType`, and other programs do not
        note: index.json has the key `schemaversion`, which Docker, podman and all that is written in Go read as `schemaVersion`, and other programs do not
        note: index.json has the key `mediatype`, which Docker, podman and all that is written in Go read as `mediaType`, and other programs do not
        note: oci-layout has the key `imagelayoutversion`, which Docker, podman and all that is written in Go read as `imageLayoutVersion`, and other programs do not
    "#]].assert_eq(&verified(&layout));
}
