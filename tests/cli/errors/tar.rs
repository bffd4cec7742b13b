//! Messages about tars that are damaged, or that programs would read differently. `builder tarsum`
//! shows them with the fewest words around them.

use std::fs::File;
use std::process::{Command, Stdio};

use expect_test::{Expect, expect};
use nix_image_builder::tar::read::Reader;

use super::tars::{self, Tar, pax_records};
use super::{FAILED, check_output};
use crate::sandbox::Sandbox;

/// Where the size stands in a header.
const SIZE: usize = 124;

/// Computes the TarSum of `bytes`.
#[track_caller]
fn check(bytes: &[u8], expected: Expect) {
    let sandbox = Sandbox::new();
    let input = File::open(sandbox.file("input.tar", bytes)).unwrap();
    check_input(
        &sandbox,
        sandbox.builder(&["tarsum"]).stdin(input),
        &expected,
    );
}

#[track_caller]
fn check_input(sandbox: &Sandbox, builder: &mut Command, expected: &Expect) {
    let output = builder.stdout(Stdio::piped()).output().unwrap();
    check_output(sandbox, &output, FAILED, expected);
}

/// Reads a header with `bytes` at `offset`.
#[track_caller]
fn check_header(offset: usize, bytes: &[u8], expected: Expect) {
    let header = tars::patched(tars::header("file", b'0', 0, ""), offset, bytes);
    check(&Tar::new().header(&header).finish(), expected);
}

