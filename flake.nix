# SPDX-License-Identifier: Apache-2.0
{
  description = "Firn, a binary cache, cache proxy and deployer for Nix";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs =
    { self, nixpkgs }:
    let
      systems = [
        "x86_64-linux"
        "aarch64-linux"
      ];
      forAll = nixpkgs.lib.genAttrs systems;
      package = pkgs: pkgs.callPackage ./nix/package.nix { src = self; };
    in
    {
      overlays.default = final: _: { firn = package final; };

      packages = forAll (system: rec {
        firn = package nixpkgs.legacyPackages.${system};
        default = firn;
      });

      nixosModules = rec {
        firn =
          { lib, pkgs, ... }:
          {
            imports = [ ./nix/module.nix ];
            services.firn.package = lib.mkDefault self.packages.${pkgs.stdenv.hostPlatform.system}.firn;
          };
        default = firn;
      };

      checks = forAll (system: {
        package = self.packages.${system}.firn;
        # Each preset, evaluated by the NixOS of nixpkgs.
        presets = nixpkgs.legacyPackages.${system}.writeText "firn-presets" (
          builtins.toJSON (
            builtins.mapAttrs (
              _: machine:
              let
                inherit
                  (nixpkgs.lib.nixosSystem {
                    inherit system;
                    modules = [
                      self.nixosModules.default
                      machine
                      {
                        fileSystems."/".device = "/dev/disk/by-label/nixos";
                        boot.loader.grub.enable = false;
                        system.stateVersion = "26.05";
                      }
                    ];
                  })
                  config
                  ;
              in
              {
                service = config.systemd.units."firn.service".text;
                settings = config.environment.etc."firn/firn.toml".text;
                complaints = map (it: it.message) (builtins.filter (it: !it.assertion) config.assertions);
              }
            ) (import ./nix/tests/presets.nix)
          )
        );
      });
    };
}
