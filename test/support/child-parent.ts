import { runInChild } from '../../lib/adapters/child/parent.ts';

/** A parent that tells the id of its child, and is then killed by the test. */
const entry = new URL('./child-task.js', import.meta.url);
await runInChild(entry, 'wait', ({ rows }) => void process.send?.(rows), new AbortController().signal);
