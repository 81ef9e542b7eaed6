// SPDX-License-Identifier: Apache-2.0
import FirnAPI
import Foundation

/// Asks git and Nix what a configuration is made from.
package struct LineageReader: Sendable {
    private let deadline: Duration

    package init(deadline: Duration = .seconds(60)) {
        self.deadline = deadline
    }

    /// What a source is made from now; `nil` where nothing tells.
    package func lineage(of source: SystemSource) async -> Lineage? {
        switch source {
        case .storePath: return nil
        case .file(let path, _):
            let folder = URL(filePath: path).deletingLastPathComponent().path
            return await gitLineage(in: folder)
        case .flake(let reference, _): return await flakeLineage(reference)
        }
    }

    /// Whether going from what runs to what is wanted goes back.
    package func order(
        running: Lineage?,
        wanted: Lineage?,
        of source: SystemSource
    ) async -> LineageOrder {
        guard let running, let wanted else { return .forward }
        if let theirs = running.revision, let ours = wanted.revision, theirs != ours {
            guard let folder = Self.folder(of: source) else { return .forward }
            return await compare(theirs, ours, in: folder)
        }
        if let theirs = running.lockSeconds, let ours = wanted.lockSeconds, ours < theirs {
            return .backward("it runs what was made with a later lock")
        }
        return .forward
    }

    private func compare(
        _ theirs: String,
        _ ours: String,
        in folder: String
    ) async -> LineageOrder {
        let short = String(theirs.prefix(12))
        guard await git(["cat-file", "-e", "\(theirs)^{commit}"], in: folder)?.exitCode == 0 else {
            return .unrelated("it runs revision \(short), which this checkout does not have")
        }
        if await git(["merge-base", "--is-ancestor", theirs, ours], in: folder)?.exitCode == 0 {
            return .forward
        }
        if await git(["merge-base", "--is-ancestor", ours, theirs], in: folder)?.exitCode == 0 {
            return .backward("it runs revision \(short), which is later than what is deployed")
        }
        return .unrelated("it runs revision \(short), which is not in what is deployed")
    }

    private static func folder(of source: SystemSource) -> String? {
        switch source {
        case .storePath: nil
        case .file(let path, _): URL(filePath: path).deletingLastPathComponent().path
        case .flake(let reference, _): localFolder(of: reference)
        }
    }

    /// Where a flake lies on this machine; `nil` where it lies elsewhere.
    static func localFolder(of reference: String) -> String? {
        var text = Substring(reference.split(separator: "?", maxSplits: 1).first ?? "")
        for prefix in ["git+file://", "git+file:", "path:"] where text.hasPrefix(prefix) {
            text = text.dropFirst(prefix.count)
        }
        return text.hasPrefix("/") || text.hasPrefix(".") ? String(text) : nil
    }

    private func gitLineage(in folder: String) async -> Lineage? {
        guard let head = await git(["rev-parse", "HEAD"], in: folder), head.exitCode == 0 else {
            return nil
        }
        let revision = String(decoding: head.output, as: UTF8.self)
            .trimmingCharacters(in: .whitespacesAndNewlines)
        guard Lineage.isRevision(revision) else { return nil }
        var lineage = Lineage()
        lineage.revision = revision
        let changes = await git(["status", "--porcelain", "--untracked-files=no"], in: folder)
        lineage.isDirty = changes?.output.isEmpty == false
        return lineage
    }

    private func flakeLineage(_ reference: String) async -> Lineage? {
        var command = LocalCommand(
            NixWords.command("flake") + ["metadata", "--json", reference],
            deadline: deadline
        )
        command.environment = NixWords.environment
        guard let answer = try? await command.run(), answer.exitCode == 0,
            let metadata = try? FirnJSON.parse(answer.output, as: FlakeMetadata.self)
        else { return nil }
        var lineage = Lineage()
        if let folder = Self.localFolder(of: reference), let git = await gitLineage(in: folder) {
            lineage = git
        } else {
            lineage.revision = metadata.revision.flatMap { Lineage.isRevision($0) ? $0 : nil }
        }
        lineage.lockSeconds = metadata.locks?.newestInputSeconds
        return lineage.description.isEmpty ? nil : lineage
    }

    private func git(_ words: [String], in folder: String) async -> RemoteAnswer? {
        try? await LocalCommand(["git", "-C", folder] + words, deadline: deadline).run()
    }
}

/// What of `nix flake metadata --json` is of use here.
private struct FlakeMetadata: Decodable {
    struct Locks: Decodable {
        struct Node: Decodable {
            struct Locked: Decodable { let lastModified: Int? }

            let locked: Locked?
        }

        let nodes: [String: Node]

        var newestInputSeconds: Int? { nodes.values.compactMap { $0.locked?.lastModified }.max() }
    }

    let revision: String?
    let locks: Locks?
}
