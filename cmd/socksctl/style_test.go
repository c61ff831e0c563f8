package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Sizes in lines, from the first to the last. Medians and percentiles are over
// all of the module but its tests and the packages that are for tests.
const (
	functionMedian = 10
	functionP90    = 35
	functionMost   = 60
	fileMedian     = 120
	fileMost       = 350
)

// root is the module, as seen from this package's directory.
const root = "../.."

// globals are the package variables that there are beside errors, pools and
// values that nothing can change, each with why it is one.
var globals = map[string]string{
	"cmd/socksctl.version":        "the linker sets it in a release",
	"internal/history.migrations": "files of the program, which cannot be written",
	"internal/page.files":         "files of the program, which cannot be written",
	"internal/relay.buffers":      "a cache of memory, which belongs to the process: no result depends on it",
	"internal/relay.lobby":        "a set of descriptors, which belong to the process: no result depends on it",
	"internal/relay.pipes":        "a cache of descriptors, which belong to the process: no result depends on it",
	"internal/sockstest.alice":    "a table that is only read",
}

func TestSizes(t *testing.T) {
	var functions, files []int
	for _, s := range sources(t, ".") {
		lines := strings.Count(s.text, "\n")
		if lines > fileMost {
			t.Errorf("%s: %d lines, want %d at most", s.path, lines, fileMost)
		}
		if s.product() {
			files = append(files, lines)
		}
		for _, f := range s.functions() {
			lines := s.line(f.End()) - s.line(f.Pos()) + 1
			if lines > functionMost {
				t.Errorf("%s: %s has %d lines, want %d at most", s.at(f), f.Name.Name, lines, functionMost)
			}
			if s.product() {
				functions = append(functions, lines)
			}
		}
	}
	for _, m := range []struct {
		what      string
		got, most int
	}{
		{"median of the functions", percentile(functions, 50), functionMedian},
		{"90th percentile of the functions", percentile(functions, 90), functionP90},
		{"median of the files", percentile(files, 50), fileMedian},
	} {
		t.Logf("%s: %d lines", m.what, m.got)
		if m.got > m.most {
			t.Errorf("%s: got %d lines, want %d at most", m.what, m.got, m.most)
		}
	}
}

func percentile(sizes []int, p int) int {
	slices.Sort(sizes)
	return sizes[(len(sizes)-1)*p/100]
}

// TestExportedAreDocumented holds every exported name of what users import, and
// every package, to have a comment.
func TestExportedAreDocumented(t *testing.T) {
	packages := make(map[string]bool) // with a package comment
	for _, s := range sources(t, ".") {
		dir := filepath.Dir(s.path)
		packages[dir] = packages[dir] || s.syntax.Doc.Text() != ""
		if s.syntax.Name.Name == "main" || !s.product() {
			continue
		}
		for _, name := range undocumented(s.syntax) {
			t.Errorf("%s: %s has no comment", s.at(name), name.Name)
		}
	}
	for dir, documented := range packages {
		if !documented {
			t.Errorf("%s: no package comment", dir)
		}
	}
}

// undocumented returns the exported names of f that have no comment of their
// own. One over a group does for constants and variables.
func undocumented(f *ast.File) (names []*ast.Ident) {
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Doc == nil && d.Name.IsExported() && exportedReceiver(d) {
				names = append(names, d.Name)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				names = append(names, undocumentedSpec(spec, d.Doc != nil)...)
			}
		}
	}
	return names
}

func undocumentedSpec(spec ast.Spec, group bool) (names []*ast.Ident) {
	switch spec := spec.(type) {
	case *ast.TypeSpec:
		if spec.Name.IsExported() && spec.Doc == nil && !group {
			names = append(names, spec.Name)
		}
	case *ast.ValueSpec:
		for _, name := range spec.Names {
			if name.IsExported() && spec.Doc == nil && spec.Comment == nil && !group {
				names = append(names, name)
			}
		}
	}
	return names
}

// exportedReceiver tells whether the reader of the package's page sees f.
func exportedReceiver(f *ast.FuncDecl) bool {
	if f.Recv == nil {
		return true
	}
	t := f.Recv.List[0].Type
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
		case *ast.IndexExpr:
			t = x.X
		case *ast.IndexListExpr:
			t = x.X
		case *ast.Ident:
			return x.IsExported()
		default:
			return true
		}
	}
}

// TestNoGlobalState holds package variables to be what does not change, or to be
// listed above; and keeps init out.
func TestNoGlobalState(t *testing.T) {
	unused := make(map[string]bool)
	for name := range globals {
		unused[name] = true
	}
	for _, s := range sources(t, ".") {
		for _, f := range s.functions() {
			if f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s: init", s.at(f))
			}
		}
		for _, name := range s.state() {
			full := filepath.ToSlash(filepath.Dir(s.path)) + "." + name.Name
			if globals[full] == "" {
				t.Errorf("%s: package variable %s", s.at(name), full)
			}
			delete(unused, full)
		}
	}
	for name := range unused {
		t.Errorf("%s is listed, and there is no such variable", name)
	}
}

