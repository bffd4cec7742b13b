# The files of an installed Debian package, as they lie on this machine, as a store path.
# Takes the package's name; gives the path of a directory that looks like /usr (or /etc) with
# only this package's files in it.
{ lib, dpkgDir, packages }:

name:

let
  package = packages.${name};

  lists = builtins.filter builtins.pathExists [
    "${dpkgDir}/info/${name}.list"
    "${dpkgDir}/info/${name}:${package.architecture}.list"
  ];
  lines = lib.splitString "\n" (builtins.readFile (builtins.head lists));

  # Debian merged / into /usr; lists of packages from before the merge still say /bin/bash.
  merged =
    path: if builtins.match "/(bin|sbin|lib|lib64)(/.*)?" path != null then "/usr${path}" else path;

  # What nixpkgs puts into other outputs, or nowhere.
  dropped = path: builtins.match "/usr/share/(doc|man|info|locale|lintian|bug|doc-base)(/.*)?" path != null;

  tree =
    top:
    let
      owned = lib.listToAttrs (
        map (path: lib.nameValuePair path true) (
          builtins.filter (path: lib.hasPrefix top path && !dropped path) (map merged lines)
        )
      );
    in
    builtins.path {
      name = "${lib.strings.sanitizeDerivationName name}-${baseNameOf top}";
      path = top;
      # A file that was diverted away keeps its place in the list; directories are shared.
      filter = path: type: owned ? ${path};
    };
in
{
  usr = tree "/usr";
  etc = tree "/etc";
}
