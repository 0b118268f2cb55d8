# The binary is built on the builder's own platform, for the image's; Bun compiles for the other one by itself.
FROM --platform=$BUILDPLATFORM oven/bun:1.4.5 AS build
# Names the npm packages in the image's SBOM, which would show the finished binary alone.
ARG BUILDKIT_SBOM_SCAN_STAGE=true
WORKDIR /build
COPY package.json bun.lock bunfig.toml ./
RUN bun install --frozen-lockfile --production
COPY tsconfig.json ./
COPY src src
ARG BUILDARCH TARGETARCH SHA TAG
RUN case "$TARGETARCH" in \
      "$BUILDARCH") bun run build ;; \
      amd64) bun run build --target=bun-linux-x64 ;; \
      arm64) bun run build --target=bun-linux-arm64 ;; \
      *) echo "TARGETARCH must be one of amd64, arm64: current value is \"$TARGETARCH\"" >&2; exit 1 ;; \
    esac

# Bun's runtime links glibc, which distroless `static` lacks. There is no shell in it.
FROM gcr.io/distroless/base-debian12:nonroot
COPY --from=build /build/dist/specta /image/specta
WORKDIR /image
ENV SPECTA_HTTP_HOST=0.0.0.0 SPECTA_DRAIN_SECONDS=5 SPECTA_LOG_LEVEL=info
EXPOSE 7777
USER 65532:65532
ENTRYPOINT ["/image/specta"]
