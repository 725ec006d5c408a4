"""Who acts over all tenants, and why. Everything else acts in one tenant's transaction, which the database enforces."""

from pathlib import Path

ROOT = Path(__file__).parents[2] / "server" / "hortus_server"
CALL = "system_transaction()"

PEOPLE = "people, their logins and links belong to no tenant alone; each statement filters by the caller's"
WHO = "before it is known who asks, there is no tenant"
LOOK = "a worker or beat looks for what is due in any tenant"
PURGE = "forgets what is old in every tenant; logs cannot be deleted from by a tenant's transaction"
OPERATE = "the installation's own: making and disabling tenants"
# A new line needs a reason why the tenant cannot be named.
SYSTEM = {
    "api/routes/everyone.py": OPERATE,
    "api/routes/login.py": WHO,
    "api/routes/people.py": PEOPLE,
    "api/sign_in.py": PEOPLE,
    "cli/bootstrap.py": OPERATE,
    "cli/secrets_check.py": "reads whether the installation's key opens what is stored",
    "services/anchor_audit.py": LOOK,
    "services/authenticate_key.py": WHO,
    "services/authenticate_login.py": WHO,
    "services/change_tenant.py": OPERATE,
    "services/change_user.py": PEOPLE,
    "services/create_once.py": "links and tenants are made once per key; what they make says why it is the system's",
    "services/create_first_owner.py": PEOPLE,
    "services/deliver_webhooks.py": LOOK,
    "services/disable_user.py": OPERATE,
    "services/end_waits.py": LOOK,
    "services/execute_run.py": "the choice of a run is between tenants; its claim and first fold are one transaction",
    "services/fire_schedules.py": "takes a due time of any tenant and submits its run in the same transaction",
    "services/invite_user.py": PEOPLE,
    "services/keep_leases.py": "one statement renews the leases of all the runs that a worker holds",
    "services/list_stuck.py": "a metric counts the stuck runs of all tenants",
    "services/note_refusals.py": "asks whose log a failed sign-in belongs to, which no tenant alone knows",
    "services/perform_job.py": "a message names a job, and only its row says whose it is",
    "services/purge_events.py": PURGE,
    "services/purge_history.py": PURGE,
    "services/purge_keys.py": PURGE,
    "services/read_heads.py": "one statement for the streams of all tenants, each asked for with its tenant",
    "services/recover_runs.py": LOOK,
    "services/rotate_secrets.py": "seals the secrets of all tenants anew",
    "services/sign_in.py": WHO,
    "services/sign_in_oidc.py": WHO,
    "services/start_login.py": PEOPLE,
    "services/stop_runs.py": "an order over all tenants is one row, whoever placed it",
    "services/verify_audit.py": "lists the heads of all tenants' logs for an operator's command",
}
OWN = {"ports/store.py", "adapters/postgres/store.py"}


def test_only_those_with_a_reason_act_over_all_tenants():
    calling = {
        str(path.relative_to(ROOT)) for path in ROOT.rglob("*.py") if CALL in path.read_text(encoding="utf-8")
    } - OWN
    assert calling - SYSTEM.keys() == set(), "name the tenant: store.transaction(tenant_id)"
    assert SYSTEM.keys() - calling == set(), "take it off the list"


def test_transactions_are_begun_in_one_place():
    beginning = {
        str(path.relative_to(ROOT))
        for path in ROOT.rglob("*.py")
        if "connection.transaction()" in (text := path.read_text(encoding="utf-8")) or '"BEGIN' in text
    }
    assert beginning == {"adapters/postgres/transactions.py", "adapters/postgres/migrations.py"}
