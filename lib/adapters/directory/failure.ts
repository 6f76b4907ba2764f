import { CustodianError } from '../../errors.ts';

/** The code of a failed system call; undefined for anything else that was thrown. */
export function errnoOf(thrown: unknown): string | undefined {
	return thrown instanceof Error && 'syscall' in thrown && 'code' in thrown ? String(thrown.code) : undefined;
}

/** Says of a failed system call what it means for the repository; leaves anything else as it is. */
export function repositoryFailure(thrown: unknown, root: string, attempted: string): unknown {
	const errno = errnoOf(thrown);
	if (errno === undefined) return thrown;
	const { code, hint } = MEANINGS[errno] ?? {
		code: 'repository_unreachable',
		hint: 'Look whether its disk is well and its mount is there.',
	};
	return new CustodianError(code, root, `Could not ${attempted} in ${root}: ${errno}.`, { cause: thrown, hint });
}

interface Meaning {
	readonly code: string;
	readonly hint: string;
}

const FULL: Meaning = { code: 'repository_full', hint: 'Free space there, or keep fewer snapshots.' };
const DENIED: Meaning = {
	code: 'repository_refused',
	hint: 'Give the user that Harper runs as the right to read and write the whole directory.',
};
const MALFORMED: Meaning = {
	code: 'repository_refused',
	hint: 'Something else than directories and files stands where the repository has its own; a symbolic link is not followed.',
};

const MEANINGS: Readonly<Record<string, Meaning>> = {
	ENOSPC: FULL,
	EDQUOT: FULL,
	EACCES: DENIED,
	EPERM: DENIED,
	EROFS: { code: 'repository_refused', hint: 'It is mounted read-only.' },
	EFBIG: { code: 'repository_refused', hint: 'The file system cannot hold a file this large.' },
	ENAMETOOLONG: { code: 'repository_refused', hint: 'The file system cannot hold a name this long.' },
	ELOOP: MALFORMED,
	ENOTDIR: MALFORMED,
	EISDIR: MALFORMED,
};
