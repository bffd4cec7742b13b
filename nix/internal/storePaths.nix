# Gives a flat list of the store paths in the contents that a user has named.
{ lib }:

# A store path, a derivation, a path of the user's project, which is copied to the store, or a list
# of these. Lists may be nested, and nulls are left out.
contents:

map (item: "${item}") (lib.filter (item: item != null) (lib.flatten [ contents ]))
