// Prometheus's promtool, of the Debian package prometheus.
import { spawnSync } from 'node:child_process'

/** Where promtool is missing its tests are skipped, and that is said; but not in CI, where they fail. */
export function skipWithoutPromtool(what: string): boolean {
  if (spawnSync('promtool', ['--version']).status === 0) return false
  console.error(`promtool is not installed: NOT TESTED: ${what} (Debian package prometheus)`)
  return !process.env.CI
}
