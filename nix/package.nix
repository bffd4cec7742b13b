# Gives `builder`, the program that the derivations run, compiled from the crate of this repository.
{
  installShellFiles,
  lib,
  rustPlatform,
}:

let
  manifest = (lib.importTOML ../Cargo.toml).package;
in
rustPlatform.buildRustPackage {
  pname = manifest.name;
  inherit (manifest) version;

  src = lib.fileset.toSource {
    root = ../.;
    fileset = lib.fileset.unions [
      ../Cargo.lock
      ../Cargo.toml
      ../src
    ];
  };
  cargoLock.lockFile = ../Cargo.lock;

  # The tests need GNU tar, rsync and other programs to compare with. `make test` runs them, and a
  # build of an image does not wait for them.
  doCheck = false;

  # The program runs on the platform that it is built on, so it writes its own manual pages and
  # completions.
  nativeBuildInputs = [ installShellFiles ];
  postInstall = ''
    $out/bin/builder man .; installManPage builder*.1
    for shell in bash fish zsh; do installShellCompletion --cmd builder --$shell <($out/bin/builder completions $shell); done
  '';

  meta = {
    inherit (manifest) description;
    license = lib.licenses.mit;
    mainProgram = "builder";
    platforms = lib.platforms.linux;
  };
}
