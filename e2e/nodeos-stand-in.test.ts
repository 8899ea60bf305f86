// The stand-in is a node that the filter takes for healthy.
import { expect, onTestFinished, test } from 'vitest'
import { chainInfoOf } from '../worker/nodes/chain-info.ts'
import { startNodeosStandIn } from './nodeos-stand-in.ts'

test('its head is of now', async () => {
  const { server, port } = await startNodeosStandIn(0)
  onTestFinished(() => void server.close())
  const answer = await fetch(`http://127.0.0.1:${port}/v1/chain/get_info`)
  const { headTime } = chainInfoOf(await answer.text())!
  expect(Math.abs(Date.now() - headTime)).toBeLessThan(5_000)
})
