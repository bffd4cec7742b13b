# Gives the program that takes the description of a layered image, and writes the image archive to
# its standard output.
{ builder, buildPackages, lib }:

buildPackages.writeShellScript "stream" ''
  exec ${lib.getExe builder} stream "$@"
''
