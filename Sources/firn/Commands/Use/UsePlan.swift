// SPDX-License-Identifier: Apache-2.0
import ClientSetup
import Foundation
import Glibc

/// What will be written so that a cache is used.
struct UsePlan {
    var goal: ClientGoal
    /// In the order in which they are to be made.
    var changes: [FileChange] = []
    /// Files that are looked at and stay as they are.
    var unchanged: [String] = []
    var notes: [String] = []
    var warnings: [String] = []
}

/// Plans what is written for a cache, without writing anything.
struct UsePlanning {
    let form: UseForm
    let places: ClientPlaces
    /// Where the module is; `nil` where it is about a nix.conf.
    var modulePath: String?
    let isForced: Bool

    /// What tells tokens for this configuration from those for others in one netrc.
    var owner: String { SetupMark.owner(of: modulePath ?? places.conf) }

    /// What files say; those that are named in others included.
    static func content(_ path: String) -> ConfReader.Content {
        do throws(UseError) {
            return try SetupFile.open(path).bytes.map { .bytes($0) } ?? .missing
        } catch .managedByNix(_, let target) {
            guard let data = FileManager.default.contents(atPath: target) else {
                return .unreadable(reason: "\(target) cannot be read")
            }
            return .bytes(Array(data))
        } catch .unreadable(_, let reason) {
            return .unreadable(reason: reason)
        } catch .notRegular(_, let what) {
            return .unreadable(reason: "it is \(what)")
        } catch {
            return .unreadable(reason: "\(error)")
        }
    }

    func change(of file: SetupFile) -> ConfChange {
        var change = ConfChange(
            files: places.files,
            path: places.conf,
            bytes: file.bytes,
            standardNetrc: places.standardNetrc,
            content: Self.content
        )
        change.replacesEdits = isForced
        return change
    }

    /// What the machine's own file says, whatever the user's does.
    func systemSettings() throws(ConfReader.Failure) -> ClientSettings {
        try ConfReader.settings(of: Array(places.files.prefix(1)), Self.content)
    }

    func plan(_ goal: ClientGoal, _ cache: FoundCache) throws -> UsePlan {
        if let modulePath { return try planModule(goal, cache, at: modulePath) }
        var plan = UsePlan(goal: goal)
        let file = try SetupFile.open(places.conf)
        let change = change(of: file)
        let label = "\(cache.url)"
        if let login = cache.login {
            let settings = try change.settings(without: label)
            let netrc = try netrcFile(settings, &plan)
            plan.goal.netrcFile = netrc.path
            try add(login, to: netrc, mark(cache, for: netrc), &plan)
        }
        if let text = try change.adding(plan.goal, mark(cache, for: file)) {
            try file.requireWritable()
            note(file, &plan)
            plan.changes.append(
                FileChange(
                    file: file,
                    new: text,
                    mode: file.bytes == nil ? 0o644 : file.mode,
                    isSecret: false
                )
            )
        } else {
            plan.unchanged.append(file.path)
        }
        return plan
    }

    /// Where the token goes: where Nix looks already, if that may be written.
    private func netrcFile(
        _ settings: ClientSettings,
        _ plan: inout UsePlan
    ) throws -> SetupFile {
        guard form == .user else { return try SetupFile.open(settings.netrcFile ?? places.netrc) }
        let standard = places.standardNetrc
        let isThere = unsafe access(standard, F_OK) == 0
        if let used = settings.netrcFile ?? (isThere ? standard : nil), used != places.netrc {
            do throws(UseError) {
                let file = try SetupFile.open(used)
                try file.requireWritable()
                return file
            } catch {
                plan.warnings.append(
                    "\(used): is not yours to write; the tokens in it are not seen any more where"
                        + " netrc-file is \(places.netrc)"
                )
            }
        }
        return try SetupFile.open(places.netrc)
    }

    private func add(
        _ login: NetrcChange.Login,
        to file: SetupFile,
        _ mark: SetupMark,
        _ plan: inout UsePlan
    ) throws {
        var mark = mark
        mark.owner = owner
        let isOpen = file.bytes != nil && file.mode & 0o077 != 0
        if isOpen { mark.formerMode = UInt32(file.mode) }
        let change = NetrcChange(path: file.path, bytes: file.bytes, isForced: isForced)
        guard let text = try change.adding(login, mark) else {
            plan.unchanged.append(file.path)
            if isOpen {
                plan.warnings.append("\(file.path): others can read it; chmod 600 \(file.path)")
            }
            return
        }
        try file.requireWritable()
        note(file, &plan)
        if isOpen { plan.notes.append("\(file.path): gets mode 0600, there is a token in it") }
        plan.changes.append(FileChange(file: file, new: text, mode: 0o600, isSecret: true))
    }

    private func note(_ file: SetupFile, _ plan: inout UsePlan) {
        if file.isLink {
            plan.notes.append("\(file.path): leads to \(file.target), which is changed")
        }
    }

    private func mark(_ cache: FoundCache, for file: SetupFile) -> SetupMark {
        var mark = SetupMark(label: "\(cache.url)", alias: cache.alias)
        mark.madeFile = file.bytes == nil
        mark.madeFolders = file.missingFolders.count
        return mark
    }

    // MARK: A module

    /// The module, and the token where NixOS's Nix looks for it.
    private func planModule(
        _ goal: ClientGoal,
        _ cache: FoundCache,
        at path: String
    ) throws -> UsePlan {
        var plan = UsePlan(goal: goal)
        if let login = cache.login {
            // On NixOS the folder is an ordinary one, with a link in it that is not.
            let netrc = try SetupFile.open(places.standardNetrc)
            try add(login, to: netrc, mark(cache, for: netrc), &plan)
        }
        let file = try SetupFile.open(path)
        let module = NixOSModule(path: path, bytes: file.bytes, isForced: isForced)
        guard let text = try module.adding(plan.goal, mark(cache, for: file)) else {
            plan.unchanged.append(path)
            return plan
        }
        try file.requireWritable()
        plan.changes.append(
            FileChange(
                file: file,
                new: text,
                mode: file.bytes == nil ? 0o644 : file.mode,
                isSecret: false
            )
        )
        return plan
    }
}
