package store_test

import (
	"fmt"
	"testing"

	"github.com/novacron/novacron/internal/store"
	"github.com/novacron/novacron/internal/vm"
)

// BenchmarkListVMs reads the first page of 100, as GET /vms does.
func BenchmarkListVMs(b *testing.B) {
	for _, count := range []int{1_000, 25_000} {
		w := newWorld(b)
		w.fill(count)
		for name, filter := range map[string]store.VMFilter{
			"first":   {Project: w.project},
			"any":     {},
			"stopped": {Project: w.project, State: vm.Stopped},
			"host":    {Project: w.project, Host: string(w.host)},
			"query":   {Project: w.project, Query: "999"},
		} {
			b.Run(fmt.Sprintf("%d/%s", count, name), func(b *testing.B) {
				for b.Loop() {
					if _, _, err := w.ListVMs(b.Context(), filter); err != nil {
						b.Fatal(explained(err))
					}
				}
			})
		}
	}
}

// BenchmarkAccept records an operation and its end.
func BenchmarkAccept(b *testing.B) {
	w := newWorld(b)
	machine := w.addVM("web")
	for b.Loop() {
		accepted, err := w.Accept(b.Context(), w.on("stop", machine))
		must(b, err)
		must(b, w.EndOperation(b.Context(), accepted.Operation.ID, store.Ending{State: "succeeded"}))
	}
}

// BenchmarkAcceptInALargeNetwork provisions into a network with 25,000 addresses taken.
func BenchmarkAcceptInALargeNetwork(b *testing.B) {
	w := newWorld(b)
	w.fill(25_000)
	for i := 0; b.Loop(); i++ {
		_, err := w.Accept(b.Context(), w.provisioning(fmt.Sprintf("new-%d", i)))
		must(b, err)
	}
}
