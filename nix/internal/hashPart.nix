# The hash part of a derivation's output path: the tag of an image that was given none.
{ lib }:

# The derivation.
drv:

lib.head (lib.splitString "-" (baseNameOf (builtins.unsafeDiscardStringContext drv.outPath)))
