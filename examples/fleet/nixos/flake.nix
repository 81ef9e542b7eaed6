{
  description = "Four NixOS machines with Firn";

  inputs = {
    nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";
    # Where you have Firn from.
    firn.url = "path:../../..";
  };

  outputs =
    {
      self,
      nixpkgs,
      firn,
    }:
    let
      machine =
        name:
        nixpkgs.lib.nixosSystem {
          system = "x86_64-linux";
          modules = [
            firn.nixosModules.default
            # What is yours alone, such as hardware-configuration.nix, goes into these files.
            (./. + "/${name}.nix")
          ];
        };
    in
    {
      # Firn looks for nixosConfigurations.NAME.config.system.build.toplevel.
      nixosConfigurations = {
        p620 = machine "p620";
        samsung = machine "samsung";
        razer = machine "razer";
        p510 = machine "p510";
      };
    };
}
