/* Asking the lab: JSON there and back, every refusal an Error in words. */

export async function ask(path, question) {
  const request = question === undefined ? {} : {
    method: "POST", body: JSON.stringify(question),
    headers: { "content-type": "application/json" },
  };
  const told = await (await reached(path, request)).json();
  if (told.error)
    throw new Error(`${told.error.message} (${told.error.type})`);
  return told.answer;
}

async function reached(path, request) {
  try {
    return await fetch(path, request);
  } catch {
    throw new Error("The lab gives no answer: does `quiver lab` still run?");
  }
}
