# One image for the box and for every service of the demo: `haechi serve`, `haechi demo-service NAME …`.
#
# Built in three stages: the pages' scripts with Node, the binary with Rust, and what runs.

FROM docker.io/library/node:22-bookworm-slim AS pages
WORKDIR /src/ui/web
COPY ui/web/package.json ui/web/package-lock.json ui/web/.npmrc ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY ui/web ./
RUN node build.mjs dist

FROM docker.io/library/rust:1.95-bookworm AS binary
WORKDIR /src
COPY . ./
# Newer than every source, so that the build takes it as it is and needs no Node.
COPY --from=pages /src/ui/web/dist ui/web/dist
RUN find ui/web/dist -type f -exec touch {} +
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --package haechi && cp target/release/haechi /usr/local/bin/haechi

FROM docker.io/library/debian:bookworm-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates curl tzdata \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --no-create-home haechi \
    && install --directory --owner=haechi --group=haechi /var/lib/haechi /var/lib/box-office /etc/haechi
COPY --from=binary /usr/local/bin/haechi /usr/local/bin/haechi
USER haechi
WORKDIR /var/lib/haechi
VOLUME ["/var/lib/haechi"]
EXPOSE 4317 4318 4319
ENTRYPOINT ["/usr/local/bin/haechi"]
CMD ["serve", "--data-dir=/var/lib/haechi", "--otlp-grpc=0.0.0.0:4317", "--otlp-http=0.0.0.0:4318", "--ui=0.0.0.0:4319"]
