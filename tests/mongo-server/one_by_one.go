package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"log"
	"net"
	"sync"
)

// MongoDB changes a document in one step; FerretDB reads it, then writes it, and of two changes at
// once it may lose one. This stands before it and lets such commands through one at a time.
type oneByOne struct {
	server string // the Unix socket
	turn   sync.Mutex
}

const (
	headerBytes  = 16 // length, request id, response to, opcode
	messageMost  = 64 << 20
	opMsg        = 2013
	moreToCome   = 1 << 1                  // no answer is wanted, or another will follow
	commandStart = headerBytes + 4 + 1 + 4 // flags, kind of section, length of the document
)

var changing = map[string]bool{"update": true, "findAndModify": true, "findandmodify": true, "delete": true}

func (o *oneByOne) listen(address string) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				log.Fatal(err)
			}
			go o.serve(client)
		}
	}()
	return nil
}

func (o *oneByOne) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("unix", o.server)
	if err != nil {
		log.Print(err)
		return
	}
	defer server.Close()
	for {
		message, err := readMessage(client)
		if err != nil {
			return
		}
		if err := o.exchange(message, client, server); err != nil {
			return
		}
	}
}

// Sends a message on and brings back what comes in answer.
func (o *oneByOne) exchange(message []byte, client, server net.Conn) error {
	if changing[command(message)] {
		o.turn.Lock()
		defer o.turn.Unlock()
	}
	if _, err := server.Write(message); err != nil {
		return err
	}
	for more := flags(message)&moreToCome == 0; more; {
		answer, err := readMessage(server)
		if err != nil {
			return err
		}
		if _, err := client.Write(answer); err != nil {
			return err
		}
		more = flags(answer)&moreToCome != 0
	}
	return nil
}

func readMessage(from io.Reader) ([]byte, error) {
	var header [headerBytes]byte
	if _, err := io.ReadFull(from, header[:]); err != nil {
		return nil, err
	}
	length := binary.LittleEndian.Uint32(header[:])
	if length < headerBytes || length > messageMost {
		return nil, errors.New("not a message of MongoDB's protocol")
	}
	message := make([]byte, length)
	copy(message, header[:])
	_, err := io.ReadFull(from, message[headerBytes:])
	return message, err
}

func isMsg(message []byte) bool {
	return len(message) > commandStart && binary.LittleEndian.Uint32(message[12:]) == opMsg
}

func flags(message []byte) uint32 {
	if !isMsg(message) {
		return 0
	}
	return binary.LittleEndian.Uint32(message[headerBytes:])
}

// The name of the command: that of the first field of the first section, if it is the body.
func command(message []byte) string {
	if !isMsg(message) || message[headerBytes+4] != 0 {
		return ""
	}
	field := message[commandStart+1:] // behind the field's type
	if end := bytes.IndexByte(field, 0); end >= 0 {
		return string(field[:end])
	}
	return ""
}
