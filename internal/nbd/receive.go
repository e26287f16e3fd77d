package nbd

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/novacron/novacron/internal/fault"
)

const maxStatusBytes = 16 << 20

// receive hands replies to those who wait for them until the connection ends. It alone touches the buffers of requests
// in flight, so that once it has let go of one, its caller may use the memory again.
func (c *Client) receive() {
	defer close(c.ended)
	var failure error
	for failure == nil {
		failure = c.receiveOne()
	}
	c.end(failure)
	c.lock.Lock()
	defer c.lock.Unlock()
	for cookie, asked := range c.pending {
		asked.failure = unavailable(c.failure)
		close(asked.done)
		delete(c.pending, cookie)
	}
}

func (c *Client) receiveOne() error {
	var start [4]byte
	if _, err := io.ReadFull(c.reader, start[:]); err != nil {
		return err
	}
	switch magic := binary.BigEndian.Uint32(start[:]); magic {
	case MagicSimple:
		return c.receiveSimple()
	case MagicStructured:
		return c.receiveChunk()
	default:
		return fmt.Errorf("reply with magic %#x", magic)
	}
}

func (c *Client) receiveSimple() error {
	var rest [12]byte
	if _, err := io.ReadFull(c.reader, rest[:]); err != nil {
		return err
	}
	cookie, asked, err := c.find(rest[4:])
	if err != nil {
		return err
	}
	if number := binary.BigEndian.Uint32(rest[:]); number != 0 {
		asked.failure = commandFault(number)
	} else if len(asked.buffer) > 0 {
		if _, err := io.ReadFull(c.reader, asked.buffer); err != nil {
			return err
		}
		asked.filled = int64(len(asked.buffer))
	}
	return c.finish(cookie, asked)
}

func (c *Client) receiveChunk() error {
	var rest [16]byte
	if _, err := io.ReadFull(c.reader, rest[:]); err != nil {
		return err
	}
	flags, kind := binary.BigEndian.Uint16(rest[:]), binary.BigEndian.Uint16(rest[2:])
	length := int64(binary.BigEndian.Uint32(rest[12:]))
	cookie, asked, err := c.find(rest[4:])
	if err != nil {
		return err
	}
	switch kind {
	case ChunkNone:
		err = skip(c.reader, length, 0)
	case ChunkData:
		err = asked.receiveData(c.reader, length)
	case ChunkHole:
		err = asked.receiveHole(c.reader, length)
	case ChunkBlockStatus:
		err = c.receiveStatus(asked, length)
	case ChunkError, ChunkErrorOffset:
		err = asked.receiveError(c.reader, length)
	default:
		err = fmt.Errorf("reply chunk of unknown kind %d", kind)
	}
	if err != nil || flags&ChunkDone == 0 {
		return err
	}
	return c.finish(cookie, asked)
}

func (c *Client) find(cookie []byte) (uint64, *request, error) {
	number := binary.BigEndian.Uint64(cookie)
	c.lock.Lock()
	defer c.lock.Unlock()
	asked := c.pending[number]
	if asked == nil {
		return 0, nil, fmt.Errorf("reply to request %d, which is not in flight", number)
	}
	return number, asked, nil
}

func (c *Client) finish(cookie uint64, asked *request) error {
	if asked.failure == nil && asked.filled != int64(len(asked.buffer)) {
		return errors.New("reply ends before all that was asked for came")
	}
	c.lock.Lock()
	defer c.lock.Unlock()
	delete(c.pending, cookie)
	close(asked.done)
	return nil
}

// place returns the part of a read's buffer that belongs to length bytes at the disk's offset.
func (r *request) place(offset, length int64) ([]byte, error) {
	at := offset - r.offset
	if at < 0 || length < 0 || at > int64(len(r.buffer))-length {
		return nil, errors.New("reply with bytes that were not asked for")
	}
	r.filled += length
	return r.buffer[at : at+length], nil
}

func (r *request) receiveData(reader io.Reader, length int64) error {
	var offset [8]byte
	if _, err := io.ReadFull(reader, offset[:]); err != nil {
		return err
	}
	part, err := r.place(int64(binary.BigEndian.Uint64(offset[:])), length-8)
	if err != nil {
		return err
	}
	_, err = io.ReadFull(reader, part)
	return err
}

func (r *request) receiveHole(reader io.Reader, length int64) error {
	var hole [12]byte
	if length != int64(len(hole)) {
		return errors.New("malformed hole")
	}
	if _, err := io.ReadFull(reader, hole[:]); err != nil {
		return err
	}
	part, err := r.place(int64(binary.BigEndian.Uint64(hole[:])), int64(binary.BigEndian.Uint32(hole[8:])))
	clear(part)
	return err
}

func (c *Client) receiveStatus(asked *request, length int64) error {
	if length < 4 || (length-4)%8 != 0 || length > maxStatusBytes || asked.extents == nil {
		return errors.New("malformed block status")
	}
	payload := make([]byte, length)
	if _, err := io.ReadFull(c.reader, payload); err != nil {
		return err
	}
	name, offset := c.contexts[binary.BigEndian.Uint32(payload)], asked.offset
	for rest := payload[4:]; len(rest) > 0; rest = rest[8:] {
		extent := Extent{Offset: offset, Length: int64(binary.BigEndian.Uint32(rest)), Flags: binary.BigEndian.Uint32(rest[4:])}
		asked.extents[name] = append(asked.extents[name], extent)
		offset += extent.Length
	}
	return nil
}

func (r *request) receiveError(reader io.Reader, length int64) error {
	var number [4]byte
	if length < 6 {
		return errors.New("malformed error chunk")
	}
	if _, err := io.ReadFull(reader, number[:]); err != nil {
		return err
	}
	r.failure = commandFault(binary.BigEndian.Uint32(number[:]))
	return skip(reader, length, 4)
}

// skip reads past what is left of a chunk.
func skip(reader io.Reader, length, seen int64) error {
	_, err := io.CopyN(io.Discard, reader, length-seen)
	return err
}

func commandFault(number uint32) error {
	cause := fmt.Errorf("NBD error %d", number)
	switch number {
	case ErrorNoSpace:
		return fault.Exhausted("the disk's pool is full: make room in it or use another pool").Because(cause)
	case ErrorPermission:
		return fault.Conflict("the disk is served read-only: open it for writing").Because(cause)
	case ErrorInvalid:
		return fault.Invalid("the disk server refused a request as malformed or outside the disk").Because(cause)
	default:
		return fault.Unavailable("the disk server could not read or write the disk: check its pool").Because(cause)
	}
}
