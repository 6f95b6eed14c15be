package suite

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/triport/triport-console/bench/internal/report"
)

// walBatch is the usual size of a batch at 64 connections, walBatches the number of them.
const (
	walBatch   = 28
	walBatches = 200
)

// walRun measures the bytes of the write-ahead log per attribution.
type walRun struct {
	on      database
	inOrder bool
}

func (r walRun) run(ctx context.Context, ws *workspace, _ int) (report.Sample, error) {
	path, discard, err := ws.fresh(r.on)
	if err != nil {
		return report.Sample{}, err
	}
	defer discard()
	l := r.on.layout
	count := min(walBatch*walBatches, l.Fresh)
	f, err := ws.finish(ctx, -1, "walbytes", "-database", path, "-batch", fmt.Sprint(walBatch), "-first", fmt.Sprint(l.People()-l.Fresh),
		"-people", fmt.Sprint(l.Fresh), "-count", fmt.Sprint(count), fmt.Sprintf("-in-order=%t", r.inOrder))
	if err != nil {
		return report.Sample{}, err
	}
	var v struct{ Batches, Bytes int64 }
	if err := json.Unmarshal(f.out, &v); err != nil {
		return report.Sample{}, err
	}
	if full := (count + walBatch - 1) / walBatch; v.Batches > full+full/20+2 {
		return report.Sample{}, fmt.Errorf("%d attributions took %d batches: most were not full", count, v.Batches)
	}
	rows := l.Attributed + count
	return report.Sample{Value: float64(v.Bytes) / 1000 / float64(count)}, checkRows(ctx, path, counts{Attributions: rows, Signups: rows})
}

// sizeRun divides the size of a seeded database by its people. Almost all have a session, a code and an attribution.
type sizeRun struct{ on database }

func (r sizeRun) run(_ context.Context, ws *workspace, _ int) (report.Sample, error) {
	info, err := os.Stat(ws.databasePath(r.on))
	if err != nil {
		return report.Sample{}, err
	}
	return report.Sample{Value: float64(info.Size()) / float64(r.on.layout.People())}, nil
}
