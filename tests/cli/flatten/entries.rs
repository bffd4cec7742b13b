//! Entries in the place of others, and odd ones.

use expect_test::expect;

use super::{check, check_refused, ours, parse};

#[test]
fn everything_but_a_directory_over_a_directory_replaces_what_was_there() {
    check(
        "700 a/
         a/f = x*1
         b/
         b/f = x*1
         c = x*1
         d -> c
         e -> b
         ---
         755 a/
         a/g = y*1
         b = y*1
         c/
         c/f = y*1
         d = y*1
         e/
         e/f = y*1",
        expect![[r#"
            755 0:0 /
            755 8:8 a/
            644 2:2 a/f = x*1 @1000002
            644 9:9 a/g = y*1 @1000009
            644 10:10 b = y*1 @1000010
            755 11:11 c/
            644 12:12 c/f = y*1 @1000012
            644 13:13 d = y*1 @1000013
            755 14:14 e/
            644 15:15 e/f = y*1 @1000015
        "#]],
    );
}

#[test]
fn entries_whose_directories_are_not_listed_get_some() {
    check(
        "700 a/
         ---
         a/b/c = x*1
         d/e/ ",
        expect![[r#"
            755 0:0 /
            700 1:1 a/
            755 0:0 a/b/
            644 2:2 a/b/c = x*1 @1000002
            755 0:0 d/
            755 3:3 d/e/
        "#]],
    );
}

#[test]
fn names_may_begin_with_a_slash_or_a_dot() {
    check(
        "1750 ./
         ./a = x*1
         /b = x*1
         ././c//d/ ",
        expect![[r#"
            1750 1:1 /
            644 2:2 a = x*1 @1000002
            644 3:3 b = x*1 @1000003
            755 0:0 c/
            755 4:4 c/d/
        "#]],
    );
}

#[test]
fn special_files_stay_what_they_are() {
    check(
        "622 p fifo
         4711 su = x*1
         666 null char 1:3
         660 disk block 8:1
         ---
         600 null block 7:0",
        expect![[r#"
            755 0:0 /
            660 4:4 disk block 8:1
            600 5:5 null block 7:0
            622 1:1 p fifo
            4711 2:2 su = x*1 @1000002
        "#]],
    );
}

#[test]
fn an_entry_below_a_file_is_refused() {
    check_refused(
        "a = x*1\n---\na/b/c = x*1",
        expect!["it lies below `a`, which is no directory"],
    );
}

#[test]
fn a_root_that_is_no_directory_is_refused() {
    check_refused(
        "a/\n. -> a",
        expect!["the root of an image has to be a directory"],
    );
}

#[test]
fn what_umoci_takes_for_something_else_is_refused() {
    for (line, expected) in [
        (
            "a/../b = x*1",
            expect!["it would lead out of the image: `a/../b` has a part `..`"],
        ),
        (
            "b => ../a",
            expect!["it would lead out of the image: `../a` has a part `..`"],
        ),
        (
            "d/.wh. = -*0",
            expect!["it is a whiteout and does not name what it hides"],
        ),
        (
            "d/.wh... = -*0",
            expect!["it is a whiteout and does not name what it hides"],
        ),
        (
            "a char 4096:0",
            expect!["it is the device 4096:0; Linux has numbers up to 4095:1048575"],
        ),
    ] {
        let (_, error) = ours(&parse(line)).unwrap_err();
        expected.assert_eq(&error.to_string());
    }
}
