package fake_test

import (
	"errors"
	"testing"

	"github.com/novacron/novacron/internal/fabric"
	"github.com/novacron/novacron/internal/fabric/fabrictest"
	"github.com/novacron/novacron/internal/fabric/fake"
)

func TestContract(t *testing.T) {
	fabrictest.Run(t, func(*testing.T) fabric.Fabric { return fake.New() })
}

func TestFaultsStrikeWhenTheyAreToldTo(t *testing.T) {
	driver, broken := fake.New(), errors.New("broken")
	network := fabrictest.Network()
	driver.Inject("EnsureNetwork", fake.Fault{Nth: 2, Error: broken})
	for call, wanted := range []error{nil, broken, nil} {
		if err := driver.EnsureNetwork(t.Context(), network); !errors.Is(err, wanted) {
			t.Fatalf("call %d: got %v, want %v", call+1, err, wanted)
		}
	}
	driver.Inject("EnsurePort", fake.Fault{HalfWay: true, Error: broken})
	if _, err := driver.EnsurePort(t.Context(), fabrictest.Port(network)); !errors.Is(err, broken) {
		t.Fatalf("got %v, want %v", err, broken)
	}
	driver.Heal()
	ports, err := driver.Ports(t.Context())
	if err != nil || len(ports) != 1 {
		t.Fatalf("half way means that the port exists: %v, %v", ports, err)
	}
	if driver.Calls("EnsureNetwork") != 3 || len(driver.Networks()) != 1 {
		t.Fatalf("%d calls, networks %v", driver.Calls("EnsureNetwork"), driver.Networks())
	}
}
