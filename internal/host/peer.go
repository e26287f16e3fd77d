package host

// ImagePort is the TCP port on which workers give images to each other.
const ImagePort = 10811

// Peer is a host that has an image, for another one that lacks it.
type Peer struct {
	Address string `json:"address" doc:"host:port"`
	Ticket  string `json:"ticket" doc:"Lets its bearer have this image from that host for a while"`
}
