// SPDX-License-Identifier: Apache-2.0
import ClientSetup
import Glibc

/// Plans how what was written for a cache is taken away again.
struct RemovalPlan {
    let planning: UsePlanning
    /// The cache's URL, or what it was called on the command line.
    let name: String

    private var places: ClientPlaces { planning.places }

    /// - Returns: The changes, none where there is nothing of ours, and the URL that they are about.
    func plan() throws -> (label: String, changes: [FileChange]) {
        let modulePath = planning.modulePath
        let main = try SetupFile.open(modulePath ?? places.conf)
        let label = try label(in: main)
        var changes: [FileChange] = []
        if let removal = try removal(of: label, from: main, isModule: modulePath != nil) {
            changes.append(try change(main, removal, isSecret: false))
        }
        for path in try netrcFiles(isModule: modulePath != nil) {
            guard let file = try? SetupFile.open(path), file.bytes != nil else { continue }
            let netrc = NetrcChange(path: path, bytes: file.bytes, isForced: planning.isForced)
            if let removal = try netrc.removing(label, for: planning.owner) {
                changes.append(try change(file, removal, isSecret: true))
            }
        }
        return (label, changes)
    }

    /// What goes by a name may be several caches, of several servers.
    private func label(in file: SetupFile) throws -> String {
        guard let marked = try? MarkedText(parsing: file.bytes ?? []) else { return name }
        let labels = Set(marked.blocks(of: name).map(\.mark.label)).sorted()
        guard labels.count < 2 else { throw UseError.ambiguous(name: name, urls: labels) }
        return labels.first ?? name
    }

    private func removal(
        of label: String,
        from file: SetupFile,
        isModule: Bool
    ) throws -> Removal? {
        guard isModule else { return try planning.change(of: file).removing(label) }
        return try NixOSModule(path: file.path, bytes: file.bytes, isForced: planning.isForced)
            .removing(label)
    }

    /// Wherever a token may have gone.
    private func netrcFiles(isModule: Bool) throws -> [String] {
        guard !isModule else { return [places.standardNetrc] }
        let settings = try? planning.change(of: SetupFile.open(places.conf)).settings()
        var paths: [String] = []
        for path in [settings?.netrcFile, places.netrc, places.standardNetrc].compactMap(\.self)
        where !paths.contains(path) { paths.append(path) }
        return paths
    }

    private func change(
        _ file: SetupFile,
        _ removal: Removal,
        isSecret: Bool
    ) throws(UseError) -> FileChange {
        try file.requireWritable()
        return FileChange(
            file: file,
            new: removal.bytes,
            mode: removal.mode.map { mode_t($0) } ?? file.mode,
            folders: removal.folders,
            isSecret: isSecret
        )
    }
}
