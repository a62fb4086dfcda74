# backstage-auth as an image, from the root of the repository:
#     docker build --file deploy/images/backstage-auth.Dockerfile --tag backstage-auth .
# The last stage has the program and its C library, and no shell. Backstage's files are mounted or copied to /etc/backstage.
# Run it with a read-only root file system: it writes no file.

FROM rust:1.89-slim-bookworm AS build
# backstage-auth,rds signs in at Amazon RDS by IAM.
ARG FEATURES=backstage-auth
WORKDIR /src
COPY . .
RUN cargo build --locked --profile dist --features "$FEATURES" --bin backstage-auth \
    && deploy/images/rootfs.sh target/dist/backstage-auth /rootfs

FROM scratch
COPY --from=build /rootfs /
USER 65532:65532
EXPOSE 7007
STOPSIGNAL SIGTERM
WORKDIR /etc/backstage
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s CMD ["/usr/local/bin/backstage-auth", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/backstage-auth"]
