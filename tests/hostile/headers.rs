//! Headers that contradict themselves, and ends that are none. Which values count as odd, one by one,
//! `differential.rs` asks four other programs; here are the rows of the list, through the program.

use crate::measured::{exported, layer_is_refused};
use crate::tars::{Checksum, Header, Tar, record};

fn changed(change: impl FnOnce(&mut Header)) -> Vec<u8> {
    let mut header = Header::new(b"file", b'0', 0);
    change(&mut header);
    Tar::new().header(&header).finish()
}

#[test]
fn bad_checksums_are_refused() {
    let wrong = changed(|header| header.checksum = Checksum::Wrong);
    layer_is_refused(&wrong, "its checksum is wrong");
    let signed = changed(|header| {
        header.name = b"\xff".to_vec();
        header.checksum = Checksum::Signed;
    });
    layer_is_refused(&signed, "its checksum is wrong");
}

#[test]
fn sizes_that_are_no_numbers_are_refused() {
    for size in [
        &b"0000000009\0"[..],
        b"-0000000001\0",
        &[0xff; 12],
        b"\x80\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff",
    ] {
        let layer = changed(|header| header.size = size.to_vec());
        layer_is_refused(&layer, "as size, which is no number or too large");
    }
}

#[test]
fn pax_sizes_that_are_odd_are_refused() {
    for (size, expected) in [
        ("", "has an empty record"),
        ("+1", "as size"),
        ("-1", "as size"),
        ("1.5", "as size"),
        ("9223372036854775808", "as size"),
    ] {
        let layer = Tar::new().pax(&[("size", size)]).file("a", "").finish();
        layer_is_refused(&layer, expected);
    }
    let twice = Tar::new()
        .pax(&[("size", "1"), ("size", "1")])
        .file("a", "x")
        .finish();
    layer_is_refused(&twice, "gives a second size");
}

/// The size is that of the member, not that of the other extension.
#[test]
fn a_pax_size_before_another_extension_is_that_of_the_member() {
    let layer = Tar::new()
        .pax(&[("size", "3")])
        .extension(b'L', b"a-long-name\0")
        .file("x", "123")
        .finish();
    assert_eq!(exported(&[&layer]), ["./", "./a-long-name"]);
}

#[test]
fn pax_records_of_the_wrong_length_are_refused() {
    for records in [
        &b"99 path=file\n"[..],
        b"5 path=file\n",
        b"99999999999999999999 a=b\n",
        b"12 path=file",
        b"0 a=b\n",
        b"x",
    ] {
        let layer = Tar::new().extension(b'x', records).file("a", "").finish();
        layer_is_refused(&layer, "malformed pax record");
    }
}

#[test]
fn global_headers_may_comment_and_no_more() {
    let layer = |key: &[u8]| {
        Tar::new()
            .extension(b'g', &record(key, b"1"))
            .file("a", "")
            .finish()
    };
    assert_eq!(exported(&[&layer(b"comment")]), ["./", "./a"]);
    for key in [&b"path"[..], b"linkpath", b"size", b"uid"] {
        layer_is_refused(&layer(key), "for all members");
    }
}

#[test]
fn unknown_types_with_content_are_refused() {
    for (typeflags, expected) in [
        (&b"Z9DMNV"[..], "unsupported type"),
        (b"S", "in a header of another one"),
    ] {
        for typeflag in typeflags {
            let header = Header::new(b"odd", *typeflag, 512);
            let hidden = Tar::new().file("hidden", "").0;
            let layer = Tar::new().header(&header).content(&hidden).finish();
            layer_is_refused(&layer, expected);
        }
    }
}

#[test]
fn content_of_what_has_none_is_refused() {
    for typeflag in *b"123456" {
        let mut header = Header::new(b"odd", typeflag, 512);
        header.link = b"x".to_vec();
        let hidden = Tar::new().file("hidden", "").0;
        let layer = Tar::new().header(&header).content(&hidden).finish();
        layer_is_refused(&layer, "has 512 bytes of content, though its type has none");
    }
}

#[test]
fn a_layer_may_end_without_an_end_marker() {
    let layer = Tar::new().file("a", "x").0;
    assert_eq!(exported(&[&layer]), ["./", "./a"]);
    let one = [layer, vec![0; 512]].concat();
    assert_eq!(exported(&[&one]), ["./", "./a"]);
}

#[test]
fn one_block_of_zeros_and_something_behind_it_is_refused() {
    let more = Tar::new().file("b", "").finish();
    let layer = [Tar::new().file("a", "x").0, vec![0; 512], more].concat();
    layer_is_refused(
        &layer,
        "a block of zeros at byte 1024 and something else behind it",
    );
}

#[test]
fn what_follows_the_end_marker_is_no_part_of_the_tree() {
    let more = Tar::new().file("b", "").finish();
    for behind in [more, b"junk".repeat(500)] {
        let layer = [Tar::new().file("a", "x").finish(), behind].concat();
        assert_eq!(exported(&[&layer]), ["./", "./a"]);
    }
}

#[test]
fn every_part_of_a_layer_that_ends_within_a_member_is_refused() {
    let whole = Tar::new().file("a", [b'x'; 600]).0;
    for length in [100, 511, 513, 1023, 1111] {
        layer_is_refused(&whole[..length], "the tar ends at byte");
    }
}
