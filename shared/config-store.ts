// Where the current configuration is kept: the seam between the config API and a file, a key-value store or memory.

export interface ConfigStore<C> {
  /** The configuration in force. The same object until it is replaced. */
  current(): C
  /** Makes it last and then puts it in force. Throws when it cannot be made to last; then nothing has changed. */
  replace(next: C): Promise<void>
  /** Why changes are gone after a restart, if they are. */
  transient?: string
}

/** A configuration that lives as long as the program. */
export function memoryConfigStore<C>(
  initial: C,
  onChange: (config: C) => void,
  transient: string,
): ConfigStore<C> {
  let config = initial
  return {
    current: () => config,
    replace: async (next) => {
      config = next
      onChange(next)
    },
    transient,
  }
}
