# The program that nixpkgs' `tarsum` is, played by the subcommand of our builder: reads a tar from
# standard input, prints its TarSum.
{
  rustPlatform,
  writeShellScriptBin,
  builderBinary,
}:

let
  builder = rustPlatform.buildRustPackage {
    pname = "builder";
    version = "host";
    meta.mainProgram = "builder";
  };
in
writeShellScriptBin "tarsum" ''
  exec ${builder}/bin/builder tarsum "$@"
''
