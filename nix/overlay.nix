# Puts our functions in the place of those in nixpkgs' `dockerTools`, and keeps the rest of it.
final: prev:

let
  withOurs =
    dockerTools:
    dockerTools
    // {
      inherit (final.callPackage ./default.nix { inherit dockerTools; })
        binSh
        buildImage
        buildImageWithNixDb
        buildLayer
        buildLayeredImage
        buildLayeredImageWithNixDb
        buildNixShellImage
        caCertificates
        examples
        exportImage
        fakeNss
        imageIndex
        mergeDrvs
        mergeImages
        mkPureLayer
        mkRootLayer
        ociLayout
        pullImage
        runWithOverlay
        shadowSetup
        shellScript
        streamLayeredImage
        streamNixShellImage
        tarsum
        tests
        usrBinEnv
        ;
    }
    # nixpkgs' `dockerTools` can be called again with other dependencies. Our functions stay in it
    # when it is.
    // prev.lib.optionalAttrs (dockerTools ? override) {
      override = dependencies: withOurs (dockerTools.override dependencies);
    };
in
{
  dockerTools = withOurs (prev.dockerTools or { });
}
