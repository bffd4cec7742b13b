# `stdenv.mkDerivation`. Takes the stdenv, and then a set of attributes or a function of the
# final attributes; gives the derivation with `overrideAttrs`, `passthru`, `meta`, … around it.
{ lib, config }:

stdenv:

let
  inherit (lib) optionalAttrs;

  # For us, not for the builder.
  evaluationOnly = [
    "meta"
    "passthru"
    "pos"
    "env"
    "realBuilder"
    "builder"
    "dontAddHostSuffix"
  ];

  dependencyLists = [
    "depsBuildBuild"
    "nativeBuildInputs"
    "depsBuildTarget"
    "depsHostHost"
    "buildInputs"
    "depsTargetTarget"
    "depsBuildBuildPropagated"
    "propagatedNativeBuildInputs"
    "depsBuildTargetPropagated"
    "depsHostHostPropagated"
    "propagatedBuildInputs"
    "depsTargetTargetPropagated"
  ];

  otherLists = [
    "configureFlags"
    "cmakeFlags"
    "mesonFlags"
    "patches"
  ];

  # Attributes may refer to the final ones, and `overrideAttrs` puts a layer on top of them.
  makeExtensible =
    function:
    let
      attrs = function (attrs // { inherit finalPackage overrideAttrs; });
      overrideAttrs = overlay: makeExtensible (lib.extends (lib.toExtension overlay) function);
      finalPackage = make overrideAttrs attrs;
    in
    finalPackage;

  fullName =
    attrs:
    let
      cross = stdenv.hostPlatform.system != stdenv.buildPlatform.system;
      suffix = lib.optionalString (
        cross && stdenv.hasCC && !(attrs ? outputHash) && !(attrs.dontAddHostSuffix or false)
      ) "-${stdenv.hostPlatform.config}";
    in
    if attrs ? name then
      attrs.name + suffix
    else if attrs ? pname && attrs ? version then
      "${attrs.pname}${suffix}-${attrs.version}"
    else
      throw "mkDerivation: give `name`, or `pname` and `version`";

  checkedEnv =
    name: env:
    if !builtins.isAttrs env || lib.isDerivation env then
      throw "mkDerivation ${name}: `env` must be a set of environment variables"
    else
      builtins.mapAttrs (
        key: value:
        if lib.isDerivation value || builtins.isString value || builtins.isBool value || builtins.isInt value then
          value
        else
          throw "mkDerivation ${name}: `env.${key}` must be a string, a derivation, a boolean or an integer, not a ${builtins.typeOf value}"
      ) env;

  make =
    overrideAttrs: attrs:
    let
      name = fullName attrs;
      structured = attrs.__structuredAttrs or config.structuredAttrsByDefault or false;
      env = checkedEnv name (attrs.env or { });
      twice = builtins.attrNames (builtins.intersectAttrs env (removeAttrs attrs evaluationOnly));
      outputs = attrs.outputs or [ "out" ];

      dependencies = lib.genAttrs dependencyLists (
        key: map lib.getDev (builtins.filter (x: x != null) (lib.flatten (attrs.${key} or [ ])))
      );

      drvAttrs =
        removeAttrs attrs evaluationOnly
        // lib.genAttrs otherLists (key: attrs.${key} or [ ])
        // dependencies
        // {
          inherit name stdenv outputs;
          inherit (stdenv.buildPlatform) system;
          builder = attrs.realBuilder or stdenv.shell;
          args =
            attrs.args or [
              "-e"
              ./source-stdenv.sh
              (attrs.builder or ./default-builder.sh)
            ];
          strictDeps = attrs.strictDeps or config.strictDepsByDefault or false;
          doCheck = attrs.doCheck or false && stdenv.buildPlatform.canExecute stdenv.hostPlatform;
          doInstallCheck = attrs.doInstallCheck or false && stdenv.buildPlatform.canExecute stdenv.hostPlatform;
          userHook = attrs.userHook or null;
          __ignoreNulls = true;
          __structuredAttrs = structured;
        }
        // (if structured then { inherit env; } else env);

      meta = {
        inherit name;
        outputsToInstall = [ (if builtins.elem "bin" outputs then "bin" else builtins.head outputs) ];
        available = true;
        broken = false;
        insecure = false;
        unfree = false;
        unsupported = false;
      }
      // attrs.meta or { };
    in
    lib.throwIfNot (twice == [ ])
      "mkDerivation ${name}: these are in `env` and among the attributes too: ${toString twice}"
      (
        lib.extendDerivation true (
          {
            inherit meta overrideAttrs;
            passthru = attrs.passthru or { };
          }
          // optionalAttrs (attrs ? pos) { inherit (attrs) pos; }
          // attrs.passthru or { }
        ) (derivation drvAttrs)
      );
in
fnOrAttrs:
if lib.isFunction fnOrAttrs then makeExtensible fnOrAttrs else makeExtensible (_: fnOrAttrs)
