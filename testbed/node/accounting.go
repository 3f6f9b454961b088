package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/parascope/parascope/testbed/config"
	"github.com/parascope/parascope/testbed/slurm"
)

// databaseDir is where the bed's database has its files.
const databaseDir = "/var/lib/testbed-database"

// startAccounting starts slurmdbd where the configuration has a database. On AWS that is somebody
// else's server; here MariaDB runs on the head node too, and knows user slurm by the socket.
func (u UserData) startAccounting(ctx context.Context) error {
	b, err := os.ReadFile(filepath.Join(Shared, ConfigFile))
	if err != nil {
		return fmt.Errorf("read the cluster's configuration: %w", err)
	}
	c, err := config.Parse(b)
	if err != nil || c.Scheduling.SlurmSettings.Database == nil {
		return err
	}
	name := c.Scheduling.SlurmSettings.Database.DatabaseName
	if name == "" {
		name = strings.ReplaceAll(u.Cluster, "-", "_") + "_slurm_acct"
	}
	for _, program := range []string{"/usr/sbin/mariadbd", "/usr/sbin/slurmdbd"} {
		if _, err := os.Stat(program); err != nil {
			return fmt.Errorf("a cluster with a Database needs Debian's mariadb-server and slurmdbd: %w", err)
		}
	}
	if err := startDatabase(ctx); err != nil {
		return err
	}
	file := slurm.Etc + "/slurmdbd.conf"
	text := "AuthType=auth/munge\nDbdHost=" + u.Head.Hostname + "\nSlurmUser=slurm\nStorageType=accounting_storage/mysql\n" +
		"StorageHost=localhost\nStorageUser=slurm\nStorageLoc=" + name + "\nLogFile=/var/log/slurmdbd.log\nPidFile=/run/slurmdbd/slurmdbd.pid\n"
	if err := errors.Join(write(file, text, 0o600), write("/var/log/slurmdbd.log", "", 0o644)); err != nil {
		return err
	}
	if err := own("slurm", file, "/var/log/slurmdbd.log"); err != nil {
		return err
	}
	if err := service(ctx, "slurmdbd", unit("Slurm database daemon",
		"User=slurm\nRuntimeDirectory=slurmdbd\nExecStart=/opt/slurm/sbin/slurmdbd -D\nRestart=on-failure\nRestartSec=1\n")); err != nil {
		return err
	}
	return await(ctx, "slurmdbd", func() error {
		out, err := exec.CommandContext(ctx, "/opt/slurm/bin/sacctmgr", "-n", "list", "cluster").CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	})
}

func startDatabase(ctx context.Context) error {
	if _, err := os.Stat(databaseDir); errors.Is(err, os.ErrNotExist) {
		out, err := exec.CommandContext(ctx, "/usr/bin/mariadb-install-db", "--no-defaults", "--user=mysql", "--datadir="+databaseDir,
			"--skip-test-db", "--auth-root-authentication-method=socket", "--innodb-flush-method=fsync").CombinedOutput()
		if err != nil {
			return fmt.Errorf("make the database: %w: %s", err, out)
		}
	}
	if err := service(ctx, "mariadb", unit("MariaDB database server", "User=mysql\nRuntimeDirectory=mysqld\n"+
		"ExecStart=/usr/sbin/mariadbd --no-defaults --datadir="+databaseDir+" --socket=/run/mysqld/mysqld.sock --skip-networking "+
		"--innodb-flush-method=fsync --innodb-lock-wait-timeout=900\nRestart=on-failure\n")); err != nil {
		return err
	}
	return await(ctx, "the database", func() error {
		out, err := exec.CommandContext(ctx, "/usr/bin/mariadb", "--no-defaults", "--socket=/run/mysqld/mysqld.sock", "-e",
			"CREATE USER IF NOT EXISTS slurm@localhost IDENTIFIED VIA unix_socket; GRANT ALL ON *.* TO slurm@localhost").CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	})
}
