# The contents that a user gives, as a flat list of store paths.
{ lib }:

# A store path, a derivation, a path of the project, which is copied to the store, or a list
# of such things; lists may be nested, and nulls vanish.
contents:

map (item: "${item}") (lib.filter (item: item != null) (lib.flatten [ contents ]))
