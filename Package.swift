// swift-tools-version: 6.2
import PackageDescription

// Read upwards, this is the order in which a byte travels: Net (connections), Wire (protocols),
// Handlers (services). A target imports only what it lists here; .ci/run builds so that any other import is refused.

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableExperimentalFeature("Lifetimes"),
    .treatAllWarnings(as: .error),
    // Debug builds, and with them all tests, check at run time that no two accesses to a property
    // overlap. In release builds these checks are half of what a small request costs.
    .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release)),
]

let package = Package(
    name: "gatehouse",
    products: [.executable(name: "gatehouse", targets: ["gatehouse"])],
    targets: [
        // C at the edge.
        .systemLibrary(name: "CInih", pkgConfig: "inih", providers: [.apt(["libinih-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CBrotli", pkgConfig: "libbrotlienc", providers: [.apt(["libbrotli-dev"])]),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        .systemLibrary(name: "CUchardet", pkgConfig: "uchardet", providers: [.apt(["libuchardet-dev"])]),
        .systemLibrary(name: "CCrypt", pkgConfig: "libcrypt", providers: [.apt(["libcrypt-dev"])]),
        .systemLibrary(name: "CMD", pkgConfig: "libmd", providers: [.apt(["libmd-dev"])]),
        .systemLibrary(name: "CPCRE2", pkgConfig: "libpcre2-8", providers: [.apt(["libpcre2-dev"])]),
        .target(name: "CLinux", cSettings: [.unsafeFlags(["-Wall", "-Wextra", "-Werror"])]),

        // What every room uses.
        .target(name: "Base", dependencies: ["CLinux"], swiftSettings: strict),
        .target(name: "Passwords", dependencies: ["Base", "CCrypt", "CMD"], swiftSettings: strict),
        .target(name: "Patterns", dependencies: ["Base", "CPCRE2"], swiftSettings: strict),
        .target(
            name: "Config", dependencies: ["Base", "CInih", "Passwords", "Patterns"], swiftSettings: strict),

        // The three layers.
        .target(name: "Net", dependencies: ["Base", "CLinux"], swiftSettings: strict),
        .target(
            name: "Wire", dependencies: ["Base", "CBrotli", "CZlib", "CZstd"], swiftSettings: strict),
        .target(
            name: "Handlers",
            dependencies: [
                "Base", "CLinux", "CUchardet", "Config", "Logs", "Net", "Passwords", "Patterns", "Wire",
            ],
            swiftSettings: strict),

        // Beside them.
        .target(name: "Logs", dependencies: ["Base", "CLinux", "Config", "Net"], swiftSettings: strict),

        // What puts them together.
        .target(
            name: "Server", dependencies: ["Base", "CLinux", "Config", "Logs", "Net", "Wire", "Handlers"],
            swiftSettings: strict),
        .executableTarget(
            name: "gatehouse", dependencies: ["Base", "Config", "Handlers", "Server"], swiftSettings: strict),

        // Tests. TestSupport starts the real executable, talks to it byte by byte and inspects its end.
        .target(
            name: "TestSupport", dependencies: ["Base", "CLinux"], path: "Tests/TestSupport",
            swiftSettings: strict),
        .testTarget(name: "BaseTests", dependencies: ["Base", "TestSupport"], swiftSettings: strict),
        .testTarget(
            name: "ConfigTests", dependencies: ["Base", "Config", "TestSupport"], swiftSettings: strict),
        .testTarget(name: "PasswordsTests", dependencies: ["Base", "Passwords"], swiftSettings: strict),
        .testTarget(name: "PatternsTests", dependencies: ["Base", "Patterns"], swiftSettings: strict),
        .testTarget(
            name: "NetTests", dependencies: ["Base", "CLinux", "Net", "TestSupport"], swiftSettings: strict),
        .testTarget(
            name: "LogsTests", dependencies: ["Base", "Config", "Logs", "TestSupport"], swiftSettings: strict),
        .testTarget(
            name: "WireTests", dependencies: ["Base", "TestSupport", "Wire"], swiftSettings: strict),
        .testTarget(
            name: "HandlersTests",
            dependencies: ["Base", "Config", "Handlers", "Logs", "Net", "Patterns", "TestSupport", "Wire"],
            swiftSettings: strict),
        .testTarget(name: "TestSupportTests", dependencies: ["Base", "TestSupport"], swiftSettings: strict),
        .testTarget(
            name: "EndToEndTests", dependencies: ["gatehouse", "TestSupport"], swiftSettings: strict),
        .testTarget(
            name: "CGITests", dependencies: ["gatehouse", "TestSupport"], swiftSettings: strict),

        // The parsers as the fuzzer of Tools/fuzz feeds them, and its corpora as tests.
        .target(
            name: "FuzzedParsers", dependencies: ["Base", "Config", "Passwords", "Wire"],
            path: "Tests/Fuzz/Parsers",
            swiftSettings: strict),
        .testTarget(
            name: "CorpusTests", dependencies: ["Base", "FuzzedParsers", "TestSupport"],
            path: "Tests/Fuzz/CorpusTests", swiftSettings: strict),
    ]
)

// Has libFuzzer's main and needs its instrumentation.
if Context.environment["GATEHOUSE_FUZZ"] != nil {
    package.targets.append(
        .executableTarget(
            name: "Fuzzer", dependencies: ["FuzzedParsers"], path: "Tests/Fuzz/Fuzzer",
            swiftSettings: strict + [.unsafeFlags(["-parse-as-library"])]))
}

// Steps of a request alone. Sees what is internal, which a release build otherwise hides.
if Context.environment["GATEHOUSE_MICRO"] != nil {
    let open = strict + [.unsafeFlags(["-enable-testing"])]
    for target in package.targets where target.type == .regular { target.swiftSettings = open }
    package.targets.append(
        .executableTarget(
            name: "Micro", dependencies: ["Base", "Config", "Handlers", "Logs", "Net", "Wire"],
            path: "Tools/bench/micro", swiftSettings: strict))
}
