//go:build linux

package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// accounted is a cluster with a slurmdbd, whose slurmctld forgets jobs soon.
const accounted = `Region: us-east-2
Image: {Os: ubuntu2204}
HeadNode:
  InstanceType: t3.medium
  Networking: {SubnetId: subnet-0123456789abcdef0}
Scheduling:
  Scheduler: slurm
  SlurmSettings:
    ScaledownIdletime: 1
    Database: {Uri: "db.example.com:3306", UserName: slurm, PasswordSecretArn: "arn:aws:secretsmanager:us-east-2:111122223333:secret:x"}
    CustomSlurmSettings:
      - MinJobAge: 10
      - PriorityType: priority/multifactor
      - PriorityCalcPeriod: 1
  SlurmQueues:
    - Name: queue1
      Networking: {SubnetIds: [subnet-0123456789abcdef0]}
      ComputeResources:
        - {Name: cr1, InstanceType: c5.large, MinCount: 0, MaxCount: 4}
`

// TestAccounts holds what the head makes of sacct and sshare against a real slurmdbd.
func TestAccounts(t *testing.T) {
	program := product(t, "parascope-head")
	for _, needed := range []string{"/usr/sbin/mariadbd", "/usr/sbin/slurmdbd"} {
		if _, err := os.Stat(needed); err != nil {
			t.Skip("Debian's mariadb-server and slurmdbd are not installed")
		}
	}
	file := filepath.Join(t.TempDir(), "cluster-config.yaml")
	if err := os.WriteFile(file, []byte(accounted), 0o600); err != nil {
		t.Fatal(err)
	}
	b := startBed(t, "--cluster", "demo", "--config", file)
	b.awaitStatus("demo", "CREATE_COMPLETE")
	b.installHead(program)
	for _, args := range [][]string{{"account", "team-a", "fairshare=10"}, {"account", "team-b", "fairshare=30"},
		{"user", "games", "account=team-a"}, {"user", "mail", "account=team-b"}} {
		b.on("head", append([]string{"sacctmgr", "-i", "add"}, args...)...)
	}
	b.on("head", "sh", "-c", "mkdir -p /home/day && chmod 1777 /home/day")
	for _, part := range []struct {
		name string
		run  func(*testing.T, *testBed)
	}{{"jobs that nobody saw end", unseen}, {"fair share", shares}, {"slurmdbd is away", databaseAway}} {
		began := time.Now()
		t.Run(part.name, func(t *testing.T) { part.run(t, b) })
		t.Logf("%s took %s", part.name, time.Since(began).Round(time.Second))
	}
}

// submitAs submits a job of a user.
func (b *testBed) submitAs(user string, args ...string) string {
	b.t.Helper()
	return b.on("head", append([]string{"setpriv", "--reuid", user, "--regid", user, "--clear-groups", "sbatch", "--parsable", "--chdir",
		"/home/day", "-o", "/home/day/job-%j"}, args...)...)
}

// recorded waits until slurmdbd has the jobs in a state, and slurmctld has forgotten them.
func (b *testBed) recorded(state string, ids ...string) {
	b.t.Helper()
	for _, id := range ids {
		b.eventually(2*time.Minute, state+", forgotten", func() string {
			kept := b.asked("head", "squeue", "-h", "-t", "all", "-o", "%T", "-j", id)
			if strings.Contains(kept, "Invalid job id") || kept == "" {
				kept = "forgotten"
			}
			word, _, _ := strings.Cut(b.on("head", "sacct", "-n", "-X", "-P", "-o", "state", "-j", id), " ")
			return word + ", " + kept
		})
	}
}

// accounts compares finished jobs with slurmdbd's records.
func (b *testBed) accounts() comparison {
	return comparison{"finished jobs by slurmdbd", func() map[string]float64 {
		return counted(b.on("head", "sh", "-c", "sacct -a -X -n -P -S 2020-01-01 -o jobid,state | sed 's/ by .*//'"), 1, nil)
	}, func(n numbers) map[string]float64 { return n.of("slurm_jobs_finished_total", "state") }}
}

