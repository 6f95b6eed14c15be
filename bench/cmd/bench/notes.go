package main

// notes tell what the columns mean and what was done to be fair.
var notes = []string{
	"A round has one run of every line, each with a fresh process and a fresh copy of a seeded database; every other round goes backwards. " +
		"A ratio is the median, over the rounds, of one run divided by the other of the same round. The spread is the distance from the slowest to the fastest run, divided by the median.",
	"After every run the rows are held against the answers: attributions, signup events and `attributed: true` are the same number, refusals too; " +
		"where the schema is the product's, `referral verify` recomputes each. A run in which they differ ends the benchmark.",
	"The generator is a process of its own. Generator CPU is its share of the CPU time that it and the server took while the run was measured. " +
		"Pinned: the server on core 0, the generator on core 1.",
	"People call in an order that has nothing to do with the age of their accounts, so that hardly two rows of a batch are in the same page. " +
		"Newest accounts: they call in the order in which their accounts were made, as people do who sign in for the first time.",
	"A store of a million attributions or more is not copied: each round uses other people of it, and it grows by what they leave.",
	"bare: Fiber, the same headers and body, no database. one-by-one: the product's rooms with batches of one. naive: Fiber, a `database/sql` pool of 120 " +
		"connections, a transaction per request, FULL. PocketBase: a custom route on its own collections, as it comes (NORMAL) and with FULL; text fields " +
		"instead of relations and no request log, in its favour. NORMAL: the product built with that one word changed. raw rows: an attribution and its event " +
		"(for import: a user and the code) by prepared statements in batches of 256, FULL, counted as one row; no look-up, no decision.",
	"start: from the start of the process to its first 200 to a signed-in user; the median of five starts is one run. The file is in the page cache.",
	"Peak RSS is VmHWM, which counts pages that are mapped from files too.",
}
