import { serveParent } from '../adapters/child/inside.ts';
import { runTask } from './task.ts';

// What `fork` starts: it does one task of the database's, and ends.
serveParent(runTask);
