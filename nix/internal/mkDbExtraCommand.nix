# Gives a Bash script that makes a Nix database in the layer. It goes in front of `extraCommands`,
# which may use the variables that it exports, so it is not a part of `builder`.
{
  buildPackages,
  closureInfo,
  lib,
  mkBuilderDerivation,
  storePaths,
}:

{
  # A store path, or a list of store paths. The database lists their closure.
  contents,
  # The `config` of the OCI image configuration. The database lists the closure of its store paths,
  # too.
  config,
  # The file that has this `config`. The file itself is in no image.
  baseJson,
}:

let
  paths = storePaths contents;
  # The store paths of `config` are known when the database is built, from the references of
  # `baseJson`.
  hasPaths = builtins.hasContext (builtins.toJSON config);

  info = closureInfo { rootPaths = paths ++ lib.optional hasPaths "${baseJson}"; };
  withoutJson = mkBuilderDerivation {
    command = "registration";
    attributes = _finalAttrs: {
      name = "nix-database";
      database = {
        registration = "${info}/registration";
        baseJson = "${baseJson}";
        contents = paths;
      };
    };
  };
in
''
  echo "Loading the closure of the contents into a Nix database."
  echo "Nix in the container sees the database of the topmost layer only, so a"
  echo "single layer of the image should have a Nix store."
  export NIX_REMOTE=local?root=$PWD
  # Nix asks for a user name, and the build has no other.
  export USER=nobody
  ${lib.getExe' buildPackages.nix "nix-store"} --load-db < ${
    if hasPaths then withoutJson else info
  }/registration
  # Nix writes down when it loaded a path, which would make every image another one.
  ${lib.getExe buildPackages.sqlite} nix/var/nix/db/db.sqlite "UPDATE ValidPaths SET registrationTime = $SOURCE_DATE_EPOCH"
  mkdir -p nix/var/nix/gcroots/docker/
''
+ lib.concatMapStrings (path: ''
  ln -s ${path} nix/var/nix/gcroots/docker/
'') paths
+ lib.optionalString hasPaths ''
  for root in $(cat ${withoutJson}/roots); do ln -sf $root nix/var/nix/gcroots/docker/; done
''
