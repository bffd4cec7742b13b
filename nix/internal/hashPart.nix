# Gives the hash part of a derivation's output path. It is the tag of an image that was not given
# one.
{ lib }:

# The derivation.
drv:

lib.head (lib.splitString "-" (baseNameOf (builtins.unsafeDiscardStringContext drv.outPath)))
