package suite

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/triport/triport-console/bench/internal/load"
	"github.com/triport/triport-console/bench/internal/report"
)

// contender is a server that implements the endpoint.
type contender struct {
	name    string // in the table
	program string
	args    []string
	store   string // flag for its database; empty: no database
	lenient bool   // up to half of the requests may fail, but answers must be true
}

var (
	product        = contender{"product", "product", []string{"serve", "--listen", "127.0.0.1:0"}, "--database", false}
	normal         = contender{"product, NORMAL", "normal", []string{"serve", "--listen", "127.0.0.1:0"}, "--database", false}
	batches256     = contender{"product, batch size 256", "batchsize", []string{"-batch", "256"}, "-database", false}
	oneByOne       = contender{"one-by-one", "batchsize", []string{"-batch", "1"}, "-database", false}
	naive          = contender{"naive", "naive", nil, "-database", true}
	pocketbase     = contender{"PocketBase", "pocketbase", nil, "-dir", true}
	pocketbaseFull = contender{"PocketBase, FULL", "pocketbase", []string{"-full"}, "-dir", true}
	bare           = contender{"bare", "bare", nil, "", false}
	bareNoCookie   = contender{"bare", "bare", []string{"-body", answerNoCookie}, "", false}
)

// httpRun is a server under load.
type httpRun struct {
	by       contender
	on       database
	kind     load.Kind
	conns    int
	pinned   bool
	inOrder  bool // as in load.Config
	expected []string
	slices   int  // > 0: the people of the database are divided into so many parts, one for each run
	slice    int  // the part in the first round
	sideLoad bool // inspect and replay run at the same time
}

// The cores of a pinned run.
const (
	serverCPU    = 0
	generatorCPU = 1
)

func (r httpRun) run(ctx context.Context, ws *workspace, round int) (report.Sample, error) {
	path, discard, err := ws.fresh(r.on)
	if err != nil {
		return report.Sample{}, err
	}
	defer discard()
	cpu := cpus{-1, -1}
	if r.pinned || ws.pin {
		cpu = cpus{serverCPU, generatorCPU}
	}
	args := r.by.args
	if r.by.store != "" {
		args = append(append([]string{}, args...), r.by.store, path)
	}
	p, err := ws.start(ctx, cpu.server, r.by.program, args...)
	if err != nil {
		return report.Sample{}, err
	}
	var side *sideLoad
	if r.sideLoad {
		side = ws.startSideLoad(ctx, path, r.on)
	}
	result, err := ws.load(ctx, cpu.generator, r.config(ws, p, round))
	more, serr := side.stop()
	if err = errors.Join(err, serr); err != nil {
		p.kill()
		return report.Sample{}, fmt.Errorf("%w\n%s", err, p.log)
	}
	peak, err := p.stop()
	if err != nil {
		return report.Sample{}, err
	}
	failed, err := r.check(ctx, ws, path, result, more)
	return report.Sample{
		Value: result.PerSecond() * succeeded(result.Answers, failed), P50: result.P50, P99: result.P99, RSS: peak, Share: result.Share(), Failed: failed,
	}, err
}

type cpus struct{ server, generator int }

func (r httpRun) config(ws *workspace, p *process, round int) load.Config {
	cfg := load.Config{
		Addr: p.addr, Conns: r.conns, Kind: r.kind, First: r.on.layout.FirstSession(), Count: r.on.layout.Sessions,
		InOrder: r.inOrder, Warm: ws.scale.Warm, For: ws.scale.For, PID: p.cmd.Process.Pid,
	}
	if r.slices > 0 {
		cfg.Count /= int64(r.slices)
		cfg.First += int64(round*growthOrders+r.slice) * cfg.Count
	}
	if r.sideLoad {
		cfg.Count = min(cfg.Count, ws.scale.People)
	}
	return cfg
}

// load runs the generator.
func (ws *workspace) load(ctx context.Context, cpu int, cfg load.Config) (load.Result, error) {
	var r load.Result
	in, err := json.Marshal(cfg)
	if err != nil {
		return r, err
	}
	cmd := ws.command(ctx, cpu, "load")
	var errOut bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(in), &errOut
	out, err := cmd.Output()
	if err != nil {
		return r, fmt.Errorf("%w: %s", err, errOut.String())
	}
	return r, json.Unmarshal(out, &r)
}

// check compares the store with the answers.
func (r httpRun) check(ctx context.Context, ws *workspace, path string, result load.Result, more counts) (failed int64, err error) {
	failed, example := unexpected(result.Answers, r.expected)
	if failed > 0 && (!r.by.lenient || succeeded(result.Answers, failed) < 0.5) {
		return failed, fmt.Errorf("%d unexpected answers, for example %s", failed, example)
	}
	if r.by.store == "" {
		return failed, nil
	}
	before := counts{Attributions: r.on.layout.Attributed, Signups: r.on.layout.Attributed}
	if stored, ok := ws.stored[r.on.name]; ok {
		before = stored
	}
	want := before.plus(expectedRows(result.Answers)).plus(more)
	if err := checkRows(ctx, path, want); err != nil {
		return failed, err
	}
	if r.on.inPlace {
		ws.stored[r.on.name] = want
		return failed, nil
	}
	switch r.on.name {
	case pocketbaseName:
		return failed, nil
	case naiveName:
		return failed, verifyNaive(ctx, path, want.Attributions)
	}
	return failed, ws.verify(ctx, path, want.Attributions)
}
