# `testers.invalidateFetcherByDrvHash`: calls a fetcher so that Nix fetches again whenever the way of
# fetching has changed, which a derivation with a fixed hash otherwise does not.
{ }:

fetcher: arguments:

let
  fetched = fetcher arguments;
  salt = builtins.substring 0 12 (
    builtins.hashString "sha256" (builtins.unsafeDiscardStringContext fetched.drvPath)
  );
in
fetcher (arguments // { name = "${salt}-${fetched.name}"; })
