package suite

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/triport/triport-console/bench/internal/load"
	"github.com/triport/triport-console/bench/internal/report"
	"github.com/triport/triport-console/bench/internal/stats"
)

// replayRun replays a file of attempts.
type replayRun struct{ on database }

func (r replayRun) run(ctx context.Context, ws *workspace, _ int) (report.Sample, error) {
	path, discard, err := ws.fresh(r.on)
	if err != nil {
		return report.Sample{}, err
	}
	defer discard()
	file := ws.path("attempts.jsonl")
	lines := r.on.layout.Fresh
	if err := once(file, func() error { return writeAttempts(file, r.on.layout.People()-lines, lines) }); err != nil {
		return report.Sample{}, err
	}
	f, err := ws.finish(ctx, -1, "product", "referral", "replay", "--from", file, "-o", "json", "--database", path)
	if err != nil {
		return report.Sample{}, err
	}
	var v struct{ Attributed int64 }
	if err := json.Unmarshal(f.out, &v); err != nil {
		return report.Sample{}, err
	}
	if v.Attributed != lines {
		return report.Sample{}, fmt.Errorf("%d of %d attempts were attributed", v.Attributed, lines)
	}
	err = checkRows(ctx, path, counts{Attributions: lines, Signups: lines})
	return report.Sample{Value: float64(lines) / f.elapsed.Seconds(), RSS: f.peak}, err
}

// importRun imports accounts into a new database.
type importRun struct{}

func (importRun) run(ctx context.Context, ws *workspace, _ int) (report.Sample, error) {
	path, discard, err := ws.empty(ctx)
	if err != nil {
		return report.Sample{}, err
	}
	defer discard()
	file := ws.path("users.jsonl")
	if err := once(file, func() error { return writeUsers(file, 0, ws.scale.Lines) }); err != nil {
		return report.Sample{}, err
	}
	f, err := ws.finish(ctx, -1, "product", "user", "import", file, "-o", "json", "--database", path)
	if err != nil {
		return report.Sample{}, err
	}
	var v struct{ Created int64 }
	if err := json.Unmarshal(f.out, &v); err != nil {
		return report.Sample{}, err
	}
	if v.Created != ws.scale.Lines {
		return report.Sample{}, fmt.Errorf("%d of %d accounts were created", v.Created, ws.scale.Lines)
	}
	return report.Sample{Value: float64(v.Created) / f.elapsed.Seconds(), RSS: f.peak}, nil
}

// once creates a file unless it exists.
func once(file string, create func() error) error {
	if _, err := os.Stat(file); err == nil || !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return create()
}

// empty creates a database with the product's schema and no rows.
func (ws *workspace) empty(ctx context.Context) (path string, discard func(), err error) {
	dir, err := os.MkdirTemp(ws.dir, "run-")
	if err != nil {
		return "", nil, err
	}
	discard = func() { _ = os.RemoveAll(dir) }
	path = filepath.Join(dir, "triport.db")
	if err := withOutput(ws.command(ctx, -1, "product", "db", "migrate", "--database", path).CombinedOutput()); err != nil {
		discard()
		return "", nil, err
	}
	return path, discard, nil
}

// rawRun writes the rows of attempts into a copy of a seeded database, or, with users, those of accounts into an
// empty database.
type rawRun struct {
	on    database
	users bool
}

func (r rawRun) run(ctx context.Context, ws *workspace, _ int) (report.Sample, error) {
	var path string
	var discard func()
	var err error
	what, first, count := "users", int64(0), ws.scale.Lines
	if r.users {
		path, discard, err = ws.empty(ctx)
	} else {
		path, discard, err = ws.fresh(r.on)
		what, first, count = "attributions", r.on.layout.People()-r.on.layout.Fresh, r.on.layout.Fresh
	}
	if err != nil {
		return report.Sample{}, err
	}
	defer discard()
	f, err := ws.finish(ctx, -1, "raw", "-database", path, "-rows", what, "-first", fmt.Sprint(first), "-count", fmt.Sprint(count))
	if err != nil {
		return report.Sample{}, err
	}
	var v struct {
		Rows    int64
		Elapsed time.Duration
	}
	if err := json.Unmarshal(f.out, &v); err != nil {
		return report.Sample{}, err
	}
	if !r.users {
		err = checkRows(ctx, path, counts{Attributions: count, Signups: count})
	}
	return report.Sample{Value: float64(v.Rows) / v.Elapsed.Seconds(), RSS: f.peak}, err
}

// startRun measures the time from the start of the process to its first 200 for a signed-in user. One run is
// the median of several starts on the same file, which they do not change.
type startRun struct {
	by contender
	on database
}

func (r startRun) run(ctx context.Context, ws *workspace, _ int) (report.Sample, error) {
	path, discard, err := ws.fresh(r.on)
	if err != nil {
		return report.Sample{}, err
	}
	defer discard()
	args := r.by.args
	if r.by.store != "" {
		args = append(append([]string{}, args...), r.by.store, path)
	}
	var times []float64
	var peak int64
	for range ws.scale.Starts {
		started := time.Now()
		p, err := ws.start(ctx, -1, r.by.program, args...)
		if err != nil {
			return report.Sample{}, err
		}
		if err := firstAnswer(p, r.on.layout.FirstSession()); err != nil {
			p.kill()
			return report.Sample{}, fmt.Errorf("%w\n%s", err, p.log)
		}
		times = append(times, float64(time.Since(started).Microseconds())/1000)
		used, err := p.stop()
		if err != nil {
			return report.Sample{}, err
		}
		peak = max(peak, used)
	}
	return report.Sample{Value: stats.Median(times), RSS: peak}, nil
}

// firstAnswer sends one request and requires a 200.
func firstAnswer(p *process, person int64) error {
	c, err := net.Dial("tcp", p.addr.String())
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	if _, err := c.Write(load.Request(p.addr.String(), load.NoCookie, person)); err != nil {
		return err
	}
	answer, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("the first answer was %s", answer.Status)
	}
	return nil
}
