package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

const modulePath = "github.com/triport/triport-console"

// arrows are all rooms of the module and the rooms each of them may import. There are no others.
var arrows = map[string][]string{
	"cmd/triport-console": {"internal/cli"},
	"internal/cli":        {"internal/server", "internal/sqlite", "internal/spool", "internal/referral", "internal/auth", "internal/metrics"},
	"internal/server":     {"internal/referral", "internal/auth"},
	"internal/sqlite":     {"internal/referral", "internal/auth"},
	"internal/spool":      {"internal/referral"},
	"internal/referral":   {"internal/auth"},
	"internal/auth":       nil,
	"internal/metrics":    nil,
}

// owners are the libraries that bind a room to a way of doing its job, and the rooms that may import
// them, so that the way can change without the rest. Any other library but the standard one serves the
// command line alone.
var owners = map[string][]string{
	"net/http":                 {"internal/server", "internal/metrics"},
	"github.com/gofiber":       {"internal/server"},
	"github.com/valyala":       {"internal/server"}, // fasthttp
	"github.com/prometheus":    {"internal/metrics"},
	"golang.org/x/sync":        {"internal/metrics", "internal/cli"}, // singleflight
	"database/sql":             {"internal/sqlite"},
	"modernc.org":              {"internal/sqlite"},
	"github.com/pressly":       {"internal/sqlite"}, // goose
	"github.com/gofrs":         {"internal/sqlite", "internal/spool"},
	"github.com/google":        {"internal/server", "internal/cli"}, // uuid
	"github.com/spf13":         {"internal/cli"},                    // cobra, viper
	"github.com/charmbracelet": {"internal/cli"},
}

// primitives are all that the program takes from cryptography. Another one is a decision: say it in
// docs/security.md (V11) too.
var primitives = []string{"crypto/rand", "crypto/sha256", "crypto/subtle"}

// listedPackage is what go list tells about a package. Imports are those of the program, not of its tests.
type listedPackage struct {
	ImportPath string
	Imports    []string
}

// TestOnlyDrawnArrowsAreImported holds the imports of the whole module against the plan of its rooms.
func TestOnlyDrawnArrowsAreImported(t *testing.T) {
	t.Parallel()
	for _, p := range listPackages(t) {
		room := roomOf(p.ImportPath)
		if _, known := arrows[room]; !known {
			t.Errorf("%s is in no room of the plan: draw it into the arrows, or move it", p.ImportPath)
			continue
		}
		for _, imported := range p.Imports {
			if why := forbidden(room, imported); why != "" {
				t.Errorf("%s imports %s: %s", p.ImportPath, imported, why)
			}
		}
	}
}

func TestForbiddenArrowsAreSeen(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		room, imported string
		ok             bool
	}{
		{"internal/referral", "time", true},
		{"internal/referral", "net/http", false},
		{"internal/auth", "database/sql/driver", false},
		{"internal/referral", modulePath + "/internal/auth", true},
		{"internal/referral", modulePath + "/internal/sqlite", false},
		{"internal/referral", "golang.org/x/sync/errgroup", false},
		{"internal/auth", modulePath + "/internal/referral", false},
		{"internal/auth", "github.com/google/uuid", false},
		{"internal/server", modulePath + "/internal/spool", false},
		{"internal/server", "github.com/gofiber/fiber/v2", true},
		{"internal/server", "github.com/charmbracelet/log", false},
		{"internal/sqlite", modulePath + "/internal/sqlite/migrations", true},
		{"internal/sqlite", "modernc.org/sqlite/lib", true},
		{"internal/sqlite", "github.com/spf13/viper", false},
		{"internal/cli", "github.com/valyala/fasthttp", false},
		{"internal/cli", "modernc.org/sqlite", false},
		{"internal/cli", "github.com/schollz/progressbar/v3", true},
		{"internal/cli", modulePath + "/internal/spool", true},
		{"internal/spool", "github.com/schollz/progressbar/v3", false},
		{"internal/metrics", "net/http", true},
		{"internal/metrics", "github.com/prometheus/client_golang/prometheus/promhttp", true},
		{"internal/metrics", modulePath + "/internal/server", false},
		{"internal/server", "github.com/prometheus/client_golang/prometheus", false},
		{"internal/cli", "github.com/prometheus/client_golang/prometheus", false},
		{"cmd/triport-console", modulePath + "/internal/cli", true},
		{"cmd/triport-console", modulePath + "/internal/server", false},
		{"cmd/triport-console", "github.com/spf13/cobra", false},
	} {
		if why := forbidden(tt.room, tt.imported); (why == "") != tt.ok {
			t.Errorf("%s imports %s: allowed %t, want %t (%s)", tt.room, tt.imported, why == "", tt.ok, why)
		}
	}
}

// TestTheOnlyPrimitivesAreTheGeneratorSHA256AndConstantTime holds the imports of the program's own code
// against the list. What the libraries do for themselves is not seen.
func TestTheOnlyPrimitivesAreTheGeneratorSHA256AndConstantTime(t *testing.T) {
	t.Parallel()
	used := make(map[string]bool)
	for _, p := range listPackages(t) {
		for _, imported := range p.Imports {
			if !cryptographic(imported) {
				continue
			}
			used[imported] = true
			if !slices.Contains(primitives, imported) {
				t.Errorf("%s imports %s, which is none of %v", p.ImportPath, imported, primitives)
			}
		}
	}
	for _, p := range primitives {
		if !used[p] {
			t.Errorf("nothing imports %s any more: take it off the list", p)
		}
	}
}

// cryptographic tells it by the path, of packages of the standard library (crypto/md5) and of others
// (golang.org/x/crypto/bcrypt).
func cryptographic(importPath string) bool {
	return slices.Contains(strings.Split(importPath, "/"), "crypto")
}

// forbidden returns why the room may not import the package, and nothing when it may.
func forbidden(room, imported string) string {
	if strings.HasPrefix(imported, modulePath+"/") {
		to := roomOf(imported)
		if to == room || slices.Contains(arrows[room], to) {
			return ""
		}
		return fmt.Sprintf("no arrow is drawn from %s to %s", room, to)
	}
	for owner, rooms := range owners {
		if imported != owner && !strings.HasPrefix(imported, owner+"/") {
			continue
		}
		if slices.Contains(rooms, room) {
			return ""
		}
		return "it belongs to " + strings.Join(rooms, " and ")
	}
	domain, _, _ := strings.Cut(imported, "/")
	standard := !strings.Contains(domain, ".")
	if standard || room == "internal/cli" {
		return ""
	}
	return "it is no dependency of " + room
}

// roomOf returns the room of a package of this module; what lies deeper belongs to the same room.
func roomOf(importPath string) string {
	parts := strings.Split(strings.TrimPrefix(importPath, modulePath+"/"), "/")
	return path.Join(parts[:min(2, len(parts))]...)
}

func listPackages(t *testing.T) []listedPackage {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-e", "-json=ImportPath,Imports", modulePath+"/...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var packages []listedPackage
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listedPackage
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("read what go list says: %v", err)
		}
		packages = append(packages, p)
	}
	if len(packages) < len(arrows) {
		t.Fatalf("go list knows %d packages, the plan has %d rooms", len(packages), len(arrows))
	}
	return packages
}
