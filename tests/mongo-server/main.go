// A server that speaks MongoDB's protocol, for tests on machines without mongod: FerretDB on SQLite.
//
//	mongo-server -listen 127.0.0.1:27018 -directory /tmp/somewhere
package main

import (
	"context"
	"flag"
	"log"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/FerretDB/FerretDB/ferretdb"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:27018", "address")
	directory := flag.String("directory", ".", "where the databases lie")
	check := flag.String("check", "", "address: only say whether a server listens there")
	flag.Parse()

	if *check != "" {
		connection, err := net.DialTimeout("tcp", *check, 2*time.Second)
		if err != nil {
			log.Fatal(err)
		}
		connection.Close()
		return
	}

	socket := filepath.Join(*directory, "ferretdb.sock")
	if err := os.Remove(socket); err != nil && !os.IsNotExist(err) {
		log.Fatal(err)
	}
	server, err := ferretdb.New(&ferretdb.Config{
		Listener:  ferretdb.ListenerConfig{Unix: socket},
		Handler:   "sqlite",
		// What is written survives a killed server; nothing here tests a power cut.
		SQLiteURL: "file:" + *directory + "/?_pragma=synchronous(off)",
	})
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	go func() {
		waitFor(socket)
		if err := (&oneByOne{server: socket}).listen(*listen); err != nil {
			log.Fatal(err)
		}
	}()
	if err := server.Run(ctx); err != nil {
		log.Fatal(err)
	}
}

// Returns once the server accepts connections; it has no other way to say so.
func waitFor(socket string) {
	for {
		connection, err := net.Dial("unix", socket)
		if err == nil {
			connection.Close()
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}
