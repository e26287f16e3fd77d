package nbd

// Numbers of the protocol that client and fake share.
const (
	MagicServer     = 0x4e42444d41474943 // NBDMAGIC
	MagicOption     = 0x49484156454f5054 // IHAVEOPT
	MagicReply      = 0x3e889045565a9    // of an option
	MagicRequest    = 0x25609513
	MagicSimple     = 0x67446698
	MagicStructured = 0x668e33ef

	FlagFixedNewstyle = 1 << 0
	FlagNoZeroes      = 1 << 1

	OptionAbort           = 2
	OptionGo              = 7
	OptionStructuredReply = 8
	OptionSetMetaContext  = 10

	ReplyAck         = 1
	ReplyInfo        = 3
	ReplyMetaContext = 4
	ReplyErrorBit    = 1 << 31
	ReplyUnsupported = ReplyErrorBit | 1
	ReplyPolicy      = ReplyErrorBit | 2
	ReplyUnknown     = ReplyErrorBit | 6

	InfoExport    = 0
	InfoBlockSize = 3

	TransmissionHasFlags    = 1 << 0
	TransmissionReadOnly    = 1 << 1
	TransmissionFlush       = 1 << 2
	TransmissionTrim        = 1 << 5
	TransmissionWriteZeroes = 1 << 6
	TransmissionMultiConn   = 1 << 8

	CommandRead        = 0
	CommandWrite       = 1
	CommandDisconnect  = 2
	CommandFlush       = 3
	CommandTrim        = 4
	CommandWriteZeroes = 6
	CommandBlockStatus = 7

	CommandFlagNoHole = 1 << 1

	ChunkDone        = 1 << 0 // flag: the last chunk of a reply
	ChunkNone        = 0
	ChunkData        = 1
	ChunkHole        = 2
	ChunkBlockStatus = 5
	ChunkError       = 1<<15 | 1
	ChunkErrorOffset = 1<<15 | 2

	ErrorPermission = 1
	ErrorIO         = 5
	ErrorInvalid    = 22
	ErrorNoSpace    = 28
	ErrorShutdown   = 108
)

// ContextAllocation is the metadata context that says which bytes are data; its flags follow.
const (
	ContextAllocation = "base:allocation"
	StateHole         = 1 << 0 // nothing is stored there
	StateZero         = 1 << 1 // it reads as zeroes
)

// StateDirty is the flag of a qemu:dirty-bitmap context: the block changed. Source: QEMU's docs/interop/nbd.txt.
const StateDirty = 1 << 0

// MaxPayloadBytes is the most that this package moves in one request; the protocol lets every server take as much.
const MaxPayloadBytes = 32 << 20

// Extent is a range of the disk whose metadata flags are the same.
type Extent struct {
	Offset int64
	Length int64
	Flags  uint32
}
