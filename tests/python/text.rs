//! Python's order of paths and its `repr`, against the real ones.

use nix_image_builder::imitate::python::{path_order, repr_list, repr_str};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::python;
use crate::support::{Verdict, for_all, same_text, stdout};

#[test]
fn paths_sort_as_with_python() {
    let path = vec(vec(piece(), 1..4).prop_map(|name| name.concat()), 1..4)
        .prop_filter("Python drops them", |names| {
            names.iter().all(|name| name != b".")
        })
        .prop_map(|names| [b"/".to_vec(), names.join(&b'/')].concat());
    for_all(10, vec(path, 0..240), |paths| sort_like_python(&paths));
}

fn sort_like_python(paths: &[Vec<u8>]) -> Verdict {
    let theirs = judged("sort", paths);
    let mut ours = paths.to_vec();
    ours.sort_by(|a, b| path_order(a, b));
    same_text(&lines(&ours), &theirs)
}

/// Characters and bytes around those that decide an order.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let characters = [
        "\u{1}",
        " ",
        "-",
        ".",
        "0",
        "a",
        "b",
        "~",
        "\u{7f}",
        "\u{80}",
        "é",
        "\u{7ff}",
        "\u{800}",
        "\u{d7ff}",
        "\u{e000}",
        "\u{ffff}",
        "\u{10000}",
        "\u{10ffff}",
    ];
    // Bytes of no character, the beginnings of some, and a surrogate.
    let bytes: [&[u8]; 8] = [
        b"\x80",
        b"\xbf",
        b"\xc3",
        b"\xff",
        b"\xe2\x82",
        b"\xf0\x9f\x98",
        b"\xed\xa0\x80",
        b"\xc0\xaf",
    ];
    let characters = characters.map(str::as_bytes);
    select([characters.as_slice(), bytes.as_slice()].concat()).prop_map(<[u8]>::to_vec)
}

#[test]
fn any_text_prints_as_with_python() {
    let odd = select(vec![
        "'", "\"", "\\", "\n", "\t", "\r", "\0", "\u{301}", "\u{200b}",
    ]);
    let piece = prop_oneof![
        piece(),
        odd.prop_map(|text| text.as_bytes().to_vec()),
        vec(any::<u8>(), 1..4),
    ];
    let text = vec(piece, 0..6).prop_map(|text| text.concat());
    for_all(10, vec(text, 0..200), |texts| {
        let ours: String = texts.iter().map(|text| repr_str(text) + "\n").collect();
        same_text(&ours, &judged("repr", &texts))?;
        let ours = repr_list(&texts) + "\n";
        same_text(&ours, &judged("repr-list", &texts))
    });
}

#[test]
fn every_character_that_python_knows_prints_as_with_python() {
    for line in judged("characters", &[]).split_terminator('\n') {
        let (number, theirs) = line.split_once(' ').unwrap();
        let character = char::from_u32(number.parse().unwrap()).unwrap();
        let ours = repr_str(character.to_string().as_bytes());
        assert_eq!(ours, theirs, "{number}");
    }
}

/// What `text.py` prints of `texts`.
#[track_caller]
fn judged(what: &str, texts: &[Vec<u8>]) -> String {
    let printed = stdout(python("text.py").arg(what), lines(texts).as_bytes());
    String::from_utf8(printed).expect("Python prints UTF-8")
}

fn lines(texts: &[Vec<u8>]) -> String {
    let hex = |text: &Vec<u8>| {
        text.iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    texts.iter().map(|text| hex(text) + "\n").collect()
}
