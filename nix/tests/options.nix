# SPDX-License-Identifier: Apache-2.0
# Every option below services.firn by its name, and what it says of itself.
let
  lib = import ./lib.nix;
  module = import ../module.nix {
    inherit lib;
    pkgs = { };
    config = { };
  };
  inherit (import ../options.nix { inherit lib; })
    settings
    tier
    cache
    oidc
    hosts
    ;

  told =
    prefix: options:
    builtins.concatLists (
      builtins.attrValues (
        builtins.mapAttrs (
          name: it:
          if it._type or null == "option" then
            [
              {
                name = prefix + name;
                value = it.description or "";
              }
            ]
          else
            told "${prefix}${name}." it
        ) options
      )
    );
in
builtins.listToAttrs (
  told "" module.options.services.firn
  ++ told "settings." settings.options
  ++ told "tiers." tier
  ++ told "caches." cache
  ++ told "oidc." oidc
  ++ told "hosts." hosts
)
