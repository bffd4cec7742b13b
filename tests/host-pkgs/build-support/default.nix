# The functions of nixpkgs' trivial builders and their neighbours, by name.
{
  lib,
  config,
  final,
}:

let
  inherit (final) callPackage;
  old = config.oldReferences or false;
in
# Several functions in one file. `callPackage` would need the names in the set before it could
# give the names in the set.
import ./run-command.nix {
  inherit lib;
  inherit (final) stdenv stdenvNoCC;
}
// import ./write-text.nix {
  inherit lib;
  inherit (final) runCommand runtimeShell stdenvNoCC;
}
// import ./link.nix {
  inherit lib;
  inherit (final) runCommand;
}
// {
  buildEnv = callPackage ./build-env.nix { };
  closureInfo = callPackage ./closure-info.nix { };
  installShellFiles = callPackage ./install-shell-files.nix { };
  makeWrapper = callPackage ./make-wrapper.nix { };
  mkShell = callPackage ./mk-shell.nix { };
  testers.invalidateFetcherByDrvHash = callPackage ./invalidate-fetcher.nix { };
  mkShellNoCC = callPackage ./mk-shell.nix { stdenv = final.stdenvNoCC; };
  emptyFile = callPackage ({ runCommand }: runCommand "empty-file" { } "touch $out") { };
  emptyDirectory = callPackage ({ runCommand }: runCommand "empty-directory" { } "mkdir $out") { };
  writeDirectReferencesToFile = callPackage ./write-direct-references.nix { };
}
# nixpkgs had the first until 24.11 and has the second since 24.05.
// lib.optionalAttrs old {
  writeReferencesToFile = callPackage (
    { writeClosure }: path: writeClosure [ path ]
  ) { writeClosure = callPackage ./write-closure.nix { }; };
}
// lib.optionalAttrs (!old) {
  writeClosure = callPackage ./write-closure.nix { };
  writeReferencesToFile = throw "writeReferencesToFile has been removed. Use writeClosure instead.";
}
