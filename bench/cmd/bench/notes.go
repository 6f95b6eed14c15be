package main

// notes explain the columns and what makes the comparison fair.
var notes = []string{
	"A round has one run of every line, each with a new process and a new copy of a seeded database; every other round runs in reverse order. " +
		"A ratio is the median, over the rounds, of one run divided by the other of the same round. The spread is the distance from the slowest to the fastest run, divided by the median.",
	"After every run the rows are compared with the answers: attributions, signup events and `attributed: true` must be equal in number, rejections too; " +
		"`referral verify` recomputes each of the product's, a query those of naive. A difference ends the benchmark.",
	"The load generator is a separate process of one thread. It makes raw system calls with requests rendered in advance and checks every answer; " +
		"nine tenths of its time are the kernel's TCP. wrk with one fixed request takes 1.15 × the CPU per request. Generator CPU is its share of the CPU time that it and the server used during the measurement. " +
		"Pinned: the server on core 0, the generator on core 1.",
	"The order of the calls is independent of the age of the accounts, so the rows of a batch are rarely in the same page. " +
		"Newest accounts: the calls have the order in which the accounts were created, as at first sign-ins.",
	"WAL: a store of 200,000 attributions, 200 batches of 28, in random order over 200,000 people or in the order of the accounts; a kB is 1000 bytes. " +
		"Database per user: the file divided by the people, as it is after seeding.",
	"A store with a million attributions or more is not copied: each round uses other people of it, and it grows by their rows.",
	"bare: Fiber, the same headers and body, no database. one-by-one: the product with a batch size of 1. naive: Fiber, a `database/sql` pool of 120 " +
		"connections, a transaction per request, FULL, UUIDs as text in tables of its own. PocketBase: a custom route on its own collections, with its defaults (NORMAL) and with FULL; text fields " +
		"instead of relations and no request log, in its favor. NORMAL: the product built with only that setting changed. raw rows: an attribution and its event " +
		"(for import: a user and the code) by prepared statements in batches of 256, FULL, counted as one row; no lookup, no decision.",
	"start: from the start of the process to its first 200 for a signed-in user; one run is the median of five starts. The file is in the page cache.",
	"Peak RSS is VmHWM. It includes pages mapped from files.",
}
