# Stands in for MongoDB: a server that speaks its protocol, built from tests/mongo-server.
FROM scratch
COPY mongo-server /
ENTRYPOINT ["/mongo-server"]
