package nbd_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/nbd"
)

// silent completes a handshake and then never answers, or answers with the given bytes.
func silent(t *testing.T, answer []byte) string {
	socket := filepath.Join(t.TempDir(), "s")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer connection.Close()
				shakeAsServer(connection)
				request := make([]byte, 28)
				if _, err := io.ReadFull(connection, request); err != nil {
					return
				}
				_, _ = connection.Write(bytes.ReplaceAll(answer, []byte("COOKIE__"), request[8:16]))
				_, _ = io.Copy(io.Discard, connection)
			}()
		}
	}()
	return socket
}

func shakeAsServer(connection net.Conn) {
	greeting := binary.BigEndian.AppendUint64(nil, nbd.MagicServer)
	greeting = binary.BigEndian.AppendUint64(greeting, nbd.MagicOption)
	_, _ = connection.Write(binary.BigEndian.AppendUint16(greeting, 3))
	_, _ = io.ReadFull(connection, make([]byte, 4))
	for {
		header := make([]byte, 16)
		if _, err := io.ReadFull(connection, header); err != nil {
			return
		}
		_, _ = io.CopyN(io.Discard, connection, int64(binary.BigEndian.Uint32(header[12:])))
		reply := func(kind uint32, payload []byte) {
			message := binary.BigEndian.AppendUint64(nil, nbd.MagicReply)
			message = append(message, header[8:12]...)
			message = binary.BigEndian.AppendUint32(message, kind)
			message = binary.BigEndian.AppendUint32(message, uint32(len(payload)))
			_, _ = connection.Write(append(message, payload...))
		}
		if binary.BigEndian.Uint32(header[8:]) != nbd.OptionGo {
			reply(nbd.ReplyUnsupported, nil)
			continue
		}
		info := binary.BigEndian.AppendUint16(nil, nbd.InfoExport)
		info = binary.BigEndian.AppendUint64(info, mib)
		reply(nbd.ReplyInfo, binary.BigEndian.AppendUint16(info, nbd.TransmissionHasFlags))
		reply(nbd.ReplyAck, nil)
		return
	}
}

func TestContextEndsARequest(t *testing.T) {
	client := dial(t, silent(t, nil), "disk", nbd.ContextAllocation)
	if client.HasContext(nbd.ContextAllocation) {
		t.Error("a server without structured replies granted a context")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := client.ReadAt(ctx, make([]byte, 512), 0); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("a read that nobody answers: %v", err)
	}
	if err := client.ReadAt(t.Context(), make([]byte, 512), 0); !fault.Is(err, fault.KindUnavailable) {
		t.Fatalf("the connection should be gone: %v", err)
	}
	if err := client.ReadAt(ctx, make([]byte, 512), 0); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("a context that is over: %v", err)
	}
	if err := client.Flush(t.Context()); err != nil {
		t.Errorf("a server without flush needs none: %v", err)
	}
}

func TestMalformedRepliesEndTheConnection(t *testing.T) {
	simple := func(number uint32, rest ...byte) []byte {
		message := binary.BigEndian.AppendUint32(nil, nbd.MagicSimple)
		message = binary.BigEndian.AppendUint32(message, number)
		return append(append(message, "COOKIE__"...), rest...)
	}
	chunk := func(flags, kind uint16, payload []byte) []byte {
		message := binary.BigEndian.AppendUint32(nil, nbd.MagicStructured)
		message = binary.BigEndian.AppendUint16(message, flags)
		message = binary.BigEndian.AppendUint16(message, kind)
		message = append(message, "COOKIE__"...)
		return append(binary.BigEndian.AppendUint32(message, uint32(len(payload))), payload...)
	}
	hole := func(offset uint64, length uint32) []byte {
		return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint64(nil, offset), length)
	}
	for name, answer := range map[string][]byte{
		"magic":           bytes.Repeat([]byte{7}, 64),
		"simple error":    simple(nbd.ErrorIO),
		"too little":      chunk(nbd.ChunkDone, nbd.ChunkHole, hole(0, 8)),
		"outside":         chunk(nbd.ChunkDone, nbd.ChunkHole, hole(4096, 512)),
		"negative":        chunk(nbd.ChunkDone, nbd.ChunkHole, hole(1<<63, 512)),
		"short hole":      chunk(nbd.ChunkDone, nbd.ChunkHole, []byte{1}),
		"unasked status":  chunk(nbd.ChunkDone, nbd.ChunkBlockStatus, make([]byte, 12)),
		"unknown chunk":   chunk(nbd.ChunkDone, 77, nil),
		"short error":     chunk(nbd.ChunkDone, nbd.ChunkError, nil),
		"data with error": chunk(nbd.ChunkDone, nbd.ChunkErrorOffset, make([]byte, 14)),
	} {
		t.Run(name, func(t *testing.T) {
			client := dial(t, silent(t, answer), "disk")
			if err := client.ReadAt(t.Context(), make([]byte, 512), 0); !fault.Is(err, fault.KindUnavailable) {
				t.Fatalf("error %v", err)
			}
		})
	}
	client := dial(t, silent(t, simple(0, pattern(3, 512)...)), "disk")
	buffer := make([]byte, 512)
	if err := client.ReadAt(t.Context(), buffer, 0); err != nil || !bytes.Equal(buffer, pattern(3, 512)) {
		t.Fatalf("a simple reply was not understood: %v", err)
	}
}
