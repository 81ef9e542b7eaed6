{
  description = "Four machines, deployed by Firn";

  # Your own flake has nixpkgs here, and `nixpkgs.lib.nixosSystem` below. This one needs nothing, so
  # that it can be tried, and is tried by Firn's tests, where nothing can be downloaded.
  inputs = { };

  outputs =
    { self }:
    let
      # A stand-in for what `nixpkgs.lib.nixosSystem { … }` returns.
      machine = hostName: modules: {
        config.system.build.toplevel = import ./system.nix { inherit hostName modules; };
      };
    in
    {
      # Firn looks for nixosConfigurations.NAME.config.system.build.toplevel.
      nixosConfigurations = {
        p620 = machine "p620" [ ./common.conf ];
        samsung = machine "samsung" [ ./common.conf ];
        razer = machine "razer" [ ./common.conf ];
        p510 = machine "p510" [ ./common.conf ];
      };
    };
}
