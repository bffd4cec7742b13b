# Gives the program that prints the TarSum of the tar on its standard input.
{
  builder,
  buildPackages,
  lib,
}:

buildPackages.writeShellScriptBin "tarsum" ''
  exec ${lib.getExe builder} tarsum "$@"
''
