# `rustPlatform`, without a Rust compiler: installs the program that cargo built before. Takes what
# nixpkgs' function takes; gives a package with bin/NAME, NAME being `meta.mainProgram` or `pname`.
{
  lib,
  stdenvNoCC,
  builderBinary,
}:

let
  fromEnvironment = builtins.getEnv "NIX_IMAGE_BUILDER_BINARY";

  file =
    if builderBinary != null then
      builderBinary
    else if fromEnvironment != "" then
      fromEnvironment
    else
      ../../../target/x86_64-unknown-linux-gnu/release/builder;

  # The file alone, so that the derivation changes only when the program does.
  binary =
    if builtins.pathExists file then
      builtins.path {
        path = file;
        name = "builder";
      }
    else
      throw "host-pkgs: `${toString file}` does not exist, and here nothing is compiled inside Nix; run: make builder";
in
{
  buildRustPackage = lib.makeOverridable (
    args:
    let
      final = if lib.isFunction args then lib.fix args else args;
      program = final.meta.mainProgram or final.pname;
    in
    stdenvNoCC.mkDerivation {
      inherit (final) pname version;
      inherit binary program;
      nativeBuildInputs = final.nativeBuildInputs or [ ];
      postInstall = final.postInstall or "";
      buildCommand = ''
        install -D -m 0555 "$binary" "$out/bin/$program"
        runHook postInstall
      '';
      passthru = final.passthru or { };
      meta = {
        mainProgram = program;
      }
      // final.meta or { };
    }
  );
}
