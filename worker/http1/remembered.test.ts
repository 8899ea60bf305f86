// What is remembered is what would be worked out anew, and no more of it than there is room for.
import { describe, expect, test, vi } from 'vitest'
import type { HeaderPairs } from './fields.ts'
import { rememberHeads, rememberWork } from './remembered.ts'

describe('heads', () => {
  const setUp = () => {
    const read = vi.fn((text: string) =>
      text.startsWith('!') ? { status: 400 } : { text, headers: ['Host', text] },
    )
    return { read, reader: rememberHeads<{ text: string; headers: HeaderPairs }, { status: number }>(read) }
  }

  test('are read once', () => {
    const { read, reader } = setUp()
    expect(reader('a')).toEqual({ text: 'a', headers: ['Host', 'a'] })
    expect(reader('a')).toBe(reader('a'))
    expect(reader('b')).toEqual({ text: 'b', headers: ['Host', 'b'] })
    expect(read).toHaveBeenCalledTimes(2)
  })

  test('cannot be changed by one for all others', () => {
    const { reader } = setUp()
    const head = reader('a') as { text: string; headers: string[] }
    expect(() => head.headers.push('x', 'y')).toThrow(TypeError)
    expect(() => {
      head.text = 'b'
    }).toThrow(TypeError)
  })

  test.each([
    ['refused', '!'],
    ['long', 'a'.repeat(1_025)],
  ])('are read again where they are %s', (_name, text) => {
    const { read, reader } = setUp()
    expect(reader(text)).toEqual(reader(text))
    expect(read).toHaveBeenCalledTimes(2)
  })

  test('are forgotten when there are too many', () => {
    const { read, reader } = setUp()
    for (let at = 0; at < 1_000; at++) reader(`head ${at}`)
    reader('head 0')
    expect(read).toHaveBeenCalledTimes(1_000)
    reader('one more')
    reader('head 0')
    expect(read).toHaveBeenCalledTimes(1_002)
  })
})

describe('work on header lines', () => {
  const setUp = () => {
    const work = vi.fn((headers: HeaderPairs, client: string, rebuilt: boolean) => [
      ...headers,
      client,
      String(rebuilt),
    ])
    return { work, done: rememberWork(work) }
  }

  test('is done once for the same lines and arguments', () => {
    const { work, done } = setUp()
    const headers = Object.freeze(['Host', 'a']) as HeaderPairs
    expect(done(headers, '203.0.113.9', true)).toEqual(['Host', 'a', '203.0.113.9', 'true'])
    expect(done(headers, '203.0.113.9', true)).toBe(done(headers, '203.0.113.9', true))
    expect(work).toHaveBeenCalledTimes(1)
    expect(Object.isFrozen(done(headers, '203.0.113.9', true))).toBe(true)
  })

  test.each<[string, [string, boolean]]>([
    ['another client', ['203.0.113.10', true]],
    ['another argument', ['203.0.113.9', false]],
  ])('is done anew for %s', (_name, others) => {
    const { done } = setUp()
    const headers = Object.freeze(['Host', 'a']) as HeaderPairs
    done(headers, '203.0.113.9', true)
    expect(done(headers, ...others)).toEqual(['Host', 'a', ...others.map(String)])
    expect(done(headers, '203.0.113.9', true)).toEqual(['Host', 'a', '203.0.113.9', 'true'])
  })

  test('is done anew for lines that may be changed', () => {
    const { done } = setUp()
    const headers = ['Host', 'a']
    done(headers, '203.0.113.9', true)
    headers.push('x', 'y')
    expect(done(headers, '203.0.113.9', true)).toEqual(['Host', 'a', 'x', 'y', '203.0.113.9', 'true'])
  })
})
