# Arguments of functions that download: `lib.fetchers`.
lib:

let
  algorithms = [
    "md5"
    "sha1"
    "sha256"
    "sha512"
  ];
in
{
  proxyImpureEnvVars = [
    "http_proxy"
    "https_proxy"
    "ftp_proxy"
    "all_proxy"
    "no_proxy"
    "HTTP_PROXY"
    "HTTPS_PROXY"
    "FTP_PROXY"
    "ALL_PROXY"
    "NO_PROXY"
    "NIX_SSL_CERT_FILE"
  ];

  # Lets callers of `f`, which takes `outputHash` and `outputHashAlgo`, say `hash`, `sha256`, … instead.
  withNormalizedHash =
    {
      hashTypes ? [ "sha256" ],
      fallbackHash ? lib.fakeHash,
    }:
    f:
    let
      names = [ "hash" ] ++ hashTypes;
      own = [
        "outputHash"
        "outputHashAlgo"
      ];
      normalise =
        args:
        let
          given = builtins.filter (name: args ? ${name}) (names ++ [ "outputHash" ]);
          kind = builtins.head given;
          value = args.${kind};
          rest = builtins.removeAttrs args (names ++ own);
        in
        if builtins.length given > 1 then
          throw "multiple hashes passed: ${builtins.concatStringsSep ", " given}"
        else if given == [ ] then
          throw "no hash passed; pass one of ${builtins.concatStringsSep ", " names}"
        else
          rest
          // {
            outputHash = if value == "" then fallbackHash else value;
            outputHashAlgo =
              if kind == "outputHash" then
                args.outputHashAlgo or null
              else if kind == "hash" || value == "" then
                null
              else
                kind;
          };
      wanted = lib.functionArgs f;
    in
    assert lib.all (type: builtins.elem type algorithms) hashTypes;
    lib.setFunctionArgs (args: f (normalise args)) (
      builtins.removeAttrs wanted own // lib.genAttrs (names ++ own) (_: true)
    );
}
