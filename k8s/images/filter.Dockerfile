# The filter's module for Istio, for those who build images with an engine. `make image` needs none, and gives the same
# digest for the same module every time. After `make module`, from the root of the repository:
#   docker build -f k8s/images/filter.Dockerfile -t registry.example/throughline/filter:0.1.0 target
FROM scratch
LABEL org.opencontainers.image.title="throughline filter"
# Istio looks for exactly this name, in the last layer.
COPY throughline_filter.wasm /plugin.wasm
