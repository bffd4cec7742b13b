# An image of a registry as an archive, with the bytes that skopeo gives it.
{
  buildPackages,
  builder,
  cacert,
  checkReference,
  lib,
  mkBuilderDerivation,
  # Which Nix evaluates, and so builds but for remote ones.
  nixVersion ? builtins.nixVersion,
  platform,
  stdenvNoCC,
  withNormalizedHash,
}:

let
  # An image may well have store paths that pulling needs too. Nix takes them for references, which a
  # fixed output may not have, unless it is told to look for none; before 2.18 that is an
  # experimental feature, or unknown.
  discardsReferences = lib.versionAtLeast nixVersion "2.18";
in

# Besides, the hash of the archive: one of `hash`, `sha256`, or `outputHash` with `outputHashAlgo`.
withNormalizedHash { } (
  {
    # The image name, registry prefix included.
    imageName,
    # The digest of its manifest, or of the list of its manifests: `sha256:…`.
    imageDigest,
    outputHash,
    outputHashAlgo,
    # The operating system to choose where there are several.
    os ? "linux",
    # The processor to choose where there are several, in Go's words.
    arch ? platform.architecture,
    # The variant of the processor; any will do when it is empty.
    variant ? platform.variant,
    # What the image is called in the archive.
    finalImageName ? imageName,
    # The tag that the image has in the archive.
    finalImageTag ? "latest",
    # Insist on TLS and on a certificate of an authority in `cacert`.
    tlsVerify ? true,
    # Not in nixpkgs: where the build finds credentials for the registry, as `skopeo login
    # --authfile` writes them. A string, since a path would be copied to the store for all to read.
    authFile ? null,
    # The name of the output.
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

        # `overrideAttrs` changes them here.
        inherit imageDigest;
        imageName = finalImageName;
        imageTag = finalImageTag;
        sourceURL = "docker://${imageName}@${imageDigest}";
        destNameTag = "${finalImageName}:${finalImageTag}";

        inherit outputHash outputHashAlgo;
        outputHashMode = "flat";
        impureEnvVars = lib.fetchers.proxyImpureEnvVars;

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
              # What Nix would find, `builder` finds first, and says so in words.
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
