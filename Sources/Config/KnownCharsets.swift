/// Names of character sets that browsers know: those of the WHATWG's Encoding Standard that are in use.
enum KnownCharsets {
    /// What to doubt of a value that names none of them.
    static func doubt(_ value: SettingValue) -> String? {
        guard case .named(let name)? = try? Values.charset.parse(value), !all.contains(name.lowercased())
        else {
            return nil
        }
        let hint = NearestName.hint(name, among: usual + all.sorted())
        return "\(name.quoted) is a name that no browser knows\(hint)"
    }

    /// Of names that are equally near, the one that is meant more often.
    private static let usual = ["utf-8", "iso-8859-1", "iso-8859-15", "windows-1252", "us-ascii"]

    private static let all: Set<String> = {
        var names = Set(others)
        // 9 and 11 are taken for windows-1254 and windows-874; there is no 12.
        for number in 1...16 where number != 12 {
            for form in ["iso-8859-", "iso8859-", "iso8859", "iso_8859-"] { names.insert("\(form)\(number)") }
        }
        for number in 1250...1258 {
            for form in ["windows-", "cp", "x-cp"] { names.insert("\(form)\(number)") }
        }
        for number in 1...6 { names.formUnion(["latin\(number)", "l\(number)"]) }
        return names
    }()

    private static let others = [
        "utf-8", "utf8", "unicode-1-1-utf-8", "utf-16", "utf-16le", "utf-16be", "unicode", "ucs-2",
        "iso-10646-ucs-2", "us-ascii", "ascii", "ansi_x3.4-1968", "ibm819", "cp819", "l9", "iso-8859-6-e",
        "iso-8859-6-i", "iso-8859-8-e", "iso-8859-8-i", "ibm866", "cp866", "866", "koi8-r", "koi8", "koi",
        "koi8_r", "koi8-u", "koi8-ru", "macintosh", "mac", "x-mac-roman", "x-mac-cyrillic", "x-mac-ukrainian",
        "windows-874", "dos-874", "tis-620", "gbk", "x-gbk", "gb2312", "gb_2312", "gb_2312-80", "chinese",
        "gb18030", "big5", "big5-hkscs", "cn-big5", "x-x-big5", "euc-jp", "x-euc-jp", "iso-2022-jp",
        "shift_jis", "shift-jis", "sjis", "x-sjis", "windows-31j", "ms_kanji", "ms932", "euc-kr", "korean",
        "ks_c_5601-1987", "ks_c_5601-1989", "ksc5601", "ksc_5601", "windows-949", "x-user-defined",
    ]
}
