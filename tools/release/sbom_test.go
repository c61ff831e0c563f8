package release

import (
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"testing"
)

// bom is what is looked at of a list in the form of CycloneDX.
type bom struct {
	BOMFormat string
	Metadata  struct {
		Component  component
		Properties []struct{ Name, Value string }
	}
	Components []component
}

type component struct {
	Name, Version, PURL string
	Hashes              []struct{ Alg, Content string }
}

// Each program has a list of what it is linked from: the modules that it names itself, as
// they were, and the standard library.
func TestBillOfMaterials(t *testing.T) {
	for _, os := range []string{"linux", "darwin", "freebsd", "windows"} {
		for _, arch := range []string{"amd64", "arm64"} {
			t.Run(os+"/"+arch, func(t *testing.T) {
				var got bom
				if err := json.Unmarshal([]byte(read(t, one(t, "socksctl_*_"+os+"_"+arch+".cdx.json"))), &got); err != nil {
					t.Fatal(err)
				}
				program := archive(t, os, arch)[executable(os)].data
				checkModules(t, got, program)
				hash := sha256.Sum256(program)
				if !slices.ContainsFunc(got.Metadata.Properties, func(p struct{ Name, Value string }) bool {
					return p.Name == "cdx:gomod:binary:hash:SHA-256" && p.Value == hex.EncodeToString(hash[:])
				}) {
					t.Errorf("it is not of the program in the archive: %+v", got.Metadata.Properties)
				}
			})
		}
	}
}

// checkModules compares a list with the modules that a program names.
func checkModules(t *testing.T, list bom, program []byte) {
	t.Helper()
	info, err := buildinfo.Read(bytes.NewReader(program))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"std": info.GoVersion}
	for _, m := range info.Deps {
		want[m.Path] = m.Version
	}
	got := make(map[string]string)
	for _, c := range list.Components {
		got[c.Name] = c.Version
		if c.PURL == "" || c.Name != "std" && len(c.Hashes) == 0 {
			t.Errorf("%s is not told apart by a hash: %+v", c.Name, c)
		}
	}
	if !maps.Equal(got, want) || len(want) < 20 {
		t.Errorf("got %v, want %v", got, want)
	}
	if c := list.Metadata.Component; list.BOMFormat != "CycloneDX" || c.Name != info.Main.Path || c.Version == "" {
		t.Errorf("got a list of form %q, of %+v", list.BOMFormat, c)
	}
}
