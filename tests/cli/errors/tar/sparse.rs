//! Messages about sparse files.

use expect_test::expect;
use nix_image_builder::tar::read::Reader;

use crate::errors::tars::{self, Tar, pax_records};

/// The message about a tar of one sparse file, which has the records `GNU.sparse.KEY` of `records`, or `KEY` where that
/// begins with a blank, and `content`.
fn about_sparse(records: &[(&str, &str)], content: &[u8]) -> String {
    let keys = records.iter().map(|(key, _)| match key.strip_prefix(' ') {
        Some(other) => other.to_owned(),
        None => format!("GNU.sparse.{key}"),
    });
    let keys: Vec<String> = keys.collect();
    let values = records.iter().map(|(_, value)| *value);
    let records: Vec<(&str, &str)> = keys.iter().map(String::as_str).zip(values).collect();
    let posix = tars::patched(
        tars::header("odd", b'0', content.len() as u64, ""),
        257,
        b"ustar\x0000",
    );
    let tar = Tar::new().pax(&records).header(&posix).content(content);
    message(&tar.finish())
}

fn message(tar: &[u8]) -> String {
    let mut reader = Reader::new(tar);
    match reader.next_member() {
        Ok(_) => "nothing is wrong\n".to_owned(),
        Err(error) => format!("{error}\n"),
    }
}

/// A file of version 0.1 whose map is `map`.
fn of_map(count: &str, map: &str, size: &str, content: &[u8]) -> String {
    about_sparse(
        &[("size", size), ("numblocks", count), ("map", map)],
        content,
    )
}

