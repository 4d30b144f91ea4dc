"""The fixtures give what they promise: when these fail, failures elsewhere mean nothing."""

import base64
import io
import socket
import struct
import threading
import zipfile
from collections.abc import Callable

import psycopg
import pymysql
import pytest

from tests.fixtures.clamd import Clamd
from tests.fixtures.databases import DatabaseServer
from tests.fixtures.programs import accepts_connections
from tests.fixtures.swaks import SwaksRun

pytestmark = pytest.mark.peer


def instream(clamd: Clamd, content: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(20)
        connection.connect(str(clamd.unix_socket))
        connection.sendall(b"zINSTREAM\0" + struct.pack("!I", len(content)) + content + bytes(4))
        return connection.makefile("rb").read()


def test_clamd_finds_eicar_also_inside_a_message_and_a_zip(clamd: Clamd, eicar: bytes) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("inner.com", eicar)
    message = (
        b"Subject: x\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: application/zip\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + base64.encodebytes(archive.getvalue()).replace(b"\n", b"\r\n")
    )
    assert instream(clamd, b"Subject: clean\r\n\r\nhello\r\n") == b"stream: OK\0"
    assert instream(clamd, eicar) == b"stream: Eicar-Test-Signature.UNOFFICIAL FOUND\0"
    assert instream(clamd, message) == b"stream: Eicar-Test-Signature.UNOFFICIAL FOUND\0"


def test_a_clamd_of_the_tests_own_goes_and_comes_back(
    start_clamd: Callable[..., Clamd], eicar: bytes
) -> None:
    clamd = start_clamd(StreamMaxLength="1M")
    assert b"FOUND" in instream(clamd, eicar)
    clamd.program.kill()
    assert not accepts_connections(clamd.tcp_address)
    clamd.start_again()
    assert b"FOUND" in instream(clamd, eicar)


def test_postgresql_survives_a_restart(start_postgresql: Callable[[], DatabaseServer]) -> None:
    server = start_postgresql()
    name = server.create_database()
    with psycopg.connect(host=server.host, user=server.user, dbname=name) as connection:
        connection.execute("CREATE TABLE t (x INTEGER)")
    server.program.kill()
    server.start_again()
    with psycopg.connect(host=server.host, user=server.user, dbname=name) as connection:
        connection.execute("INSERT INTO t VALUES (1)")


def test_mariadb_survives_a_restart(start_mariadb: Callable[[], DatabaseServer]) -> None:
    server = start_mariadb()
    name = server.create_database()
    with pymysql.connect(unix_socket=server.host, user=server.user, database=name) as connection:
        connection.cursor().execute("CREATE TABLE t (x INTEGER)")
    server.program.kill()
    server.start_again()
    with pymysql.connect(unix_socket=server.host, user=server.user, database=name) as connection:
        connection.cursor().execute("INSERT INTO t VALUES (1)")


def test_databases_are_made_and_dropped(postgresql: DatabaseServer, mariadb: DatabaseServer) -> None:
    for server in (postgresql, mariadb):
        first, second = server.create_database(), server.create_database()
        assert first != second
        server.drop_database(first)
        server.drop_database(second)


def test_swaks_reports_replies(swaks: Callable[..., SwaksRun]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(20)
        host, port = listener.getsockname()

        def refuse() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(b"554 5.7.1 no\r\n")

        thread = threading.Thread(target=refuse)
        thread.start()
        run = swaks("--to", "a@b.example", server=(host, port))
        thread.join()
    assert run.exit_code == 21
    assert run.last_refusal == "554 5.7.1 no"
