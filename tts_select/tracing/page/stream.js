// Server-sent events of a request that is posted: each is one JSON object.
const NOT_READY = 503, PATIENCE = 90;

// `waits` is called while the server still loads its models, for minutes at most.
async function* eventsOf(path, body, key, signal, waits) {
  const headers = { "Content-Type": "application/json" };
  if (key) headers.Authorization = `Bearer ${key}`;
  const ask = () => fetch(path, { method: "POST", headers, body: JSON.stringify(body), signal });
  let response = await ask();
  for (let k = 0; response.status === NOT_READY && k < PATIENCE; k++) {
    waits();
    await new Promise((done) => setTimeout(done, 2000));
    response = await ask();
  }
  if (!response.ok) throw new Error(await complaintOf(response));
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    text += value;
    const parts = text.split("\n\n");
    text = parts.pop();
    for (const part of parts) {
      if (part.startsWith("data: ")) yield JSON.parse(part.slice(6));
    }
  }
}

async function complaintOf(response) {
  try {
    return (await response.json()).error.message;
  } catch {
    return `the server says ${response.status}`;
  }
}
