//! What whiteouts and opaque directories hide.

use expect_test::expect;

use super::check;

#[test]
fn a_whiteout_hides_a_file_and_a_directory_of_the_layers_below() {
    check(
        "d/
         d/f = x*1
         g = x*1
         h = x*1
         ---
         .wh.d = -*0
         ./.wh.g = -*0
         /.wh.nothing = -*0
         no/.wh.thing = -*0",
        expect![[r#"
            755 0:0 /
            644 4:4 h = x*1 @1000004
        "#]],
    );
}

#[test]
fn a_whiteout_leaves_what_its_own_layer_has_wherever_it_stands() {
    check(
        "a/
         a/old = x*1
         b/
         b/old = x*1
         c = x*1
         ---
         .wh.a = -*0
         a/
         a/new = y*1
         b/
         b/new = y*1
         .wh.b = -*0
         c = y*1
         .wh.c = -*0",
        expect![[r#"
            755 0:0 /
            755 7:7 a/
            644 8:8 a/new = y*1 @1000008
            755 9:9 b/
            644 10:10 b/new = y*1 @1000010
            644 12:12 c = y*1 @1000012
        "#]],
    );
}

#[test]
fn an_opaque_directory_has_only_what_its_own_layer_has() {
    check(
        "a/
         a/old = x*1
         a/both/
         a/both/old = x*1
         b/
         b/old = x*1
         ---
         a/both/
         a/both/new = y*1
         a/.wh..wh..opq = -*0
         a/new = y*1
         b/.wh..wh..opq = -*0",
        expect![[r#"
            755 0:0 /
            755 1:1 a/
            755 7:7 a/both/
            644 8:8 a/both/new = y*1 @1000008
            644 10:10 a/new = y*1 @1000010
            755 5:5 b/
        "#]],
    );
}

#[test]
fn an_opaque_root_hides_all_layers_below() {
    check(
        "a = x*1
         d/
         d/e = x*1
         ---
         d/f = y*1
         .wh..wh..opq = -*0",
        expect![[r#"
            755 0:0 /
            755 2:2 d/
            644 4:4 d/f = y*1 @1000004
        "#]],
    );
}

#[test]
fn a_whiteout_of_a_whiteout_brings_nothing_back() {
    check(
        "a = x*1
         b = x*1
         ---
         .wh.a = -*0
         .wh.b = -*0
         ---
         .wh.a = -*0
         b = y*1",
        expect![[r#"
            755 0:0 /
            644 6:6 b = y*1 @1000006
        "#]],
    );
}

#[test]
fn a_whiteout_hides_what_a_symlink_leads_to() {
    check(
        "usr/lib/
         usr/lib/a = x*1
         lib -> usr/lib
         ---
         lib/.wh.a = -*0",
        expect![[r#"
            755 0:0 /
            777 3:3 lib -> usr/lib
            755 0:0 usr/
            755 1:1 usr/lib/
        "#]],
    );
}
