// Colours, where a person looks: on a terminal, and without NO_COLOR (https://no-color.org).
import { styleText } from 'node:util'

type Style = Parameters<typeof styleText>[0]

/** Text in a style, where `stream` shows it. Node itself knows of terminals, NO_COLOR and FORCE_COLOR. */
export function style(format: Style, text: string, stream: NodeJS.WriteStream = process.stdout): string {
  return styleText(format, text, { stream })
}

export function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

export function printJson(value: unknown): void {
  print(JSON.stringify(value, null, 2))
}

/** What a client wrote, without what a terminal would take for commands. */
export function printable(text: string): string {
  return text.replace(
    /[\x00-\x1f\x7f-\x9f]/g,
    (control) => `\\x${control.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
}
