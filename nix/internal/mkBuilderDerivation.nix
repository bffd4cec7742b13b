# Every derivation that runs `builder` is made here, so that this file alone knows how it is
# called: the subcommand is its only argument, and all else is read from `.attrs.json`.
{
  builder,
  lib,
  limits,
  stdenvNoCC,
}:

{
  # The subcommand of `builder`.
  command,
  # The attributes of the derivation as a function of the final ones, so that what
  # `overrideAttrs` changes reaches the key that `builder` reads.
  attributes,
  # Hand the attributes over as JSON, and not in the environment.
  structuredAttrs ? true,
}:

stdenvNoCC.mkDerivation (
  finalAttrs:
  attributes finalAttrs
  // {
    __structuredAttrs = structuredAttrs;

    # `builder` itself is the derivation's builder; no shell starts.
    realBuilder = lib.throwIf (finalAttrs ? buildCommand) ''
      ${finalAttrs.name}: `buildCommand` has no effect, because no shell makes this output; change
      the layer by `extraCommands`, or let a derivation of your own read this output.
    '' (lib.getExe builder);
    args = [ command ];
  }
  // lib.optionalAttrs (structuredAttrs && limits != { }) { inherit limits; }
)
