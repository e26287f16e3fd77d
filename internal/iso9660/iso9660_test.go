package iso9660

import (
	"bytes"
	"io"
	"strings"
	"testing"

	reader "github.com/kdomanski/iso9660"
	"pgregory.net/rapid"
)

// TestAnotherReaderFindsTheFiles reads images with a program that shares nothing with the one that wrote them.
func TestAnotherReaderFindsTheFiles(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z0-9][a-z0-9-]{0,20}`), 0, 8, rapid.ID).Draw(t, "names")
		var files []File
		for _, name := range names {
			files = append(files, File{Name: name, Content: rapid.SliceOfN(rapid.Byte(), 0, 5000).Draw(t, name)})
		}
		image := Image("cidata", files)
		if !bytes.Equal(image, Image("cidata", files)) {
			t.Fatal("the same files gave other bytes")
		}
		opened, err := reader.OpenImage(bytes.NewReader(image))
		if err != nil {
			t.Fatal(err)
		}
		if label, err := opened.Label(); err != nil || label != "cidata" {
			t.Fatalf("the label is %q, %v", label, err)
		}
		root, err := opened.RootDir()
		if err != nil {
			t.Fatal(err)
		}
		found, err := root.GetChildren()
		if err != nil || len(found) != len(files) {
			t.Fatalf("%d files of %d, %v", len(found), len(files), err)
		}
		for _, each := range found {
			content, err := io.ReadAll(each.Reader())
			if err != nil {
				t.Fatal(err)
			}
			if !has(files, each.Name(), content) {
				t.Fatalf("%s holds %d bytes that it should not", each.Name(), len(content))
			}
		}
	})
}

func has(files []File, name string, content []byte) bool {
	for _, each := range files {
		if each.Name == name && bytes.Equal(each.Content, content) {
			return true
		}
	}
	return false
}

func TestWhatNoImageCanHave(t *testing.T) {
	for name, make := range map[string]func(){
		"label": func() { Image(strings.Repeat("x", 33), nil) },
		"name":  func() { Image("x", []File{{Name: "User Data"}}) },
		"many": func() {
			var files []File
			for at := range 30 {
				files = append(files, File{Name: strings.Repeat("f", at%28+1)})
			}
			Image("x", files)
		},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Fatal("it was made")
				}
			}()
			make()
		})
	}
}
