import { describe, expect, test } from 'vitest'
import { createLogger } from './logger.ts'

function logged(readable: boolean, message: string, fields?: object): string {
  let text = ''
  const logger = createLogger({ readable, write: (line) => (text += line) })
  logger.warn(message, fields)
  return text
}

describe('for machines', () => {
  test('a call is one JSON line with time, level and message first', () => {
    const line = logged(false, 'rejected', { client: '203.0.113.9', code: 'INVALID_JSON' })
    expect(line).toMatch(
      /^\{"time":"\d{4}-\d\d-\d\dT[\d:.]+Z","level":"warn","message":"rejected","client":"203.0.113.9","code":"INVALID_JSON"\}\n$/,
    )
  })

  test('nothing in it makes another line, or stands in the place of what is the logger’s', () => {
    const fields = {
      detail: 'a\n{"level":"error"}\r\u2028b',
      level: 'info',
      message: 'forged',
      time: 'never',
    }
    const line = logged(false, 'a\nb', fields)
    expect(line.split(/[\n\r]/)).toHaveLength(2)
    expect(JSON.parse(line)).toMatchObject({ level: 'warn', message: 'a\nb', detail: fields.detail })
    expect(JSON.parse(line).time).not.toBe('never')
  })
})

describe('for people', () => {
  test('a call is one line of text', () => {
    expect(logged(true, 'rejected', { client: '203.0.113.9', count: 3 })).toMatch(
      /^\d\d:\d\d:\d\d WARN rejected client="203.0.113.9" count=3\n$/,
    )
  })

  test('no field moves the cursor, colours the screen or makes another line', () => {
    const line = logged(true, 'rejected', { detail: 'a\n\x1b[31mb\x9b2J\x07\x7f' })
    expect(line.slice(0, -1)).not.toMatch(/[\x00-\x1f\x7f-\x9f]/)
  })
})
