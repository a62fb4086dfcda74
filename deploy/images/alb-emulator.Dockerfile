# alb-emulator as an image, from the root of the repository:
#     docker build --file deploy/images/alb-emulator.Dockerfile --tag alb-emulator .
# A tool for development. Its tokens are signed under the account 000000000000, which no production configuration accepts.

FROM rust:1.89-slim-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --locked --profile dist --features emulator --bin alb-emulator \
    && deploy/images/rootfs.sh target/dist/alb-emulator /rootfs /var/lib/alb-emulator /var/lib/alb-emulator/private

FROM scratch
COPY --from=build /rootfs /
USER 65532:65532
EXPOSE 9000
STOPSIGNAL SIGTERM
# Of the load balancer; with --provider-only or --tls, name the provider's address: healthcheck --address 127.0.0.1:9001.
HEALTHCHECK --interval=5s --timeout=3s --start-period=60s CMD ["/usr/local/bin/alb-emulator", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/alb-emulator"]
