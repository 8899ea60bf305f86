// Keeps a screen live: takes it anew whenever the listener sends it, and changes only what differs, so that focus,
// selection and scrolling stay where they are.

const screen = document.getElementById('screen')
const connection = document.getElementById('connection')

/** Makes `now` like `next`. */
function morph(now, next) {
  if (now.nodeType !== Node.ELEMENT_NODE) {
    if (now.data !== next.data) now.data = next.data
    return
  }
  for (const { name } of [...now.attributes])
    if (!next.hasAttribute(name) && name !== 'open') now.removeAttribute(name)
  for (const { name, value } of [...next.attributes])
    if (now.getAttribute(name) !== value) now.setAttribute(name, value)
  morphChildren(now, next)
}

const isLike = (a, b) => a.nodeName === b.nodeName && (a.id ?? '') === (b.id ?? '')

/** Elements with an id are known by it, wherever they stand; a row never becomes another one under the pointer. */
function morphChildren(now, next) {
  let at = now.firstChild
  for (const wanted of [...next.childNodes]) {
    const known = wanted.id ? [...now.children].find((child) => isLike(child, wanted)) : undefined
    const like = known ?? (at && !wanted.id && isLike(at, wanted) ? at : undefined)
    if (like) {
      if (like !== at) now.insertBefore(like, at)
      morph(like, wanted)
      at = like.nextSibling
    } else now.insertBefore(wanted, at)
  }
  while (at) {
    const after = at.nextSibling
    at.remove()
    at = after
  }
}

function show(text) {
  // A document of its own: nothing in it is loaded or run.
  const parsed = new DOMParser().parseFromString(`<main>${text}</main>`, 'text/html')
  morphChildren(screen, document.importNode(parsed.querySelector('main'), true))
}

function say(state, text) {
  connection.className = state
  if (connection.textContent !== text) connection.textContent = text
}

let source
function connect() {
  source = new EventSource(screen.dataset.live)
  source.addEventListener('open', () => say('ok', 'live'))
  source.addEventListener('screen', ({ data }) => show(data))
  source.addEventListener('over', () => location.reload())
  source.addEventListener('error', () => say('bad', 'not connected; trying again'))
}

if (screen.dataset.live) {
  connect()
  // A browser has six connections to one listener: what nobody looks at needs none.
  document.addEventListener('visibilitychange', () => {
    source.close()
    if (document.hidden) say('', 'paused')
    else connect()
  })
}
