// The reasons why a node gave no answer.
import type { UpstreamTrouble } from '../platform.ts'

export const UNREACHABLE: UpstreamTrouble = {
  code: 'NODEOS_UNREACHABLE',
  detail: 'nodeos does not answer; try again',
}

export const TOO_MANY: UpstreamTrouble = {
  code: 'OVERLOADED',
  detail: 'Too many requests at one time; try again',
}

export const TOO_MANY_RETRIES: UpstreamTrouble = {
  code: 'OVERLOADED',
  detail: 'Too many transactions of yours wait for their block (retry_trx); try again',
}

export function tooLate(seconds: number): UpstreamTrouble {
  return { code: 'NODEOS_TIMEOUT', detail: `nodeos did not answer within ${seconds} s` }
}
