# Gives an image of a registry as an archive, with the bytes that skopeo writes.
{
  buildPackages,
  builder,
  cacert,
  checkReference,
  lib,
  mkBuilderDerivation,
  ociLayout,
  # The version of the Nix that evaluates. It builds as well, unless the build is on a remote
  # machine.
  nixVersion ? builtins.nixVersion,
  platform,
  stdenvNoCC,
  withNormalizedHash,
}:

let
  # An image may contain store paths that the build itself needs. Nix would take them for
  # references, which a fixed output may not have. Since version 2.18, Nix can be told not to look
  # for references. Earlier versions have that as an experimental feature, or not at all.
  discardsReferences = lib.versionAtLeast nixVersion "2.18";
in

# The function also takes the hash of the archive: either `hash`, or `sha256`, or `outputHash` with
# `outputHashAlgo`.
withNormalizedHash { } (
  {
    # The name of the image, with the prefix of its registry if it has one.
    imageName,
    # The digest of the image's manifest, or of the image index that lists it, as `sha256:…`.
    imageDigest,
    outputHash,
    outputHashAlgo,
    # The operating system to choose in an image index.
    os ? "linux",
    # The architecture to choose in an image index, by its name in Go's GOARCH, such as `amd64`.
    arch ? platform.architecture,
    # The variant of the architecture to choose, such as `v7`. If this is empty, any variant is
    # taken.
    variant ? platform.variant,
    # The name that the image has in the archive.
    finalImageName ? imageName,
    # The tag that the image has in the archive.
    finalImageTag ? "latest",
    # Whether the registry has to use TLS, with a certificate of an authority in `cacert`.
    tlsVerify ? true,
    # The file in which the build finds credentials for the registry, as `skopeo login --authfile`
    # writes it. It is a string, since Nix would copy a path to its store, where everyone can read
    # it. nixpkgs does not have this argument.
    authFile ? null,
    # The name of the derivation.
    name ? lib.replaceStrings [ "/" ":" ] [ "-" "-" ] "docker-image-${finalImageName}-${finalImageTag}.tar",
  }:

  lib.throwIf (builtins.isPath authFile)
    "pullImage: `authFile` of image `${imageName}` is a path, which Nix would copy to its store, where everyone can read it; write it as a string, in quotes."
    checkReference
    {
      name = finalImageName;
      tag = finalImageTag;
      arguments = {
        name = "finalImageName";
        tag = "finalImageTag";
      };
      isLowered = false;
    }
    (mkBuilderDerivation {
      command = "pull";
      attributes =
        finalAttrs:
        {
          inherit name;

          # A change of these by `overrideAttrs` reaches `builder`.
          inherit imageDigest;
          imageName = finalImageName;
          imageTag = finalImageTag;
          sourceURL = "docker://${imageName}@${imageDigest}";
          destNameTag = "${finalImageName}:${finalImageTag}";

          inherit outputHash outputHashAlgo;
          outputHashMode = "flat";
          impureEnvVars = lib.fetchers.proxyImpureEnvVars;

          passthru.layout = ociLayout { image = finalAttrs.finalPackage; };

          pull = {
            source = finalAttrs.sourceURL;
            destination = finalAttrs.destNameTag;
            inherit
              os
              arch
              variant
              tlsVerify
              authFile
              ;
            skopeo = lib.getExe' buildPackages.skopeo "skopeo";
            certificates = "${cacert}/etc/ssl/certs/ca-bundle.crt";
          };
        }
        // (
          if discardsReferences then
            { unsafeDiscardReferences.out = true; }
          else
            {
              # `builder` finds the references before Nix does, and its message explains them.
              exportReferencesGraph.graph = [
                buildPackages.skopeo
                builder
                cacert
                stdenvNoCC
              ];
            }
        );
    })
)
