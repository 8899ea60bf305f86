// The limit on Bun: its server and its fetch, and nothing between them that looks at the request.
declare const Bun: {
  serve(options: { hostname: string; port: number; fetch(request: Request): Promise<Response> }): unknown
}

const [port, upstream] = process.argv.slice(2)
Bun.serve({
  hostname: '127.0.0.1',
  port: Number(port),
  fetch: async (request) => {
    const { method, url } = request
    const body = method === 'POST' ? await request.bytes() : null
    const answer = await fetch(`http://127.0.0.1:${upstream}${new URL(url).pathname}`, { method, body })
    return new Response(await answer.bytes(), { status: answer.status })
  },
})