#[test]
fn what_is_no_tar_has_no_tarsum() {
    check(
        &[b'x'; 512],
        expect![[r#"
            error: cannot compute the TarSum of standard input
              caused by: no tar header at byte 0: its checksum is wrong
        "#]],
    );
}

#[test]
fn a_header_that_is_cut_short_is_an_error() {
    check(
        b"short",
        expect![[r#"
            error: cannot compute the TarSum of standard input
              caused by: the tar ends at byte 5, within a header
        "#]],
    );
}

#[test]
fn content_that_is_cut_short_is_an_error() {
    let tar = Tar::new().file("file", [b'x'; 1000]).unfinished();
    check(
        &tar[..1000],
        expect![[r#"
            error: cannot compute the TarSum of standard input
              caused by: the tar ends at byte 1000, within the content of a member
        "#]],
    );
}

#[test]
fn an_extension_that_is_cut_short_is_an_error() {
    let tar = Tar::new().extension(b'L', &[b'x'; 1000]).unfinished();
    check(
        &tar[..1000],
        expect![[r#"
            error: cannot compute the TarSum of standard input
              caused by: the tar ends at byte 512, within an extension header
        "#]],
    );
}

#[test]
fn input_that_cannot_be_read_is_an_error() {
    let sandbox = Sandbox::new();
    let input = File::open("/proc/self").unwrap();
    check_input(
        &sandbox,
        sandbox.builder(&["tarsum"]).stdin(input),
        &expect![[r#"
            error: cannot compute the TarSum of standard input
              caused by: cannot read the tar at byte 0
              caused by: Is a directory (os error 21)
        "#]],
    );
}

/// The result is data, and so a disk that is full is an error.
#[test]
fn a_result_that_cannot_be_printed_is_an_error() {
    let sandbox = Sandbox::new();
    let input = File::open(sandbox.file("input.tar", Tar::new().finish())).unwrap();
    let full = File::options().write(true).open("/dev/full").unwrap();
    let mut builder = sandbox.builder(&["tarsum"]);
    let output = builder.stdin(input).stdout(full).stderr(Stdio::piped());
    let output = output.spawn().unwrap().wait_with_output().unwrap();
    check_output(
        &sandbox,
        &output,
        FAILED,
        &expect![[r#"
            error: cannot print the result
              caused by: No space left on device (os error 28)
        "#]],
    );
}

#[test]
fn a_wrong_checksum_is_an_error() {
    let mut tar = Tar::new().file("file", "x").finish();
    tar[0] = b'F';
    check(
        &tar,
        expect![[r#"
            error: cannot compute the TarSum of standard input
              caused by: no tar header at byte 0: its checksum is wrong
        "#]],
    );
}

#[test]
fn a_size_that_is_not_octal_is_an_error() {
    check_header(
        SIZE,
        b"0000000009\0",
        expect![[r#"
            error: cannot compute the TarSum of standard input
              caused by: the tar header at byte 0 has `0000000009\x00\x00` as size, which is no number or too large
        "#]],
    );
}

#[test]
fn a_size_below_zero_is_an_error() {
    check_header(
        SIZE,
        b"-0000000001\0",
        expect![[r#"
            error: cannot compute the TarSum of standard input
              caused by: the tar header at byte 0 has `-0000000001\x00` as size, which is no number or too large
        "#]],
    );
}

#[test]
fn a_size_below_zero_in_base_256_is_an_error() {
    check_header(
        SIZE,
        &[0xff; 12],
        expect![[r#"
            error: cannot compute the TarSum of standard input
              caused by: the tar header at byte 0 has `\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff` as size, which is no number or too large
        "#]],
    );
}

#[test]
fn a_size_that_no_file_has_is_an_error() {
    check_header(
        SIZE,
        b"\x80\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff",
        expect![[r#"
            error: cannot compute the TarSum of standard input
              caused by: the tar header at byte 0 has `\x80\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff` as size, which is no number or too large
        "#]],
    );
}

#[test]
fn a_size_beyond_the_end_is_an_error() {
    check_header(
        SIZE,
        b"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff",
        expect![[r#"
            error: cannot compute the TarSum of standard input
              caused by: the tar ends at byte 1536, within the content of a member
        "#]],
    );
}

#[test]
fn a_mode_that_is_not_octal_is_an_error() {
    check_header(
        100,
        b"rwxr-xr-",
        expect![[r#"
            error: cannot compute the TarSum of standard input
              caused by: the tar header at byte 0 has `rwxr-xr-` as mode, which is no number or too large
        "#]],
    );
}

#[test]
fn an_owner_that_is_not_octal_is_an_error() {
    check_header(
        108,
        b"root\0\0\0\0",
        expect![[r#"
            error: cannot compute the TarSum of standard input
              caused by: the tar header at byte 0 has `root\x00\x00\x00\x00` as uid, which is no number or too large
        "#]],
    );
}

#[test]
fn an_unknown_type_is_refused() {
    check_header(
        156,
        b"Z",
        expect![[r#"
            error: cannot compute the TarSum of standard input
              caused by: the member at byte 0 has the unsupported type `Z`
        "#]],
    );
}

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

/// CVE-2025-62518: a second size is a second end of the content, and so another list of members.
#[test]
fn content_behind_a_header_that_has_none_is_refused() {
    check(
        &Tar::new()
            .pax(&[("size", "512")])
            .directory("directory/")
            .content(&[b'x'; 512])
            .finish(),
        expect![[r#"
            error: cannot compute the TarSum of standard input
              caused by: the member at byte 1024 has 512 bytes of content, though its type has none
        "#]],
    );
}

/// CVE-2026-33055: readers differ in which of two sizes they take.
#[test]
fn a_pax_size_that_is_not_that_of_the_header_is_refused() {
    check(
        &Tar::new().pax(&[("size", "3")]).file("file", "x").finish(),
        expect![[r#"
            error: cannot compute the TarSum of standard input
              caused by: the member at byte 1024 has two sizes: 1 in its header, 3 in the extension header before it
        "#]],
    );
}

#[test]
fn two_sizes_in_one_pax_header_are_refused() {
    check(
        &Tar::new()
            .pax(&[("size", "1"), ("size", "2")])
            .file("file", "x")
            .finish(),
        expect![[r#"
            error: cannot compute the TarSum of standard input
              caused by: the extension header at byte 0 gives a second size
        "#]],
    );
}

#[test]
fn a_pax_size_below_zero_is_an_error() {
    check(
        &Tar::new().pax(&[("size", "-1")]).file("file", "").finish(),
        expect![[r#"
            error: cannot compute the TarSum of standard input
              caused by: the tar header at byte 0 has `-1` as size, which is no number or too large
        "#]],
    );
}

#[test]
fn a_pax_size_that_no_file_has_is_an_error() {
    check(
        &Tar::new()
            .pax(&[("size", "9223372036854775808")])
            .file("file", "")
            .finish(),
        expect![[r#"
            error: cannot compute the TarSum of standard input
              caused by: the tar header at byte 0 has `9223372036854775808` as size, which is no number or too large
        "#]],
    );
}

#[test]
fn a_pax_owner_that_is_no_number_is_an_error() {
    check(
        &Tar::new().pax(&[("uid", "root")]).file("file", "").finish(),
        expect![[r#"
            error: cannot compute the TarSum of standard input
              caused by: the tar header at byte 0 has `root` as uid, which is no number or too large
        "#]],
    );
}

#[test]
fn a_pax_name_with_a_nul_is_refused() {
    check(
        &Tar::new()
            .pax(&[("path", "good\0evil")])
            .file("file", "")
            .finish(),
        expect![[r#"
            error: cannot compute the TarSum of standard input
              caused by: the extension header at byte 0 has a NUL in a name
        "#]],
    );
}

#[test]
fn a_pax_record_with_a_wrong_length_is_refused() {
    check(
        &Tar::new()
            .extension(b'x', b"99 path=file\n")
            .file("file", "")
            .finish(),
        expect![[r#"
            error: cannot compute the TarSum of standard input
              caused by: the extension header at byte 0 has a malformed pax record
        "#]],
    );
}

#[test]
fn a_pax_record_without_an_end_is_refused() {
    check(
        &Tar::new()
            .extension(b'x', b"12 path=file")
            .file("file", "")
            .finish(),
        expect![[r#"
            error: cannot compute the TarSum of standard input
              caused by: the extension header at byte 0 has a malformed pax record
        "#]],
    );
}

/// Readers that split the records at line ends stop here, and miss the name behind.
#[test]
fn an_empty_line_between_pax_records_is_refused() {
    check(
        &Tar::new()
            .extension(b'x', b"\n13 path=file\n")
            .file("other", "")
            .finish(),
        expect![[r#"
            error: cannot compute the TarSum of standard input
              caused by: the extension header at byte 0 has a malformed pax record
        "#]],
    );
}

#[test]
fn a_global_header_that_names_all_members_is_refused() {
    check(
        &Tar::new()
            .extension(b'g', &tars::pax_records(&[("path", "evil")]))
            .file("file", "")
            .finish(),
        expect![[r#"
            error: cannot compute the TarSum of standard input
              caused by: the extension header at byte 0 sets a name, link target, size or owner for all members
        "#]],
    );
}

#[test]
fn a_global_header_with_a_bad_record_is_refused() {
    check(
        &Tar::new().extension(b'g', b"x").file("file", "").finish(),
        expect![[r#"
            error: cannot compute the TarSum of standard input
              caused by: the extension header at byte 0 has a malformed pax record
        "#]],
    );
}

#[test]
fn an_extension_that_would_fill_the_memory_is_refused() {
    check(
        &Tar::new()
            .header(&tars::header("extension", b'x', 8_000_000_000, ""))
            .finish(),
        expect![[r#"
            error: cannot compute the TarSum of standard input
              caused by: the extension header at byte 0 has 8000000000 bytes; 1048576 are allowed
        "#]],
    );
}

#[test]
fn two_long_names_for_one_member_are_refused() {
    check(
        &Tar::new()
            .extension(b'L', b"first")
            .extension(b'L', b"second")
            .file("file", "")
            .finish(),
        expect![[r#"
            error: cannot compute the TarSum of standard input
              caused by: the extension header at byte 1024 gives a second name
        "#]],
    );
}

#[test]
fn a_long_name_and_a_pax_name_for_one_member_are_refused() {
    check(
        &Tar::new()
            .extension(b'L', b"first")
            .pax(&[("path", "second")])
            .file("file", "")
            .finish(),
        expect![[r#"
            error: cannot compute the TarSum of standard input
              caused by: the extension header at byte 1024 gives a second name
        "#]],
    );
}

#[test]
fn two_long_targets_for_one_member_are_refused() {
    check(
        &Tar::new()
            .extension(b'K', b"first")
            .extension(b'K', b"second")
            .symlink("file", "")
            .finish(),
        expect![[r#"
            error: cannot compute the TarSum of standard input
              caused by: the extension header at byte 1024 gives a second link target
        "#]],
    );
}

#[test]
fn a_long_target_and_a_pax_target_for_one_member_are_refused() {
    check(
        &Tar::new()
            .extension(b'K', b"first")
            .pax(&[("linkpath", "second")])
            .symlink("file", "")
            .finish(),
        expect![[r#"
            error: cannot compute the TarSum of standard input
              caused by: the extension header at byte 1024 gives a second link target
        "#]],
    );
}

#[test]
fn two_pax_headers_for_one_member_are_refused() {
    check(
        &Tar::new()
            .pax(&[("path", "first")])
            .pax(&[("path", "second")])
            .file("file", "")
            .finish(),
        expect![[r#"
            error: cannot compute the TarSum of standard input
              caused by: the extension header at byte 1024 is the second of its kind for one member
        "#]],
    );
}

#[test]
fn an_extension_for_no_member_is_refused() {
    check(
        &Tar::new().pax(&[("path", "first")]).finish(),
        expect![[r#"
            error: cannot compute the TarSum of standard input
              caused by: the extension header at byte 0 has no member behind it
        "#]],
    );
}

/// Reads an extension header with `records` before a good file.
#[track_caller]
fn check_pax(records: &[(&str, &str)], expected: Expect) {
    check(&Tar::new().pax(records).file("file", "").finish(), expected);
}

#[test]
fn an_input_without_bytes_is_no_tar() {
    check(
        b"",
        expect![[r#"
        error: cannot compute the TarSum of standard input
          caused by: the tar has not one byte; an empty one consists of blocks of zeros
    "#]],
    );
}

/// CVE-2025-62518 lived on such differences: GNU tar reads on, and Go and Python do not.
#[test]
fn one_block_of_zeros_between_members_is_refused() {
    let first = Tar::new().file("first", "").content(&[0; 512]).unfinished();
    let second = Tar::new().file("second", "").finish();
    check(
        &[first, second].concat(),
        expect![[r#"
        error: cannot compute the TarSum of standard input
          caused by: the tar has a block of zeros at byte 512 and something else behind it; some programs stop there, and others read on
    "#]],
    );
}

#[test]
fn a_member_without_a_name_is_refused() {
    check_header(
        0,
        b"\0\0\0\0",
        expect![[r#"
        error: cannot compute the TarSum of standard input
          caused by: the member at byte 0 has no name
    "#]],
    );
}

#[test]
fn a_file_with_the_name_of_a_directory_is_refused() {
    check_header(
        0,
        b"file/",
        expect![[r#"
        error: cannot compute the TarSum of standard input
          caused by: the member at byte 0 has a name that ends in `/`, but is no directory
    "#]],
    );
}

#[test]
fn a_member_without_a_type_and_with_two_names_is_refused() {
    let header = tars::patched(tars::header("directory/", b'0', 0, ""), 156, b"\0");
    let tar = Tar::new().extension(b'L', b"file\0").header(&header);
    check(
        &tar.finish(),
        expect![[r#"
        error: cannot compute the TarSum of standard input
          caused by: the member at byte 1024 has no type and two names, of which one is that of a directory
    "#]],
    );
}

#[test]
fn a_link_to_nothing_is_refused() {
    check(
        &Tar::new().symlink("link", "").finish(),
        expect![[r#"
        error: cannot compute the TarSum of standard input
          caused by: the member at byte 0 is a link to nothing
    "#]],
    );
}

/// Python takes the times that GNU tar's backups have there for the beginning of the name.
#[test]
fn a_prefix_in_a_header_of_gnu_tar_is_refused() {
    check_header(
        345,
        b"00000000001\0",
        expect![[r#"
        error: cannot compute the TarSum of standard input
          caused by: the member at byte 0 has something where only POSIX headers have the first part of a long name
    "#]],
    );
}

#[test]
fn a_prefix_with_a_slash_at_its_end_is_refused() {
    let posix = tars::patched(tars::header("file", b'0', 0, ""), 257, b"ustar\x0000");
    let header = tars::patched(posix, 345, b"directory/");
    check(
        &Tar::new().header(&header).finish(),
        expect![[r#"
        error: cannot compute the TarSum of standard input
          caused by: the member at byte 0 has a name in two parts, which programs join in different ways
    "#]],
    );
}

#[test]
fn a_number_with_something_behind_it_is_refused() {
    check_header(
        108,
        b"0000\x0000\0",
        expect![[r#"
        error: cannot compute the TarSum of standard input
          caused by: the tar header at byte 0 has `0000\x0000\x00` as uid, which is no number or too large
    "#]],
    );
}

/// As the kernel takes the number 4294967295 for "leave the owner as it is", root would own it.
#[test]
fn a_user_that_no_system_has_is_refused() {
    check_pax(
        &[("uid", "4294967295")],
        expect![[r#"
        error: cannot compute the TarSum of standard input
          caused by: the tar header at byte 0 has `4294967295` as uid, which is no number or too large
    "#]],
    );
}

#[test]
fn a_time_that_is_no_number_is_refused() {
    check_header(
        136,
        b"yesterday",
        expect![[r#"
        error: cannot compute the TarSum of standard input
          caused by: the tar header at byte 0 has `yesterday00\x00` as mtime, which is no number or too large
    "#]],
    );
}

#[test]
fn a_pax_time_that_is_no_number_is_refused() {
    check_pax(
        &[("atime", "yesterday")],
        expect![[r#"
        error: cannot compute the TarSum of standard input
          caused by: the tar header at byte 0 has `yesterday` as time, which is no number or too large
    "#]],
    );
}

#[test]
fn an_empty_long_name_is_refused() {
    let tar = Tar::new().extension(b'L', b"\0").file("file", "");
    check(
        &tar.finish(),
        expect![[r#"
        error: cannot compute the TarSum of standard input
          caused by: the extension header at byte 0 gives an empty name
    "#]],
    );
}

#[test]
fn a_long_name_that_goes_on_behind_its_end_is_refused() {
    let header = tars::header("extension", b'L', 4, "");
    let tar = Tar::new().header(&header).content(b"good/evil");
    check(
        &tar.file("file", "").finish(),
        expect![[r#"
        error: cannot compute the TarSum of standard input
          caused by: the extension header at byte 0 has a name that goes on behind its end
    "#]],
    );
}

#[test]
fn an_empty_pax_name_is_refused() {
    check_pax(
        &[("path", "")],
        expect![[r#"
        error: cannot compute the TarSum of standard input
          caused by: the extension header at byte 0 has an empty record, which some programs pass over
    "#]],
    );
}

#[test]
fn a_pax_key_that_begins_with_a_blank_is_refused() {
    check_pax(
        &[(" path", "other")],
        expect![[r#"
        error: cannot compute the TarSum of standard input
          caused by: the extension header at byte 0 has a malformed pax record
    "#]],
    );
}

#[test]
fn a_pax_name_in_an_unknown_encoding_is_refused() {
    check_pax(
        &[("hdrcharset", "KOI8-R")],
        expect![[r#"
        error: cannot compute the TarSum of standard input
          caused by: the extension header at byte 0 has names in an encoding that is not supported
    "#]],
    );
}

#[test]
fn a_sparse_file_of_star_is_refused() {
    check_pax(
        &[("SCHILY.realsize", "1000000")],
        expect![[r#"
            error: cannot compute the TarSum of standard input
              caused by: the extension header at byte 0 describes a sparse file as only star and Solaris do, which is not supported
        "#]],
    );
}

#[test]
fn a_directory_of_a_backup_is_refused() {
    check_pax(
        &[("GNU.dumpdir", "Yfile\0")],
        expect![[r#"
        error: cannot compute the TarSum of standard input
          caused by: the extension header at byte 0 has records of GNU tar's backups, which are not supported
    "#]],
    );
}

#[test]
fn a_global_header_behind_an_extension_is_refused() {
    let tar = Tar::new()
        .extension(b'L', b"long\0")
        .extension(b'g', &tars::pax_records(&[("comment", "x")]))
        .file("file", "");
    check(
        &tar.finish(),
        expect![[r#"
        error: cannot compute the TarSum of standard input
          caused by: the extension header at byte 1024 is a global one between a member and an extension header of its own
    "#]],
    );
}

#[test]
fn a_name_that_no_file_has_is_refused() {
    check_pax(
        &[("path", &"d/x".repeat(2000))],
        expect![[r#"
            error: cannot compute the TarSum of standard input
              caused by: the member at byte 6656 has a name or link target of 6000 bytes; Linux has none above 4096
        "#]],
    );
}
