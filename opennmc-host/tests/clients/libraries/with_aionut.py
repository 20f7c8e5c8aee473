"""with_aionut.py PORT USER PASSWORD: all that aionut can do with a NUT server, told as one JSON object.

As Home Assistant uses it: without a user to read, with one for commands; one connection for all or one for each request.
"""

import asyncio
import json
import sys

from aionut import AIONUTClient, NUTError

UPS = "main"

port, user, password = sys.argv[1:]


def client(**options):
    return AIONUTClient(host="localhost", port=int(port), **options)


async def outcome(act):
    try:
        return await act
    except NUTError as error:
        return f"{type(error).__name__}: {error}"


async def tell():
    anybody = client()
    known = client(username=user, password=password)
    each_anew = client(username=user, password=password, persistent=False)
    stranger = client(username=user, password="wrong")
    told = {
        "upses": await anybody.list_ups(),
        "description": await anybody.description(UPS),
        "variables": await anybody.list_vars(UPS),
        "commands": {name: None for name in await known.list_commands(UPS)},
        "again": [await each_anew.list_ups(), await each_anew.list_ups()],
        "unknown": await outcome(anybody.list_vars("bogus")),
        "anonymous": await outcome(anybody.run_command(UPS, "load.off")),
        "denied": await outcome(stranger.run_command(UPS, "load.off")),
        # It has no word for settings. A value that a command does not take is refused.
        "value": await outcome(known.run_command(UPS, "test.battery.start", "bogus value")),
        "run": await outcome(known.run_command(UPS, "test.battery.start")),
    }
    for one in (anybody, known, each_anew, stranger):
        one.shutdown()
    return told


print(json.dumps(asyncio.run(tell())))
