# Stands in for the official image where no registry is reachable: the same server, from Debian.
FROM debian:bookworm-slim
RUN apt-get update -q && apt-get install -y -q --no-install-recommends nats-server wget
