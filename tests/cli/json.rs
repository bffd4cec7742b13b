//! Our JSON against that of jq and jshon. Debian's jq 1.6 judges the layout; it loses digits of
//! numbers and does not escape DEL, so nixpkgs' 1.7.1, in a Python module, judges scalars.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use nix_image_builder::image::config::BaseJson;
use nix_image_builder::imitate::{jq, jshon};
use proptest::char;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value};

use crate::support::{Verdict, command, for_all, judge, same_text, stdout};

/// A Python that has jq 1.7.1.
fn python_with_jq() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| {
        let venv = Path::new(env!("CARGO_TARGET_TMPDIR")).join("jq");
        let (python, done) = (venv.join("bin/python"), venv.join("done"));
        if !done.exists() {
            let mut make = command("python3");
            stdout(make.args(["-m", "venv", "--clear"]).arg(&venv), b"");
            let mut install = command(python.to_str().expect("Cargo's paths are text"));
            install
                .args(["-m", "pip", "install", "-q", "--only-binary=:all:", "-r"])
                .arg(judge("requirements-jq.txt"));
            stdout(&mut install, b"");
            std::fs::write(done, "").unwrap();
        }
        python
    })
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("JSON is UTF-8")
}

/// Our `texts`, each a scalar, are those of jq 1.7.1.
fn scalars_are_jqs(texts: &[String]) -> Verdict {
    let lines: String = texts.iter().map(|text| format!("{text}\n")).collect();
    let mut python = command(python_with_jq().to_str().expect("Cargo's paths are text"));
    let theirs = text(stdout(
        python.arg(judge("print_with_jq.py")),
        lines.as_bytes(),
    ));
    let ours: String = texts.iter().map(|text| jq::print(&parse(text))).collect();
    same_text(&ours, &theirs)
}

fn layout_is_jqs(value: &Value) -> Verdict {
    let theirs = stdout(command("jq").arg("."), value.to_string().as_bytes());
    same_text(&jq::print(value), &text(theirs))
}

/// jshon adds a member, as `mkPureLayer` has it do, and prints `value`, an object.
fn prints_like_jshon(value: &Value) -> Verdict {
    let json = value.to_string();
    let mut command = command("jshon");
    let theirs = stdout(
        command.args(["-s", "tarsum.v1+sha256:a/b", "-i", "checksum"]),
        json.as_bytes(),
    );
    let base = BaseJson::parse(json.as_bytes()).map_err(|error| error.to_string())?;
    let ours = base.layer_json("tarsum.v1+sha256:a/b");
    let again = jshon::print(&parse(&ours));
    same_text(&ours, &text(theirs))?;
    same_text(&again, &ours)
}

#[track_caller]
fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("`{text}`: {error}"))
}

#[test]
fn any_number_is_printed_as_by_jq() {
    for_all(30, vec(number(), 1..200), |texts| scalars_are_jqs(&texts));
}

#[test]
fn odd_numbers_are_printed_as_by_jq() {
    let texts = [
        "0",
        "-0",
        "0.0",
        "-0.0",
        "0e5",
        "0E-7",
        "0.00",
        "1.50",
        "1e1",
        "1E+1",
        "1e-1",
        "100e-2",
        "0.000001",
        "0.0000001",
        "0.00000010",
        "123e-8",
        "1e15",
        "1e16",
        "1e17",
        "1e21",
        "1.0e10",
        "9007199254740993",
        "-9223372036854775808",
        "18446744073709551616",
        "1e308",
        "1e309",
        "1e-400",
        "123456789012345678901234567890.123456789012345678901234567890e-5",
    ];
    scalars_are_jqs(&texts.map(str::to_owned)).unwrap();
}

#[test]
fn any_string_is_printed_as_by_jq() {
    let string = string().prop_map(|string| Value::from(string).to_string());
    for_all(30, vec(string, 1..100), |texts| scalars_are_jqs(&texts));
}

#[test]
fn every_control_character_is_printed_as_by_jq() {
    let texts = ('\0'..='\u{a0}').map(|character| Value::from(character.to_string()).to_string());
    scalars_are_jqs(&texts.collect::<Vec<_>>()).unwrap();
}

