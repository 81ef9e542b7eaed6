// SPDX-License-Identifier: Apache-2.0
import Glibc

/// How wide the terminal of standard error is.
enum TerminalSize {
    static var columns: Int {
        var size = winsize()
        return unsafe ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 20
            ? Int(size.ws_col) : 80
    }
}
