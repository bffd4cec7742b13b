# Bash that gives the layer a Nix database. It goes in front of `extraCommands`, whose author
# may count on the variables it exports, so it is a script and not a part of `builder`.
{
  buildPackages,
  closureInfo,
  lib,
  storePaths,
}:

# The store path, or the list of them, that the database is to know with its closure.
contents:

let
  paths = storePaths contents;
in
''
  echo "Loading the closure of the contents into a Nix database."
  echo "Nix in the container sees the database of the topmost layer only, so a"
  echo "single layer of the image should have a Nix store."
  export NIX_REMOTE=local?root=$PWD
  # Nix asks for a user name, and the build has no other.
  export USER=nobody
  ${lib.getExe' buildPackages.nix "nix-store"} --load-db < ${
    closureInfo { rootPaths = paths; }
  }/registration
  # Nix writes down when it loaded a path, which would make every image another one.
  ${lib.getExe buildPackages.sqlite} nix/var/nix/db/db.sqlite "UPDATE ValidPaths SET registrationTime = $SOURCE_DATE_EPOCH"
  mkdir -p nix/var/nix/gcroots/docker/
''
+ lib.concatMapStrings (path: ''
  ln -s ${path} nix/var/nix/gcroots/docker/
'') paths
