# The collector, with the filter's module beside it for the component serve-module. After `make image`, whose module it takes
# (proxies check the sum that was pinned there), from the root of the repository:
#   docker build -f k8s/images/collector.Dockerfile -t registry.example/throughline/collector:0.1.0 .
# On Alpine everything links statically, so the image holds two files and nothing else. `make static` gives the same program
# without an engine.
FROM node:20-alpine AS page
WORKDIR /src/collector/ui
COPY collector/ui ./
RUN npm ci --no-audit --no-fund && npm run build

FROM rust:1.95-alpine AS build
RUN apk add --no-cache build-base
WORKDIR /src
COPY . ./
COPY --from=page /src/collector/ui/dist collector/ui/dist
RUN cargo build --release --locked --package throughline
# Folders that the user of the image may write to and read from; there is no shell to make them later.
RUN mkdir -p /image/data /image/usr/share/throughline \
  && install -m 0755 target/release/throughline /image/throughline \
  && install -m 0644 target/throughline_filter.wasm /image/usr/share/throughline/filter.wasm

FROM scratch
COPY --from=build --chown=65532:65532 /image /
USER 65532:65532
EXPOSE 4317 4318 16686
ENTRYPOINT ["/throughline"]
CMD ["serve", "--data-dir=/data", "--otlp-grpc=0.0.0.0:4317", "--otlp-http=0.0.0.0:4318", "--http=0.0.0.0:16686"]
