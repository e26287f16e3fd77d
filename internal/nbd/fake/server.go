package fake

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"

	"github.com/novacron/novacron/internal/nbd"
)

// Export is a disk under a name.
type Export struct {
	Name     string
	Disk     *Disk
	ReadOnly bool
	Contexts map[string][]nbd.Extent // metadata contexts besides base:allocation, each covering the disk; see Disk.Dirty
	// Fail, if set, is asked before each command and may return an error number of the protocol, such as nbd.ErrorIO.
	Fail func(command uint16, offset int64) uint32
}

// Server serves exports on a unix socket.
type Server struct {
	listener net.Listener
	exports  map[string]Export

	lock        sync.Mutex
	connections map[net.Conn]bool
	closed      bool
	running     sync.WaitGroup
}

// Serve listens on the socket until Close.
func Serve(socket string, exports ...Export) (*Server, error) {
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return nil, err
	}
	server := &Server{listener: listener, exports: make(map[string]Export), connections: make(map[net.Conn]bool)}
	for _, export := range exports {
		server.exports[export.Name] = export
	}
	server.running.Add(1)
	go server.accept()
	return server, nil
}

// Close ends every connection and removes the socket.
func (s *Server) Close() error {
	s.lock.Lock()
	s.closed = true
	err := s.listener.Close()
	for connection := range s.connections {
		connection.Close()
	}
	s.lock.Unlock()
	s.running.Wait()
	return err
}

func (s *Server) accept() {
	defer s.running.Done()
	for {
		connection, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.lock.Lock()
		if s.closed {
			s.lock.Unlock()
			connection.Close()
			return
		}
		s.connections[connection] = true
		s.running.Add(1)
		s.lock.Unlock()
		go func() {
			defer s.running.Done()
			session := &session{server: s, Reader: bufio.NewReader(connection), writer: bufio.NewWriter(connection), contexts: map[uint32]string{}}
			if session.shake() == nil {
				session.serve()
			}
			connection.Close()
			s.lock.Lock()
			delete(s.connections, connection)
			s.lock.Unlock()
		}()
	}
}

// session is one connection.
type session struct {
	server *Server
	*bufio.Reader
	writer   *bufio.Writer
	export   Export
	contexts map[uint32]string
}

var errLeft = errors.New("the client left")

func (s *session) shake() error {
	greeting := binary.BigEndian.AppendUint64(nil, nbd.MagicServer)
	greeting = binary.BigEndian.AppendUint64(greeting, nbd.MagicOption)
	greeting = binary.BigEndian.AppendUint16(greeting, nbd.FlagFixedNewstyle|nbd.FlagNoZeroes)
	if err := s.send(greeting); err != nil {
		return err
	}
	var flags [4]byte
	if _, err := io.ReadFull(s.Reader, flags[:]); err != nil {
		return err
	}
	for {
		var header [16]byte
		if _, err := io.ReadFull(s.Reader, header[:]); err != nil {
			return err
		}
		option, length := binary.BigEndian.Uint32(header[8:]), binary.BigEndian.Uint32(header[12:])
		if binary.BigEndian.Uint64(header[:]) != nbd.MagicOption || length > 1<<16 {
			return fmt.Errorf("malformed option %x", header)
		}
		payload := make([]byte, length)
		if _, err := io.ReadFull(s.Reader, payload); err != nil {
			return err
		}
		entered, err := s.option(option, payload)
		if err != nil || entered {
			return err
		}
	}
}

// option answers one option; entered means that the transmission phase begins.
func (s *session) option(option uint32, payload []byte) (entered bool, err error) {
	switch option {
	case nbd.OptionStructuredReply:
		return false, s.reply(option, nbd.ReplyAck, nil)
	case nbd.OptionAbort:
		return false, errors.Join(s.reply(option, nbd.ReplyAck, nil), errLeft)
	case nbd.OptionSetMetaContext:
		return false, s.grantContexts(payload)
	case nbd.OptionGo:
		name, _ := cutString(payload)
		export, known := s.server.exports[name]
		if !known {
			return false, s.reply(option, nbd.ReplyUnknown, nil)
		}
		s.export = export
		flags := uint16(nbd.TransmissionHasFlags | nbd.TransmissionFlush | nbd.TransmissionTrim | nbd.TransmissionWriteZeroes | nbd.TransmissionMultiConn)
		if export.ReadOnly {
			flags |= nbd.TransmissionReadOnly
		}
		info := binary.BigEndian.AppendUint16(nil, nbd.InfoExport)
		info = binary.BigEndian.AppendUint64(info, uint64(export.Disk.Size()))
		info = binary.BigEndian.AppendUint16(info, flags)
		return true, errors.Join(s.reply(option, nbd.ReplyInfo, info), s.reply(option, nbd.ReplyAck, nil))
	default:
		return false, s.reply(option, nbd.ReplyUnsupported, nil)
	}
}

func (s *session) grantContexts(payload []byte) error {
	name, rest := cutString(payload)
	export, known := s.server.exports[name]
	if !known {
		return s.reply(nbd.OptionSetMetaContext, nbd.ReplyUnknown, nil)
	}
	if len(rest) < 4 {
		return errors.New("malformed list of contexts")
	}
	clear(s.contexts)
	for rest = rest[4:]; len(rest) >= 4; {
		var context string
		context, rest = cutString(rest)
		if _, offered := export.Contexts[context]; !offered && context != nbd.ContextAllocation {
			continue
		}
		number := uint32(len(s.contexts) + 1)
		s.contexts[number] = context
		if err := s.reply(nbd.OptionSetMetaContext, nbd.ReplyMetaContext, append(binary.BigEndian.AppendUint32(nil, number), context...)); err != nil {
			return err
		}
	}
	return s.reply(nbd.OptionSetMetaContext, nbd.ReplyAck, nil)
}

func cutString(from []byte) (string, []byte) {
	if len(from) < 4 {
		return "", nil
	}
	length := int(min(binary.BigEndian.Uint32(from), uint32(len(from)-4)))
	return string(from[4 : 4+length]), from[4+length:]
}

func (s *session) reply(option, kind uint32, payload []byte) error {
	message := binary.BigEndian.AppendUint64(nil, nbd.MagicReply)
	message = binary.BigEndian.AppendUint32(message, option)
	message = binary.BigEndian.AppendUint32(message, kind)
	message = binary.BigEndian.AppendUint32(message, uint32(len(payload)))
	return s.send(append(message, payload...))
}

func (s *session) send(message []byte) error {
	_, err := s.writer.Write(message)
	return errors.Join(err, s.writer.Flush())
}
