package worker

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	hostactivities "github.com/novacron/novacron/activities/host"
	"github.com/novacron/novacron/internal/cloudinit"
	"github.com/novacron/novacron/internal/fabric"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/host"
	"github.com/novacron/novacron/internal/hypervisor"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/objectstore"
	"github.com/novacron/novacron/internal/pool"
	"github.com/novacron/novacron/internal/storage"
	"github.com/novacron/novacron/internal/vm"
)

// Plane speaks to the control plane's API on behalf of one host.
type Plane struct {
	URL   string // of the API, without a path
	Token string
	HTTP  *http.Client
}

// Enrolment is a host's first word.
type Enrolment struct {
	Token string     `json:"token"`
	Name  string     `json:"name"`
	Facts host.Facts `json:"facts"`
}

// Welcome is the answer: who the host is from now on.
type Welcome struct {
	Host      id.Host `json:"host_id"`
	Token     string  `json:"token"`
	Namespace string  `json:"temporal_namespace"`
}

// Report is a batch of readings.
type Report struct {
	Host  host.Use            `json:"host"`
	Pools []host.PoolFact     `json:"pools"`
	VMs   []hypervisor.Sample `json:"vms"`
}

// Observations is what the host sees of all VMs.
type Observations struct {
	Machines []ObservedMachine `json:"machines"`
	Seeds    []id.VM           `json:"seeds,omitempty"` // VMs that have a seed here
}

// ObservedMachine is one VM as the host sees it; VM is empty for one that is not ours.
type ObservedMachine struct {
	VM     id.VM    `json:"vm_id,omitempty"`
	Name   string   `json:"name,omitempty"`
	State  vm.State `json:"state"`
	Halted vm.Halt  `json:"halted,omitempty"`
}

const planeTimeout = 15 * time.Second

// call sends a request and decodes the answer; errors are faults, Unavailable when nobody answers.
func (p *Plane) call(ctx context.Context, method, path string, body, answer any) error {
	ctx, stop := context.WithTimeout(ctx, planeTimeout)
	defer stop()
	var content io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return err
		}
		content = bytes.NewReader(encoded)
	}
	response, err := p.send(ctx, method, path, content, nil)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if answer == nil || response.StatusCode == http.StatusNoContent {
		return nil
	}
	if err := json.NewDecoder(response.Body).Decode(answer); err != nil {
		return fault.Unavailable("the control plane's answer to %s %s could not be read", method, path).Because(err)
	}
	return nil
}

// send sends a request, which adjust may complete, and turns refusals into faults.
func (p *Plane) send(ctx context.Context, method, path string, content io.Reader, adjust func(*http.Request)) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, strings.TrimRight(p.URL, "/")+"/api/v1"+path, content)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	if p.Token != "" {
		request.Header.Set("Authorization", "Bearer "+p.Token)
	}
	if adjust != nil {
		adjust(request)
	}
	response, err := p.HTTP.Do(request)
	if err != nil {
		return nil, fault.Unavailable("the control plane at %s does not answer", p.URL).Because(err)
	}
	if response.StatusCode < http.StatusBadRequest {
		return response, nil
	}
	defer response.Body.Close()
	var problem struct {
		Detail string `json:"detail"`
	}
	_ = json.NewDecoder(io.LimitReader(response.Body, 64<<10)).Decode(&problem) // the status says enough without it
	kind := fault.KindUnavailable
	switch {
	case response.StatusCode == http.StatusNotFound:
		kind = fault.KindNotFound
	case response.StatusCode == http.StatusUnauthorized || response.StatusCode == http.StatusForbidden:
		kind = fault.KindDenied
	case response.StatusCode == http.StatusTooManyRequests:
		// Unavailable: it passes by itself.
	case response.StatusCode < http.StatusInternalServerError:
		kind = fault.KindInvalid
	}
	return nil, fault.New(kind, fmt.Sprintf("the control plane answered %s to %s %s: %s", response.Status, method, path, problem.Detail))
}

// Enrol makes this host known.
func (p *Plane) Enrol(ctx context.Context, first Enrolment) (Welcome, error) {
	var answer Welcome
	return answer, p.call(ctx, http.MethodPost, "/hosts/enrol", first, &answer)
}

// SetFacts reports what the host has.
func (p *Plane) SetFacts(ctx context.Context, facts host.Facts) error {
	return p.call(ctx, http.MethodPut, "/hosts/self/facts", facts, nil)
}

// Send reports readings.
func (p *Plane) Send(ctx context.Context, report Report) error {
	return p.call(ctx, http.MethodPost, "/hosts/self/samples", report, nil)
}

// Networks lists the networks that VMs of this host may be in.
func (p *Plane) Networks(ctx context.Context) ([]fabric.Network, error) {
	var answer []fabric.Network
	return answer, p.call(ctx, http.MethodGet, "/hosts/self/networks", nil, &answer)
}

// Pools lists the pools that this host should have, with their keys.
func (p *Plane) Pools(ctx context.Context) ([]pool.Definition, error) {
	var answer []pool.Definition
	return answer, p.call(ctx, http.MethodGet, "/hosts/self/pools", nil, &answer)
}

// Repository says where backups are, with what lets this host in; empty means in the host's own directory.
func (p *Plane) Repository(ctx context.Context) (objectstore.Place, error) {
	var answer objectstore.Place
	return answer, p.call(ctx, http.MethodGet, "/hosts/self/repository", nil, &answer)
}

// Instance reads what the guest of a VM is told, which has come to this host or is about to.
func (p *Plane) Instance(ctx context.Context, machine id.VM) (cloudinit.Instance, error) {
	var answer cloudinit.Instance
	return answer, p.call(ctx, http.MethodGet, "/hosts/self/vms/"+string(machine)+"/cloud-init", nil, &answer)
}

// Observe reports every VM that this host sees. It returns those that differ from the inventory and that an operation is
// at work on: what becomes of them is known when it has ended.
func (p *Plane) Observe(ctx context.Context, seen Observations) (deferred []id.VM, err error) {
	var answer struct {
		Deferred []id.VM `json:"deferred"`
	}
	err = p.call(ctx, http.MethodPost, "/hosts/self/observations", seen, &answer)
	return answer.Deferred, err
}

// ImagePeers names other hosts that have an image.
func (p *Plane) ImagePeers(ctx context.Context, image id.Image) ([]host.Peer, error) {
	var answer []host.Peer
	return answer, p.call(ctx, http.MethodGet, "/hosts/self/images/"+string(image)+"/peers", nil, &answer)
}

// Image reads an image's bytes from an offset on.
func (p *Plane) Image(ctx context.Context, image storage.BaseImage, offset int64) (io.ReadCloser, error) {
	response, err := p.send(ctx, http.MethodGet, "/images/"+string(image.Image)+"/content", nil, func(request *http.Request) {
		if offset > 0 {
			request.Header.Set("Range", fmt.Sprintf("bytes=%d-", offset))
		}
	})
	if err != nil {
		return nil, err
	}
	return response.Body, nil
}

// KeepImage sends the bytes of an image that an operation of the control plane waits for.
func (p *Plane) KeepImage(ctx context.Context, image id.Image, bytes hostactivities.DiskBytes, content io.Reader) error {
	response, err := p.send(ctx, http.MethodPut, "/hosts/self/images/"+string(image)+"?sha256="+bytes.SHA256, content, func(request *http.Request) {
		request.Header.Set("Content-Type", "application/octet-stream")
		request.ContentLength = bytes.SizeBytes
	})
	if err != nil {
		return err
	}
	return response.Body.Close()
}
