package volume

import (
	"reflect"
	"testing"

	"github.com/novacron/novacron/internal/fault"
)

func TestLocations(t *testing.T) {
	for _, place := range []RBD{
		{Monitors: []string{"10.0.0.1:3300", "[fd00::1]:3300"}, Pool: "vms", Namespace: "prj_1", Image: "vol_1", User: "novacron", Secret: "6f8d"},
		{Monitors: []string{"m:1"}, Pool: "a b/c", Image: "vol?x=1&y"},
	} {
		location := place.Location()
		found, err := ParseRBD(location)
		if err != nil || !IsRBD(location) || !reflect.DeepEqual(found, place) {
			t.Errorf("%s reads as %+v, %v", location, found, err)
		}
	}
	for _, bad := range []string{"", "/var/lib/x", "rbd:", "rbd:pool/image?monitor=m:1", "rbd:pool//image", "rbd:/ns/image?monitor=m:1", "rbd:p/n/%zz?monitor=m:1", "rbd:p/n/i?%zz"} {
		if _, err := ParseRBD(bad); !fault.Is(err, fault.KindInvalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
