# What packages say about themselves: `lib.meta`.
lib:

{
  getExe =
    pkg:
    lib.getExe' pkg (
      pkg.meta.mainProgram or (lib.warn "getExe: Package ${
        builtins.toJSON (pkg.meta.name or pkg.pname or pkg.name)
      } does not have the meta.mainProgram attribute." (lib.getName pkg))
    );
  getExe' =
    pkg: program:
    assert lib.assertMsg (!(builtins.match ".*/.*" program != null))
      "lib.meta.getExe': The second argument \"${program}\" is a nested path with a \"/\" character, but it should just be the name of the executable instead.";
    "${lib.getBin pkg}/bin/${program}";

  addMetaAttrs = attrs: pkg: pkg // { meta = (pkg.meta or { }) // attrs; };
  setName = name: pkg: pkg // { inherit name; };
  lowPrio = lib.addMetaAttrs { priority = 10; };
  hiPrio = lib.addMetaAttrs { priority = -10; };
  setPrio = priority: lib.addMetaAttrs { inherit priority; };
}
