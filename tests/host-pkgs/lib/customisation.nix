# Calling functions with the arguments they name, and changing the result later:
# `lib.customisation`.
lib:

let
  inherit (builtins) intersectAttrs isAttrs mapAttrs;
in
{
  # Calls `f` and adds `.override`, which calls it again with other arguments.
  makeOverridable =
    f:
    let
      copyArgs = lib.mirrorFunctionArgs f;
    in
    copyArgs (
      origArgs:
      let
        result = f origArgs;
        newArgs = changes: origArgs // (if lib.isFunction changes then changes origArgs else changes);
        override = copyArgs (changes: lib.makeOverridable f (newArgs changes));
        # The function whose result is `change` of the result of `f`.
        afterwards = change: lib.makeOverridable (copyArgs (args: change (f args))) origArgs;
      in
      if isAttrs result then
        result
        // {
          inherit override;
          overrideDerivation = changes: afterwards (pkg: lib.overrideDerivation pkg changes);
        }
        // lib.optionalAttrs (result ? overrideAttrs) {
          overrideAttrs = changes: afterwards (pkg: pkg.overrideAttrs changes);
        }
      else if lib.isFunction result then
        lib.setFunctionArgs result (lib.functionArgs result) // { inherit override; }
      else
        result
    );

  callPackageWith =
    autoArgs: fileOrFunction: args:
    let
      f = if lib.isFunction fileOrFunction then fileOrFunction else import fileOrFunction;
      wanted = lib.functionArgs f;
      found = intersectAttrs wanted autoArgs // args;
      missing = builtins.filter (name: !wanted.${name} && !(found ? ${name})) (builtins.attrNames wanted);
    in
    if missing == [ ] then
      lib.makeOverridable f found
    else
      throw "lib.customisation.callPackageWith: Function called without required argument \"${builtins.head missing}\"${
        lib.optionalString (!lib.isFunction fileOrFunction) " at ${toString fileOrFunction}"
      }";

  # A set of packages that see each other; `overrideScope` changes it for all of them.
  makeScope =
    newScope: f:
    let
      self = f self // {
        newScope = extra: newScope (self // extra);
        callPackage = self.newScope { };
        overrideScope = overlay: lib.makeScope newScope (lib.extends overlay f);
        packages = f;
      };
    in
    self;

  # The derivation made again from other attributes, below everything `mkDerivation` does.
  overrideDerivation =
    pkg: f:
    let
      new = derivation (pkg.drvAttrs // f pkg);
    in
    lib.flip (lib.extendDerivation (builtins.seq pkg.drvPath true)) new (
      { meta = pkg.meta or { }; }
      // lib.optionalAttrs (pkg ? passthru) pkg.passthru
      // lib.optionalAttrs (pkg ? passthru) { inherit (pkg) passthru; }
    );

  # The derivation and each of its outputs with `extra` attributes, valid only if `condition`.
  extendDerivation =
    condition: extra: pkg:
    let
      common = pkg // builtins.listToAttrs outputs // { all = map (output: output.value) outputs; } // extra;
      outputs = map (name: {
        inherit name;
        value =
          common
          // {
            inherit (pkg.${name}) type outputName;
            outPath =
              assert condition;
              pkg.${name}.outPath;
            drvPath =
              assert condition;
              pkg.${name}.drvPath;
            outputSpecified = true;
          };
      }) (pkg.outputs or [ "out" ]);
    in
    common
    // {
      drvPath =
        assert condition;
        pkg.drvPath;
      outPath =
        assert condition;
        pkg.outPath;
    };

  hydraJob = pkg: if pkg == null then null else pkg;
}
