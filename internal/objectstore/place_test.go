package objectstore_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/objectstore"
)

func sane() objectstore.SwiftPlace {
	return objectstore.SwiftPlace{AuthURL: "https://swift.example.org/auth/v1.0", User: "novacron:server", Key: "s3cret", Container: "images"}
}

func TestPlacesThatCannotBe(t *testing.T) {
	if err := (objectstore.Place{Swift: new(sane())}).Check(); err != nil {
		t.Fatal(err)
	}
	if err := (objectstore.Place{Directory: "/srv/images"}).Check(); err != nil {
		t.Fatal(err)
	}
	for field, change := range map[string]func(*objectstore.SwiftPlace){
		"auth_url":  func(p *objectstore.SwiftPlace) { p.AuthURL = "swift.example.org" },
		"user":      func(p *objectstore.SwiftPlace) { p.User = "" },
		"key":       func(p *objectstore.SwiftPlace) { p.Key = "" },
		"container": func(p *objectstore.SwiftPlace) { p.Container = strings.Repeat("c", 250) },
	} {
		bad := sane()
		change(&bad)
		refused(t, objectstore.Place{Swift: &bad}, field)
	}
	for _, path := range []string{"", "relative", "/", "/a/../b"} {
		refused(t, objectstore.Place{Directory: path}, "directory")
	}
}

func refused(t *testing.T, place objectstore.Place, field string) {
	t.Helper()
	err := place.Check()
	found, ok := errors.AsType[*fault.Error](err)
	if !ok || found.Kind != fault.KindInvalid || found.Field != field {
		t.Errorf("%s: %v", field, err)
	}
}

func TestAPlaceNeverSaysItsKey(t *testing.T) {
	place := objectstore.Place{Swift: new(sane())}
	for _, said := range []string{place.String(), fmt.Sprint(place), fmt.Sprintf("%v %s", place, place)} {
		if strings.Contains(said, "s3cret") || !strings.Contains(said, "images") || !strings.Contains(said, "swift.example.org") {
			t.Errorf("it says %q", said)
		}
	}
}

func TestSamePlaces(t *testing.T) {
	other := sane()
	other.Key = "renewed"
	places := []objectstore.Place{{}, {Directory: "/a"}, {Directory: "/b"}, {Swift: new(sane())}, {Swift: &other}}
	for i, one := range places {
		for j, two := range places {
			if one.Same(two) != (i == j) {
				t.Errorf("%v and %v", one, two)
			}
		}
	}
	if !places[3].Same(objectstore.Place{Swift: new(sane())}) {
		t.Error("two of the same are not")
	}
}
