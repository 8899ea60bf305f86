// Editing the configuration: what is typed is judged by the listener, shown as a difference, tried, and applied.
import { ask, say } from './talk.js'

const form = document.getElementById('configuration')
const pending = document.getElementById('pending')
const difference = document.getElementById('difference')
const trial = document.getElementById('trial')
const apply = document.getElementById('apply')
const tryButton = document.getElementById('try')

const controls = [...form.elements].filter(({ dataset }) => dataset.kind)
const initial = new Map(controls.map((control) => [control.name, control.value]))

/** The value in a control. Throws where it is no JSON. */
function valueIn({ dataset: { kind }, value }) {
  if (kind === 'flag') return value === 'true'
  if (kind === 'integer') return value === '' ? null : Number(value)
  if (kind === 'json') return JSON.parse(value)
  if (kind === 'scalar') return /^\d+$/.test(value) ? Number(value) : value
  return value
}

/** As the listener writes it. */
function show(control, value) {
  const line = JSON.stringify(value)
  if (control.dataset.kind !== 'json') control.value = String(value)
  else control.value = line.length > 60 ? JSON.stringify(value, null, 2) : line
}

function sayError(key, text) {
  const error = document.getElementById(`error-${key}`)
  error.textContent = text
  const control = document.getElementById(`value-${key}`)
  if (text) control.setAttribute('aria-invalid', 'true')
  else control.removeAttribute('aria-invalid')
}

/** What differs from what the page came with, as keys and values; undefined where some of it is no JSON. */
function editsOf() {
  const edits = {}
  let isJson = true
  for (const control of controls) {
    const isEdited = control.value !== initial.get(control.name)
    document.getElementById(`key-${control.name}`).classList.toggle('edited', isEdited)
    sayError(control.name, '')
    if (!isEdited) continue
    try {
      edits[control.name] = valueIn(control)
    } catch {
      sayError(control.name, `${control.name}: this is no JSON; a text stands in quotes`)
      isJson = false
    }
  }
  return { edits, isJson, count: controls.filter(({ name, value }) => value !== initial.get(name)).length }
}

let patch
let round = 0

async function check() {
  const { edits, isJson, count } = editsOf()
  const own = ++round
  patch = undefined
  apply.disabled = true
  if (tryButton) tryButton.disabled = true
  trial.replaceChildren()
  pending.hidden = count === 0
  if (count === 0 || !isJson) {
    difference.textContent = isJson ? '' : 'Not valid yet.'
    return
  }
  const { ok, body, why } = await ask('POST', '/patroneos/console/check', edits)
  // Meanwhile more was typed.
  if (own !== round) return
  if (!ok) {
    difference.textContent = why
    return
  }
  for (const { key, text } of body.issues)
    if (initial.has(key)) sayError(key, text)
    else difference.textContent = text
  if (body.issues.length > 0) {
    difference.textContent = body.issues.map(({ text }) => text).join('; ')
    return
  }
  put(difference, body.html)
  patch = body.patch
  apply.disabled = Object.keys(patch).length === 0
  if (tryButton) tryButton.disabled = apply.disabled
}

/** What the listener rendered; nothing in it is loaded or run. */
function put(place, text) {
  const parsed = new DOMParser().parseFromString(text, 'text/html')
  place.replaceChildren(...document.importNode(parsed.body, true).childNodes)
}

let typing
form.addEventListener('input', () => {
  clearTimeout(typing)
  typing = setTimeout(check, 150)
})
form.addEventListener('submit', (event) => event.preventDefault())

const KEPT = 'patroneos-edits'
const SAID = 'patroneos-said'

/** Loads the page anew; what is typed comes back where it is wanted. */
function reload(said, keepsEdits) {
  const edited = controls.filter(({ name, value }) => value !== initial.get(name))
  if (keepsEdits) sessionStorage.setItem(KEPT, JSON.stringify(edited.map(({ name, value }) => [name, value])))
  sessionStorage.setItem(SAID, said)
  removeEventListener('beforeunload', warn)
  location.reload()
}

function warn(event) {
  if (!pending.hidden) event.preventDefault()
}
addEventListener('beforeunload', warn)

apply.addEventListener('click', async () => {
  apply.disabled = true
  const { ok, status, headers, why } = await ask('POST', '/patroneos/config', patch, {
    'if-match': form.dataset.etag,
  })
  if (ok) {
    const restart = headers.get('x-patroneos-restart-required')
    return reload(restart ? `Stored. After a restart in force: ${restart}` : 'The change is in force.', false)
  }
  if (status === 412)
    return reload(
      'The configuration was changed by somebody else meanwhile. Your changes are still here: look at the difference again.',
      true,
    )
  say(`Nothing was changed: ${why}`, true)
  await check()
})

document.getElementById('discard').addEventListener('click', () => {
  for (const control of controls) control.value = initial.get(control.name)
  check()
})

tryButton?.addEventListener('click', async () => {
  tryButton.disabled = true
  trial.textContent = 'Trying it on the last requests…'
  const { ok, body, why } = await ask('POST', '/patroneos/console/try', editsOf().edits)
  if (ok) put(trial, body.html)
  else trial.textContent = why
  tryButton.disabled = false
})

document.addEventListener('click', ({ target }) => {
  const button = target.closest?.('button')
  if (button?.dataset.reset) {
    const { key } = button.closest('.key').dataset
    show(document.getElementById(`value-${key}`), JSON.parse(button.closest('.key').dataset.default))
    check()
  }
  if (button?.dataset.undo) {
    for (const [key, value] of Object.entries(JSON.parse(button.dataset.undo)))
      show(document.getElementById(`value-${key}`), value)
    check()
  }
})

const find = document.getElementById('find')
const onlySet = document.getElementById('only-set')
function filter() {
  const wanted = find.value.trim().toLowerCase()
  for (const row of form.querySelectorAll('.key')) {
    const isWanted = row.textContent.toLowerCase().includes(wanted) && (!onlySet.checked || row.dataset.set)
    row.hidden = !isWanted && !row.classList.contains('edited')
  }
}
find.addEventListener('input', filter)
onlySet.addEventListener('change', filter)

const said = sessionStorage.getItem(SAID)
if (said) say(said, sessionStorage.getItem(KEPT) !== null)
for (const [name, value] of JSON.parse(sessionStorage.getItem(KEPT) ?? '[]'))
  if (initial.has(name)) document.getElementById(`value-${name}`).value = value
sessionStorage.removeItem(SAID)
sessionStorage.removeItem(KEPT)
check()
