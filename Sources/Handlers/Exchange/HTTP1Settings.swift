package import Base
package import Config

/// What the HTTP/1.x protocol needs to know of the configuration.
package struct HTTP1Settings {
    package var headerTimeout: TimeSpan
    package var keepaliveTimeout: TimeSpan
    package var bodyTimeout: TimeSpan
    package var writeTimeout: TimeSpan
    package var maxHeaderSize: Int
    /// The Server field as a line, or nothing.
    package var serverLine: [UInt8]

    package init(_ settings: ServerSettings) {
        headerTimeout = settings.headerTimeout
        keepaliveTimeout = settings.keepaliveTimeout
        bodyTimeout = settings.bodyTimeout
        writeTimeout = settings.writeTimeout
        maxHeaderSize = settings.maxHeaderSize
        serverLine =
            switch settings.serverHeader {
            case .full: Array("Server: gatehouse/\(gatehouseVersion)\r\n".utf8)
            case .name: Array("Server: gatehouse\r\n".utf8)
            case .off: []
            }
    }
}
