# Gives the file that the layer's `json` and the configuration of the image are made from.
{
  lib,
  mkBuilderDerivation,
  writeText,
}:

{
  # The part of the image's name after the last slash.
  baseName,
  # The creation time of the image: an RFC 3339 time, or `now`, with which every build gives another
  # image.
  created,
  # The `config` of the OCI image configuration, or null.
  config,
  # The architecture that the image is for, by its name in Go's GOARCH, such as `amd64`.
  architecture,
  # The variant of the architecture, such as `v7`. The configuration has none if this is empty.
  variant,
}:

let
  name = "${baseName}-config.json";

  pure = writeText name (
    builtins.toJSON (
      {
        inherit created config architecture;
        # In nixpkgs, this attribute of a derivation got into the file by mistake. Every image ID
        # depends on it since.
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
