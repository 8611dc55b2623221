"""What README.md shows of the app from programs is run as it stands, with another address."""

import asyncio
import json
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import ROOT

ADDRESS = "http://127.0.0.1:7860/"
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)


def shown(kind, app_url):
    """The code blocks of a kind that name the address of the app."""
    found = [text.replace(ADDRESS, app_url) for k, text in BLOCKS if k == kind and ADDRESS in text]
    if not found:
        pytest.skip(f"README.md shows no {kind} that calls {ADDRESS}")
    return found


def output(command, folder):
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_python_client_runs(app_url, tmp_path):
    for code in shown("python", app_url):
        assert output([sys.executable, "-c", code], tmp_path).strip()


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_runs(app_url, tmp_path):
    for code in shown("bash", app_url):
        assert "event: complete" in output(["bash", "-euc", code], tmp_path)


def test_the_mcp_address_offers_tools_that_work(app_url):
    from mcp import ClientSession
    from mcp.client.streamable_http import streamablehttp_client

    async def tools_and_picture(url):
        async with (
            streamablehttp_client(url) as (receive, send, _),
            ClientSession(receive, send) as session,
        ):
            await session.initialize()
            tools = await session.list_tools()
            painted = await session.call_tool("generate", {"prompt": "an old man", "steps": 1})
            return {tool.name for tool in tools.tools}, painted

    for text in shown("json", app_url):
        (server,) = json.loads(text)["mcpServers"].values()
        # in its own thread: the browser of other tests keeps an event loop running in this one
        with ThreadPoolExecutor(1) as thread:
            run = thread.submit(asyncio.run, tools_and_picture(server["url"]))
            tools, painted = run.result()
        assert {"generate", "edit", "answer", "describe", "attributes", "verify"} <= tools
        assert not painted.isError and any("old man" in str(part) for part in painted.content)
