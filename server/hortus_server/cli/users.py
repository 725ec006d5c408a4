"""`hortus user`: people, their roles, and links that let them in."""

from typing import Annotated, get_args
from uuid import UUID

import typer

from hortus_server.cli.client import ApiClient, CommandError, Json
from hortus_server.cli.options import AsJson, Key, Url, open_client
from hortus_server.cli.render import out, print_json, print_table
from hortus_server.domain.users import Role

app = typer.Typer(no_args_is_help=True, help="People and their roles in the key's tenant.")
ROLES: tuple[Role, ...] = get_args(Role)
Who = Annotated[str, typer.Argument(help="Email address, or id.")]
PEOPLE = "/v1/admin/people"
Everywhere = Annotated[bool, typer.Option("--everywhere", help="In the whole installation; for those who run it.")]
RoleName = Annotated[str, typer.Option(help="owner, operator, developer or viewer.")]


@app.command("create")
def create(email: str, role: RoleName = "viewer", as_json: AsJson = False, url: Url = None, key: Key = None) -> None:
    """Invite somebody: prints a one-time link, which you send."""
    made = open_client(url, key).post("/v1/admin/invitations", {"email": email, "role": _role(role)})
    _show_link(made, as_json=as_json, lasts="a week")


@app.command("list")
def list_users(
    everywhere: Annotated[bool, typer.Option("--everywhere", help="The newest of the whole installation.")] = False,
    as_json: AsJson = False,
    url: Url = None,
    key: Key = None,
) -> None:
    """Members of the tenant."""
    client = open_client(url, key)
    page = client.get(PEOPLE, limit=200) if everywhere else client.get("/v1/admin/users")
    if as_json:
        print_json(page)
    elif everywhere:
        print_table(
            ("email", "name", "tenants", "keys", "disabled_at", "last_seen_at", "id"), page["items"], empty="No users."
        )
    else:
        print_table(("email", "name", "role", "state", "last_seen_at", "id"), page["items"], empty="No users.")


@app.command("role")
def change_role(who: Who, role: str, as_json: AsJson = False, url: Url = None, key: Key = None) -> None:
    """Give a user another role, at once."""
    _change(who, {"role": _role(role)}, f"is {role} now", as_json=as_json, client=open_client(url, key))


@app.command("disable")
def disable(
    who: Who, everywhere: Everywhere = False, as_json: AsJson = False, url: Url = None, key: Key = None
) -> None:
    """Keep a user out of the tenant and end the logins there; or out of all, with the keys that the user made."""
    if everywhere:
        _change_everywhere(who, disabled=True, as_json=as_json, client=open_client(url, key))
        return
    _change(who, {"disabled": True}, "is kept out", as_json=as_json, client=open_client(url, key))


@app.command("enable")
def enable(who: Who, everywhere: Everywhere = False, as_json: AsJson = False, url: Url = None, key: Key = None) -> None:
    """Let a user in again. Logins that ended and keys that were revoked stay so."""
    if everywhere:
        _change_everywhere(who, disabled=False, as_json=as_json, client=open_client(url, key))
        return
    _change(who, {"disabled": False}, "may come in again", as_json=as_json, client=open_client(url, key))


@app.command("reset")
def reset(who: Who, as_json: AsJson = False, url: Url = None, key: Key = None) -> None:
    """Print a one-time link to a new password."""
    client = open_client(url, key)
    made = client.post(f"/v1/admin/users/{_find(client, who)['id']}/reset")
    _show_link(made, as_json=as_json, lasts="a day")


def _change(who: str, change: Json, said: str, *, as_json: bool, client: ApiClient) -> None:
    user = _find(client, who)
    changed = client.call("PATCH", f"/v1/admin/users/{user['id']}", body=change)
    print_json(changed) if as_json else out.print(f"{user['email']} {said}")


def _change_everywhere(who: str, *, disabled: bool, as_json: bool, client: ApiClient) -> None:
    wanted = who.strip().lower()
    found: list[Json] = client.get(PEOPLE, email="" if _is_id(wanted) else wanted, limit=200)["items"]
    user_id = wanted if _is_id(wanted) else next((one["id"] for one in found if one["email"] == wanted), None)
    if user_id is None:
        raise CommandError(f"no user {who} in this installation; see `hortus user list --everywhere`")
    changed = client.call("PATCH", f"{PEOPLE}/{user_id}", body={"disabled": disabled})
    said = "is kept out of the installation" if disabled else "may come in again"
    print_json(changed) if as_json else out.print(f"{changed['email']} {said}")


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _find(client: ApiClient, who: str) -> Json:
    members: list[Json] = client.get("/v1/admin/users")["items"]
    found = next((user for user in members if who.strip().lower() in {user["email"], user["id"]}), None)
    if found is None:
        raise CommandError(f"no user {who} in this tenant; see `hortus user list`")
    return found


def _role(name: str) -> Role:
    for role in ROLES:
        if role == name:
            return role
    raise CommandError(f"no such role: {name}; there are {', '.join(ROLES)}")


def _show_link(made: Json, *, as_json: bool, lasts: str) -> None:
    if as_json:
        print_json(made)
    else:
        out.print(made["link"], soft_wrap=True)
        out.print(f"[dim]for {made['email']}, once, within {lasts}; shown only now[/]")
