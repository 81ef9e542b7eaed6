# SPDX-License-Identifier: Apache-2.0
# The machines of examples/fleet/nixos, as its flake puts them together.
let
  flake = (import ../../examples/fleet/nixos/flake.nix).outputs {
    self = flake;
    # evaluate.nix brings the module.
    firn.nixosModules.default = { };
    nixpkgs.lib.nixosSystem =
      { system, modules }:
      {
        imports = modules;
      };
  };
in
flake.nixosConfigurations
