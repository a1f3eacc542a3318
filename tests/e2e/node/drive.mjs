// Drives a control API with Toxiproxy's client for Node, and moves bytes through what it makes.
//
// node drive.mjs CONTROL_URL UPSTREAM prints what it saw as one JSON object; it checks nothing.

import net from "node:net";

import client from "toxiproxy-node-client";

const [url, upstream] = process.argv.slice(2);
const { Toxiproxy } = client;
const toxiproxy = new Toxiproxy(url);
const seen = {};

// What comes back when `text` is all that is sent, or the code of the error.
function saidBack(listen, text) {
  const split = listen.lastIndexOf(":");
  return new Promise((resolve) => {
    let heard = "";
    const peer = net.connect({ host: listen.slice(0, split), port: listen.slice(split + 1) });
    peer.setTimeout(10_000, () => peer.destroy(new Error("nothing for 10 s")));
    peer.on("data", (data) => (heard += data));
    peer.on("error", (error) => resolve(error.code ?? error.message));
    peer.on("close", () => resolve(heard));
    peer.end(text);
  });
}

seen.version = await toxiproxy.getVersion();
const proxy = await toxiproxy.createProxy({ name: "node", listen: "localhost:0", upstream });
seen.created = proxy.toJson();
seen.clean = await saidBack(proxy.listen, "hello");

const limit = await proxy.addToxic({ type: "limit_data", attributes: { bytes: 2 } });
seen.toxic = limit.toJson();
seen.limited = await saidBack(proxy.listen, "hello");
const changed = await limit.update({ attributes: { bytes: 4 } });
seen.changed = changed.toJson();
seen.lessLimited = await saidBack(proxy.listen, "hello");
seen.found = (await proxy.getToxic("limit_data_downstream")).toJson();
await limit.remove();
seen.unlimited = await saidBack(proxy.listen, "hello");

await proxy.addToxic({
  name: "slices",
  type: "slicer",
  stream: "upstream",
  toxicity: 0.5,
  attributes: { average_size: 1000, size_variation: 1000, delay: 1 },
});
const off = await proxy.update({ enabled: false, listen: proxy.listen, upstream });
seen.off = off.toJson();
seen.refused = await saidBack(proxy.listen, "hello");
await toxiproxy.reset();
seen.reset = (await toxiproxy.get("node")).toJson();
seen.afterReset = await saidBack(proxy.listen, "hello");

const populated = await toxiproxy.populate([
  { name: "one", listen: "localhost:0", upstream },
  { name: "two", listen: "localhost:0", upstream, enabled: false },
]);
seen.populated = Object.fromEntries(
  Object.entries(populated).map(([name, { enabled }]) => [name, enabled]),
);
seen.throughPopulated = await saidBack(populated.one.listen, "hello");
seen.nothingPopulated = await toxiproxy.populate([]);

seen.all = Object.keys(await toxiproxy.getAll());
for (const made of Object.values(await toxiproxy.getAll())) await made.remove();
seen.left = await toxiproxy.getAll();
seen.afterRemoval = await saidBack(proxy.listen, "hello");
seen.missing = await toxiproxy.get("node").catch((error) => error.message);

console.log(JSON.stringify(seen));
