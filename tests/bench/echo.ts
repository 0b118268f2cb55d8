/** What bounds every server here: reads the body, as text on one port and as bytes on another, and answers a fixed text. */
const body = '{"result":[{"status":"success"}]}';
const init = { headers: new Headers({ "content-type": "application/json" }) };

function serve(read: (request: Request) => Promise<unknown>): number | undefined {
  const fetch = (request: Request) => read(request).then(() => new Response(body, init));
  return Bun.serve({ hostname: "127.0.0.1", port: 0, development: false, fetch }).port;
}

process.stdout.write(`${serve((request) => request.text())} ${serve((request) => request.bytes())}\n`);
