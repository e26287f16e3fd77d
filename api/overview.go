package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/novacron/novacron/internal/host"
	"github.com/novacron/novacron/internal/id"
	"github.com/novacron/novacron/internal/monitor"
	"github.com/novacron/novacron/internal/operation"
	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/internal/vm"
)

// Overview is what a person wants to see first.
type Overview struct {
	VMs            map[vm.State]int       `json:"vms" doc:"How many VMs are in each state"`
	Hosts          map[host.State]int     `json:"hosts" doc:"How many hosts are in each state"`
	Capacity       Capacity               `json:"capacity" doc:"Over all hosts that answer"`
	OpenOperations int                    `json:"open_operations"`
	OperationKinds []store.OperationCount `json:"operation_kinds" doc:"Open operations by kind and state"`
	Running        []operation.Operation  `json:"running" doc:"Open operations, newest first, at most 20"`
	Waiting        []operation.Operation  `json:"waiting" doc:"Operations that wait for somebody to do something, at most 20"`
	Failed         []operation.Operation  `json:"failed" doc:"The newest operations that failed, at most 10"`
}

// Capacity is what hosts have, what they have promised, and what is in use.
type Capacity struct {
	CPUs                int     `json:"cpus"`
	PromisedCPUs        int     `json:"promised_cpus"`
	CPUFraction         float64 `json:"cpu_fraction" doc:"Use, 0 to 1"`
	MemoryBytes         int64   `json:"memory_bytes"`
	PromisedMemoryBytes int64   `json:"promised_memory_bytes"`
	UsedMemoryBytes     int64   `json:"used_memory_bytes"`
}

type searchInput struct {
	Scope
	Query string `query:"q" required:"true" minLength:"1" maxLength:"100" doc:"Part of a name, or the beginning of an ID"`
	Limit int    `query:"limit" minimum:"1" maximum:"50" default:"8" doc:"The most hits of each kind"`
}

func (s *Server) overviewRoutes() {
	tags := []string{"Overview"}
	add(s, user, huma.Operation{
		OperationID: "overview", Method: http.MethodGet, Path: "/overview", Tags: tags, Summary: "What runs, what happens, and what needs somebody",
	}, s.overview)
	add(s, user, huma.Operation{
		OperationID: "search", Method: http.MethodGet, Path: "/search", Tags: tags, Summary: "Find VMs, hosts, images, operations and backups",
	}, s.search)
}

func (s *Server) overview(ctx context.Context, in *Scope) (*plain[Overview], error) {
	where, err := s.reach(ctx, *in)
	if err != nil {
		return nil, err
	}
	survey, err := s.store.Survey(ctx, where.listing())
	if err != nil {
		return nil, err
	}
	hosts, err := s.store.ListHosts(ctx)
	if err != nil {
		return nil, err
	}
	shows := Overview{VMs: survey.VMs, Hosts: map[host.State]int{}, OperationKinds: survey.Operations}
	for _, each := range survey.Operations {
		shows.OpenOperations += each.Count
	}
	shows.Capacity = s.capacityOf(hosts, shows.Hosts)
	for _, list := range []struct {
		into   *[]operation.Operation
		filter store.OperationFilter
	}{
		{&shows.Running, store.OperationFilter{Open: true, Limit: 20}},
		{&shows.Waiting, store.OperationFilter{State: operation.Waiting, Limit: 20}},
		{&shows.Failed, store.OperationFilter{State: operation.Failed, Limit: 10}},
	} {
		list.filter.Project = where.listing()
		found, _, err := s.store.ListOperations(ctx, list.filter)
		if err != nil {
			return nil, err
		}
		*list.into = append([]operation.Operation{}, found...)
	}
	return &plain[Overview]{Body: shows}, nil
}

// capacityOf sums up the hosts that answer, and counts all of them by state.
func (s *Server) capacityOf(hosts []host.Host, states map[host.State]int) Capacity {
	var sum Capacity
	busy := 0.0
	for _, each := range hosts {
		state := each.StateAt(s.now())
		states[state]++
		if state == host.Offline {
			continue
		}
		sum.CPUs += each.Facts.CPUs
		sum.PromisedCPUs += each.Promised.CPUs
		sum.MemoryBytes += each.Facts.MemoryBytes
		sum.PromisedMemoryBytes += each.Promised.MemoryBytes
		sum.UsedMemoryBytes += each.Use.MemoryUsedBytes
		busy += each.Use.CPUFraction * float64(each.Facts.CPUs)
	}
	if sum.CPUs > 0 {
		sum.CPUFraction = busy / float64(sum.CPUs)
	}
	return sum
}

func (s *Server) search(ctx context.Context, in *searchInput) (*listed[store.Hit], error) {
	where, err := s.reach(ctx, in.Scope)
	if err != nil {
		return nil, err
	}
	found, err := s.store.Search(ctx, where.listing(), strings.TrimSpace(in.Query), in.Limit)
	return page(found, ""), err
}

// census counts for the metrics.
type census struct{ store *store.Store }

// Census implements monitor.Inventory.
func (c census) Census(ctx context.Context) (monitor.Census, error) {
	counted := monitor.Census{VMs: map[string]int{}, Hosts: map[string]int{}, Operations: map[[2]string]int{}}
	survey, err := c.store.Survey(ctx, id.Project(""))
	if err != nil {
		return counted, err
	}
	hosts, err := c.store.ListHosts(ctx)
	if err != nil {
		return counted, err
	}
	for state, count := range survey.VMs {
		counted.VMs[string(state)] = count
	}
	for _, each := range survey.Operations {
		counted.Operations[[2]string{string(each.Kind), string(each.State)}] = each.Count
	}
	for _, state := range []host.State{host.Ready, host.Cordoned, host.Offline} {
		counted.Hosts[string(state)] = 0
	}
	for _, each := range hosts {
		counted.Hosts[string(each.State)]++
	}
	return counted, nil
}
