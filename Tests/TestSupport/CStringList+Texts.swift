package import Base

extension CStringList {
    package init(_ texts: [String] = []) {
        var builder = Builder(capacity: 64 * texts.count)
        for text in texts { builder.append(text) }
        self = builder.finish()
    }
}
