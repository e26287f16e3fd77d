package fake

import (
	"encoding/binary"
	"errors"
	"io"
	"slices"
)

// The options of the handshake, and the replies to them.
const (
	optionExportName       = 1
	optionAbort            = 2
	optionList             = 3
	optionInfo             = 6
	optionGo               = 7
	optionStructuredReply  = 8
	optionListMetaContexts = 9
	optionSetMetaContexts  = 10

	replyAck         = 1
	replyServer      = 2
	replyInfo        = 3
	replyMetaContext = 4
	replyUnsupported = 1<<31 + 1
	replyUnknown     = 1<<31 + 6

	infoExport         = 0
	maximumOptionBytes = 64 << 10
)

type nbdOption struct {
	Magic  uint64
	Option uint32
	Length uint32
}

// negotiate answers options until the client has chosen an export.
func (c *nbdClient) negotiate() error {
	for {
		var header nbdOption
		if err := c.receive(&header); err != nil {
			return err
		}
		if header.Magic != magicOption || header.Length > maximumOptionBytes {
			return errors.New("that is not an option of the NBD handshake")
		}
		data := make([]byte, header.Length)
		if _, err := io.ReadFull(c.in, data); err != nil {
			return err
		}
		chosen, err := c.answer(header.Option, data)
		if chosen || err != nil {
			return err
		}
	}
}

// answer reports whether the option ended the negotiation.
func (c *nbdClient) answer(option uint32, data []byte) (bool, error) {
	switch option {
	case optionExportName:
		found, known := c.server.exports[string(data)]
		if !known {
			return true, errors.New("there is no such export")
		}
		c.export = found
		return true, c.send(uint64(found.disk.size), uint16(flagsTransmission))
	case optionAbort:
		return true, errors.Join(c.reply(option, replyAck, nil), io.EOF)
	case optionList:
		for name := range c.server.exports {
			if err := c.reply(option, replyServer, named(name)); err != nil {
				return true, err
			}
		}
		return false, c.reply(option, replyAck, nil)
	case optionInfo, optionGo:
		return c.choose(option, data)
	case optionStructuredReply:
		c.structured = true
		return false, c.reply(option, replyAck, nil)
	case optionListMetaContexts, optionSetMetaContexts:
		return false, c.metaContexts(option, data)
	default:
		return false, c.reply(option, replyUnsupported, nil)
	}
}

func (c *nbdClient) choose(option uint32, data []byte) (bool, error) {
	name, _, err := cutString(data)
	if err != nil {
		return true, err
	}
	found, known := c.server.exports[name]
	if !known {
		return false, c.reply(option, replyUnknown, nil)
	}
	info := binary.BigEndian.AppendUint16(nil, infoExport)
	info = binary.BigEndian.AppendUint64(info, uint64(found.disk.size))
	info = binary.BigEndian.AppendUint16(info, flagsTransmission)
	if err := c.reply(option, replyInfo, info); err != nil {
		return true, err
	}
	c.export = found
	return option == optionGo, c.reply(option, replyAck, nil)
}

// metaContexts lists or chooses contexts: an export's name, a count, and that many queries.
func (c *nbdClient) metaContexts(option uint32, data []byte) error {
	name, rest, err := cutString(data)
	if err != nil {
		return err
	}
	found, known := c.server.exports[name]
	if !known {
		return c.reply(option, replyUnknown, nil)
	}
	if len(rest) < 4 {
		return io.ErrUnexpectedEOF
	}
	count := binary.BigEndian.Uint32(rest)
	rest = rest[4:]
	var queries []string
	for range count {
		var query string
		if query, rest, err = cutString(rest); err != nil {
			return err
		}
		queries = append(queries, query)
	}
	chosen := map[string]uint32{}
	if asked(queries, contextAllocation, "base:") {
		chosen[contextAllocation] = allocationID
	}
	if found.dirty != nil && asked(queries, dirtyContext, "qemu:") {
		chosen[dirtyContext] = dirtyID
	}
	for context, number := range chosen {
		if err := c.reply(option, replyMetaContext, append(binary.BigEndian.AppendUint32(nil, number), context...)); err != nil {
			return err
		}
	}
	if option == optionSetMetaContexts {
		c.contexts = chosen
	}
	return c.reply(option, replyAck, nil)
}

// asked reports whether the queries name a context or its namespace; no queries at all ask for every context.
func asked(queries []string, context, namespace string) bool {
	return len(queries) == 0 || slices.Contains(queries, context) || slices.Contains(queries, namespace)
}

func (c *nbdClient) reply(option, code uint32, data []byte) error {
	return c.send(uint64(magicOptionReply), option, code, uint32(len(data)), data)
}

func named(name string) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(name))), name...)
}

func cutString(data []byte) (string, []byte, error) {
	if len(data) < 4 || uint64(len(data)-4) < uint64(binary.BigEndian.Uint32(data)) {
		return "", nil, io.ErrUnexpectedEOF
	}
	end := 4 + binary.BigEndian.Uint32(data)
	return string(data[4:end]), data[end:], nil
}
