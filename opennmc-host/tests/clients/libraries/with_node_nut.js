// with_node_nut.js PORT USER PASSWORD: all that node-nut can do with a NUT server, told as one JSON object.
//
// All but its ListClients, which calls a function that is not there.
"use strict";

const Nut = require("node-nut");

const UPS = "main";
const [port, user, password] = process.argv.slice(2);

function connect() {
  return new Promise((resolve, reject) => {
    const client = new Nut(Number(port), "127.0.0.1");
    client.on("ready", () => resolve(client));
    client.on("error", reject);
    client.start();
  });
}

// Its lists and texts come as (answer, error), what it does as (error): the first call counts.
const ask = (client, method, ...given) =>
  new Promise((resolve, reject) => {
    client[method](...given, (answer, error) => (error ? reject(new Error(error.trim())) : resolve(answer)));
  });
const act = (client, method, ...given) =>
  new Promise((resolve) => {
    client[method](...given, (error) => resolve(error ? error.trim() : "OK"));
  });
const failure = (asked) => asked.then(() => "OK", (error) => error.message);

async function logIn(password) {
  const client = await connect();
  await act(client, "SetUsername", user);
  await act(client, "SetPassword", password);
  return client;
}

async function tell() {
  const client = await logIn(password);
  const stranger = await logIn("wrong");
  const told = {
    version: (await ask(client, "ver")).trim(),
    protocol: (await ask(client, "netVer")).trim(),
    help: (await ask(client, "help")).trim(),
    upses: { ...(await ask(client, "GetUPSList")) },
    variables: { ...(await ask(client, "GetUPSVars", UPS)) },
    settable: { ...(await ask(client, "GetRWVars", UPS)) },
    commands: {},
    types: {},
  };
  for (const name of await ask(client, "GetUPSCommands", UPS)) {
    told.commands[name] = await ask(client, "GetCommandDescription", UPS, name);
  }
  for (const name of Object.keys(told.settable)) {
    told.types[name] = {
      kind: await ask(client, "GetVarType", UPS, name),
      choices: await ask(client, "GetEnumsForVar", UPS, name),
      ranges: await ask(client, "GetRangesForVar", UPS, name),
      description: await ask(client, "GetVarDescription", UPS, name),
    };
  }
  told.unknown = await failure(ask(client, "GetUPSVars", "bogus"));
  told.denied = await act(stranger, "RunUPSCommand", UPS, "load.off");
  told.set = await act(client, "SetRWVar", UPS, "ups.id", "RACK7");
  told.misset = await act(client, "SetRWVar", UPS, "ups.model", "Mine");
  told.run = await act(client, "RunUPSCommand", UPS, "test.battery.start");
  told.primary = await act(client, "Master", UPS);
  told.fsd = await act(client, "FSD", UPS);
  for (const one of [client, stranger]) {
    const closed = new Promise((resolve) => one.on("close", resolve));
    one.close();
    await closed;
  }
  return told;
}

tell().then(
  (told) => console.log(JSON.stringify(told)),
  (error) => {
    console.error(error);
    process.exitCode = 1;
  },
);
