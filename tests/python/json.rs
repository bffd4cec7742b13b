//! Our JSON in Python's style against Python's own.

use nix_image_builder::imitate::python_json as ours;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value};

use crate::python;
use crate::support::{Verdict, for_all, same_text, stdout};

#[test]
fn any_document_prints_as_with_python() {
    for_all(5, vec(document(), 200), |documents| {
        let documents: Vec<String> = documents.iter().map(Value::to_string).collect();
        prints_like_python(&documents)
    });
}

#[test]
fn any_number_prints_as_with_python() {
    for_all(5, vec(number(), 2000), |numbers| {
        prints_like_python(&numbers)
    });
}

#[test]
fn numbers_where_their_form_changes_print_as_with_python() {
    let mantissas = [
        "1",
        "-1",
        "9.999999999999999",
        "1.5",
        "123456.789",
        "0.5",
        "0",
        "-0",
        "-0.0",
    ];
    let numbers = (-330..=310)
        .flat_map(|exponent| mantissas.map(|mantissa| format!("{mantissa}e{exponent}")));
    let plain = mantissas.map(str::to_owned);
    prints_like_python(&numbers.chain(plain).collect::<Vec<_>>()).unwrap();
}

#[test]
fn every_character_prints_as_with_python() {
    let characters: Vec<char> = ('\0'..='\u{3000}')
        .chain('\u{d7f0}'..='\u{10100}')
        .collect();
    let text: String = characters
        .into_iter()
        .chain(['\u{1f600}', '\u{10ffff}'])
        .collect();
    prints_like_python(&[Value::String(text).to_string()]).unwrap();
}

/// Documents, each on a line, print as Python prints them.
fn prints_like_python(documents: &[String]) -> Verdict {
    let theirs = stdout(
        &mut python("json_dumps.py"),
        documents.join("\n").as_bytes(),
    );
    let theirs = String::from_utf8(theirs).expect("Python prints ASCII");
    let mut theirs = theirs.split_terminator('\0');
    for document in documents {
        let value: Value = serde_json::from_str(document).unwrap();
        same_text(&ours::print(&value), theirs.next().unwrap_or("nothing"))?;
    }
    Ok(())
}

fn document() -> impl Strategy<Value = Value> {
    let text = || vec(any::<char>(), 0..6).prop_map(String::from_iter);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        text().prop_map(Value::String),
        number().prop_map(|literal| serde_json::from_str(&literal).unwrap()),
    ];
    leaf.prop_recursive(4, 24, 5, move |inner| {
        let members = vec((text(), inner.clone()), 0..5);
        prop_oneof![
            vec(inner, 0..5).prop_map(Value::Array),
            members.prop_map(|members| Value::Object(Map::from_iter(members))),
        ]
    })
}

/// A number as one may write it.
fn number() -> impl Strategy<Value = String> {
    let any_real = any::<u64>().prop_map(f64::from_bits);
    let real = any_real.prop_filter("JSON has no others", |real| real.is_finite());
    let exponent = select(vec![
        "", "e0", "e1", "E2", "e-7", "E+15", "e16", "e-330", "e309",
    ]);
    prop_oneof![
        real.clone().prop_map(|real| format!("{real:e}")),
        real.prop_map(|real| format!("{real}.0"))
            .prop_filter("one point", |literal| { literal.matches('.').count() == 1 }),
        any::<i64>().prop_map(|number| number.to_string()),
        ("-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,20})?", exponent)
            .prop_map(|(digits, exponent)| digits + exponent),
    ]
}
