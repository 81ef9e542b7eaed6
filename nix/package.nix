# SPDX-License-Identifier: Apache-2.0
# Firn from source, by the Swift of nixpkgs (6.2 or newer: nixpkgs of September 2026, and later).
#
# What Firn depends on is fetched as nix/dependencies says. Package.resolved is not kept there: its revisions belong to
# who makes the package. `scripts/write-nix-pins` writes both files.
{
  lib,
  stdenv,
  swift,
  swiftpm,
  fetchSwiftPMDeps,
  pkg-config,
  bzip2,
  sqlite,
  xz,
  zlib,
  zstd,
  makeBinaryWrapper,
  nix,
  openssh,
  src ? ../.,
}:
let
  pins = ./dependencies;
  version = lib.head (
    builtins.match ".*static let version = \"([^\"]+)\".*" (builtins.readFile ../Sources/firn/Firn.swift)
  );
in
if !builtins.pathExists (pins + "/Package.resolved") then
  throw "nix/dependencies has no pins yet: run scripts/write-nix-pins, and add what it writes to git"
else
  stdenv.mkDerivation (finalAttrs: {
    pname = "firn";
    inherit version src;
    strictDeps = true;

    swiftpmDeps = fetchSwiftPMDeps {
      inherit (finalAttrs) pname version src;
      hash = lib.removeSuffix "\n" (builtins.readFile (pins + "/hash"));
      postPatch = "cp ${pins + "/Package.resolved"} Package.resolved";
    };
    postPatch = "cp ${pins + "/Package.resolved"} Package.resolved";

    nativeBuildInputs = [
      swift
      swiftpm
      pkg-config
      makeBinaryWrapper
    ];
    buildInputs = [
      bzip2
      sqlite
      xz
      zlib
      zstd
    ];

    # The compiler of nixpkgs may warn where ours is silent.
    env.FIRN_ALLOW_WARNINGS = "1";
    swiftpmFlags = [
      "--product"
      "firn"
    ];
    dontUseSwiftpmInstall = true;
    installPhase = ''
      runHook preInstall
      make install PREFIX=$out UNITS=$out/lib/systemd/system BINARY="$(swiftpmBinPath)/firn"
      runHook postInstall
    '';
    # Deploying runs these; what a user has in PATH comes first.
    postFixup = ''
      wrapProgram $out/bin/firn --suffix PATH : ${
        lib.makeBinPath [
          nix
          openssh
        ]
      }
    '';

    meta = {
      description = "Binary cache, cache proxy and deployer for Nix";
      license = lib.licenses.asl20;
      platforms = [
        "x86_64-linux"
        "aarch64-linux"
      ];
      mainProgram = "firn";
    };
  })
