/** The composition root: parses the configuration, builds the adapters, elects a worker, starts. */
export async function compose(): Promise<void> {}
