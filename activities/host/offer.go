package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/storage"
)

// Offers lets another host read a volume of this one over TCP: whoever shows the ticket of an offer is told the name of
// an export, and gets an NBD connection that has it, read-only. Offers outlive the process; they are files in a directory.
type Offers struct {
	directory string
	address   string
	pools     Pools
	log       *slog.Logger

	mutex    sync.Mutex
	listener net.Listener
}

// Offer is a volume that may be read by whoever knows the ticket: from its pool, or from the export of the VM that has it open.
type Offer struct {
	Ticket string    `json:"ticket"`
	Pool   string    `json:"pool"`
	Volume id.Volume `json:"volume_id"`
	From   Source    `json:"from,omitzero"`
}

// OfferPort is the TCP port that workers serve volumes on.
const OfferPort = 10810

// NewOffers keeps offers in directory and will serve them on address, host:port.
func NewOffers(directory, address string, pools Pools, log *slog.Logger) *Offers {
	return &Offers{directory: directory, address: address, pools: pools, log: log}
}

// Serve accepts connections until ctx ends.
func (o *Offers) Serve(ctx context.Context) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", o.address)
	if err != nil {
		return fmt.Errorf("serving volumes to other hosts on %s: %w", o.address, err)
	}
	o.mutex.Lock()
	o.listener = listener
	o.mutex.Unlock()
	context.AfterFunc(ctx, func() { listener.Close() })
	for {
		connection, err := listener.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("serving volumes to other hosts: %w", err)
		}
		go func() {
			defer connection.Close()
			if err := o.answer(ctx, connection); err != nil {
				o.log.Warn("a volume was not served", "peer", connection.RemoteAddr().String(), "error", err)
			}
		}()
	}
}

const (
	ticketLength  = 64
	ticketTimeout = 10 * time.Second
)

func (o *Offers) answer(ctx context.Context, connection net.Conn) error {
	ticket := make([]byte, ticketLength)
	if err := connection.SetReadDeadline(time.Now().Add(ticketTimeout)); err != nil {
		return err
	}
	if _, err := io.ReadFull(connection, ticket); err != nil {
		return fmt.Errorf("reading the ticket: %w", err)
	}
	if err := connection.SetReadDeadline(time.Time{}); err != nil {
		return err
	}
	offer, err := o.find(string(ticket))
	if err != nil {
		return err
	}
	socket, export, stop, err := o.open(ctx, offer)
	if err != nil {
		return err
	}
	upstream, err := net.Dial("unix", socket)
	if err != nil && offer.From.Online {
		_, told := connection.Write([]byte{gone})
		return errors.Join(err, told)
	}
	if err != nil {
		return errors.Join(err, stop())
	}
	if _, err := connection.Write(append([]byte{byte(len(export))}, export...)); err != nil {
		return errors.Join(err, upstream.Close(), stop())
	}
	splice(connection, upstream)
	return stop()
}

// gone is sent where the length of an export's name would be: the export ended, as it does with its VM.
const gone = 0

func (o *Offers) open(ctx context.Context, offer Offer) (socket, export string, stop func() error, err error) {
	if offer.From.Online {
		return offer.From.Socket, offer.From.Disk.Export, func() error { return nil }, nil
	}
	pool, err := o.pools.Pool(offer.Pool)
	if err != nil {
		return "", "", nil, err
	}
	exporter, able := pool.(storage.Exporter)
	if !able {
		return "", "", nil, fault.Invalid("pool %q cannot serve volumes", offer.Pool)
	}
	return exporter.ServeVolume(ctx, offer.Volume, false)
}

func splice(left, right net.Conn) {
	done := make(chan struct{}, 2)
	relay := func(to, from net.Conn) {
		_, _ = io.Copy(to, from) // an end of either side ends both; there is nobody to tell
		done <- struct{}{}
	}
	go relay(left, right)
	go relay(right, left)
	<-done
	left.Close()
	right.Close()
	<-done
}

func (o *Offers) path(ticket string) (string, error) {
	if len(ticket) != ticketLength || strings.Trim(ticket, "0123456789abcdef") != "" {
		return "", fault.Denied("that is not a ticket")
	}
	return filepath.Join(o.directory, ticket), nil
}

func (o *Offers) find(ticket string) (Offer, error) {
	path, err := o.path(ticket)
	if err != nil {
		return Offer{}, err
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return Offer{}, fault.Denied("there is no offer for that ticket").Because(err)
	}
	var offer Offer
	return offer, json.Unmarshal(content, &offer)
}

// Put makes an offer; the same offer again is fine.
func (o *Offers) Put(offer Offer) error {
	path, err := o.path(offer.Ticket)
	if err != nil {
		return err
	}
	content, err := json.Marshal(offer)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(o.directory, 0o700); err != nil {
		return err
	}
	return os.WriteFile(path, content, 0o600)
}

// Remove withdraws an offer; a missing one is fine.
func (o *Offers) Remove(ticket string) error {
	path, err := o.path(ticket)
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// serveTimeout is how long the other host may take to serve a volume; its pool's own limit is shorter.
const serveTimeout = time.Minute

// dialOffer connects to a volume that another host offers; what follows on the connection is NBD, with that export.
func dialOffer(ctx context.Context, address, ticket string) (connection net.Conn, export string, err error) {
	connection, err = (&net.Dialer{Timeout: ticketTimeout}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, "", fault.Unavailable("the host that has the disk does not answer at %s", address).Because(err)
	}
	export, err = showTicket(connection, ticket)
	if fault.Is(err, fault.KindConflict) {
		connection.Close()
		return nil, "", err
	}
	if err != nil {
		connection.Close()
		return nil, "", fault.Unavailable("the host at %s did not serve the disk that it offers; its worker's log says why", address).Because(err)
	}
	return connection, export, nil
}

func showTicket(connection net.Conn, ticket string) (export string, err error) {
	if err := connection.SetDeadline(time.Now().Add(serveTimeout)); err != nil {
		return "", err
	}
	if _, err := io.WriteString(connection, ticket); err != nil {
		return "", err
	}
	var length [1]byte
	if _, err := io.ReadFull(connection, length[:]); err != nil {
		return "", err
	}
	if length[0] == gone {
		return "", fault.Conflict("the VM went off while its disks were copied as it ran: see what became of it, and ask again")
	}
	name := make([]byte, length[0])
	if _, err := io.ReadFull(connection, name); err != nil {
		return "", err
	}
	return string(name), connection.SetDeadline(time.Time{})
}

// OfferRequest offers a volume to another host, or withdraws the offer.
type OfferRequest struct {
	On
	Offer
}

// OfferDisk lets whoever has the ticket read a volume.
func (a *Activities) OfferDisk(_ context.Context, in OfferRequest) error {
	if in.Host != a.Host {
		return fault.Invalid("this worker acts for host %s, not for %s", a.Host, in.Host)
	}
	return a.Offers.Put(in.Offer)
}

// WithdrawDisk ends an offer.
func (a *Activities) WithdrawDisk(_ context.Context, in OfferRequest) error {
	if in.Host != a.Host {
		return fault.Invalid("this worker acts for host %s, not for %s", a.Host, in.Host)
	}
	return a.Offers.Remove(in.Ticket)
}
