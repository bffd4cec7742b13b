# `writeClosure`: a list of paths -> a file with the store paths of their closure, sorted, one per
# line.
{ runCommand, jq }:

paths:

runCommand "runtime-deps"
  {
    __structuredAttrs = true;
    exportReferencesGraph.graph = paths;
    nativeBuildInputs = [ jq ];
  }
  ''
    attrs=$NIX_ATTRS_JSON_FILE
    # Nix 2.8 names the file by its place outside the sandbox.
    [ -e "$attrs" ] || attrs=$NIX_BUILD_TOP/.attrs.json
    jq -r '.graph | map(.path) | sort | .[]' "$attrs" > "$out"
  ''
