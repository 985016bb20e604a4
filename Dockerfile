# The tool in an image of its own, with the lake: `docker build -t apify-runs .`, and then
#
#     docker run --rm --read-only --tmpfs /tmp --user "$(id -u):$(id -g)" -e APIFY_TOKEN -v "$PWD/exports:/data" \
#         apify-runs export --last-month
#
# - /data is the working folder. An export goes into a folder below it, not to the mount point itself, which cannot be replaced by a
#   new export. The container's user must be able to write /data: 65532, or the user of --user, which needs no name and no home.
# - An export needs no other folder. These commands also write temporary files, to /tmp or to the folder that TMPDIR names: `sync` and
#   everything about lakes and object stores, `reconcile`, `--compare previous`, and reports about an export with only CSV. With a
#   read-only root, mount one of the two.
# - The certificates are Debian's. For certificates of a company, mount a file and set SSL_CERT_FILE, or add it to the image with
#   update-ca-certificates.
# - Time zones are built in. SIGTERM ends a job with exit 143 and leaves nothing half-written; `serve` finishes its answers first.
#
# What was tried: `scripts/check image` builds the second stage with podman, on a base of the same Debian packages, and runs it with a
# read-only root. The first stage was built once by hand, with a compiler installed on such a base. Not tried: Docker's own engine, the
# two base images as their registry has them (docs/releasing.md pins their digests), and processors other than x86-64.
FROM docker.io/library/rust:1.95.0-slim-trixie AS build
# Python writes the third parties' licences; whatever the compiler needs is there.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends python3 \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
# `release` builds in a fraction of the time and is a little slower.
ARG PROFILE=dist
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    cargo fetch --locked \
    && cargo build --locked --offline --profile "$PROFILE" --features lake \
    && cp "target/$PROFILE/apify-runs" /apify-runs \
    && python3 scripts/release/make licences --out /

FROM docker.io/library/debian:13.8-slim
LABEL org.opencontainers.image.title="apify-runs" \
    org.opencontainers.image.description="Exports every Apify Actor run of a period to Parquet and CSV with its exact cost" \
    org.opencontainers.image.licenses="MIT OR Apache-2.0"
# Certificates are to be the newest there are.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && install --directory --owner=65532 --group=65532 /data
COPY --from=build /THIRD-PARTY-LICENCES.txt /usr/share/doc/apify-runs/
COPY LICENSE-APACHE LICENSE-MIT /usr/share/doc/apify-runs/
COPY --from=build /apify-runs /usr/local/bin/apify-runs
# A number, so that Kubernetes can tell that it isn't root's.
USER 65532:65532
WORKDIR /data
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/local/bin/apify-runs"]
CMD ["--help"]
