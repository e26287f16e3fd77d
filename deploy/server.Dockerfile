# The control plane: API, web UI and control worker in one static binary, with qemu-img for images of
# other formats. Build from the repository's root:
#   docker build -f deploy/server.Dockerfile -t novacron-server .
FROM node:20-bookworm-slim AS ui
WORKDIR /src
COPY ui/package.json ui/package-lock.json ui/
RUN npm --prefix ui ci --no-audit --no-fund
COPY schemas/openapi.yaml schemas/
COPY ui ui
RUN npm --prefix ui run build

FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
COPY --from=ui /src/ui/dist ui/dist
RUN CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o /out/ ./cmd/novacron-server ./cmd/novacron

FROM debian:12-slim
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates qemu-utils && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 64000 --home-dir /var/lib/novacron-server --create-home novacron
COPY --from=build /out/ /usr/bin/
USER 64000
ENV NOVACRON_DATA=/var/lib/novacron-server NOVACRON_LISTEN=0.0.0.0:8080
VOLUME /var/lib/novacron-server
EXPOSE 8080
# bash speaks enough HTTP for a health check, so that the image needs no client.
HEALTHCHECK --interval=5s --timeout=3s --start-period=60s CMD ["bash", "-c", \
  "exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET /readyz HTTP/1.0\\r\\n\\r\\n' >&3 && head -1 <&3 | grep -q ' 200 '"]
ENTRYPOINT ["novacron-server"]
