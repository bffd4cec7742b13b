//! Hard links, and names that lead through symlinks.

use expect_test::expect;

use super::{check, check_refused};

#[test]
fn hard_links_share_the_file_that_they_find() {
    check(
        "a = x*1
         b => a
         d/c => ./b
         ---
         e => /a
         a = y*1
         f => a
         s -> d
         g => s/c",
        expect![[r#"
            755 0:0 /
            644 5:5 a = y*1 @1000005
            644 1:1 b = x*1 @1000001
            755 0:0 d/
            d/c => b
            e => b
            f => a
            g => b
            777 7:7 s -> d
        "#]],
    );
}

#[test]
fn hard_links_to_symlinks_are_symlinks() {
    check(
        "a -> b
         c => a",
        expect![[r#"
            755 0:0 /
            777 1:1 a -> b
            777 1:1 c -> b
        "#]],
    );
}

#[test]
fn names_lead_through_symlinks_and_never_out_of_the_root() {
    check(
        "usr/lib/
         lib -> usr/lib
         up -> ../../../usr
         abs -> /usr/lib
         chain -> abs
         none -> not/there
         ---
         lib/a = x*1
         up/b = x*1
         abs/c = x*1
         chain/d = x*1
         none/e = x*1
         lib/.wh.a = -*0",
        expect![[r#"
            755 0:0 /
            777 4:4 abs -> /usr/lib
            777 5:5 chain -> abs
            777 2:2 lib -> usr/lib
            777 6:6 none -> not/there
            755 0:0 not/
            755 0:0 not/there/
            644 11:11 not/there/e = x*1 @1000011
            777 3:3 up -> ../../../usr
            755 0:0 usr/
            644 8:8 usr/b = x*1 @1000008
            755 1:1 usr/lib/
            644 7:7 usr/lib/a = x*1 @1000007
            644 9:9 usr/lib/c = x*1 @1000009
            644 10:10 usr/lib/d = x*1 @1000010
        "#]],
    );
}

#[test]
fn a_symlink_that_leads_around_in_circles_is_refused() {
    check_refused(
        "a -> b\nb -> a\na/c = x*1",
        expect!["`a` leads through more than 40 symlinks, perhaps around in circles"],
    );
}

#[test]
fn hard_links_to_nothing_are_refused() {
    check_refused(
        "a => b",
        expect!["it is a hard link to `b`, which neither this layer so far nor one below has"],
    );
    check_refused(
        "a = x*1\na => a",
        expect!["it is a hard link to `a`, which neither this layer so far nor one below has"],
    );
    check_refused(
        "a = x*1\n---\n.wh.a = -*0\nb => a",
        expect!["it is a hard link to `a`, which neither this layer so far nor one below has"],
    );
}

#[test]
fn a_hard_link_to_a_directory_is_refused() {
    check_refused(
        "a/\nb => a",
        expect!["it is a hard link to the directory `a`"],
    );
}
