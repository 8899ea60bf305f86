// What a configuration of another program becomes, and what whoever runs it should know of that.

export interface Migration {
  /** Keys of this project's configuration. */
  config: Record<string, unknown>
  /** What changes, a sentence each. */
  notes: string[]
}
