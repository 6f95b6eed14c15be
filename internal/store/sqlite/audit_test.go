package sqlite_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/store/sqlite"
)

func TestRejectedAttemptsAreNarrowed(t *testing.T) {
	t.Parallel()
	s, _ := openStore(t)
	ann, bob := newPerson(t, s, "ann"), newPerson(t, s, "bob")
	refusal := func(who person, code string, at time.Time) string {
		a := who.attempt(code)
		a.At = at
		attribute(t, s, a)
		return a.ID
	}
	first := refusal(ann, "nobodys", noon)
	second := refusal(ann, ann.code, noon.Add(time.Hour))
	third := refusal(bob, "nobodys", noon.Add(2*time.Hour))
	attribute(t, s, bob.attempt(ann.code))
	for name, c := range map[string]struct {
		filter referral.RejectedFilter
		want   []string
	}{
		"all":       {referral.RejectedFilter{}, []string{first, second, third}},
		"by reason": {referral.RejectedFilter{Reason: referral.ReasonSelfReferral}, []string{second}},
		"by user":   {referral.RejectedFilter{UserID: ann.id}, []string{first, second}},
		"since":     {referral.RejectedFilter{Since: noon.Add(time.Hour)}, []string{second, third}},
		"until":     {referral.RejectedFilter{Until: noon.Add(time.Hour)}, []string{first}},
		"nothing":   {referral.RejectedFilter{UserID: bob.id, Until: noon}, nil},
	} {
		var got []string
		for a, err := range s.Rejected(t.Context(), c.filter) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, a.ID)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestARefusalReplayedAfterItsCauseIsGoneIsAttributed(t *testing.T) {
	t.Parallel()
	s, _ := openStore(t)
	ann, bob := newPerson(t, s, "ann"), newPerson(t, s, "bob")
	attribute(t, s, bob.attempt("annie"))
	if _, err := s.SetSlug(t.Context(), ann.id, "annie", noon); err != nil {
		t.Fatal(err)
	}
	for _, want := range []referral.Report{
		{Read: 1, Attributed: 1, Rejected: map[referral.Reason]int64{}},
		{Read: 1, Unchanged: 1, Rejected: map[referral.Reason]int64{}},
	} {
		got, err := referral.ReplayRejected(t.Context(), s, s, referral.RejectedFilter{}, referral.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	wantSound(t, s)
}

func TestVerifyFindsWhatAHandInTheFileChanged(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		statement string
		want      []string // kinds
	}{
		"attribution deleted": {`DELETE FROM attributions WHERE invitee_id = '$bob'`, []string{referral.DiffMissingAttribution}},
		"referrer changed":    {`UPDATE attributions SET referrer_id = '$dora' WHERE invitee_id = '$bob'`, []string{referral.DiffMismatch}},
		"time changed":        {`UPDATE attributions SET attributed_at = 0 WHERE invitee_id = '$bob'`, []string{referral.DiffMismatch}},
		"attribution invented": {
			`INSERT INTO attributions VALUES ('$dora', '$bob', '$bobcode', 0, 'x')`,
			[]string{referral.DiffMissingEvent},
		},
		"event and attribution invented, of a ring": {
			`INSERT INTO attributions VALUES ('$ann', '$carl', '$carlcode', 0, 'x');
			 INSERT INTO events (at, user_id, type, code, referrer_id, source, attempt_id) VALUES (0, '$ann', 'signup', '$carlcode', '$carl', 'live', 'x')`,
			[]string{"referral_cycle", "referral_cycle", "referral_cycle"},
		},
		"credit to the wrong owner": {
			`INSERT INTO attributions VALUES ('$dora', '$carl', '$bobcode', 0, 'x');
			 INSERT INTO events (at, user_id, type, code, referrer_id, source, attempt_id) VALUES (0, '$dora', 'signup', '$bobcode', '$carl', 'live', 'x')`,
			[]string{referral.DiffMismatch},
		},
		"second signup": {
			`INSERT INTO events (at, user_id, type, code, referrer_id, source, attempt_id) VALUES (0, '$bob', 'signup', '$carlcode', '$carl', 'live', 'x')`,
			[]string{"already_attributed"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, path := openStore(t)
			ann, bob, carl, dora := newPerson(t, s, "ann"), newPerson(t, s, "bob"), newPerson(t, s, "carl"), newPerson(t, s, "dora")
			attribute(t, s, bob.attempt(ann.code))
			attribute(t, s, carl.attempt(bob.code))
			wantSound(t, s)
			tamper(t, path, strings.NewReplacer("$bobcode", bob.code, "$carlcode", carl.code,
				"$ann", ann.id, "$bob", bob.id, "$carl", carl.id, "$dora", dora.id).Replace(c.statement))
			v, err := referral.Verify(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			var kinds []string
			for _, d := range v.Differences {
				kinds = append(kinds, d.Kind)
			}
			if diff := cmp.Diff(c.want, kinds); diff != "" {
				t.Errorf("%+v %s", v, diff)
			}
		})
	}
}

func TestCheckFindsWhatAHandInTheFileBroke(t *testing.T) {
	t.Parallel()
	for statement, want := range map[string]string{
		`DROP TRIGGER events_no_update`: "the schema has lost events_no_update",
		`DROP INDEX codes_one_uid`:      "the schema has lost codes_one_uid",
		`INSERT INTO users VALUES ('00000000-0000-4000-8000-000000000000', 'x@example.com', '', 0, NULL)`: "has no uid code",
		`DELETE FROM attributions`:                            "has no attribution",
		`DELETE FROM users WHERE email = 'user0@example.com'`: "foreign key: ",
		`UPDATE attributions SET attempt_id = 'x'`:            "has no signup event",
		`UPDATE attributions SET code = (SELECT min(code) FROM codes WHERE user_id NOT IN (SELECT referrer_id FROM attributions))`: "but its code",
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			s, path := openStore(t)
			all := people(t, s, 3)
			attribute(t, s, all[0].attempt(all[1].code))
			tamper(t, path, statement)
			problems, err := s.Check(t.Context())
			if err != nil || !strings.Contains(strings.Join(problems, "\n"), want) {
				t.Errorf("%v %v", problems, err)
			}
		})
	}
}

func TestCheckReportsADamagedPage(t *testing.T) {
	t.Parallel()
	s, path := openStore(t)
	people(t, s, 200)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	garbage := []byte(strings.Repeat("garbage!", 512))
	for page := int64(3); page < info.Size()/4096; page += 2 {
		if _, err := f.WriteAt(garbage, page*4096); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	problems, err := reopen(t, path, sqlite.ReadOnly).Check(t.Context())
	if err != nil || len(problems) == 0 {
		t.Errorf("%v %v", problems, err)
	}
}

func TestABackupOpensAndHoldsEverything(t *testing.T) {
	t.Parallel()
	s, _ := openStore(t)
	all := people(t, s, 3)
	attribute(t, s, all[0].attempt(all[1].code))
	file := filepath.Join(t.TempDir(), "copy.db")
	size, err := s.Backup(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(file)
	if err != nil || info.Size() != size || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	if _, err := s.Backup(t.Context(), file); !errors.Is(err, sqlite.ErrExists) {
		t.Errorf("a second backup to the same file: %v", err)
	}
	for _, mode := range []sqlite.Mode{sqlite.ReadOnly, sqlite.ReadWrite, sqlite.Create} {
		if v := wantSound(t, reopen(t, file, mode)); v.Attributions != 1 {
			t.Errorf("%+v", v)
		}
	}
}

func TestAFailedBackupLeavesNoFile(t *testing.T) {
	t.Parallel()
	s, path := openStore(t)
	rename(t, path, filepath.Join(t.TempDir(), "elsewhere"))
	file := filepath.Join(t.TempDir(), "copy.db")
	if _, err := s.Backup(t.Context(), file); err == nil {
		t.Error("a database that is gone was copied")
	}
	if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

func TestAStoreThatWorksIsReady(t *testing.T) {
	t.Parallel()
	s, _ := openStore(t)
	if found := s.NotReady(t.Context()); len(found) > 0 {
		t.Error(found)
	}
}

func TestReadinessNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	s, path := openStore(t)
	s.UnwritableForTest(errors.New("the disk is full"))
	defer holdWriteLock(t, path)()
	found := s.NotReady(t.Context())
	if len(found) != 1 || !strings.Contains(found[0], "not been writable") {
		t.Error(found)
	}
	rename(t, path, filepath.Join(t.TempDir(), "elsewhere"))
	found = s.NotReady(t.Context())
	if len(found) != 2 || !strings.Contains(found[0], "cannot be read") {
		t.Error(found)
	}
}

func TestReadinessReturnsWithTheNextSuccessfulWrite(t *testing.T) {
	t.Parallel()
	s, _ := openStore(t)
	s.UnwritableForTest(errors.New("the disk is full"))
	if found := s.NotReady(t.Context()); len(found) > 0 {
		t.Error(found)
	}
}
