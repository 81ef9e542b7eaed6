// SPDX-License-Identifier: Apache-2.0
import NIOCore

/// Closes a connection that asks too slowly or on which nothing moves any more.
///
/// First in every pipeline, so it sees bytes as they are on the wire. Those further in tell it when
/// a request's head has come and when its answer is complete.
final class ConnectionGuard: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = IOData
    typealias OutboundOut = IOData

    private let idleTimeout: TimeAmount
    /// `nil` under TLS, where the framework alone can tell what is part of a head.
    private let headTimeout: TimeAmount?
    private var lastMove = NIODeadline.now()
    /// When bytes came that do not yet make up a head.
    private var headBegan: NIODeadline?
    private var answersRunning = 0
    private var check: RepeatedTask?

    init(idleTimeout: Duration, headTimeout: Duration?) {
        self.idleTimeout = TimeAmount(idleTimeout)
        self.headTimeout = headTimeout.map { TimeAmount($0) }
    }

    func headArrived() {
        headBegan = nil
        answersRunning += 1
    }

    func answerEnded() {
        answersRunning -= 1
        lastMove = .now()
    }

    /// Part of an answer reached the kernel.
    func answerMoved() { lastMove = .now() }

    func handlerAdded(context: ChannelHandlerContext) {
        let interval = TimeAmount.nanoseconds(
            min(idleTimeout, headTimeout ?? idleTimeout).nanoseconds / 4
        )
        let channel = context.channel
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        check = context.eventLoop.scheduleRepeatedTask(
            initialDelay: interval,
            delay: interval
        ) { _ in
            if bound.value.isOverdue { channel.close(promise: nil) }
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) { check?.cancel() }

    func channelInactive(context: ChannelHandlerContext) {
        check?.cancel()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        lastMove = .now()
        if answersRunning == 0, headBegan == nil { headBegan = lastMove }
        context.fireChannelRead(data)
    }

    private var isOverdue: Bool {
        let now = NIODeadline.now()
        if let headBegan, let headTimeout, now - headBegan > headTimeout { return true }
        return now - lastMove > idleTimeout
    }
}
