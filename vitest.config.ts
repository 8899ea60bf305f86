import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['{shared,worker,relay}/**/*.test.ts'],
    testTimeout: 20_000,
  },
})
