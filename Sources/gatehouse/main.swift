import Base
import Config
import Glibc
import Server

var config = ServerConfig()
config.server.listen = [ListenAddress(.address(.ip(.loopback, port: 8080)))]
var site = SiteConfig(name: "default", position: SourcePosition(file: "", line: 1))
site.root = "/work/main/www"
site.hosts = ["default"]
site.part.listing = true
site.cgi = [PrefixMapping(prefix: "/cgi-bin/", path: "/work/main/cgi-bin", position: site.position)]
config.sites = [site]
do throws(StartError) {
    try Server.run(config) { print("gatehouse: \($0)") }
} catch {
    print("gatehouse: \(error)")
    exit(1)
}
