// The buttons that ban and unban.
import { ask, element, say } from './talk.js'

const dialog = document.getElementById('dialog')

const durations = [
  [600, '10 minutes'],
  [3_600, '1 hour'],
  [86_400, '1 day'],
  [604_800, '7 days'],
]

function askForBan(network) {
  const choice = element('select', { id: 'seconds' })
  for (const [seconds, text] of durations)
    choice.append(element('option', { value: String(seconds), selected: seconds === 3_600 }, text))
  dialog.replaceChildren(
    element(
      'form',
      { method: 'dialog' },
      element('h2', { id: 'dialog-title' }, `Ban ${network}`),
      element('p', {}, 'The filter answers it 403, and then not at all, until the ban ends or is lifted.'),
      element('label', { htmlFor: 'seconds' }, 'For '),
      choice,
      element(
        'div',
        { className: 'buttons' },
        element('button', { value: '', className: 'quiet' }, 'Cancel'),
        element('button', { value: 'ban', className: 'danger' }, 'Ban'),
      ),
    ),
  )
  dialog.onclose = async () => {
    if (dialog.returnValue !== 'ban') return
    const seconds = Number(choice.value)
    const { ok, why } = await ask('POST', '/patroneos/bans', { client: network, seconds })
    say(ok ? `${network} is banned.` : `${network} is not banned: ${why}`, !ok)
  }
  dialog.returnValue = ''
  dialog.showModal()
}

async function unban(network) {
  const { ok, why } = await ask('DELETE', `/patroneos/bans/${network}`)
  say(ok ? `The ban of ${network} is lifted.` : `The ban of ${network} is not lifted: ${why}`, !ok)
}

document.addEventListener('click', ({ target }) => {
  const button = target.closest?.('button')
  if (button?.dataset.ban) askForBan(button.dataset.ban)
  else if (button?.dataset.unban) unban(button.dataset.unban)
})
