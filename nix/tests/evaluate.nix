# SPDX-License-Identifier: Apache-2.0
# Evaluates machines with Firn's module, and says what they get: units, files, ports and complaints.
#
# nix-instantiate --eval --strict --json --arg machines FILE nix/tests/evaluate.nix
{
  # An attribute set of NixOS modules, one for each machine, or the file of one.
  machines,
  firn ? "/run/current-system/sw",
  nixVersion ? "2.34.1",
}:
let
  lib = import ./lib.nix;
  render = import ./render.nix { inherit lib; };

  # The flake, with a stand-in for nixpkgs: the module is the one that its users get.
  flake = (import ../../flake.nix).outputs {
    self = flake // {
      outPath = ../..;
    };
    nixpkgs = {
      inherit lib;
      legacyPackages.x86_64-linux = pkgs;
      legacyPackages.aarch64-linux = pkgs;
    };
  };
  pkgs = {
    stdenv.hostPlatform.system = "x86_64-linux";
    coreutils.outPath = "/run/current-system/sw";
    # Where a built package would lie.
    callPackage = _: _: { outPath = firn; };
    writeScript = name: text: {
      outPath = "/nix/store/00000000000000000000000000000000-${name}";
      inherit text;
    };
  };

  configurationOf =
    module: pkgs:
    lib.evalModules {
      modules = [
        ./nixos.nix
        flake.nixosModules.default
        module
        {
          nix.package = {
            outPath = "/run/current-system/sw";
            version = nixVersion;
          };
        }
      ];
      specialArgs = { inherit pkgs; };
    };

  evaluate =
    module:
    let
      config = configurationOf module pkgs;
      failed = lib.filter (it: !it.assertion) config.assertions;
    in
    {
      complaints = map (it: it.message) failed;
      units = render.units config;
      files = builtins.mapAttrs (_: it: it.text) config.environment.etc // {
        "nix/nix.conf" = render.nixConf config.nix.settings;
      };
      # The text of the script instead of its place.
      hook = (configurationOf module (pkgs // { writeScript = _: text: text; })).nix.settings.post-build-hook or null;
      inherit (config.environment) variables;
      ports = {
        everywhere = config.networking.firewall.allowedTCPPorts;
        interfaces = builtins.mapAttrs (_: it: it.allowedTCPPorts) config.networking.firewall.interfaces;
      };
    };
in
builtins.mapAttrs (_: evaluate) (if builtins.isAttrs machines then machines else import machines)
