# Stands in for MongoDB: a server that speaks its protocol, made by tests/mongo-server/build.sh.
FROM debian:bookworm-slim
RUN apt-get update -q && apt-get install -y -q --no-install-recommends default-jre-headless
COPY . /mongo-server
ENTRYPOINT ["/mongo-server/mongo-server"]
