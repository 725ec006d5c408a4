"""Statements are prepared without the types of their values, which PostgreSQL has to find in the statement itself."""

from importlib.resources import files

import psycopg

from hortus_server.adapters.postgres.statements import load_statements

FILES = sorted(path.name for path in files("hortus_server.adapters.postgres").iterdir() if path.name.endswith(".sql"))


def test_postgresql_finds_the_types_of_all_values(database_settings):
    failed = {}
    with psycopg.connect(database_settings.url.get_secret_value(), autocommit=True) as connection:
        for file_name in FILES:
            for name, statement in load_statements(file_name).items():
                if statement.prepared_name is None:
                    continue
                text = b"PREPARE %s AS %s" % (statement.prepared_name, statement.numbered_sql)
                try:
                    connection.execute(text, prepare=False)
                except psycopg.Error as error:
                    failed[file_name, name] = str(error)
    assert not failed
