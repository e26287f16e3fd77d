package api_test

import (
	"strings"
	"testing"

	"github.com/novacron/novacron/api"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/objectstore"
	"github.com/novacron/novacron/internal/objectstore/fake"
)

const swiftKey = "a-key-that-nobody-may-see"

func inSwift(container string) objectstore.Place {
	return objectstore.Place{Swift: &objectstore.SwiftPlace{
		AuthURL: "https://swift.example.org/auth/v1.0", User: "novacron:server", Key: swiftKey, Container: container,
	}}
}

func TestObjectStoresSayWhereTheyAreAndWhy(t *testing.T) {
	broken := fake.New()
	broken.Before = func(string, string) error { return fault.Denied("Swift refuses user %q", "novacron:server") }
	s := newStage(t, func(config *api.Config) {
		config.ObjectStores = []api.ObjectStore{
			{Holds: "images", Place: inSwift("images"), Store: fake.New()}, {Holds: "backups", Place: inSwift("backups"), Store: broken},
		}
	})
	var found struct{ Items []objectstore.Standing }
	said := s.call("GET", "/object-stores", nil, 200)
	said.into(&found)
	if strings.Contains(string(said.body), swiftKey) {
		t.Error("the key is shown")
	}
	if len(found.Items) != 2 || found.Items[0] != (objectstore.Standing{
		Holds: "images", Driver: "swift", Place: "container images of Swift at swift.example.org, as novacron:server", Available: true,
	}) {
		t.Errorf("it says %+v", found.Items)
	}
	if bad := found.Items[1]; bad.Available || !strings.Contains(bad.Detail, "refuses user") {
		t.Errorf("of one that is refused it says %+v", bad)
	}
}

func TestHostsAreToldWhereBackupsAre(t *testing.T) {
	for _, each := range []struct {
		declared, told objectstore.Place
	}{{inSwift("backups"), inSwift("backups")}, {}} {
		s := newStage(t, func(config *api.Config) {
			config.ObjectStores = []api.ObjectStore{{Holds: "images", Place: inSwift("images"), Store: fake.New()}, {Holds: "backups", Place: each.declared}}
		})
		var told objectstore.Place
		s.as(s.hosts["h1"].token).call("GET", "/hosts/self/repository", nil, 200).into(&told)
		if !told.Same(each.told) {
			t.Errorf("they are told %+v", told)
		}
		s.call("GET", "/hosts/self/repository", nil, 403)
		if strings.Contains(s.log.String(), swiftKey) {
			t.Error("the key is in the log")
		}
	}
}
