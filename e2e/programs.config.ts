// The tests of `npm run e2e:programs`: those that start HAProxy, fail2ban, workerd's isolates or a browser, or that stop
// and kill programs for long; attacks on raw sockets; what npm pack makes; and the commands of the docs.
import { defineConfig } from 'vitest/config'
import config from '../vitest.config.ts'

export default defineConfig({
  test: {
    ...config.test,
    include: ['{shared,worker,relay,docker}/**/*.e2e.ts', 'e2e/*.e2e.ts', 'e2e/{console,http}/*.e2e.ts'],
  },
})
