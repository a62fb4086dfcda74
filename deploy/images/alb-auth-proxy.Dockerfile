# alb-auth-proxy as an image, from the root of the repository:
#     docker build --file deploy/images/alb-auth-proxy.Dockerfile --tag alb-auth-proxy .
# The last stage has the program and its C library, and no shell. Run it with a read-only root file system: it writes no file.
# The health check reads ALB_PROXY_ADMIN_LISTEN, ALB_PROXY_LISTEN and ALB_PROXY_CONFIG, so name a file of settings by that variable.

FROM rust:1.89-slim-bookworm AS build
# proxy,postgres shares the keys of assertions by assertion_database.
ARG FEATURES=proxy
WORKDIR /src
COPY . .
RUN cargo build --locked --profile dist --features "$FEATURES" --bin alb-auth-proxy \
    && deploy/images/rootfs.sh target/dist/alb-auth-proxy /rootfs

FROM scratch
COPY --from=build /rootfs /
USER 65532:65532
EXPOSE 3000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s CMD ["/usr/local/bin/alb-auth-proxy", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/alb-auth-proxy"]
