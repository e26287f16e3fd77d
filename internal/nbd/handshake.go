package nbd

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"

	"github.com/novacron/novacron/internal/fault"
)

// Options says what to open.
type Options struct {
	Export   string
	Contexts []string // metadata contexts to ask for; the server may know only some of them
}

// Dial connects to the unix socket and opens the export. ctx bounds the handshake. NotFound if the server has no such
// export, Unavailable if nobody answers or not in this protocol.
func Dial(ctx context.Context, socket string, options Options) (*Client, error) {
	var dialer net.Dialer
	connection, err := dialer.DialContext(ctx, "unix", socket)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fault.Unavailable("the disk server does not answer: the export may have ended; begin it again").Because(err)
	}
	interrupt := context.AfterFunc(ctx, func() { connection.Close() })
	client, err := open(connection, options)
	if !interrupt() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		connection.Close()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, err
	}
	go client.receive()
	return client, nil
}

func open(connection net.Conn, options Options) (*Client, error) {
	shake := handshake{Writer: connection, Reader: bufio.NewReaderSize(connection, 256<<10)}
	client := &Client{
		connection: connection, reader: shake.Reader, contexts: make(map[uint32]string),
		pending: make(map[uint64]*request), ended: make(chan struct{}),
	}
	if err := shake.greet(); err != nil {
		return nil, unavailable(err)
	}
	kind, _, err := shake.option(OptionStructuredReply, nil, nil)
	if err != nil {
		return nil, unavailable(err)
	}
	structured := kind == ReplyAck
	if structured && len(options.Contexts) > 0 {
		if err := shake.selectContexts(options, client.contexts); err != nil {
			return nil, err
		}
	}
	if err := shake.enter(options.Export, client); err != nil {
		return nil, err
	}
	return client, nil
}

type handshake struct {
	io.Writer
	*bufio.Reader
}

// greet exchanges the newstyle greeting.
func (h handshake) greet() error {
	var greeting [18]byte
	if _, err := io.ReadFull(h.Reader, greeting[:]); err != nil {
		return err
	}
	if binary.BigEndian.Uint64(greeting[:]) != MagicServer || binary.BigEndian.Uint64(greeting[8:]) != MagicOption {
		return fmt.Errorf("greeting %x is not newstyle NBD", greeting)
	}
	flags := uint32(binary.BigEndian.Uint16(greeting[16:]))
	if flags&FlagFixedNewstyle == 0 || flags&FlagNoZeroes == 0 {
		return fmt.Errorf("handshake flags %#x lack fixed newstyle", flags)
	}
	_, err := h.Write(binary.BigEndian.AppendUint32(nil, FlagFixedNewstyle|FlagNoZeroes))
	return err
}

// option sends one option and reads its replies until the closing one, whose kind and text it returns; those before go
// to visit.
func (h handshake) option(option uint32, payload []byte, visit func(kind uint32, payload []byte) error) (uint32, []byte, error) {
	message := binary.BigEndian.AppendUint64(nil, MagicOption)
	message = binary.BigEndian.AppendUint32(message, option)
	message = binary.BigEndian.AppendUint32(message, uint32(len(payload)))
	if _, err := h.Write(append(message, payload...)); err != nil {
		return 0, nil, err
	}
	for {
		var header [20]byte
		if _, err := io.ReadFull(h.Reader, header[:]); err != nil {
			return 0, nil, err
		}
		kind, length := binary.BigEndian.Uint32(header[12:]), binary.BigEndian.Uint32(header[16:])
		if binary.BigEndian.Uint64(header[:]) != MagicReply || binary.BigEndian.Uint32(header[8:]) != option || length > 1<<20 {
			return 0, nil, fmt.Errorf("malformed reply %x to option %d", header, option)
		}
		reply := make([]byte, length)
		if _, err := io.ReadFull(h.Reader, reply); err != nil {
			return 0, nil, err
		}
		if kind == ReplyAck || kind&ReplyErrorBit != 0 {
			return kind, reply, nil
		}
		if visit == nil {
			continue
		}
		if err := visit(kind, reply); err != nil {
			return 0, nil, err
		}
	}
}

// selectContexts asks for metadata contexts and notes those that the server grants.
func (h handshake) selectContexts(options Options, contexts map[uint32]string) error {
	payload := appendString(nil, options.Export)
	payload = binary.BigEndian.AppendUint32(payload, uint32(len(options.Contexts)))
	for _, name := range options.Contexts {
		payload = appendString(payload, name)
	}
	kind, text, err := h.option(OptionSetMetaContext, payload, func(kind uint32, reply []byte) error {
		if kind == ReplyMetaContext && len(reply) >= 4 {
			contexts[binary.BigEndian.Uint32(reply)] = string(reply[4:])
		}
		return nil
	})
	if err != nil {
		return unavailable(err)
	}
	if kind == ReplyAck || kind == ReplyUnsupported {
		return nil
	}
	return refused(kind, text, options.Export)
}

// enter opens the export and so ends the handshake.
func (h handshake) enter(export string, client *Client) error {
	payload := appendString(nil, export)
	payload = binary.BigEndian.AppendUint16(payload, 1)
	payload = binary.BigEndian.AppendUint16(payload, InfoBlockSize)
	client.maxPayload = MaxPayloadBytes
	described := false
	kind, text, err := h.option(OptionGo, payload, func(kind uint32, reply []byte) error {
		if kind != ReplyInfo || len(reply) < 2 {
			return nil
		}
		switch binary.BigEndian.Uint16(reply) {
		case InfoExport:
			if len(reply) != 12 {
				return fmt.Errorf("malformed export description %x", reply)
			}
			described = true
			client.size, client.flags = int64(binary.BigEndian.Uint64(reply[2:])), binary.BigEndian.Uint16(reply[10:])
		case InfoBlockSize:
			if len(reply) == 14 {
				client.maxPayload = min(client.maxPayload, max(1<<16, int64(binary.BigEndian.Uint32(reply[10:]))))
			}
		}
		return nil
	})
	if err != nil {
		return unavailable(err)
	}
	if kind != ReplyAck {
		return refused(kind, text, export)
	}
	if !described || client.size < 0 {
		return unavailable(fmt.Errorf("export %q was opened without a usable description", export))
	}
	return nil
}

func appendString(to []byte, text string) []byte {
	return append(binary.BigEndian.AppendUint32(to, uint32(len(text))), text...)
}

func refused(kind uint32, text []byte, export string) error {
	cause := fmt.Errorf("option reply %#x for export %q: %s", kind, export, text)
	if kind == ReplyUnknown {
		return fault.NotFound("the disk server has no export %q: begin the export again", export).Because(cause)
	}
	return fault.Unavailable("the disk server refused export %q: begin the export again", export).Because(cause)
}

func unavailable(cause error) error {
	return fault.Unavailable("the connection to the disk server broke: begin the export again").Because(cause)
}