// unseen: jobs end and are forgotten while the head's program is away; sacct tells what became of them.
// Memory is not enforced here, so one job's record is made that of a job which ran out of it.
func unseen(t *testing.T, b *testBed) {
	b = b.in(t)
	n := b.page()
	if n[`slurm_jobs_missed_windows_total`] != 0 || len(n.of("slurm_jobs_finished_total", "state")) != 0 {
		t.Errorf("before there were jobs %v windows were missed, and finished %v", n[`slurm_jobs_missed_windows_total`],
			n.of("slurm_jobs_finished_total", "state"))
	}
	b.on("head", "systemctl", "stop", "prometheus")
	good := b.submitAs("games", "--array", "1-3", "--wrap", "true")
	bad := b.submitAs("mail", "--wrap", "exit 3")
	memory := b.submitAs("mail", "--wrap", "exit 1")
	gone := b.submitAs("mail", "--wrap", "sleep 3000") // sacct lists no job by time that was never eligible, such as one that is held
	dead := b.submitAs("games", "--no-requeue", "--exclusive", "--wrap", "sleep 3000")
	b.eventually(time.Minute, "eligible", func() string {
		_, since, _ := strings.Cut(b.asked("head", "scontrol", "show", "job", gone), "EligibleTime=")
		if since == "" || strings.HasPrefix(since, "Unknown") {
			return "not eligible"
		}
		return "eligible"
	})
	b.on("head", "scancel", gone)
	b.ended("RUNNING", dead)
	b.shutDown(b.on("head", "squeue", "-h", "-j", dead, "-o", "%N"))
	b.recorded("COMPLETED", good+"_1", good+"_2", good+"_3")
	b.recorded("FAILED", bad, memory)
	b.recorded("CANCELLED", gone)
	b.recorded("NODE_FAIL", dead)
	const outOfMemory = "11" // JOB_OOM in slurm.h
	b.on("head", "mariadb", "--no-defaults", "--socket=/run/mysqld/mysqld.sock", "demo_slurm_acct", "-e",
		"UPDATE demo_job_table SET state="+outOfMemory+", exit_code=125 WHERE id_job="+memory)
	b.recorded("OUT_OF_MEMORY", memory)
	b.on("head", "systemctl", "start", "prometheus")
	b.agree(b.accounts(), b.nodes(), b.jobs())
	now := b.page()
	if got := now.of("slurm_jobs_finished_total", "state"); got["out_of_memory"] != 1 || got["node_fail"] != 1 || got["completed"] != 3 ||
		got["failed"] != 1 || got["cancelled"] != 1 {
		t.Errorf("finished: %v", got)
	}
	if missed := now["slurm_jobs_missed_windows_total"]; missed != 0 {
		t.Errorf("%v windows were missed, with slurmdbd's help none", missed)
	}
}

// shares compares each user's fair share with sshare's.
func shares(t *testing.T, b *testBed) {
	b = b.in(t)
	fair := comparison{"fair share", func() map[string]float64 {
		all := map[string]float64{}
		for line := range strings.Lines(b.on("head", "sshare", "-n", "-u", "games,mail", "-o", "User%20,Account%20,FairShare%20")) {
			f := strings.Fields(line)
			if len(f) != 3 {
				continue // an account
			}
			v, err := strconv.ParseFloat(f[2], 64)
			if err != nil {
				t.Fatalf("sshare: %q", line)
			}
			all[f[0]+" of "+f[1]] = v
		}
		return all
	}, func(n numbers) map[string]float64 {
		all := map[string]float64{}
		for name, v := range n {
			if user := label(name, "user"); strings.HasPrefix(name, "slurm_user_fairshare{") && user != "root" {
				all[user+" of "+label(name, "account")] = v
			}
		}
		return all
	}}
	b.agree(fair)
	if want := fair.ask(); len(want) != 2 || want["games of team-a"] == 0 && want["mail of team-b"] == 0 {
		t.Errorf("sshare says %v: it proves nothing", want)
	}
}

// databaseAway: without slurmdbd nothing of it is shown, and what it would have told is counted as missed.
func databaseAway(t *testing.T, b *testBed) {
	b = b.in(t)
	before := b.page()
	b.on("head", "systemctl", "stop", "slurmdbd")
	b.on("head", "systemctl", "stop", "prometheus")
	b.on("head", "systemctl", "start", "prometheus")
	n := b.page()
	if n[`slurm_command_success{command="sshare"}`] != 0 || len(n.of("slurm_user_fairshare", "user")) != 0 {
		t.Errorf("without slurmdbd sshare's success is %v, and fair shares are %v", n[`slurm_command_success{command="sshare"}`],
			n.of("slurm_user_fairshare", "user"))
	}
	// More than MinJobAge between two snapshots is a missed window: nobody asks until the job is forgotten. A
	// snapshot that the head takes by itself, because a node comes up, can come in between.
	missed := false
	for tries := 0; !missed && tries < 5; tries++ {
		job := b.submitAs("games", "--wrap", "true")
		b.eventually(2*time.Minute, "forgotten", func() string {
			if said := b.asked("head", "squeue", "-h", "-t", "all", "-o", "%T", "-j", job); !strings.Contains(said, "Invalid job id") {
				return said
			}
			return "forgotten"
		})
		missed = b.page()["slurm_jobs_missed_windows_total"] > before["slurm_jobs_missed_windows_total"]
	}
	if !missed {
		t.Error("five jobs came and went while nobody asked, and no window was missed")
	}
	b.on("head", "systemctl", "start", "slurmdbd")
	b.agree(b.nodes(), b.jobs())
	b.eventually(time.Minute, "2 users", func() string {
		return strconv.Itoa(len(b.page().of("slurm_user_fairshare", "user"))-1) + " users"
	})
}
