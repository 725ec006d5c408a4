"""Small insecure tools by weakness (CWE), each with the input that exploits it: `CANARY` stands for a file of the host.

Two steps: what the gates say of it, and what it does in the sandbox if it were let in all the same.
"""

from dataclasses import dataclass
from typing import Any

CANARY = "@canary@"
PLANTED = "@planted@"


@dataclass(frozen=True, slots=True)
class InsecureTool:
    """`source` defines `tool`; `exploit` are arguments that make it do harm where nothing holds it."""

    cwe: int
    name: str
    source: str
    exploit: dict[str, Any]


def _tool(cwe: int, name: str, source: str, /, **exploit: Any) -> InsecureTool:
    return InsecureTool(cwe, name, source.strip("\n") + "\n", exploit)


TOOLS: tuple[InsecureTool, ...] = (
    _tool(
        95,
        "eval of input",
        """
def tool(text):
    return str(eval(text))
""",
        text=f"open('{CANARY}').read()",
    ),
    _tool(
        94,
        "exec of input",
        """
def tool(text):
    scope = {}
    exec(text, scope)
    return str(scope.get('x'))
""",
        text=f"x = open('{CANARY}').read()",
    ),
    _tool(
        94,
        "compile and run",
        """
def tool(text):
    return str(eval(compile(text, 'x', 'eval')))
""",
        text=f"open('{CANARY}').read()",
    ),
    _tool(
        22,
        "path traversal",
        """
def tool(name):
    with open('files/' + name) as file:
        return file.read()
""",
        name=f"../../../../../../{CANARY}",
    ),
    _tool(
        22,
        "path traversal by io",
        """
import io
def tool(name):
    return io.open(name).read()
""",
        name=CANARY,
    ),
    _tool(
        22,
        "path traversal by pathlib",
        """
import pathlib
def tool(name):
    return pathlib.Path(name).read_text()
""",
        name=CANARY,
    ),
    _tool(
        22,
        "path traversal by an allowed module",
        """
import json
def tool(name):
    return json.codecs.open(name).read()
""",
        name=CANARY,
    ),
    _tool(
        73,
        "write where the input says",
        """
def tool(name):
    open(name, 'w').write('planted')
    return 'ok'
""",
        name=PLANTED,
    ),
    _tool(
        22,
        "zip slip",
        """
import base64, io, zipfile
def tool(data):
    zipfile.ZipFile(io.BytesIO(base64.b64decode(data))).extractall('/')
    return 'ok'
""",
        data="UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA==",
    ),
    _tool(
        22,
        "tar slip",
        """
import base64, io, tarfile
def tool(data):
    tarfile.open(fileobj=io.BytesIO(base64.b64decode(data))).extractall('/')
    return 'ok'
""",
        data="",
    ),
    _tool(
        502,
        "pickle of input",
        """
import base64, pickle
def tool(data):
    return str(pickle.loads(base64.b64decode(data)))
""",
        data="Y29zCnN5c3RlbQooUydpZCcKdFIu",
    ),
    _tool(
        502,
        "marshal of input",
        """
import base64, marshal
def tool(data):
    return str(marshal.loads(base64.b64decode(data)))
""",
        data="TlM=",
    ),
    _tool(
        502,
        "yaml of input",
        """
import yaml
def tool(text):
    return str(yaml.load(text))
""",
        text="!!python/object/apply:os.system ['id']",
    ),
    _tool(
        502,
        "shelve of input",
        """
import shelve
def tool(name):
    return str(dict(shelve.open(name)))
""",
        name=CANARY,
    ),
    _tool(
        78,
        "command line from input",
        """
import os
def tool(name):
    return os.popen('ls ' + name).read()
""",
        name="; id",
    ),
    _tool(
        78,
        "os.system",
        """
import os
def tool(name):
    return str(os.system('ls ' + name))
""",
        name=f"; touch {PLANTED}",
    ),
    _tool(
        78,
        "subprocess with a shell",
        """
import subprocess
def tool(name):
    return subprocess.check_output('ls ' + name, shell=True).decode()
""",
        name="; id",
    ),
    _tool(
        78,
        "a hidden import of os",
        """
def tool(name):
    return __import__('os').popen(name).read()
""",
        name="id",
    ),
    _tool(
        915,
        "attributes by name",
        """
def tool(name):
    target = ()
    for part in name.split('.'):
        target = getattr(target, part)
    return str(target)
""",
        name="__class__.__base__.__subclasses__",
    ),
    _tool(
        134,
        "format string",
        """
class Secret:
    key = 'canary-key'
def tool(text):
    return text.format(Secret())
""",
        text="{0.__class__.__init__.__globals__}",
    ),
    _tool(
        798,
        "hard-coded password",
        """
def tool(name):
    password = 'hunter2-canary'
    return str(name == password)
""",
        name="x",
    ),
    _tool(
        259,
        "password as a default",
        """
def tool(name, password='hunter2-canary'):
    return name + password
""",
        name="x",
    ),
    _tool(
        330,
        "weak random for a token",
        """
import random
def tool(length):
    return ''.join(random.choice('abcdef') for _ in range(length))
""",
        length=8,
    ),
    _tool(
        327,
        "broken hash",
        """
import hashlib
def tool(text):
    return hashlib.md5(text.encode()).hexdigest()
""",
        text="x",
    ),
    _tool(
        611,
        "XML entities",
        """
import xml.etree.ElementTree as tree
def tool(text):
    return ''.join(tree.fromstring(text).itertext())
""",
        text=f'<!DOCTYPE x [<!ENTITY e SYSTEM "file://{CANARY}">]><x>&e;</x>',
    ),
    _tool(
        776,
        "XML entity expansion",
        """
from xml.dom.minidom import parseString
def tool(text):
    return parseString(text).toxml()
""",
        text='<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;">]><x>&b;</x>',
    ),
    _tool(
        1333,
        "regex bomb",
        """
import re
def tool(text):
    return str(bool(re.match(r'(a+)+$', text)))
""",
        text="a" * 40 + "!",
    ),
    _tool(
        1333,
        "regex from input",
        """
import re
def tool(text):
    return str(bool(re.match(text, 'a' * 40 + '!')))
""",
        text="(a+)+$",
    ),
    _tool(
        400,
        "memory from input",
        """
def tool(count):
    return str(len('x' * count))
""",
        count=10**10,
    ),
    _tool(
        835,
        "endless loop",
        """
def tool(count):
    while count != 0:
        count -= 2
    return 'done'
""",
        count=1,
    ),
    _tool(
        409,
        "decompression bomb",
        """
import base64, zlib
def tool(data):
    return str(len(zlib.decompress(base64.b64decode(data))))
""",
        data="eJztwTEBAAAAwqD1T20Gf6AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    ),
    _tool(
        918,
        "request to where the input says",
        """
from urllib.request import urlopen
def tool(url):
    return urlopen(url).read().decode()
""",
        url=f"file://{CANARY}",
    ),
    _tool(
        319,
        "plain socket",
        """
import socket
def tool(host):
    return str(socket.create_connection((host, 80)))
""",
        host="127.0.0.1",
    ),
    _tool(
        377,
        "predictable temporary file",
        """
import tempfile
def tool(text):
    return tempfile.mktemp()
""",
        text="x",
    ),
    _tool(
        732,
        "permissions for everybody",
        """
import os
def tool(name):
    os.chmod(name, 0o777)
    return 'ok'
""",
        name=CANARY,
    ),
    _tool(
        89,
        "SQL from input",
        """
import sqlite3
def tool(name):
    base = sqlite3.connect(':memory:')
    base.execute('create table t (name, secret)')
    base.execute("insert into t values ('a', 'sql-secret')")
    return str(base.execute("select name from t where name = '" + name + "'").fetchall())
""",
        name="' union select secret from t --",
    ),
    _tool(
        526,
        "environment of the server",
        """
import os
def tool(name):
    return str(dict(os.environ))
""",
        name="x",
    ),
    _tool(
        749,
        "C library by ctypes",
        """
import ctypes
def tool(name):
    return str(ctypes.CDLL(None).system(name.encode()))
""",
        name=f"touch {PLANTED}",
    ),
)
