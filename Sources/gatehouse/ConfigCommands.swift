import Base
import Config
import Glibc
import Handlers

extension Command {
    static let check = Command(
        name: "check", arguments: "[-c FILE]",
        summary: "Prints everything that is wrong with a configuration and with the scripts it names.",
        details: """
            \(ConfigFile.explanation)

            Exits 0 if it is good, 1 if not. Each problem is a line `FILE:LINE: what is wrong`; one that
            begins with `warning:` leaves it good.
            """
    ) { words throws(UsageError) in
        var arguments = Arguments(words)
        guard let config = try ConfigFile.load(&arguments) else { return .failed }
        for warning in config.warnings + AddressSurvey.inspect(config) {
            Console.write("\(warning.position): warning: \(warning.message)", STDERR_FILENO)
        }
        let findings = ScriptSurvey.inspect(config)
        for finding in findings {
            let kind = finding.isWarning ? "warning: " : ""
            Console.write("\(finding.position): \(kind)\(finding.message)", STDERR_FILENO)
        }
        if findings.contains(where: { !$0.isWarning }) { return .failed }
        let sites = config.sites.count == 1 ? "1 site" : "\(config.sites.count) sites"
        Console.print("\(config.file): good, \(sites)")
        return .fine
    }

    static let keys = Command(
        name: "keys", arguments: "[NAME] [--format man]",
        summary: "Prints the reference of all settings, or of one.",
        details: "With --format man it is the manual page gatehouse-server.ini(5)."
    ) { words throws(UsageError) in
        var arguments = Arguments(words)
        if try arguments.asksForManual() {
            Console.print(SettingsReference.manual(version: gatehouseVersion))
            return .fine
        }
        guard let name = try arguments.operand() else {
            Console.print(SettingsReference.text)
            return .fine
        }
        try arguments.end()
        guard let text = SettingsReference.text(for: name) else {
            let hint = SettingsReference.nearest(to: name).map { "; did you mean `\($0)`?" }
            Console.error("there is no setting `\(name)`\(hint ?? "; `gatehouse keys` lists them")")
            return .failed
        }
        Console.print(text)
        return .fine
    }
}
