# The host worker. It drives the libvirt daemon of the host it runs on, through that daemon's socket, and makes bridges and
# tunnels in the host's own network: run it privileged, in the host's network, with the host's directories (see
# docker-compose.yml). Build from the repository's root:
#   docker build -f deploy/worker.Dockerfile -t novacron-worker .
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
# The binding finds libvirt at run time, so the build needs none.
RUN CGO_ENABLED=1 go build -trimpath -tags libvirt_dlopen -ldflags '-s -w' -o /out/ ./cmd/novacron-worker

FROM debian:12-slim
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates dnsmasq-base iproute2 libvirt0 nftables qemu-utils \
 && rm -rf /var/lib/apt/lists/*
COPY --from=build /out/ /usr/bin/
ENV NOVACRON_STATE=/var/lib/novacron
ENTRYPOINT ["novacron-worker"]
