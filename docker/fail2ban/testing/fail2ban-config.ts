// fail2ban's configuration for tests: as Debian ships it, and over it our files as an operator would copy them.
import { cpSync, existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const PARTS = ['filter.d', 'action.d', 'jail.d', 'fail2ban.d']

/** Where fail2ban is missing its tests are skipped, and that is said; but not in CI, where they fail. */
export function skipWithoutFail2ban(what: string): boolean {
  if (existsSync('/usr/bin/fail2ban-server') && existsSync('/etc/fail2ban/fail2ban.conf')) return false
  console.error(`fail2ban is not installed: NOT TESTED: ${what} (Debian package fail2ban)`)
  return !process.env.CI
}

/** Writes it below `directory`, with `settings` in jail.d/patroneos.local, and answers with its path. */
export function writeFail2banConfig(directory: string, settings: Record<string, string | number>): string {
  const configuration = join(directory, 'fail2ban')
  cpSync('/etc/fail2ban', configuration, { recursive: true })
  // Other jails of the machine are no business of ours.
  for (const file of readdirSync(join(configuration, 'jail.d'))) rmSync(join(configuration, 'jail.d', file))
  for (const part of PARTS)
    cpSync(join(import.meta.dirname, '..', part), join(configuration, part), { recursive: true })
  const lines = Object.entries(settings).map(([name, value]) => `patroneos_${name} = ${value}\n`)
  writeFileSync(join(configuration, 'jail.d/patroneos.local'), `[DEFAULT]\n${lines.join('')}`)
  return configuration
}

/** Arguments of a fail2ban-server in the foreground that keeps all that is its own in `directory`. */
export function fail2banServer(directory: string, configuration: string): string[] {
  const file = (name: string) => join(directory, name)
  writeFileSync(
    join(configuration, 'fail2ban.local'),
    `[Definition]\nlogtarget = ${file('fail2ban.out')}\ndbfile = ${file('fail2ban.sqlite3')}\n`,
  )
  return ['-xf', '-c', configuration, '-s', file('fail2ban.sock'), '-p', file('fail2ban.pid'), 'start']
}
