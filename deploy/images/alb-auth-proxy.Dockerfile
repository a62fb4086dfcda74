# checkov:skip=CKV_DOCKER_2:the load balancer or the kubelet checks the service; the image has no program for it.
# alb-auth-proxy as an image, from the root of the repository:
#     docker build --file deploy/images/alb-auth-proxy.Dockerfile --tag alb-auth-proxy .
# The last stage has the program and its C library, and no shell. Run it with a read-only root file system: it writes no file.
# The load balancer or the kubelet checks /.alb-auth-proxy/ready, so the image has no check of its own.

FROM rust:1.89-slim-bookworm AS build
# proxy,postgres shares the keys of assertions by assertion_database.
ARG FEATURES=proxy
WORKDIR /src
COPY . .
RUN cargo build --locked --release --features "$FEATURES" --bin alb-auth-proxy \
    && deploy/images/rootfs.sh target/release/alb-auth-proxy /rootfs

FROM scratch
COPY --from=build /rootfs /
USER 65532:65532
EXPOSE 3000
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/local/bin/alb-auth-proxy"]
