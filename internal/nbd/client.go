package nbd

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"net"
	"sync"

	"github.com/novacron/novacron/internal/fault"
)

// Client is a connection to one export. It is safe for concurrent use: requests of several goroutines are in flight
// together. A context that ends while its request is in flight ends the connection, since the answer can no longer be
// told apart from the caller's memory being used again; so does any breach of the protocol. Every later call then fails.
type Client struct {
	connection net.Conn
	reader     *bufio.Reader
	size       int64
	flags      uint16
	maxPayload int64
	contexts   map[uint32]string

	sending sync.Mutex

	lock    sync.Mutex
	cookie  uint64
	pending map[uint64]*request
	failure error // why the connection ended
	ended   chan struct{}
}

// request is one command in flight.
type request struct {
	buffer  []byte // of a read
	offset  int64
	extents map[string][]Extent // of a block status
	filled  int64
	failure error
	done    chan struct{}
}

// Size returns the export's length in bytes.
func (c *Client) Size() int64 { return c.size }

// ReadOnly reports whether the server refuses writes.
func (c *Client) ReadOnly() bool { return c.flags&TransmissionReadOnly != 0 }

// HasContext reports whether the server granted the metadata context.
func (c *Client) HasContext(name string) bool {
	for _, granted := range c.contexts {
		if granted == name {
			return true
		}
	}
	return false
}

// ReadAt fills buffer from offset on.
func (c *Client) ReadAt(ctx context.Context, buffer []byte, offset int64) error {
	return c.split(offset, int64(len(buffer)), c.maxPayload, func(at, length int64) error {
		part := buffer[at-offset:][:length]
		return c.call(ctx, CommandRead, 0, &request{buffer: part, offset: at}, length, nil)
	})
}

// WriteAt writes data at offset. It may still be in a cache afterwards; see Flush.
func (c *Client) WriteAt(ctx context.Context, data []byte, offset int64) error {
	return c.split(offset, int64(len(data)), c.maxPayload, func(at, length int64) error {
		return c.call(ctx, CommandWrite, 0, &request{offset: at}, length, data[at-offset:][:length])
	})
}

// WriteZeroes makes a range read as zeroes, freeing the space where the server can. A server that does not know the
// command is sent zeroes.
func (c *Client) WriteZeroes(ctx context.Context, offset, length int64) error {
	if c.flags&TransmissionWriteZeroes == 0 {
		zeroes := make([]byte, min(length, 1<<20))
		return c.split(offset, length, int64(len(zeroes)), func(at, length int64) error {
			return c.WriteAt(ctx, zeroes[:length], at)
		})
	}
	// A command's length has 32 bits; a round gibibyte stays aligned to any block size.
	return c.split(offset, length, 1<<30, func(at, length int64) error {
		return c.call(ctx, CommandWriteZeroes, 0, &request{offset: at}, length, nil)
	})
}

// Flush returns once everything whose writing was answered before is on the disk.
func (c *Client) Flush(ctx context.Context) error {
	if c.flags&TransmissionFlush == 0 {
		return nil
	}
	return c.call(ctx, CommandFlush, 0, &request{}, 0, nil)
}

// Extents visits the range in order, in adjoining extents that cover it whole, with the flags of one metadata context.
// NotFound if the server did not grant the context.
func (c *Client) Extents(ctx context.Context, name string, offset, length int64, visit func(Extent) error) error {
	if !c.HasContext(name) {
		return fault.NotFound("the disk server does not offer %s", name)
	}
	if err := c.checkRange(offset, length); err != nil {
		return err
	}
	for end := offset + length; offset < end; {
		asked := &request{offset: offset, extents: make(map[string][]Extent)}
		if err := c.call(ctx, CommandBlockStatus, 0, asked, min(end-offset, 1<<30), nil); err != nil {
			return err
		}
		progress := offset
		for _, extent := range asked.extents[name] {
			// The last extent may reach beyond what was asked for.
			extent.Length = min(extent.Length, end-extent.Offset)
			if extent.Length <= 0 {
				break
			}
			if err := visit(extent); err != nil {
				return err
			}
			progress = extent.Offset + extent.Length
		}
		if progress == offset {
			return unavailable(errors.New("block status made no progress"))
		}
		offset = progress
	}
	return nil
}

// Close says goodbye and closes the connection. It does not flush.
func (c *Client) Close() error {
	c.sending.Lock()
	_, _ = c.connection.Write(header(CommandDisconnect, 0, 0, 0, 0))
	c.sending.Unlock()
	c.end(errors.New("the client was closed"))
	<-c.ended
	return nil
}

func (c *Client) checkRange(offset, length int64) error {
	if offset < 0 || length < 0 || offset > c.size-length {
		return fault.Invalid("%d bytes at %d lie outside the disk of %d bytes", length, offset, c.size)
	}
	return nil
}

func (c *Client) split(offset, length, limit int64, do func(at, length int64) error) error {
	if err := c.checkRange(offset, length); err != nil {
		return err
	}
	for at := offset; at < offset+length; at += limit {
		if err := do(at, min(limit, offset+length-at)); err != nil {
			return err
		}
	}
	return nil
}

// call sends one command and waits for its reply.
func (c *Client) call(ctx context.Context, command, flags uint16, asked *request, length int64, data []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	asked.done = make(chan struct{})
	cookie, err := c.register(asked)
	if err != nil {
		return err
	}
	interrupt := context.AfterFunc(ctx, func() { c.end(ctx.Err()) })
	defer interrupt()
	c.sending.Lock()
	buffers := net.Buffers{header(command, flags, cookie, asked.offset, length), data}
	_, err = buffers.WriteTo(c.connection)
	c.sending.Unlock()
	if err != nil {
		c.end(err)
	}
	<-asked.done
	if asked.failure != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return asked.failure
}

func (c *Client) register(asked *request) (uint64, error) {
	c.lock.Lock()
	defer c.lock.Unlock()
	if c.failure != nil {
		return 0, unavailable(c.failure)
	}
	c.cookie++
	c.pending[c.cookie] = asked
	return c.cookie, nil
}

func header(command, flags uint16, cookie uint64, offset, length int64) []byte {
	message := binary.BigEndian.AppendUint32(make([]byte, 0, 28), MagicRequest)
	message = binary.BigEndian.AppendUint16(message, flags)
	message = binary.BigEndian.AppendUint16(message, command)
	message = binary.BigEndian.AppendUint64(message, cookie)
	message = binary.BigEndian.AppendUint64(message, uint64(offset))
	return binary.BigEndian.AppendUint32(message, uint32(length))
}

// end closes the connection; the receiver then fails whatever is in flight.
func (c *Client) end(why error) {
	c.lock.Lock()
	if c.failure == nil {
		c.failure = why
	}
	c.lock.Unlock()
	c.connection.Close()
}
