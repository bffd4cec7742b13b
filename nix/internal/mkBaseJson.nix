# The file that the layer's `json` and the image's configuration start from.
{
  lib,
  mkBuilderDerivation,
  writeText,
}:

{
  # The last part of the image's name.
  baseName,
  # An RFC 3339 time, or `now`, which makes the image irreproducible.
  created,
  # What the OCI image configuration calls `config`, or null.
  config,
  # The processor the image is for, in Go's words.
  architecture,
  # The variant of the processor; nothing is written when it is empty.
  variant,
}:

let
  name = "${baseName}-config.json";

  pure = writeText name (
    builtins.toJSON (
      {
        inherit created config architecture;
        # In nixpkgs this attribute of a derivation strayed into the file. It is part of
        # every image ID since.
        preferLocalBuild = true;
        os = "linux";
      }
      // lib.optionalAttrs (variant != "") { inherit variant; }
    )
  );

  impure = mkBuilderDerivation {
    command = "base-json";
    attributes = _finalAttrs: {
      inherit name;
      preferLocalBuild = true;
      baseJson.json = "${pure}";
    };
  };
in
if created == "now" then impure else pure
