import os
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from hortus_server.adapters.embedded.binaries import postgres_binary
from hortus_server.adapters.embedded.component import Command, Component, Display, RestartPolicy
from hortus_server.adapters.embedded.home import HortusHome
from hortus_server.adapters.embedded.identity import give_tree, unprivileged_identity
from hortus_server.adapters.embedded.ports import LOOPBACK
from hortus_server.adapters.embedded.process import run_tool

NAME = "postgres"
ADMIN = "postgres"
ROLE = "hortus"
DATABASE = "hortus"
INITDB_TIMEOUT_S = 120.0
PSQL_TIMEOUT_S = 30.0
MAX_CONNECTIONS = 200
SETTINGS = {
    "listen_addresses": LOOPBACK,
    # No socket file: a pathname socket can be reached from where TCP is denied.
    "unix_socket_directories": "",
    "max_connections": str(MAX_CONNECTIONS),
    "shared_buffers": "128MB",
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "max_wal_size": "1GB",
    "checkpoint_timeout": "10min",
    "idle_in_transaction_session_timeout": "60s",
    "password_encryption": "scram-sha-256",
    "log_line_prefix": "%q%u@%d ",
    "log_checkpoints": "off",
    # Values are parts of statements; what fails is told without them.
    "log_min_error_statement": "panic",
    "log_timezone": "UTC",
    "timezone": "UTC",
    "cluster_name": "hortus",
}

PROVISION = """\
SELECT format('CREATE ROLE %I LOGIN', :'role')
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'role') \\gexec
ALTER ROLE :"role" PASSWORD :'password';
SELECT 'CREATE ROLE hortus_tenant NOLOGIN'
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'hortus_tenant') \\gexec
GRANT hortus_tenant TO :"role";
SELECT format('CREATE DATABASE %I OWNER %I', :'database', :'role')
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'database') \\gexec
REVOKE CONNECT ON DATABASE :"database" FROM PUBLIC;
"""


@dataclass(frozen=True, slots=True)
class EmbeddedPostgres:
    """A PostgreSQL server of our own under `HORTUS_HOME/postgres`, on loopback TCP with SCRAM passwords.

    As root the server runs as `nobody`, or in a user namespace where that user cannot reach the folders.
    Committed rows survive any kill: fsync stays on.
    """

    home: HortusHome
    port: int
    identity: str

    @classmethod
    async def at(cls, home: HortusHome, port: int) -> "EmbeddedPostgres":
        """Choose under whom the server runs.

        Raises:
            PlatformError: As root, with no unprivileged user to become.
        """
        folder = home.folder(NAME)
        return cls(home, port, await unprivileged_identity(folder, postgres_binary("postgres")))

    @property
    def cluster(self) -> Path:
        """The data directory of the server."""
        return self.home.folder(NAME) / "cluster"

    @property
    def dsn(self) -> str:
        """Connection string of the application role, with its password."""
        password = quote(self.home.secret("postgres_password"), safe="")
        return f"postgresql://{ROLE}:{password}@{LOOPBACK}:{self.port}/{DATABASE}"

    def component(self) -> Component:
        """What a supervisor needs to run the server."""
        options = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
        return Component(
            name=NAME,
            command=Command(
                argv=(str(postgres_binary("postgres")), "-D", str(self.cluster), "-p", str(self.port), *options),
                cwd=self.home.folder(NAME),
                identity=self.identity,
            ),
            prepare=self.prepare,
            ready=self.check,
            after_start=self.provision,
            url=f"postgresql://{LOOPBACK}:{self.port}/{DATABASE}",
            port=self.port,
            ready_timeout_s=300.0,  # recovery after a crash replays the log
            health_interval_s=10.0,
            # SIGINT is PostgreSQL's fast shutdown, also when the supervisor itself is killed.
            stop_signal=signal.SIGINT,
            death_signal=signal.SIGINT,
            stop_timeout_s=20.0,
            # After a kill the lock file and shared memory of the old server may block the new one for seconds.
            restart=RestartPolicy(initial_s=0.3, factor=1.6, max_s=5.0, max_failures=9),
        )

    async def prepare(self, display: Display) -> None:
        """Make the cluster if there is none; an interrupted initdb leaves nothing that looks like one."""
        folder = self.home.folder(NAME)
        self._own(folder)
        if (self.cluster / "PG_VERSION").exists():
            return
        display.show_line(NAME, "creating the database cluster")
        staged = folder / "cluster.new"
        password_file = folder / "initdb.password"
        shutil.rmtree(staged, ignore_errors=True)
        password_file.unlink(missing_ok=True)
        password_file.touch(mode=0o600)
        try:
            password_file.write_text(self.home.secret("postgres_admin_password"), encoding="utf-8")
            self._own(password_file)
            await run_tool(
                Command(
                    argv=(
                        str(postgres_binary("initdb")),
                        f"--pgdata={staged}",
                        f"--username={ADMIN}",
                        f"--pwfile={password_file}",
                        "--auth-local=scram-sha-256",
                        "--auth-host=scram-sha-256",
                        "--encoding=UTF8",
                        "--locale-provider=builtin",
                        "--locale=C.UTF-8",
                        "--data-checksums",
                    ),
                    cwd=folder,
                    identity=self.identity,
                ),
                timeout_s=INITDB_TIMEOUT_S,
            )
        finally:
            password_file.unlink(missing_ok=True)
        staged.rename(self.cluster)

    def _own(self, path: Path) -> None:
        if self.identity == "self":
            return
        if self.identity == "userns":
            give_tree(path, uid=os.geteuid(), gid=os.getegid())
            return
        uid, gid = (int(part) for part in self.identity.split(":"))
        give_tree(path, uid=uid, gid=gid)

    async def check(self) -> None:
        """Ask the server whether it takes connections; raises until it does."""
        await run_tool(
            Command(
                argv=(
                    str(postgres_binary("pg_isready")),
                    "-q",
                    "-h",
                    LOOPBACK,
                    "-p",
                    str(self.port),
                    "-U",
                    ADMIN,
                    "-d",
                    ADMIN,
                    "-t",
                    "3",
                )
            ),
            timeout_s=5.0,
        )

    async def provision(self) -> None:
        """Make the application's role and database, or bring the role's password up to date."""
        await self.execute(PROVISION, password=self.home.secret("postgres_password"))

    async def execute(self, sql: str, *, password: str = "", database: str = ADMIN) -> str:
        """Run SQL as the server's superuser through psql.

        psql variables `role`, `database` and `password` are set. This is for provisioning and diagnosis;
        the application has its own adapter.

        Raises:
            ToolFailedError: The server refused it.
        """
        variables = {"role": ROLE, "database": DATABASE}
        # The password travels on standard input: command lines can be read by every user.
        quoted = password.replace("\\", "\\\\").replace("'", "\\'")
        script = f"\\set password '{quoted}'\n{sql}"
        return await run_tool(
            Command(
                argv=(
                    str(postgres_binary("psql")),
                    *("-h", LOOPBACK, "-p", str(self.port), "-U", ADMIN, "-d", database),
                    *("-X", "-q", "-A", "-t", "-w", "-v", "ON_ERROR_STOP=1"),
                    *(part for name, value in variables.items() for part in ("-v", f"{name}={value}")),
                ),
                env={"PGPASSWORD": self.home.secret("postgres_admin_password"), "PGCONNECT_TIMEOUT": "5"},
            ),
            timeout_s=PSQL_TIMEOUT_S,
            stdin=script,
        )
