# The program that greets. A derivation of stdenv, unlike the other programs, for what shows or
# changes how a package is built.
{ fromDebian, stdenv }:

let
  built = fromDebian "hello";
in
stdenv.mkDerivation {
  pname = "hello";
  inherit (built) version;
  inherit built;
  dontUnpack = true;
  installPhase = ''
    install -D "$built/bin/hello" "$out/bin/hello"
  '';
  meta.mainProgram = "hello";
}
