// The JSON body of every refusal of filter, relay and config API.

/**
 * The original's `message` and `code` first, then nodeos's own error shape, so that the clients of both show
 * the reason: eosjs and wharfkit read `error.details[0].message`.
 */
export function errorBody(message: string, status: number, detail: string) {
  return {
    message,
    code: status,
    error: {
      code: status,
      name: message.toLowerCase(),
      what: detail,
      details: [{ message: `${message}: ${detail}`, file: '', line_number: 0, method: 'patroneos' }],
    },
  }
}
