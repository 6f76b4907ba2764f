/** The object that makes a place a repository; `open.ts` reads and writes it. */
export const MARKER_KEY = 'custodian.json';