#[test]
fn any_value_is_laid_out_as_by_jq() {
    // What the older jq prints otherwise is judged above.
    let string = string()
        .prop_map(|string| string.replace('\u{7f}', ""))
        .boxed();
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        string.clone().prop_map(Value::from),
    ];
    for_all(150, nested(scalar, string), |value| layout_is_jqs(&value));
}

#[test]
fn a_deep_value_is_laid_out_as_by_jq() {
    layout_is_jqs(&deep()).unwrap();
}

#[test]
fn any_object_is_printed_as_by_jshon() {
    // C strings end at a NUL, in Nix too.
    let string = string().prop_map(|string| string.replace('\0', "")).boxed();
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        // jansson, jshon's parser, has Nix's integers: those of 64 bits.
        any::<i64>().prop_map(Value::from),
        real().prop_map(|real| parse(&real)),
        string.clone().prop_map(Value::from),
    ];
    let members = vec((string.clone(), nested(scalar, string)), 0..6);
    let object =
        members.prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>()));
    for_all(150, object, |value| prints_like_jshon(&value));
}

#[test]
fn odd_numbers_are_printed_as_by_jshon() {
    for text in [
        "0",
        "-0",
        "0.0",
        "-0.0",
        "1.5",
        "0.1",
        "1e-07",
        "1e-5",
        "0.0001",
        "0.00001",
        "1e15",
        "1e16",
        "1e17",
        "10000000000.0",
        "1e22",
        "1E+2",
        "1.7976931348623157e308",
        "5e-324",
        "9223372036854775807",
        "-9223372036854775808",
        "123456789.12345678",
        "4.0e-300",
    ] {
        prints_like_jshon(&parse(&format!(r#"{{"number":{text}}}"#))).unwrap();
    }
}

#[test]
fn a_deep_object_is_printed_as_by_jshon() {
    let mut object = Map::new();
    object.insert("deep".to_owned(), deep());
    prints_like_jshon(&Value::Object(object)).unwrap();
}

/// As deep as our parser goes, with a member to spare.
fn deep() -> Value {
    parse(&format!(
        "{}{}",
        r#"[{"a":"#.repeat(60),
        "0".to_owned() + &"}]".repeat(60)
    ))
}

/// Arrays and objects of `scalar`, with `key`s.
fn nested(
    scalar: impl Strategy<Value = Value> + 'static,
    key: BoxedStrategy<String>,
) -> impl Strategy<Value = Value> {
    scalar.prop_recursive(5, 40, 6, move |inner| {
        let members = vec((key.clone(), inner.clone()), 0..6);
        prop_oneof![
            vec(inner, 0..6).prop_map(Value::Array),
            members.prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn string() -> impl Strategy<Value = String> {
    let character = prop_oneof![
        4 => select(vec!['a', 'b', '/', '\\', '"', ' ', '<', '\'', '\u{2028}', '\u{fffd}', '\u{10ffff}']),
        2 => char::range('\0', '\u{9f}'),
        1 => any::<char>(),
    ];
    vec(character, 0..8).prop_map(String::from_iter)
}

/// Any number that JSON can hold, within the exponents that both programs tell apart.
fn number() -> impl Strategy<Value = String> {
    let literal = "-?(0|[1-9][0-9]{0,25})(\\.[0-9]{1,25})?([eE][+-]?[0-9]{1,3})?";
    prop_oneof![
        2 => literal.prop_map(String::from),
        1 => any::<i64>().prop_map(|number| number.to_string()),
        2 => real(),
    ]
}

/// A number that Nix's `toJSON` prints for a float.
fn real() -> impl Strategy<Value = String> {
    let any_bits = any::<u64>()
        .prop_map(f64::from_bits)
        .prop_filter("JSON has no others", |real| real.is_finite());
    let small = (any::<i32>(), -12_i32..24)
        .prop_map(|(digits, exponent)| f64::from(digits) * 10_f64.powi(exponent));
    prop_oneof![any_bits, small].prop_map(as_nix_prints)
}

/// The shortest digits that mean `real`: up to 15 places before the point and 4 zeros behind it
/// without an exponent, else with one of two digits at least.
fn as_nix_prints(real: f64) -> String {
    let scientific = format!("{real:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap();
    let exponent: i32 = exponent.parse().unwrap();
    if (-4..15).contains(&exponent) {
        return format!("{real:?}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}
