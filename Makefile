# The words people type; meson and the scripts in tools/ do the work.
BUILD ?= build
TESTS ?=
WHO ?= all
DENY ?= 3.10
KERNEL ?=
VMARGS ?=

all: build
build:
	@tools/build $(BUILD)
deps:
	@tools/install-deps build run check lint
run:
	@tools/install-deps build run
	@tools/build $(BUILD)
	@tools/first-run $(BUILD)/hull
check:
	@tools/install-deps build run check
	@tools/build $(BUILD)
	@tools/run-tests --build $(BUILD) --as $(WHO) $(TESTS)
check-unit: build
	@tools/run-tests --build $(BUILD) --unit $(TESTS)
check-hostile: build
	@HULL_TEST_LONG=1 BATS_TEST_TIMEOUT=1800 tools/run-tests --build $(BUILD) tests/e2e/image-hostile.bats
check-e2e: build
	@tools/run-tests --build $(BUILD) --e2e --as $(WHO) $(TESTS)
check-deny:
	@tools/install-deps build run check
	@tools/build $(BUILD)
	@$(BUILD)/tests/deny $(DENY) -- tools/run-tests --build $(BUILD) --e2e $(TESTS)
check-vm:
	@tools/install-deps build vm
	@tools/build $(BUILD)
	@tests/vm/all --build $(BUILD) $(if $(KERNEL),--kernel $(KERNEL)) --args '$(VMARGS)' $(or $(FILES),$(TESTS))
check-kill: build
	@tests/kill/campaign --build $(BUILD) random --kills 1000
	@tests/kill/campaign --build $(BUILD) calls
	@tests/kill/campaign --build $(BUILD) errors --every 3
	@tests/kill/campaign --build $(BUILD) full
	@tests/kill/campaign --build $(BUILD) disk
check-cve-broken:
	@tools/install-deps build run check
	@tools/cve-broken
check-torture:
	@tools/build build-torture -Dtorture=true -Db_sanitize=address,undefined
	@tests/kill/campaign --build build-torture torture --calls others
	@tests/kill/campaign --build build-torture torture --calls memory --every 7
lint:
	@tools/install-deps lint
	@tools/lint $(BUILD)
bench:
	@tools/install-deps build bench
	@tools/build $(BUILD)
	@HULL=$(BUILD)/hull BENCH_BUILD=$(BUILD)/bench bench/run
	@HULL=$(BUILD)/hull BENCH_BUILD=$(BUILD)/bench bench/network
	@HULL=$(BUILD)/hull bench/rootless
fuzz:
	@tests/fuzz/run
install: build
	@meson install -C $(BUILD) --no-rebuild
clean:
	rm -rf $(BUILD)

.PHONY: all build deps run check check-unit check-e2e check-cve-broken check-hostile check-deny check-vm lint bench fuzz install clean check-kill check-torture
