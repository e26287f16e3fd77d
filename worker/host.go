package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"go.temporal.io/sdk/client"
	sdkworker "go.temporal.io/sdk/worker"

	hostactivities "github.com/novacron/novacron/activities/host"
	"github.com/novacron/novacron/internal/auth"
	"github.com/novacron/novacron/internal/backuprepo"
	"github.com/novacron/novacron/internal/fabric"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/host"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/objectstore"
	"github.com/novacron/novacron/internal/storage"
)

// Host is a host's worker: it enrols, runs the host's activities, compares the hypervisor with the inventory, and reports.
type Host struct {
	Name             string
	ServerURL        string
	EnrolToken       string // needed once
	TemporalAddress  string
	State            string // directory that is kept over restarts
	MigrationAddress netip.Addr
	ExtraPeers       []netip.Addr // tunnel addresses besides the other hosts'
	Version          string

	Driver     hostactivities.Driver
	OpenPool   storage.Opener
	Fabric     fabric.Fabric
	Repository *backuprepo.Repository // of this host's own directory: where backups are unless the control plane says otherwise
	// OpenRepository opens a place that the control plane says. One that is not available now is no error.
	OpenRepository func(objectstore.Place) (*backuprepo.Repository, error)
	// ImageCacheBytes is how much a pool keeps of images that no disk stands on.
	ImageCacheBytes int64
	Log             *slog.Logger

	pools   *storage.Set
	backups *repository
}

// identity is what a host keeps of its enrolment.
type identity struct {
	Host      id.Host `json:"host_id"`
	Token     string  `json:"token"`
	Namespace string  `json:"temporal_namespace"`
}

const (
	retryEvery     = 2 * time.Second
	reportEvery    = 10 * time.Second
	networksEvery  = 10 * time.Second
	poolsEvery     = 10 * time.Second
	haltedEvery    = 10 * time.Second
	factsEvery     = 5 * time.Minute
	identityFile   = "worker.json"
	activitiesMost = 64 // concurrent activities on one host
	pollersMost    = 4
)

// Run works until ctx ends. It waits for the hypervisor, the API and Temporal as long as they are away.
func (h *Host) Run(ctx context.Context) error {
	if err := os.MkdirAll(h.State, 0o700); err != nil {
		return err
	}
	plane := &Plane{URL: h.ServerURL, HTTP: &http.Client{}}
	h.pools = storage.NewSet(h.OpenPool)
	h.backups = &repository{own: h.Repository, open: h.OpenRepository}
	known, err := h.enrol(ctx, plane)
	if err != nil {
		return err
	}
	plane.Token = known.Token
	if err := h.awaitStorage(ctx, plane); err != nil {
		return err
	}
	connected, err := Connect(ctx, h.TemporalAddress, known.Namespace, string(known.Host), h.Log)
	if err != nil {
		return err
	}
	defer connected.Close()
	working, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	offers := hostactivities.NewOffers(filepath.Join(h.State, "offers"),
		netip.AddrPortFrom(h.MigrationAddress, hostactivities.OfferPort).String(), h.pools, h.Log)
	go every(working, h.Log, "serving disks to other hosts", retryEvery, offers.Serve)
	images := &imageServer{key: auth.HashToken(known.Token), pools: h.pools, log: h.Log}
	go every(working, h.Log, "giving images to other hosts", retryEvery, func(ctx context.Context) error {
		return images.serve(ctx, netip.AddrPortFrom(h.MigrationAddress, host.ImagePort).String())
	})
	running, err := h.listen(working, fail, connected, plane, known, offers)
	if err != nil {
		return err
	}
	defer running.Stop()
	h.Log.Info("the worker is at work", "host", known.Host, "name", h.Name)
	h.keep(working, plane)
	<-working.Done()
	return ending(ctx, working)
}

// listen takes activities from the host's own queue; fail is told if Temporal refuses them for good.
func (h *Host) listen(
	ctx context.Context, fail func(error), connected client.Client, plane *Plane, known identity, offers *hostactivities.Offers,
) (sdkworker.Worker, error) {
	running, err := newWorker(ctx, connected, hostactivities.TaskQueue(known.Host), h.State, sdkworker.Options{
		DisableWorkflowWorker: true, MaxConcurrentActivityExecutionSize: activitiesMost, MaxConcurrentActivityTaskPollers: pollersMost,
		OnFatalError: fail,
	}, h.Log)
	if err != nil {
		return nil, err
	}
	if err := failUnwritten(ctx, connected, known.Namespace, string(known.Host)); err != nil {
		h.Log.Warn("activities that were just handed to an earlier process will be taken up when their heartbeats are missed", "error", err)
	}
	running.RegisterActivity(&hostactivities.Activities{
		Host: known.Host, Hypervisor: h.Driver, Pools: h.pools, Fabric: h.peered(), Repository: h.backups.current, Images: plane.Image,
		PeerImages: newImagePeers(plane, h.Log).open, Keep: plane.KeepImage, Seeds: h.seeds(plane), Offers: offers,
	})
	return running, running.Start()
}

// seeds are those of the VMs on this host.
func (h *Host) seeds(plane *Plane) *hostactivities.Seeds {
	return hostactivities.NewSeeds(filepath.Join(h.State, "seeds"), plane.Instance)
}

