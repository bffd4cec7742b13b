# `writeDirectReferencesToFile`: a path -> a file with the store paths it refers to itself, sorted.
{ runCommand }:

path:

runCommand "runtime-references"
  {
    exportReferencesGraph = [
      "graph"
      path
    ];
    inherit path;
  }
  ''
    while read -r each; do
      read -r _deriver
      read -r count
      for ((i = 0; i < count; i++)); do
        read -r reference
        if [ "$each" = "$path" ]; then
          echo "$reference" >> references
        fi
      done
    done < graph
    touch references
    sort references > "$out"
  ''
