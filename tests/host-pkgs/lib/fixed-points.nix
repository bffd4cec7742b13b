# Sets that refer to their own result, and layers put on top of them: `lib.fixedPoints`.
lib:

{
  fix =
    f:
    let
      self = f self;
    in
    self;

  extends =
    overlay: f: final:
    let
      prev = f final;
    in
    prev // overlay final prev;

  composeExtensions =
    first: second: final: prev:
    let
      after = first final prev;
    in
    after // second final (prev // after);

  composeManyExtensions = lib.foldr lib.composeExtensions (_: _: { });

  makeExtensible = lib.makeExtensibleWithCustomName "extend";

  makeExtensibleWithCustomName =
    name: f:
    lib.fix (
      self:
      f self
      // {
        ${name} = overlay: lib.makeExtensibleWithCustomName name (lib.extends (lib.toExtension overlay) f);
      }
    );

  # What `overrideAttrs` and `extend` take: a set, `prev: { }`, or `final: prev: { }`.
  toExtension =
    overlay:
    if !lib.isFunction overlay then
      (_: _: overlay)
    else
      (
        final: prev:
        let
          step = overlay prev;
        in
        if lib.isFunction step then overlay final prev else step
      );
}
