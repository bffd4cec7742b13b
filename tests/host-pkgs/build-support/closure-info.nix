# `closureInfo`: the closure of some paths as files that Nix and scripts read: `registration` for
# `nix-store --load-db`, `store-paths`, `total-nar-size`.
{ stdenvNoCC, jq }:

{ rootPaths }:

stdenvNoCC.mkDerivation {
  name = "closure-info";
  __structuredAttrs = true;
  exportReferencesGraph.closure = rootPaths;
  preferLocalBuild = true;
  nativeBuildInputs = [ jq ];
  empty = rootPaths == [ ];

  buildCommand = ''
    attrs=$NIX_ATTRS_JSON_FILE
    # Nix 2.8 names the file by its place outside the sandbox.
    [ -e "$attrs" ] || attrs=$NIX_BUILD_TOP/.attrs.json
    mkdir $out
    if [ -n "$empty" ]; then
      echo 0 > $out/total-nar-size
      touch $out/registration $out/store-paths
    else
      jq -r '.closure | map(.narSize) | add' "$attrs" > $out/total-nar-size
      # Path, hash, size, no deriver, how many references, the references.
      jq -r '.closure[] | [.path, .narHash, .narSize, "", (.references | length)] + .references | .[]' \
        "$attrs" > $out/registration
      jq -r '.closure[].path' "$attrs" > $out/store-paths
    fi
  '';
}
