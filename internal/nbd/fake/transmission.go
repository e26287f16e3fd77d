package fake

import (
	"encoding/binary"
	"io"

	"github.com/novacron/novacron/internal/nbd"
)

// command is one request of the transmission phase.
type command struct {
	kind   uint16
	cookie uint64
	offset int64
	length int64
	data   []byte
}

// serve answers commands in turn until the client leaves.
func (s *session) serve() {
	for {
		asked, err := s.next()
		if err != nil || asked.kind == nbd.CommandDisconnect {
			return
		}
		if err := s.answer(asked); err != nil {
			return
		}
	}
}

func (s *session) next() (command, error) {
	var header [28]byte
	if _, err := io.ReadFull(s.Reader, header[:]); err != nil {
		return command{}, err
	}
	asked := command{
		kind: binary.BigEndian.Uint16(header[6:]), cookie: binary.BigEndian.Uint64(header[8:]),
		offset: int64(binary.BigEndian.Uint64(header[16:])), length: int64(binary.BigEndian.Uint32(header[24:])),
	}
	if binary.BigEndian.Uint32(header[:]) != nbd.MagicRequest || (asked.kind == nbd.CommandWrite && asked.length > nbd.MaxPayloadBytes) {
		return command{}, errLeft
	}
	if asked.kind == nbd.CommandWrite {
		asked.data = make([]byte, asked.length)
		if _, err := io.ReadFull(s.Reader, asked.data); err != nil {
			return command{}, err
		}
	}
	return asked, nil
}

func (s *session) answer(asked command) error {
	if s.export.Fail != nil {
		if number := s.export.Fail(asked.kind, asked.offset); number != 0 {
			return s.fail(asked, number)
		}
	}
	writes := asked.kind == nbd.CommandWrite || asked.kind == nbd.CommandWriteZeroes || asked.kind == nbd.CommandTrim
	switch {
	case writes && s.export.ReadOnly:
		return s.fail(asked, nbd.ErrorPermission)
	case s.export.Disk.check(asked.offset, asked.length) != nil:
		return s.fail(asked, nbd.ErrorInvalid)
	}
	var err error
	switch asked.kind {
	case nbd.CommandRead:
		return s.read(asked)
	case nbd.CommandBlockStatus:
		return s.status(asked)
	case nbd.CommandWrite:
		err = s.export.Disk.WriteAt(asked.data, asked.offset)
	case nbd.CommandWriteZeroes, nbd.CommandTrim:
		err = s.export.Disk.WriteZeroes(asked.offset, asked.length)
	case nbd.CommandFlush:
	default:
		return s.fail(asked, nbd.ErrorInvalid)
	}
	if err != nil {
		return s.fail(asked, nbd.ErrorIO)
	}
	return s.chunk(asked, nbd.ChunkNone, nbd.ChunkDone, nil)
}

// read answers with data and holes, block by block, as servers of sparse disks do.
func (s *session) read(asked command) error {
	if asked.length > nbd.MaxPayloadBytes {
		return s.fail(asked, nbd.ErrorInvalid)
	}
	if asked.length == 0 {
		return s.chunk(asked, nbd.ChunkNone, nbd.ChunkDone, nil)
	}
	for offset, end := asked.offset, asked.offset+asked.length; offset < end; {
		count := min(end-offset, BlockBytes-offset%BlockBytes)
		payload := binary.BigEndian.AppendUint64(nil, uint64(offset))
		kind := uint16(nbd.ChunkHole)
		if s.export.Disk.holds(offset / BlockBytes) {
			kind = nbd.ChunkData
			payload = append(payload, make([]byte, count)...)
			if err := s.export.Disk.ReadAt(payload[8:], offset); err != nil {
				return s.fail(asked, nbd.ErrorIO)
			}
		} else {
			payload = binary.BigEndian.AppendUint32(payload, uint32(count))
		}
		offset += count
		flags := uint16(0)
		if offset == end {
			flags = nbd.ChunkDone
		}
		if err := s.chunk(asked, kind, flags, payload); err != nil {
			return err
		}
	}
	return nil
}

func (d *Disk) holds(index int64) bool {
	d.lock.RLock()
	defer d.lock.RUnlock()
	return d.blocks[index] != nil
}

func (s *session) status(asked command) error {
	for number, name := range s.contexts {
		extents := s.export.Contexts[name]
		if name == nbd.ContextAllocation {
			extents = s.export.Disk.Allocation()
		}
		payload := binary.BigEndian.AppendUint32(nil, number)
		for _, extent := range extents {
			from, to := max(extent.Offset, asked.offset), min(extent.Offset+extent.Length, asked.offset+asked.length)
			if from >= to {
				continue
			}
			payload = binary.BigEndian.AppendUint32(payload, uint32(to-from))
			payload = binary.BigEndian.AppendUint32(payload, extent.Flags)
		}
		if err := s.chunk(asked, nbd.ChunkBlockStatus, 0, payload); err != nil {
			return err
		}
	}
	return s.chunk(asked, nbd.ChunkNone, nbd.ChunkDone, nil)
}

func (s *session) fail(asked command, number uint32) error {
	payload := binary.BigEndian.AppendUint32(nil, number)
	return s.chunk(asked, nbd.ChunkError, nbd.ChunkDone, binary.BigEndian.AppendUint16(payload, 0))
}

func (s *session) chunk(asked command, kind, flags uint16, payload []byte) error {
	message := binary.BigEndian.AppendUint32(make([]byte, 0, 20+len(payload)), nbd.MagicStructured)
	message = binary.BigEndian.AppendUint16(message, flags)
	message = binary.BigEndian.AppendUint16(message, kind)
	message = binary.BigEndian.AppendUint64(message, asked.cookie)
	message = binary.BigEndian.AppendUint32(message, uint32(len(payload)))
	return s.send(append(message, payload...))
}
