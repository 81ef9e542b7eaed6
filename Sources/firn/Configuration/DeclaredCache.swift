// SPDX-License-Identifier: Apache-2.0
package import Caches

/// One `[[cache]]`: a cache that can be pushed to, as the configuration says it is to be.
///
/// Plain values, as in ``FirnConfiguration``; ``CacheField/all`` ties them to the file.
package struct DeclaredCache: Hashable, Sendable {
    package var name: CacheName
    package var settings: CacheSettings
    /// Where its upstreams are named, for what only shows when all tiers are known.
    package var origin: SettingOrigin

    package init(name: CacheName, settings: CacheSettings, origin: SettingOrigin) {
        self.name = name
        self.settings = settings
        self.origin = origin
    }
}

extension DeclaredCache {
    /// A `[[cache]]` that is still being read.
    package struct Draft: Hashable, Sendable {
        package var name: CacheName?
        package var isPublic = false
        package var quota: ByteSize?
        package var retention: TimeSpan?
        package var maximumNARSize: ByteSize?
        package var priority = CacheSettings.defaultPriority
        package var upstreams: [String]?

        package init() {}

        var settings: CacheSettings {
            CacheSettings(
                isPublic: isPublic,
                quotaBytes: quota?.bytes,
                retentionSeconds: retention?.seconds,
                maximumNARBytes: maximumNARSize?.bytes,
                priority: priority,
                upstreams: upstreams
            )
        }
    }

    /// As it would stand in the file.
    package var draft: Draft {
        var draft = Draft()
        draft.name = name
        draft.isPublic = settings.isPublic
        draft.quota = settings.quotaBytes.map(ByteSize.init)
        draft.retention = settings.retentionSeconds.map(TimeSpan.init)
        draft.maximumNARSize = settings.maximumNARBytes.map(ByteSize.init)
        draft.priority = settings.priority
        draft.upstreams = settings.upstreams
        return draft
    }
}
