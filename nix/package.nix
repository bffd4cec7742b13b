# The program that the derivations run, built from the crate of this repository.
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

  # The tests compare with GNU tar, rsync and other programs, so they run where those are
  # (`make test`) and not before every image.
  doCheck = false;

  # The program runs where it is built: it is the builder of derivations.
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
