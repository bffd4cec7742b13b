# Trees of symbolic links: `symlinkJoin` and `linkFarm`.
{
  lib,
  runCommand,
}:

{
  # One tree from several: directories become directories, files become links to the store. The
  # first path wins where two have a file of the same name.
  symlinkJoin =
    args@{
      name ? "${args.pname}-${args.version}",
      paths,
      stripPrefix ? "",
      preferLocalBuild ? true,
      allowSubstitutes ? false,
      postBuild ? "",
      failOnMissing ? stripPrefix == "",
      ...
    }:
    runCommand name
      (
        removeAttrs args [
          "name"
          "postBuild"
          "stripPrefix"
          "paths"
          "failOnMissing"
        ]
        // {
          inherit preferLocalBuild allowSubstitutes;
          paths = map (path: "${path}${stripPrefix}") (lib.filter (path: path != null) (lib.flatten paths));
          passAsFile = [ "paths" ];
        }
      )
      ''
        mkdir -p $out
        if [ -e "''${pathsPath:-}" ]; then
          eval "paths=($(cat "$pathsPath"))"
        fi
        for i in "''${paths[@]}"; do
          ${lib.optionalString (!failOnMissing) "[ -d \"$i\" ] || continue"}
          (
            cd "$i"
            find . -mindepth 1 -type d -printf '%P\0' | while IFS= read -r -d "" directory; do
              # A link that an earlier path left stays as it is.
              [ -L "$out/$directory" ] || mkdir -p "$out/$directory"
            done
            find . -mindepth 1 ! -type d -printf '%P\0' | while IFS= read -r -d "" entry; do
              [ -e "$out/$entry" ] || [ -L "$out/$entry" ] || ln -s "$i/$entry" "$out/$entry"
            done
          )
        done
        ${postBuild}
      '';

  # A directory of links from a list of { name, path } or a set name -> path; the last one wins.
  linkFarm =
    name: entries:
    let
      wanted =
        if builtins.isAttrs entries then
          entries
        else
          lib.listToAttrs (
            # listToAttrs keeps the first of equal names.
            map (entry: lib.nameValuePair entry.name entry.path) (lib.reverseList entries)
          );
      command = lib.concatStrings (
        lib.mapAttrsToList (link: target: ''
          mkdir -p -- "$(dirname -- ${lib.escapeShellArg link})"
          ln -s -- ${lib.escapeShellArg "${target}"} ${lib.escapeShellArg link}
        '') wanted
      );
    in
    runCommand name
      {
        preferLocalBuild = true;
        allowSubstitutes = false;
        passthru.entries = wanted;
      }
      ''
        mkdir -p $out
        cd $out
        ${command}
      '';
}
