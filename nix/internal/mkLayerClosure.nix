# Gives a file with the store paths in the closure of a layer, one on each line.
{
  # Package sets before nixpkgs 24.05 do not have it.
  writeClosure ? null,
  # Package sets after nixpkgs 24.05 do not have it, or have an error in its place.
  writeReferencesToFile ? null,
}:

# The layer, as a derivation.
layer:

if writeClosure != null then writeClosure [ layer ] else writeReferencesToFile layer
