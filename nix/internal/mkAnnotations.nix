# Gives the annotations of an image that Nix knows, by the keys of the OCI image specification, with
# those of the user in their place where there are such.
{ lib }:

{
  # The name of the image, for messages.
  name,
  # The `meta` attributes of the image.
  meta,
  # The version of what is in the image. Null stands for an image that does not say it.
  version,
  # The base image. Null stands for no base image.
  fromImage,
  # The annotations of the user. One that is null, or empty, is left out.
  annotations,
}:

let
  prefix = "org.opencontainers.image.";

  # What pulled an image knows where it came from.
  isPulled = fromImage ? sourceURL && fromImage ? imageDigest;
  source = lib.head (lib.splitString "@" (lib.removePrefix "docker://" fromImage.sourceURL));

  licenses = map (license: license.spdxId or null) (lib.toList (meta.license or [ ]));

  known = {
    title = baseNameOf name;
    description = meta.description or null;
    url = meta.homepage or null;
    # Of several licenses all apply. Where one has no identifier, nobody could check the expression.
    licenses =
      if licenses == [ ] || lib.elem null licenses then null else lib.concatStringsSep " AND " licenses;
    inherit version;
    "base.name" = if isPulled then source else null;
    "base.digest" = if isPulled then fromImage.imageDigest else null;
  };

  isKnown = value: lib.isString value && value != "";

  all = lib.mapAttrs' (key: lib.nameValuePair (prefix + key)) (
    lib.filterAttrs (_key: isKnown) known
  );

  checked =
    key: value:
    lib.throwIfNot (value == null || lib.isString value)
      "in image `${name}`: the annotation `${key}` is ${builtins.toJSON value}; it has to be a string, such as \"1.0\", or null to leave it out."
      (if value == null then "" else value);
in
all // lib.mapAttrs checked annotations
