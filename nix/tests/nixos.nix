# SPDX-License-Identifier: Apache-2.0
# A stand-in for those options of NixOS that Firn's module and the example's machines set.
{ lib, ... }:
let
  inherit (lib) mkOption types;

  option = type: default: mkOption { inherit type default; };
  strings = types.listOf types.str;
  # What stands on one line of a unit, and `null` for none.
  unitValue = types.oneOf [
    types.bool
    types.int
    types.str
    strings
  ];
  section = option (types.attrsOf unitValue) { };

  unit = {
    description = option types.str "";
    wantedBy = option strings [ ];
    wants = option strings [ ];
    requires = option strings [ ];
    after = option strings [ ];
    unitConfig = section;
  };
  settingValue = types.oneOf [
    types.bool
    types.int
    types.str
    strings
  ];
  ports = option (types.listOf (types.ints.between 0 65535)) [ ];
in
{
  options = {
    assertions = option (types.listOf types.raw) [ ];
    environment.systemPackages = option (types.listOf types.package) [ ];
    environment.variables = option (types.attrsOf types.str) { };
    environment.etc = option (types.attrsOf (
      types.submodule {
        options.text = mkOption { type = types.lines; };
      }
    )) { };

    systemd.services = option (types.attrsOf (
      types.submodule {
        options = unit // {
          environment = option (types.attrsOf types.str) { };
          restartTriggers = option (types.listOf types.raw) [ ];
          serviceConfig = section;
          startAt = option types.str "";
        };
      }
    )) { };
    systemd.sockets = option (types.attrsOf (
      types.submodule {
        options = unit // {
          listenStreams = option strings [ ];
          socketConfig = section;
        };
      }
    )) { };
    systemd.timers = option (types.attrsOf (
      types.submodule {
        options = unit // {
          timerConfig = section;
        };
      }
    )) { };

    networking.hostName = option types.str "nixos";
    networking.firewall.allowedTCPPorts = ports;
    networking.firewall.interfaces = option (types.attrsOf (
      types.submodule { options.allowedTCPPorts = ports; }
    )) { };
    services.tailscale.enable = option types.bool false;
    services.tailscale.interfaceName = option types.str "tailscale0";
    services.openssh.enable = option types.bool false;

    nix.gc.automatic = option types.bool false;
    nix.gc.dates = option types.str "03:15";
    nix.gc.options = option types.str "";
    nix.package = mkOption { type = types.package; };
    nix.settings = mkOption {
      type = types.submodule {
        freeformType = types.attrsOf settingValue;
        options = {
          # NixOS always lists this cache and its key.
          substituters = option strings [ ];
          trusted-public-keys = option strings [ ];
        };
      };
      default = { };
    };
  };

  config.nix.settings = {
    substituters = [ "https://cache.nixos.org/" ];
    trusted-public-keys = [ "cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY=" ];
  };
}
