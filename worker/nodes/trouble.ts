// The reasons why a node gave no answer.
import type { UpstreamTrouble } from '../platform.ts'

export const UNREACHABLE: UpstreamTrouble = {
  code: 'NODEOS_UNREACHABLE',
  detail: 'nodeos does not answer; try again',
}

/** All that could be asked are out. */
export const ALL_OUT: UpstreamTrouble = {
  code: 'NODEOS_UNREACHABLE',
  detail: 'No node is fit to answer; try again',
}

export const NOT_SERVED: UpstreamTrouble = {
  code: 'NODEOS_UNREACHABLE',
  detail: 'No node serves this path',
}

/** A busy node's answer was not passed on, as another node was to be asked. */
export const DECLINED: UpstreamTrouble = {
  code: 'NODEOS_UNREACHABLE',
  detail: 'nodeos is busy; try again',
  ended: 'declined',
}

/** It waited for a node that went out meanwhile. */
export const MOVED: UpstreamTrouble = { ...ALL_OUT, ended: 'moved' }

/** Its turn did not come in time, or too many wait. */
export const NO_TURN: UpstreamTrouble = {
  code: 'OVERLOADED',
  detail: 'nodeos is busy with the requests of others; try again',
}

export const RETRACTED: UpstreamTrouble = { ...ALL_OUT, ended: 'retracted' }

export const TOO_MANY: UpstreamTrouble = {
  code: 'OVERLOADED',
  detail: 'Too many requests at one time; try again',
}

export const TOO_MANY_RETRIES: UpstreamTrouble = {
  code: 'OVERLOADED',
  detail: 'Too many transactions of yours wait for their block (retry_trx); try again',
}

export function tooLate(seconds: number): UpstreamTrouble {
  return { code: 'NODEOS_TIMEOUT', detail: `nodeos did not answer within ${seconds} s`, ended: 'late' }
}
