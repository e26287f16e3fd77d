//go:build lab && cgo

package libvirt_test

import (
	"testing"

	"github.com/novacron/novacron/internal/hypervisor/hypervisortest"
)

func TestContract(t *testing.T) { hypervisortest.Test(t, newStage(t)) }
