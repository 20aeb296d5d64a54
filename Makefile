# Everything that is done to Gatehouse from the command line. `make help` lists it.

PREFIX  ?= /usr/local
DESTDIR ?=
SWIFT   ?= swift
# Linked to itself: what `make install` puts in place runs without the toolchain.
RELEASE_FLAGS ?= -c release --static-swift-stdlib

# Debian packages: for building and running, for the scripts of the demo site, for the tests, for the
# bench, for counting instructions, for the comparison with Apache, for `make deb`.
BUILD_PACKAGES = libinih-dev zlib1g-dev libbrotli-dev libzstd-dev libuchardet-dev libcrypt-dev libmd-dev libpcre2-dev pkg-config media-types
DEMO_PACKAGES  = perl python3
TEST_PACKAGES  = curl wget git perl python3 libcgi-pm-perl php-cgi gitweb cgit groff-base \
	blosxom info2www mimetex qdbm-cgi squid-cgi usemod-wiki
BENCH_PACKAGES = wrk gcc libc6-dev perl python3
EMULATE_PACKAGES = qemu-system-x86 busybox-static util-linux
# Programs that `make compare` asks in any case; it asks the others of Tools/compare/programs as well,
# where they are installed.
COMPARE_PACKAGES = apache2-bin media-types perl python3 \
	apcupsd-cgi blosxom cssc dpkg-www fossil global gman htdig info2www ipcalc libcgi-pm-perl libchatbot-eliza-perl \
	libimager-perl libsvg-perl libtemplate-perl mailgraph man2html mimetex namazu2 newlisp nut-cgi onak parser3-cgi \
	pgformatter php-cgi qdbm-cgi rrdtool squid-cgi swish-e usemod-wiki vnstati w3cam xapian-omega
DEB_PACKAGES   = dpkg-dev

RELEASE = .build/release/gatehouse
SOURCES = $(wildcard Sources Tests Tools/bench/micro Package.swift)
# The demo site, as `etc/server.ini` finds it: beside its own folder.
DEMO    = $(wildcard etc www cgi-bin)
DOCS    = $(wildcard README.md CHANGELOG.md LICENSE docs)

.DEFAULT_GOAL := help
.PHONY: help run test build install deb bench bench-instructions bench-micro compare fuzz format lint clean swift packages
.PHONY: demo-packages test-packages bench-packages emulate-packages compare-packages deb-packages

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-18s %s\n", $$1, $$2 }' Makefile

run: demo-packages build ## install what is missing, build, serve the demo site at http://127.0.0.1:8080/
	@exec $(RELEASE) run -c etc/server.ini

test: swift packages test-packages ## install what is missing, run all tests
	@SWIFT='$(SWIFT)' Tools/run-tests

build: swift packages ## release build
	$(SWIFT) build $(RELEASE_FLAGS) --product gatehouse

install: ## install below PREFIX (/usr/local), staged in DESTDIR where set
	@test -x $(RELEASE) || $(MAKE) build
	install -d '$(DESTDIR)$(PREFIX)/bin' '$(DESTDIR)$(PREFIX)/share/gatehouse' '$(DESTDIR)$(PREFIX)/share/doc/gatehouse'
	install -m 755 $(RELEASE) '$(DESTDIR)$(PREFIX)/bin/gatehouse'
	install -d '$(DESTDIR)$(PREFIX)/share/man/man1' '$(DESTDIR)$(PREFIX)/share/man/man5'
	$(RELEASE) help --format man > '$(DESTDIR)$(PREFIX)/share/man/man1/gatehouse.1'
	$(RELEASE) keys --format man > '$(DESTDIR)$(PREFIX)/share/man/man5/gatehouse-server.ini.5'
	chmod 644 '$(DESTDIR)$(PREFIX)/share/man/man1/gatehouse.1' '$(DESTDIR)$(PREFIX)/share/man/man5/gatehouse-server.ini.5'
	cp -R $(DEMO) '$(DESTDIR)$(PREFIX)/share/gatehouse/'
	sed -i 's,/usr/local/,$(PREFIX)/,' '$(DESTDIR)$(PREFIX)/share/gatehouse/etc/gatehouse.service'
	cp -R $(DOCS) '$(DESTDIR)$(PREFIX)/share/doc/gatehouse/'
	chmod -R u=rwX,go=rX '$(DESTDIR)$(PREFIX)/share/gatehouse' '$(DESTDIR)$(PREFIX)/share/doc/gatehouse'

deb: build deb-packages ## Debian package in dist/
	@Tools/deb/make-deb dist

bench: build bench-packages ## measure against the nginx, lighttpd and Apache installed here (BENCH="--seconds 3 --only cgi-sh")
	Tools/bench/bench.py --gatehouse $(RELEASE) $(BENCH)

bench-instructions: build bench-packages emulate-packages ## count instructions per request in an emulated machine (BENCH="--files 1k,100k")
	Tools/bench/emulated.py --gatehouse $(RELEASE) $(BENCH)

bench-micro: swift packages ## measure the steps of a request alone: parser, head, sites, log line
	@GATEHOUSE_MICRO=1 $(SWIFT) build -c release --product Micro --scratch-path .build/micro
	@.build/micro/release/Micro

compare: build compare-packages ## ask Debian's CGI programs the same behind Apache and Gatehouse (COMPARE="--verbose blosxom")
	Tools/compare/compare.py --gatehouse $(RELEASE) $(COMPARE)

fuzz: swift packages ## fuzz the parsers (FUZZ="10 scriptHead": so many seconds, this one)
	@Tools/fuzz $(FUZZ)

format: swift ## format all Swift in place
	$(SWIFT) format format --in-place -r $(SOURCES)

lint: swift ## check the format of all Swift
	$(SWIFT) format lint --strict -r $(SOURCES)

clean: ## remove what was built
	rm -rf .build dist

swift:
	@Tools/check-swift '$(SWIFT)'

packages:
	@Tools/install-packages $(BUILD_PACKAGES)

demo-packages: packages
	@Tools/install-packages $(DEMO_PACKAGES)

test-packages: packages
	@Tools/install-packages $(TEST_PACKAGES)

bench-packages: packages
	@Tools/install-packages $(BENCH_PACKAGES)

emulate-packages: packages
	@Tools/install-packages $(EMULATE_PACKAGES)

compare-packages: packages
	@Tools/install-packages $(COMPARE_PACKAGES)

deb-packages: packages
	@Tools/install-packages $(DEB_PACKAGES)
