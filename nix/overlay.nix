# Puts our functions in the place of nixpkgs' and lets the rest of `dockerTools` through.
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
        buildLayeredImage
        buildLayeredImageWithNixDb
        buildNixShellImage
        caCertificates
        examples
        exportImage
        fakeNss
        mergeDrvs
        mergeImages
        mkPureLayer
        mkRootLayer
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
    # The set of nixpkgs can be called again with other dependencies; ours stay in it then.
    // prev.lib.optionalAttrs (dockerTools ? override) {
      override = dependencies: withOurs (dockerTools.override dependencies);
    };
in
{
  dockerTools = withOurs (prev.dockerTools or { });
}
