//! Tests of the library and of the built `builder` against other programs. One binary, so that
//! there is one link step and one place for helpers; a file for each subject.

mod sandbox;
mod support;
mod trees;

mod append;
mod documents;
mod errors;
mod export;
mod flatten;
mod foreign;
mod inspect;
mod join;
mod json;
mod layouts;
mod merge;
mod merge_derivations;
mod replaced;
mod shell;
mod tar;
mod tarsum;
mod verify;
mod warnings;
