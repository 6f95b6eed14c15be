package main

import "testing"

// TestPagesQuoteResults fails if RESULTS.md is newer than the pages: run go run ./cmd/figures.
func TestPagesQuoteResults(t *testing.T) {
	t.Parallel()
	for page, texts := range blocks {
		old, filled, err := fill("../../../"+page, "../../RESULTS.md", texts)
		if err != nil {
			t.Fatal(err)
		}
		if old != filled {
			t.Errorf("%s has other figures than RESULTS.md: run go run ./cmd/figures in bench", page)
		}
	}
}
