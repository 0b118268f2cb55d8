const specta = "http://127.0.0.1:7777";
addEventListener("load", () => {
  const number = performance.now() / 1000;
  fetch(`${specta}/metrics.API/Histogram`, {
    method: "POST",
    keepalive: true, // the push arrives although its page is left
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ action: [{ metric: "page_ready_duration_seconds", labels: { page: "root" }, number }] }),
  }).catch((error) => console.warn("specta took no push", error));
});
