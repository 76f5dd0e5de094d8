// The endpoints, and their refusals as errors that can be shown.

async function fetched(address, request) {
  let reply;
  try {
    reply = await fetch(address, request);
  } catch {
    throw new Error("The server does not answer; is ferlab serve still running?");
  }
  const told = await reply.json().catch(() => ({}));
  if (reply.ok) return told;
  const error = new Error(told.error ? `${told.error[0].toUpperCase()}${told.error.slice(1)}.` : `The server answered ${reply.status}.`);
  error.wait = 1000 * (reply.headers.get("Retry-After") ?? 1);
  throw error;
}

export function health() {
  return fetched("/health");
}

export async function models() {
  return (await fetched("/models")).models;
}

// image: a Blob; options: as /schema tells them.
export function ask(image, options) {
  const query = new URLSearchParams(Object.entries(options).filter(([, value]) => value !== ""));
  const type = image.type.startsWith("image/") ? image.type : "application/octet-stream";
  return fetched(`/predict?${query}`, { method: "POST", body: image, headers: { "Content-Type": type } });
}
