// The members of the object that a JSON text is, each with its place, so that one value can be exchanged and every other
// byte stays: 64-bit bounds to the last digit, duplicates, blanks.

/** One member as it is written. */
export interface Member {
  /** The text of the key, quotes included. */
  key: string
  /** The text of the value. */
  value: string
  /** Where the value begins in the whole text. */
  at: number
}

/** Members in their order, duplicates included. The text is one strict JSON object: whoever calls this has parsed it. */
export function membersOf(text: string): Member[] {
  const members: Member[] = []
  for (let at = text.indexOf('{') + 1; at > 0; ) {
    const start = skipBlanks(text, at)
    if (text[start] === '}') break
    const end = endOfString(text, start)
    const value = skipBlanks(text, text.indexOf(':', end) + 1)
    const after = endOfValue(text, value)
    members.push({ key: text.slice(start, end), value: text.slice(value, after), at: value })
    at = skipBlanks(text, after) + 1
    if (text[at - 1] === '}') break
  }
  return members
}

function skipBlanks(text: string, from: number): number {
  let at = from
  while (isBlank(text.charCodeAt(at))) at++
  return at
}

const isBlank = (code: number) => code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09

/** Behind the closing quote of the string that begins here. */
function endOfString(text: string, from: number): number {
  let at = from + 1
  while (text.charCodeAt(at) !== 0x22) at += text.charCodeAt(at) === 0x5c ? 2 : 1
  return at + 1
}

function endOfValue(text: string, from: number): number {
  if (text[from] === '"') return endOfString(text, from)
  let depth = 0
  for (let at = from; at < text.length; at++) {
    const char = text[at]!
    if (char === '"') at = endOfString(text, at) - 1
    else if (char === '{' || char === '[') depth++
    else if (depth > 0 && (char === '}' || char === ']')) {
      if (--depth === 0) return at + 1
    } else if (depth === 0 && (char === ',' || char === '}' || isBlank(char.charCodeAt(0)))) return at
  }
  return text.length
}