// state returns the package variables that may change, for all that their
// declaration says.
func (s source) state() (names []*ast.Ident) {
	for _, d := range s.syntax.Decls {
		group, ok := d.(*ast.GenDecl)
		if !ok || group.Tok != token.VAR {
			continue
		}
		for _, spec := range group.Specs {
			spec := spec.(*ast.ValueSpec)
			for i, name := range spec.Names {
				value := ast.Expr(nil)
				if i < len(spec.Values) {
					value = spec.Values[i]
				}
				if !fixedName.MatchString(name.Name) && !isPool(spec.Type) && !fixed(value) {
					names = append(names, name)
				}
			}
		}
	}
	return names
}

// fixedName is what guards of interfaces, and errors, are called.
var fixedName = regexp.MustCompile(`^(_|[eE]rr[A-Z]\w*)$`)

// fixed tells of values that no method changes, and of pools.
func fixed(value ast.Expr) bool {
	switch v := value.(type) {
	case *ast.CallExpr:
		from := qualified(v.Fun)
		return strings.HasPrefix(from, "netip.") || from == "regexp.MustCompile"
	case *ast.CompositeLit:
		return isPool(v.Type)
	}
	return false
}

func isPool(t ast.Expr) bool { return qualified(t) == "sync.Pool" }

// qualified returns package.Name, if e is one.
func qualified(e ast.Expr) string {
	if s, ok := e.(*ast.SelectorExpr); ok {
		if x, ok := s.X.(*ast.Ident); ok {
			return x.Name + "." + s.Sel.Name
		}
	}
	return ""
}

// unfinished finds marks of work that is left; they are put together here so
// that this file has none.
var unfinished = regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|X` + `XX|HA` + `CK)\b`)

func TestNothingIsLeftToDo(t *testing.T) {
	for _, s := range sources(t, ".") {
		for _, group := range s.syntax.Comments {
			if mark := unfinished.FindString(group.Text()); mark != "" {
				t.Errorf("%s: %s", s.at(group), mark)
			}
		}
	}
}

// TestStyleChecks holds the checks against what they must refuse.
func TestStyleChecks(t *testing.T) {
	text := `package p
var A = 1
var errB = errors.New("b")
var pool = sync.Pool{}
var pool2 sync.Pool
var _ I = T{}
var c, d = 1, netip.IPv6Loopback()
var errors = 1
// E is documented.
var E int
type F struct{}
func G() {}
func (F) H() {}
func (f *f) I() {}
// J is documented.
func J() {}
const ( K = 1; L = 2 // documented
)
`
	s := source{set: token.NewFileSet()}
	var err error
	if s.syntax, err = parser.ParseFile(s.set, "p.go", text, parser.ParseComments); err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(s.state()), "[A c errors E]"; got != want {
		t.Errorf("state: got %s, want %s", got, want)
	}
	if got, want := fmt.Sprint(undocumented(s.syntax)), "[A F G H K]"; got != want {
		t.Errorf("undocumented: got %s, want %s", got, want)
	}
	if got := percentile([]int{3, 1, 2}, 50); got != 2 {
		t.Errorf("median of 3, 1, 2: got %d, want 2", got)
	}
}

// source is one file of the module that is no test.
type source struct {
	path   string // from the root
	text   string
	syntax *ast.File
	set    *token.FileSet
}

// sources parses the files below dir, a path from the root.
func sources(t *testing.T, dir string) []source {
	t.Helper()
	var all []source
	err := filepath.WalkDir(filepath.Join(root, dir), func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata"):
			return filepath.SkipDir
		case d.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		s, err := parse(path)
		all = append(all, s)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		t.Fatalf("no sources below %s", dir)
	}
	return all
}

func parse(path string) (source, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return source{}, err
	}
	s := source{path: strings.TrimPrefix(filepath.ToSlash(path), root+"/"), text: string(text), set: token.NewFileSet()}
	s.syntax, err = parser.ParseFile(s.set, path, text, parser.ParseComments)
	return s, err
}

// product tells whether s is part of what users get.
func (s source) product() bool { return floors[filepath.ToSlash(filepath.Dir(s.path))] != testsOnly }

// at returns the place of n as path:line.
func (s source) at(n ast.Node) string { return fmt.Sprintf("%s:%d", s.path, s.line(n.Pos())) }

func (s source) line(p token.Pos) int { return s.set.Position(p).Line }

// functions returns the functions and methods of s.
func (s source) functions() (all []*ast.FuncDecl) {
	for _, d := range s.syntax.Decls {
		if f, ok := d.(*ast.FuncDecl); ok {
			all = append(all, f)
		}
	}
	return all
}