// keep runs the loops beside the activities.
func (h *Host) keep(ctx context.Context, plane *Plane) {
	report := &reporter{driver: h.Driver, pools: h.pools, plane: plane}
	go every(ctx, h.Log, "reporting what the host has", factsEvery, func(ctx context.Context) error {
		facts, err := h.facts(ctx)
		if err != nil {
			return err
		}
		return plane.SetFacts(ctx, facts)
	})
	go every(ctx, h.Log, "letting VMs go on that a full pool stopped", haltedEvery, h.resumeHalted)
	go every(ctx, h.Log, "reporting readings", reportEvery, report.once)
	go every(ctx, h.Log, "following the pools that are declared", poolsEvery, func(ctx context.Context) error { return h.syncPools(ctx, plane) })
	go every(ctx, h.Log, "bounding the copies of images", evictEvery, h.evictImages)
	go every(ctx, h.Log, "following where backups are", poolsEvery, func(ctx context.Context) error { return h.syncRepository(ctx, plane) })
	go every(ctx, h.Log, "setting up networks", networksEvery, func(ctx context.Context) error { return h.syncNetworks(ctx, plane) })
	go every(ctx, h.Log, "keeping the link for consoles", retryEvery, (&link{plane: plane, driver: h.Driver, log: h.Log}).serve)
	go h.compare(ctx, plane, h.watch(ctx))
}

// enrol makes the host known, or finds that it is.
func (h *Host) enrol(ctx context.Context, plane *Plane) (identity, error) {
	path := filepath.Join(h.State, identityFile)
	var known identity
	content, err := os.ReadFile(path)
	if err == nil {
		return recognise(path, content)
	}
	if !errors.Is(err, os.ErrNotExist) {
		return known, err
	}
	if h.EnrolToken == "" {
		return known, fmt.Errorf("this host is not enrolled and NOVACRON_ENROL_TOKEN is empty: make a token with `novacron host add` and start the worker with it")
	}
	for {
		facts, err := h.facts(ctx)
		if err == nil {
			var answer Welcome
			if answer, err = plane.Enrol(ctx, Enrolment{Token: h.EnrolToken, Name: h.Name, Facts: facts}); err == nil {
				known = identity(answer)
				return known, h.remember(path, known)
			}
		}
		if kind := fault.KindOf(err); kind == fault.KindDenied || kind == fault.KindInvalid {
			return known, fmt.Errorf("enrolling: %w", err)
		}
		h.Log.Info("waiting to enrol", "error", err)
		select {
		case <-time.After(retryEvery):
		case <-ctx.Done():
			return known, ctx.Err()
		}
	}
}

// recognise reads what an earlier enrolment left.
func recognise(path string, content []byte) (identity, error) {
	var known identity
	if err := json.Unmarshal(content, &known); err != nil || known.Host == "" || known.Token == "" {
		return identity{}, fmt.Errorf("%s does not say who this host is; restore it, or remove it and start the worker with a new token of `novacron host add`", path)
	}
	return known, nil
}

// remember writes the identity whole or not at all, and so that it outlives a power cut: an enrolment token works only once.
func (h *Host) remember(path string, known identity) error {
	content, err := json.Marshal(known)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	directory, err := os.Open(h.State)
	if err != nil {
		return err
	}
	return errors.Join(directory.Sync(), directory.Close())
}

func (h *Host) facts(ctx context.Context) (host.Facts, error) {
	facts, err := h.Driver.Facts(ctx)
	if err != nil {
		return facts, err
	}
	facts.MigrationAddress, facts.WorkerVersion = h.MigrationAddress.String(), h.Version
	facts.Pools = h.pools.Facts(ctx)
	return facts, nil
}

// peered adds the peers that are no hosts to every network.
func (h *Host) peered() fabric.Fabric { return &extraPeers{Fabric: h.Fabric, extra: h.ExtraPeers} }

type extraPeers struct {
	fabric.Fabric
	extra []netip.Addr
}

func (e *extraPeers) EnsureNetwork(ctx context.Context, network fabric.Network) error {
	network.Peers = append(append([]netip.Addr{}, network.Peers...), e.extra...)
	return e.Fabric.EnsureNetwork(ctx, network)
}

func (h *Host) syncNetworks(ctx context.Context, plane *Plane) error {
	networks, err := plane.Networks(ctx)
	if err != nil {
		return err
	}
	fabric := h.peered()
	for _, each := range networks {
		if err := fabric.EnsureNetwork(ctx, each); err != nil {
			return err
		}
	}
	return nil
}

func (h *Host) syncPools(ctx context.Context, plane *Plane) error {
	definitions, err := plane.Pools(ctx)
	if err != nil {
		return err
	}
	h.pools.Declare(ctx, definitions)
	return nil
}

// awaitStorage opens the pools and the repository before anything asks for one.
func (h *Host) awaitStorage(ctx context.Context, plane *Plane) error {
	for {
		err := h.syncPools(ctx, plane)
		if err == nil {
			err = h.syncRepository(ctx, plane)
		}
		if err == nil {
			return nil
		}
		if fault.Is(err, fault.KindDenied) {
			return fmt.Errorf("reading which storage there is: %w", err)
		}
		h.Log.Info("waiting to be told which storage there is", "error", err)
		select {
		case <-time.After(retryEvery):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