#[test]
fn what_is_wrong_with_the_map_of_a_sparse_file_is_told() {
    let block = [b'x'; 512];
    let messages = [
        of_map("2", "0,512,1024,0", "1024", &block),
        of_map("2", "512,512,0,512", "1024", &[b'x'; 1024]),
        of_map("1", "0,512", "500", &block),
        of_map("2", "0,5,512,507", "1019", &block),
        of_map("1", "0,512", "1024", &block),
        of_map("2", "0,512,1024,0", "1024", &[b'x'; 511]),
        of_map("3", "0,512", "512", &block),
        of_map("1", "0", "512", &block),
        of_map("1", "+0,512", "512", &block),
        about_sparse(
            &[("map", "0,512"), ("numblocks", "1"), ("size", "512")],
            &block,
        ),
        about_sparse(&[("size", "512"), ("size", "512")], &block),
        about_sparse(&[("major", "1"), ("size", "512")], &block),
        about_sparse(&[("major", "2"), ("minor", "0"), ("size", "512")], &block),
        about_sparse(&[("offset", "0"), ("size", "512")], &block),
        about_sparse(&[("name", ""), ("size", "512")], &block),
        about_sparse(&[("name", "a"), ("name", "b")], &block),
    ];
    expect![[r#"
        nothing is wrong
        the sparse file at byte 1024 has parts that overlap, or are not in their order
        the sparse file at byte 1024 has a part that goes on behind its end
        the sparse file at byte 1024 has a part that ends within a block, where GNU tar looks for the next part in another place
        the sparse file at byte 1024 has a map that says nothing of its end, where GNU tar would cut it off
        the sparse file at byte 1024 has 511 bytes of content, but its map lists parts of 512
        the extension header at byte 0 says that a sparse file has another number of parts than it has
        the extension header at byte 0 has a number of a sparse file that is none
        the extension header at byte 0 has a number of a sparse file that is none
        the extension header at byte 0 describes a sparse file by records that do not belong together, or not in their order
        the extension header at byte 0 has a record of a sparse file twice
        the extension header at byte 0 describes a sparse file of half a version
        the extension header at byte 0 describes a sparse file of a version that no program knows
        the extension header at byte 0 has a record of sparse files that no program knows, or in the wrong place
        the extension header at byte 0 gives a sparse file an empty name, or one with a NUL
        the extension header at byte 0 gives a sparse file two names
    "#]].assert_eq(&messages.concat());
}

#[test]
fn what_is_wrong_with_the_records_around_a_sparse_file_is_told() {
    let block = [b'x'; 512];
    let good = [
        ("size", "512"),
        ("numblocks", "1"),
        ("map", "0,512"),
        ("name", "real"),
    ];
    let with = |more: &[(&str, &str)]| about_sparse(&[&good[..], more].concat(), &block);
    let listed = [
        ("size", "512"),
        ("numblocks", "1"),
        ("offset", "0"),
        ("numbytes", "512"),
    ];
    let in_content = [("major", "1"), ("minor", "0"), ("realsize", "512")];
    let whole = |content: &[u8]| about_sparse(&in_content, content);
    let messages = [
        with(&[]),
        with(&[(" path", "another")]),
        with(&[(" size", "512")]),
        with(&[("realsize", "512")]),
        with(&[(" SCHILY.realsize", "512")]),
        about_sparse(
            &[&listed[..], &[(" comment", "GNU.sparse.offset=7")]].concat(),
            &block,
        ),
        whole(b""),
        whole(b"1\n0\n"),
        whole(&[&b"1 0 512"[..], &[0; 1024]].concat()),
        whole(&[b'1'; 1024]),
        whole(&b"1\n".repeat(1 << 20)),
        whole(&[b"524288\n", &*b"0\n".repeat(1 << 20)].concat()),
        message(
            &Tar::new()
                .extension(b'g', &pax_records(&[("GNU.sparse.name", "x")]))
                .finish(),
        ),
        message(
            &Tar::new()
                .pax(
                    &good.map(|(key, value)| (["GNU.sparse.", key].concat().leak() as &str, value)),
                )
                .symlink("a", "b")
                .finish(),
        ),
    ];
    expect![[r#"
        nothing is wrong
        the extension header at byte 0 gives a sparse file two names
        the member at byte 1024 is a sparse file with a size in its extension header, which Python takes for another one
        the extension header at byte 0 describes a sparse file by records that do not belong together, or not in their order
        the extension header at byte 0 describes a sparse file as only star and Solaris do, which is not supported
        the extension header at byte 0 has something like a record of a sparse file in another record, where Python finds it
        the sparse file at byte 1024 has a map that is longer than its content
        the sparse file at byte 1024 has a map that is longer than its content
        the sparse file at byte 1024 has a map that is no list of numbers
        the sparse file at byte 1024 has a map that is no list of numbers
        the sparse file at byte 1024 has a map that says nothing of its end, where GNU tar would cut it off
        the sparse file at byte 1024 has a map of more than 1048576 bytes, which Go's programs refuse; pack it without `--sparse`
        the extension header at byte 0 describes all members as sparse files
        the member at byte 1024 is described as a sparse file by records before a header of another kind
    "#]].assert_eq(&messages.concat());
}

#[test]
fn what_is_wrong_with_a_sparse_file_of_gnu_tars_own_format_is_told() {
    let header = |changes: &[(usize, &[u8])]| {
        let header = tars::header("odd", b'S', 512, "");
        let place = b"00000000000\x0000000001000\0";
        let size = b"00000001000\0";
        let header = tars::patched(tars::patched(header, 386, place), 483, size);
        let header = changes.iter().fold(header, |header, (at, bytes)| {
            tars::patched(header, *at, bytes)
        });
        message(&Tar::new().header(&header).content(&[b'x'; 512]).finish())
    };
    let messages = [
        header(&[]),
        header(&[(257, b"ustar\x0000")]),
        header(&[(345, b"1")]),
        header(&[(482, b"\x01")]),
        header(&[(410 + 24, b"00000000000\x0000000001000\0")]),
        header(&[(483, b"x")]),
        header(&[(386, b"x")]),
    ];
    expect![[r#"
        nothing is wrong
        the member at byte 0 is a sparse file of GNU tar's own format in a header of another one
        the member at byte 0 is a sparse file whose header has more than its map, which programs read in different ways
        the sparse file at byte 0 has a map that goes on behind its end
        the sparse file at byte 0 has a map with an empty place before its end
        the tar header at byte 0 has `x0000001000\x00` as size of the whole file, which is no number or too large
        the tar header at byte 0 has `x0000000000\x00` as part of a sparse file, which is no number or too large
    "#]].assert_eq(&messages.concat());
}
