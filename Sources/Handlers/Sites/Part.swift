import Base
package import Config
package import Net

/// The settings of a site or of one of its locations, made ready.
package final class Part {
    package let settings: PartSettings
    /// Fields for every answer, as whole lines, and their names in lower case.
    package let fieldLines: [UInt8]
    package let fieldNames: [[UInt8]]
    /// What is a script here.
    package let scripts: ScriptRules
    /// Number of the access log among the loop's; nil for none.
    package let accessLog: Int?
    package let scriptQueue: PlaceQueue
    let requestLimiter: RequestLimiter?
    let access: AccessRules
    /// What holds its scripts beside their limits.
    let confinement: Confinement
    /// Nil until a script of the part has been started.
    var commonPlan: ScriptPlan.Common?

    package init(
        _ settings: PartSettings, accessLog: Int?, scriptQueue: PlaceQueue,
        requestLimiter: RequestLimiter? = nil, passwords: PasswordCheck? = nil,
        confinement: Confinement = Confinement()
    ) {
        self.confinement = confinement
        self.scriptQueue = scriptQueue
        self.requestLimiter = requestLimiter
        access = AccessRules(settings, passwords)
        self.settings = settings
        self.accessLog = accessLog
        var lines: [UInt8] = []
        for field in settings.headers {
            if let value = field.value { lines += "\(field.name): \(value)\r\n".utf8 }
        }
        fieldLines = lines
        scripts = ScriptRules(settings)
        fieldNames = settings.headers.map { $0.name.utf8.map(ASCII.lower) }
    }

    /// A prepared answer, sent at once and without a look at its client, would pass these by.
    var hasLimits: Bool { requestLimiter != nil || settings.limitRate != nil }
}
