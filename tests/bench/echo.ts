/** What bounds every server here: reads the body, as text or as bytes, and answers a fixed text. */
const body = '{"result":[{"status":"success"}]}';
const headers = { "content-type": "application/json" };
const isText = process.argv[2] === "text";

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  development: false,
  async fetch(request) {
    if (isText) await request.text();
    else await request.bytes();
    return new Response(body, { headers });
  },
});
process.stdout.write(`${server.port}\n`);
