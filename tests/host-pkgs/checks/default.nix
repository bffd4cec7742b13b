# The checks of the package set, a sentence each: `build` is a derivation that must succeed,
# `fail` one that must fail and say `message`, `expr` a value that must be `expected`. `../check`
# runs them.
let
  again = import ../.;
  pkgs = again { };
  subjects = map (file: import file { inherit pkgs again; inherit (pkgs) lib; }) [
    ./sandbox.nix
    ./stdenv.nix
    ./lib.nix
    ./build-support.nix
    ./vm.nix
  ];
in
builtins.foldl' (all: subject: all // subject) { } subjects
