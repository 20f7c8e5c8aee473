"""with_pynut.py MODULE PORT USER PASSWORD: all that PyNUT can do with a NUT server, told as one JSON object.

MODULE is PyNUT for Debian's and PyNUTClient.PyNUT for the one from PyPI, which is newer and can do more. With NUT_CA in the
environment, a file of certificates, everything goes over TLS, and the server has to prove that it is localhost.
"""

import importlib
import json
import os
import sys

UPS = "main"

module, port, user, password = sys.argv[1:]
pynut = importlib.import_module(module)
ca = os.environ.get("NUT_CA")
secrecy = {"use_ssl": True, "force_ssl": True, "ca_file": ca} if ca else {}


def connect(password):
    return pynut.PyNUTClient(host="localhost", port=int(port), login=user, password=password, **secrecy)


def text(value):
    """Names and values are bytes, those within lists and dictionaries, too; so is the reason of an error, at times."""
    if isinstance(value, bytes):
        return value.decode("ascii").strip()
    if isinstance(value, dict):
        return {text(key): text(one) for key, one in value.items()}
    if isinstance(value, list):
        return [text(one) for one in value]
    return value


def outcome(act, *arguments):
    try:
        return text(act(*arguments))
    except pynut.PyNUTError as error:
        return text(error.args[0])


client = connect(password)
told = {
    "version": text(client.ver()),
    "help": text(client.help()),
    "upses": text(client.GetUPSList()),
    "variables": text(client.GetUPSVars(UPS)),
    "commands": text(client.GetUPSCommands(UPS)),
    "settable": text(client.GetRWVars(UPS)),
    "unknown": outcome(client.GetUPSVars, "bogus"),
    "denied": outcome(connect("wrong").RunUPSCommand, UPS, "load.off"),
    "set": outcome(client.SetRWVar, UPS, "ups.id", "RACK7"),
    "misset": outcome(client.SetRWVar, UPS, "ups.model", "Mine"),
    "run": outcome(client.RunUPSCommand, UPS, "test.battery.start"),
}
if hasattr(client, "DeviceLogin"):
    told["available"] = client.CheckUPSAvailable(UPS)
    told["login"] = outcome(client.DeviceLogin, UPS)
    # Debian's asks for "LIST CLIENTS", which no upsd has.
    told["clients"] = text(client.ListClients(UPS))[UPS]
told["fsd"] = outcome(client.FSD, UPS)
print(json.dumps(told))
