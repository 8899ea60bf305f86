// How scripts talk: to the config API, and to whoever looks at the page.

const toast = document.getElementById('toast')

let hiding
/** Says something for a while. */
export function say(text, isBad = false) {
  toast.textContent = text
  toast.className = isBad ? 'bad' : 'ok'
  clearTimeout(hiding)
  hiding = setTimeout(() => {
    toast.textContent = ''
    toast.className = ''
  }, 8_000)
}

/** Asks the config API; resolves to its answer, with `why` where it refuses or there is none. Never rejects. */
export async function ask(method, path, body, headers = {}) {
  try {
    const content = body === undefined ? {} : { 'content-type': 'application/json' }
    const answer = await fetch(path, {
      method,
      headers: { ...headers, ...content },
      body: body === undefined ? undefined : JSON.stringify(body),
    })
    // The session is over: the page leads to where one signs in.
    if (answer.status === 401) location.reload()
    const text = await answer.text()
    const json = text === '' ? undefined : JSON.parse(text)
    const { ok, status } = answer
    return { ok, status, headers: answer.headers, body: json, why: json?.error?.what }
  } catch {
    return { ok: false, status: 0, headers: new Headers(), why: 'the listener does not answer' }
  }
}

/** An element with properties and children; text is text. */
export function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties)
  made.append(...children)
  return made
}
