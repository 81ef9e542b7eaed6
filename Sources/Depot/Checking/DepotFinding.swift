// SPDX-License-Identifier: Apache-2.0

/// Something about a depot that is not as Firn leaves it.
package struct DepotFinding: Hashable, Sendable {
    package let kind: Kind
    /// The name of the object, text or file, as beneath the depot's directory.
    package let name: String
    /// The store path that is missing, where one is.
    package let reference: String?
    /// Whether this check has done what ``Kind/repair`` says.
    package let isRepaired: Bool

    package init(kind: Kind, name: String, reference: String? = nil, isRepaired: Bool) {
        self.kind = kind
        self.name = name
        self.reference = reference
        self.isRepaired = isRepaired
    }

    package enum Kind: String, CaseIterable, Hashable, Sendable {
        /// An object that the catalog does not know.
        case uncataloguedObject
        /// The catalog knows an object that is not there.
        case missingObject
        /// An object whose length or contents are not those that were stored.
        case damagedObject
        /// An object with the right NAR in it, and another file hash than the catalog says.
        case wrongFileHash
        /// An object without a narinfo: served under its name, and unseen by Nix.
        case objectWithoutNARInfo
        /// A narinfo whose object is not there.
        case danglingNARInfo
        /// A text with the name of a narinfo that is none, or is about another path.
        case unreadableNARInfo
        /// A narinfo with another file hash, size or compression than its object has.
        case inexactNARInfo
        /// The catalog knows a path of a cache whose narinfo is not there.
        case missingNARInfo
        /// A narinfo with another size of the NAR than it has.
        case wrongNARSize
        /// A narinfo of a cache without a good signature by the cache's key.
        case unsignedNARInfo
        /// A narinfo of a cache that refers to a path which is neither there nor in an upstream.
        case missingReference
        /// The catalog has another length for a narinfo than it has.
        case miscountedNARInfo
        /// What a writer has left that is no more.
        case leftover
        /// Something that Firn did not make.
        case foreignFile

        /// What a check with repair does about it.
        package var repair: Repair {
            switch self {
            case .uncataloguedObject: .takeIntoCatalog
            case .missingObject, .missingNARInfo: .forget
            case .damagedObject, .danglingNARInfo, .unreadableNARInfo, .leftover: .remove
            case .wrongNARSize, .missingReference: .hide
            case .unsignedNARInfo: .byHand
            case .wrongFileHash, .inexactNARInfo, .miscountedNARInfo: .correct
            case .objectWithoutNARInfo, .foreignFile: .leaveAlone
            }
        }

        /// Whether something is wrong; else it is only worth knowing.
        package var isDefect: Bool { repair != .leaveAlone }
    }

    package enum Repair: String, CaseIterable, Hashable, Sendable {
        case takeIntoCatalog
        case forget
        case remove
        case correct
        /// Remove it, and from a cache all that refers to it: it can be pushed again.
        case hide
        /// Nothing: somebody has to push the path again.
        case byHand
        case leaveAlone
    }
}

/// What a check of a depot went through.
package struct DepotCheckSummary: Hashable, Sendable {
    package var objects = 0
    package var narInfos = 0
    /// What was read of objects, each once for its file hash.
    package var readBytes: UInt64 = 0
    /// Findings that are defects.
    package var defects = 0
    package var repaired = 0

    package init() {}
}
