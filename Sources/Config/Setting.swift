/// The kinds of section that a setting may stand in.
struct SectionKinds: OptionSet, Hashable, Sendable {
    let rawValue: UInt8

    static let server = SectionKinds(rawValue: 1)
    static let defaults = SectionKinds(rawValue: 2)
    static let site = SectionKinds(rawValue: 4)
    static let location = SectionKinds(rawValue: 8)

    /// Each kind with its header as the reference and messages write it.
    static let headers: [(kind: SectionKinds, header: String)] = [
        (.server, "[server]"), (.site, "[site NAME]"), (.defaults, "[defaults]"),
        (.location, "[location SITE /prefix]"),
    ]

    /// All headers, for messages.
    static let all = headers.map(\.header).joined(separator: ", ")

    /// The headers of all kinds in the set.
    var headers: [String] { Self.headers.filter { contains($0.kind) }.map(\.header) }
}

/// One key of the configuration: a row of the table that reads files, checks them and explains itself.
struct Setting: Sendable {
    /// What a file gets that does not set the key.
    enum Default: Sendable {
        /// As it could stand in a file; the key's own parser reads it.
        case value(String)
        /// Nothing that a file could say: the words that describe it.
        case described(String)

        var text: String {
            switch self {
            case .value(let text), .described(let text): text
            }
        }
    }

    /// Parses a value and puts it where it belongs.
    enum Setter: Sendable {
        case server(@Sendable (inout ServerSettings, SettingValue) throws(ValueProblem) -> Void)
        case site(@Sendable (inout SiteConfig, SettingValue) throws(ValueProblem) -> Void)
        /// For a site and for each of its locations.
        case part(@Sendable (inout PartSettings, SettingValue) throws(ValueProblem) -> Void)
    }

    /// What a value of a repeatable setting is about, and what a second one about the same does in a section.
    struct Subject: Sendable {
        enum Repetition: Sendable { case isRefused, replaces }

        let repetition: Repetition
        /// Nil for a value that is about nothing.
        let name: @Sendable (SettingValue) -> String?
    }

    let name: String
    /// What kind of value, in a word or two.
    let type: String
    let isRepeatable: Bool
    let `default`: Default
    /// One line.
    let meaning: String
    let setter: Setter
    /// A value may well have a `#` behind a blank.
    private(set) var isFreeText = false
    private(set) var subject: Subject?
    /// What is doubtful about a value that can be taken; nil for nothing.
    private(set) var doubt: (@Sendable (SettingValue) -> String?)?
    /// How the log is read that a value names.
    private(set) var log: ValueType<LogTarget>?

    var sections: SectionKinds {
        switch setter {
        case .server: .server
        case .site: [.site, .defaults]
        case .part: [.site, .defaults, .location]
        }
    }
}

/// What a row says besides.
extension Setting {
    private func with(_ change: (inout Setting) -> Void) -> Setting {
        var result = self
        change(&result)
        return result
    }

    func freeText() -> Setting { with { $0.isFreeText = true } }

    /// The first word of a value says what it is about, of which there is to be one.
    func oneForEachFirstWord() -> Setting {
        with {
            $0.subject = Subject(repetition: .isRefused) { value in
                value.raw.split { $0 == " " || $0 == "\t" }.first.map(String.init)
            }
        }
    }

    /// A value takes the place of an earlier one that is about the same, which is worth a warning.
    func lastForEach(_ name: @escaping @Sendable (SettingValue) -> String?) -> Setting {
        with { $0.subject = Subject(repetition: .replaces, name: name) }
    }

    func doubting(_ doubt: @escaping @Sendable (SettingValue) -> String?) -> Setting {
        with { $0.doubt = doubt }
    }

    func namingLog(_ type: ValueType<LogTarget>) -> Setting { with { $0.log = type } }
}

/// What a setting's value can be put in. A setting of another kind of section leaves it as it is.
protocol SettingsHolder {
    mutating func set(_ setting: Setting, to value: SettingValue) throws(ValueProblem)
}

extension ServerSettings: SettingsHolder {
    mutating func set(_ setting: Setting, to value: SettingValue) throws(ValueProblem) {
        if case .server(let set) = setting.setter { try set(&self, value) }
    }
}

extension SiteConfig: SettingsHolder {
    mutating func set(_ setting: Setting, to value: SettingValue) throws(ValueProblem) {
        switch setting.setter {
        case .server: break
        case .site(let set): try set(&self, value)
        case .part(let set): try set(&part, value)
        }
    }
}

extension PartSettings: SettingsHolder {
    mutating func set(_ setting: Setting, to value: SettingValue) throws(ValueProblem) {
        if case .part(let set) = setting.setter { try set(&self, value) }
    }
}

extension Setting {
    static func server<Value>(
        _ name: String, _ type: ValueType<Value>,
        _ path: any WritableKeyPath<ServerSettings, Value> & Sendable,
        _ default: Default, _ meaning: String
    ) -> Setting {
        Setting(
            name: name, type: type.name, isRepeatable: false, default: `default`, meaning: meaning,
            setter: .server { (settings, value) throws(ValueProblem) in
                settings[keyPath: path] = try type.parse(value)
            })
    }

    static func site<Value>(
        _ name: String, _ type: ValueType<Value>, _ path: any WritableKeyPath<SiteConfig, Value> & Sendable,
        _ default: Default, _ meaning: String,
        place: @escaping @Sendable (inout SiteConfig, SourcePosition?) -> Void = { _, _ in }
    ) -> Setting {
        Setting(
            name: name, type: type.name, isRepeatable: false, default: `default`, meaning: meaning,
            setter: .site { (site, value) throws(ValueProblem) in
                site[keyPath: path] = try type.parse(value)
                place(&site, value.position)
            })
    }

    static func part<Value>(
        _ name: String, _ type: ValueType<Value>, _ path: any WritableKeyPath<PartSettings, Value> & Sendable,
        _ default: Default, _ meaning: String
    ) -> Setting {
        Setting(
            name: name, type: type.name, isRepeatable: false, default: `default`, meaning: meaning,
            setter: .part { (part, value) throws(ValueProblem) in part[keyPath: path] = try type.parse(value)
            })
    }

    /// A key that may stand several times; `add` says what one more of it means.
    static func repeatable<Value>(
        server name: String, _ type: ValueType<Value>, _ default: Default, _ meaning: String,
        add: @escaping @Sendable (inout ServerSettings, Value) -> Void
    ) -> Setting {
        Setting(
            name: name, type: type.name, isRepeatable: true, default: `default`, meaning: meaning,
            setter: .server { (settings, value) throws(ValueProblem) in add(&settings, try type.parse(value))
            })
    }

    static func repeatable<Value>(
        site name: String, _ type: ValueType<Value>, _ default: Default, _ meaning: String,
        add: @escaping @Sendable (inout SiteConfig, Value) -> Void
    ) -> Setting {
        Setting(
            name: name, type: type.name, isRepeatable: true, default: `default`, meaning: meaning,
            setter: .site { (site, value) throws(ValueProblem) in add(&site, try type.parse(value)) })
    }

    static func repeatable<Value>(
        part name: String, _ type: ValueType<Value>, _ default: Default, _ meaning: String,
        add: @escaping @Sendable (inout PartSettings, Value) -> Void
    ) -> Setting {
        Setting(
            name: name, type: type.name, isRepeatable: true, default: `default`, meaning: meaning,
            setter: .part { (part, value) throws(ValueProblem) in add(&part, try type.parse(value)) })
    }
}
