// Records lie compressed in blocks beside the list, so that ten thousand of them cost nothing until one is picked.
const opened = new Map();

async function blockOf(number) {
  if (!opened.has(number)) opened.set(number, unpack(document.getElementById(`block-${number}`).textContent));
  if (opened.size > 8) opened.delete(opened.keys().next().value);
  return opened.get(number);
}

async function unpack(text) {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}

async function loadRecord(data, place) {
  const records = await blockOf(Math.floor(place / data.block_size));
  return records[place % data.block_size];
}
