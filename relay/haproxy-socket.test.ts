import { expect, test } from 'vitest'
import { parseServers } from './haproxy-socket.ts'

const HEAD =
  '# pxname,svname,qcur,scur,stot,econ,eresp,status,chkfail,chkdown,lastchg,check_status,check_duration,last_chk,addr'

test('a server is read by the names of the columns, whatever its check met', () => {
  const answer = [
    HEAD,
    'filters,a,2,3,40,1,0,DOWN 1/2,5,1,17,* L7RSP,3,"Layer7 invalid response: <a, ""b"">",10.0.0.1:8081',
    'other,a,0,0,0,0,0,UP,0,0,90,L7OK,1,,10.0.0.9:8081',
    'filters,b,0,0,0,0,0,no check,0,0,90,,,,[2001:db8::1]:8081',
    '',
  ].join('\n')
  const servers = parseServers(answer, 'filters')
  expect(servers).toHaveLength(2)
  expect(servers).toMatchObject([
    {
      name: 'a',
      address: '10.0.0.1:8081',
      status: 'DOWN 1/2',
      check: 'L7RSP',
      checkDetail: 'Layer7 invalid response: <a, "b">',
      checkMilliseconds: 3,
      sessions: 5,
      active: 3,
      queued: 2,
      requests: 40,
      connectionErrors: 1,
      responseErrors: 0,
      failedChecks: 5,
      timesDown: 1,
      sinceSeconds: 17,
    },
    { name: 'b', address: '[2001:db8::1]:8081', check: '', checkDetail: '', checkMilliseconds: undefined },
  ])
})

test('a backend that HAProxy does not have is an error that names it', () => {
  expect(() => parseServers("Can't find backend.", 'filters')).toThrow("backend filters: Can't find backend.")
})
