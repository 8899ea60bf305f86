// The time as HTTP writes it.
let date = ''
let dateSecond = 0

/** The time now as in RFC 9110, section 5.6.7: `Sun, 06 Nov 1994 08:49:37 GMT`. Worked out once a second. */
export function httpDate(): string {
  const second = Math.floor(Date.now() / 1000)
  if (second !== dateSecond) {
    dateSecond = second
    date = new Date(second * 1000).toUTCString()
  }
  return date
}
