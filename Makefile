# NovaCron. `make` alone prints what there is. As root on Debian 12: make up, then make demo.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help

NOVACRON_DATA ?= $(CURDIR)/.novacron
LAB_HOSTS ?= 3
export NOVACRON_DATA LAB_HOSTS LAB_STORAGE
# Without what only a debugger reads, compiling takes an eighth less. GOFLAGS= make ... for a debugger.
export GOFLAGS ?= -gcflags=all=-dwarf=false
# Settings of a stack may be given on the command line: make up NOVACRON_LISTEN=127.0.0.1:9080
export NOVACRON_LISTEN NOVACRON_TEMPORAL_ADDRESS NOVACRON_TEMPORAL_UI_ADDRESS NOVACRON_TEMPORAL_HEALTH_ADDRESS

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^##@/ { printf "\n%s\n", substr($$0, 5) } /^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile

##@ A stack on this machine (as root; data in ./.novacron, or NOVACRON_DATA)
.PHONY: up demo down clean lab-kill lab-start
up: ## everything: packages, build, PostgreSQL, Temporal, server, UI, lab (LAB_HOSTS=3 LAB_STORAGE=all); safe to repeat
	@deploy/stack/up.sh
demo: ## on a running stack: provision, live-migrate under load, back up, destroy, restore, compare; POOL=ceph in that pool
	@go run ./deploy/demo $(if $(POOL),-pool $(POOL))
down: ## stop it all, keep the data
	@deploy/stack/down.sh
clean: ## stop it all, remove the data
	@deploy/stack/clean.sh
lab-kill: ## HOST=h2: cut the power of a lab host
	@deploy/lab/lab.sh kill $(or $(HOST),$(error which host? make lab-kill HOST=h2))
lab-start: ## HOST=h2: switch a lab host on again
	@deploy/lab/lab.sh start $(or $(HOST),$(error which host? make lab-start HOST=h2))

##@ Proof
.PHONY: test lint bench chaos
test: ## all tests, installing what is missing; the stack and lab it needs are its own
	@deploy/stack/test.sh
lint: ## formatting, vet, linters with the dependency rules, shell scripts
	@deploy/stack/lint.sh
bench: ## the benchmarks, one JSON line a figure; BENCH=main|storage
	@go run ./deploy/bench $(BENCH)
chaos: ## the whole fault campaign, hours of it; status 1 if anything was lost or left behind; SHARE=1/10 a part of it
	@go run ./deploy/chaos $(if $(SHARE),-share $(SHARE))

##@ Pieces
.PHONY: build ui generate
build: bin/novacron-temporal ui ## all binaries into ./bin
	@deploy/stack/build.sh
ui: ui/dist/index.html ## the web UI into ui/dist, from where the server's binary takes it
generate: ## what is generated and committed: sqlc's queries, the OpenAPI document, the UI's types
	@deploy/stack/generate.sh

# Temporal is 320 modules and changes with its module only: minutes the first time, never again.
bin/novacron-temporal: $(shell find deploy/temporal -name '*.go' -not -name '*_test.go') deploy/temporal/go.mod deploy/temporal/go.sum
	@mkdir -p bin
	@echo "       Temporal: 320 modules, about 8 minutes of processor time when nothing is cached"
	@cd deploy/temporal && go build -ldflags '-s -w' -o $(CURDIR)/$@ .
	@touch $@

# Not `npm ci`: npm 11 finds a lock file without the registry's addresses out of step over packages of other platforms.
ui/node_modules/.package-lock.json: ui/package-lock.json
	@echo "       UI: its packages"
	@cd ui && npm install --no-save --no-audit --no-fund --loglevel=error
	@touch $@

ui/dist/index.html: ui/node_modules/.package-lock.json $(shell find ui/src ui/public ui/index.html ui/*.ts ui/*.json -type f 2>/dev/null)
	@echo "       UI: its pages"
	@cd ui && npm run --silent build | grep -vE '^(dist/|transforming|rendering|computing|$$)'
	@touch $@
