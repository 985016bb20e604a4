# The tool in an image of its own, with the lake: `docker build -t apify-runs .`, and then
#
#     docker run --rm --read-only --tmpfs /tmp --user "$(id -u):$(id -g)" -e APIFY_TOKEN -v "$PWD/exports:/data" \
#         apify-runs export --last-month
#
# - /data is the working folder: exports go into folders in it, never to a mount point itself, which can't be swapped for a new
#   export. It must be writable by the user: 65532, or whichever --user names; no name and no home is needed for it.
# - An export writes nothing else. `sync`, lakes, `reconcile`, `--compare previous`, whatever lies in an object store, and exports
#   that are CSV alone have temporary files, too: in /tmp, or where TMPDIR points. With a read-only root, one of the two has to be
#   there.
# - Certificates are Debian's. A company's own: mount a file and set SSL_CERT_FILE, or add it to the image with
#   update-ca-certificates.
# - Time zones are compiled in. SIGTERM ends a job with exit 143, nothing half-written; `serve` lets its answers finish.
#
# What of this was tried: scripts/check image builds the second stage with podman, on a base of the same Debian packages, and
# runs it with a read-only root. The first was built so once by hand, with a compiler put on such a base. What wasn't tried: Docker's
# own engine, the two images by these names as their registry has them (docs/releasing.md pins their digests), and processors other
# than x86-64.
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
    && python3 scripts/release/third-party-licences > /THIRD-PARTY-LICENCES.txt

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
