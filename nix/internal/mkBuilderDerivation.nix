# Gives a derivation that runs `builder`. All of them are made here, so that this file alone knows
# how `builder` is called: the subcommand is its only argument, and it reads everything else from
# `.attrs.json`.
{
  builder,
  lib,
  limits,
  stdenvNoCC,
}:

{
  # The subcommand of `builder`.
  command,
  # The attributes of the derivation, as a function of the final attributes. So a change by
  # `overrideAttrs` reaches the key that `builder` reads.
  attributes,
  # Whether the attributes are passed as JSON, and not in the environment.
  structuredAttrs ? true,
}:

stdenvNoCC.mkDerivation (
  finalAttrs:
  attributes finalAttrs
  // {
    __structuredAttrs = structuredAttrs;

    # `builder` itself is the builder of the derivation, so no shell is started.
    realBuilder = lib.throwIf (finalAttrs ? buildCommand) ''
      ${finalAttrs.name}: `buildCommand` has no effect, because no shell makes this output; change
      the layer by `extraCommands`, or let a derivation of your own read this output.
    '' (lib.getExe builder);
    args = [ command ];
  }
  // lib.optionalAttrs (structuredAttrs && limits != { }) { inherit limits; }
)
