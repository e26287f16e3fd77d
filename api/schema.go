package api

import (
	"path"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// capitals spells the words of schema names that are not just capitalised.
var capitals = map[string]string{"vm": "VM"}

// schemaName names a type in the OpenAPI document: a noun by its own name (VM, Host), what belongs to it behind that
// (VMSpec, HostFacts), what is the API's own by its own name.
func schemaName(of reflect.Type, hint string) string {
	of = elementOf(of)
	name := of.Name()
	if name == "" || strings.ContainsAny(name, "[]") {
		return huma.DefaultSchemaNamer(of, hint)
	}
	room := path.Base(of.PkgPath())
	if room == "api" || room == "store" || room == "." || strings.EqualFold(room, name) {
		return capital(name)
	}
	return capital(room) + name
}

func elementOf(of reflect.Type) reflect.Type {
	for of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice && of.Name() == "" {
		of = of.Elem()
	}
	return of
}

func capital(word string) string {
	if special, ok := capitals[word]; ok {
		return special
	}
	if word == "" {
		return word
	}
	return strings.ToUpper(word[:1]) + word[1:]
}

func typeOf[T any]() reflect.Type { return reflect.TypeFor[T]() }
