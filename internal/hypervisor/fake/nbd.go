package fake

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
)

// The server speaks the fixed newstyle handshake and structured replies, read only, as laid down in
// https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md. It is as large as a backup's reader needs.

// nbdExport is a disk as it was at one instant, and the blocks that changed up to then since a checkpoint.
type nbdExport struct {
	disk  *disk
	dirty map[int64]bool // nil without a dirty bitmap
}

type nbdServer struct {
	socket   string
	listener net.Listener
	exports  map[string]nbdExport
	mutex    sync.Mutex
	open     map[net.Conn]bool
	closed   bool
}

// serveNBD listens on a unix socket in a directory of its own, short enough for a socket's path.
func serveNBD(exports map[string]nbdExport) (*nbdServer, error) {
	directory, err := os.MkdirTemp("", "fake-nbd-")
	if err != nil {
		return nil, err
	}
	socket := filepath.Join(directory, "nbd.sock")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(directory))
	}
	s := &nbdServer{socket: socket, listener: listener, exports: exports, open: map[net.Conn]bool{}}
	go s.accept()
	return s, nil
}

func (s *nbdServer) accept() {
	for {
		connection, err := s.listener.Accept()
		if err != nil {
			return
		}
		if !s.track(connection) {
			_ = connection.Close()
			return
		}
		go func() {
			defer s.forget(connection)
			client := &nbdClient{server: s, in: bufio.NewReader(connection), out: bufio.NewWriter(connection)}
			_ = client.converse() // whatever ends a client's connection is the client's business
		}()
	}
}

func (s *nbdServer) track(connection net.Conn) bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.open[connection] = true
	return !s.closed
}

func (s *nbdServer) forget(connection net.Conn) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	delete(s.open, connection)
	_ = connection.Close()
}

func (s *nbdServer) stop() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.closed = true
	_ = s.listener.Close()
	for connection := range s.open {
		_ = connection.Close()
	}
	_ = os.RemoveAll(filepath.Dir(s.socket))
}

// nbdClient is one connection.
type nbdClient struct {
	server     *nbdServer
	in         *bufio.Reader
	out        *bufio.Writer
	export     nbdExport
	structured bool
	contexts   map[string]uint32 // those chosen, with their IDs
}

const (
	magicServer         = 0x4e42444d41474943
	magicOption         = 0x49484156454f5054
	magicOptionReply    = 0x3e889045565a9
	magicRequest        = 0x25609513
	magicSimpleReply    = 0x67446698
	magicStructured     = 0x668e33ef
	flagsHandshake      = 1 | 2        // fixed newstyle, no zeroes
	flagsTransmission   = 1 | 2 | 1<<2 // the flags are valid, read only, flush
	commandRead         = 0
	commandDisconnect   = 2
	commandFlush        = 3
	commandBlockStatus  = 7
	flagRequestOne      = 1 << 3
	chunkDone           = 1
	chunkOffsetData     = 1
	chunkBlockStatus    = 5
	errorInvalid        = 22
	contextAllocation   = "base:allocation"
	allocationID        = 0
	dirtyID             = 1
	statusHoleAndZero   = 3
	maximumReadBytes    = 32 << 20
	maximumStatusExtent = 1 << 12
)

func (c *nbdClient) converse() error {
	if err := c.send(uint64(magicServer), uint64(magicOption), uint16(flagsHandshake)); err != nil {
		return err
	}
	var clientFlags uint32
	if err := c.receive(&clientFlags); err != nil {
		return err
	}
	if err := c.negotiate(); err != nil {
		return err
	}
	for {
		if err := c.serveRequest(); err != nil {
			return err
		}
	}
}

type nbdRequest struct {
	Magic   uint32
	Flags   uint16
	Command uint16
	Cookie  uint64
	Offset  uint64
	Length  uint32
}

func (c *nbdClient) serveRequest() error {
	var request nbdRequest
	if err := c.receive(&request); err != nil {
		return err
	}
	inside := request.Offset+uint64(request.Length) <= uint64(c.export.disk.size)
	switch {
	case request.Magic != magicRequest || request.Command == commandDisconnect:
		return io.EOF
	case request.Command == commandFlush:
		return c.simple(request, 0)
	case request.Command == commandRead && inside && request.Length <= maximumReadBytes:
		return c.read(request)
	case request.Command == commandBlockStatus && inside && c.structured:
		return c.blockStatus(request)
	default:
		return c.simple(request, errorInvalid)
	}
}

func (c *nbdClient) simple(request nbdRequest, code uint32) error {
	return c.send(uint32(magicSimpleReply), code, request.Cookie)
}

func (c *nbdClient) read(request nbdRequest) error {
	data := make([]byte, request.Length)
	c.export.disk.readAt(data, int64(request.Offset))
	if !c.structured {
		return c.send(uint32(magicSimpleReply), uint32(0), request.Cookie, data)
	}
	return c.send(uint32(magicStructured), uint16(chunkDone), uint16(chunkOffsetData), request.Cookie,
		uint32(8+len(data)), request.Offset, data)
}

// blockStatus answers one chunk for each chosen context, the last one marked as the end.
func (c *nbdClient) blockStatus(request nbdRequest) error {
	left := len(c.contexts)
	for _, name := range []string{contextAllocation, dirtyContext} {
		number, chosen := c.contexts[name]
		if !chosen {
			continue
		}
		left--
		var flags uint16
		if left == 0 {
			flags = chunkDone
		}
		extents := c.extents(number, request)
		if err := c.send(uint32(magicStructured), flags, uint16(chunkBlockStatus), request.Cookie,
			uint32(4+8*len(extents)), number, extents); err != nil {
			return err
		}
	}
	return nil
}

type nbdExtent struct{ Length, Status uint32 }

func (c *nbdClient) extents(context uint32, request nbdRequest) []nbdExtent {
	var extents []nbdExtent
	end := int64(request.Offset) + int64(request.Length)
	for at := int64(request.Offset); at < end && len(extents) < maximumStatusExtent; {
		block := at / blockBytes
		length := uint32(min(end, (block+1)*blockBytes) - at)
		status := c.status(context, block)
		if last := len(extents) - 1; last >= 0 && extents[last].Status == status {
			extents[last].Length += length
		} else if last >= 0 && request.Flags&flagRequestOne != 0 {
			break
		} else {
			extents = append(extents, nbdExtent{length, status})
		}
		at += int64(length)
	}
	return extents
}

func (c *nbdClient) status(context uint32, block int64) uint32 {
	if context == dirtyID {
		if c.export.dirty[block] {
			return 1
		}
		return 0
	}
	if c.export.disk.blocks[block] == nil {
		return statusHoleAndZero
	}
	return 0
}

func (c *nbdClient) receive(into any) error { return binary.Read(c.in, binary.BigEndian, into) }

func (c *nbdClient) send(parts ...any) error {
	for _, part := range parts {
		if err := binary.Write(c.out, binary.BigEndian, part); err != nil {
			return err
		}
	}
	return c.out.Flush()
}
