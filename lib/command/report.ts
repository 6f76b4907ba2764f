import type { Extracted } from '../snapshot/extract.ts';
import type { Holdings } from '../snapshot/holdings.ts';
import type { Manifest } from '../snapshot/manifest.ts';
import type { Depth } from '../snapshot/verify.ts';

/** A snapshot as the command shows it. What nobody knows is absent. */
export interface ShownSnapshot {
	readonly id: string;
	readonly node: string;
	readonly database: string;
	/** Absent where its manifest cannot be read. */
	readonly kind?: 'full' | 'external';
	readonly takenAt?: string;
	readonly label?: string;
	readonly schedule?: string;
	readonly by?: string;
	readonly pinned: boolean;
	/** Why it cannot be restored as it lies there. */
	readonly problem?: string;
	readonly tables?: number;
	readonly rows?: number;
	readonly auditEntries?: number;
	readonly sizeBytes?: number;
	readonly storedBytes: number;
	/** Of the key that opens it, where it is encrypted. */
	readonly keyId?: string;
	readonly verification?: { readonly at: string; readonly depth: string; readonly result: string };
	readonly repositories: readonly { readonly name: string; readonly problem?: string }[];
}

export interface ListReport {
	/** The newest first. */
	readonly snapshots: readonly ShownSnapshot[];
	/** False where a repository could not be read: what lies only there is missing. */
	readonly complete: boolean;
	readonly unread: Holdings['unread'];
}

export interface ShowReport extends ShownSnapshot {
	/** Absent where it cannot be read. */
	readonly manifest?: Manifest;
}

export interface VerifyReport {
	readonly depth: Depth;
	readonly verified: readonly Verified[];
	/** The repositories that could not be read. */
	readonly unread: readonly { readonly place: string; readonly reason: string }[];
}

/** What came of reading one copy of a snapshot. */
export interface Verified {
	readonly id: string;
	readonly database?: string;
	/** The repository that it was read in. */
	readonly repository?: string;
	/** `external`: nothing of it lies here. `unknown`: it could not be read, which says nothing of it. */
	readonly result: 'good' | 'bad' | 'missing' | 'external' | 'unknown';
	readonly error?: ErrorReport;
}

export interface ExtractReport extends Extracted {
	readonly id: string;
	readonly node: string;
	readonly database: string;
	readonly takenAt: string;
	/** The repository that it was read from. */
	readonly repository: string;
	/** Blobs that were left out because nobody asked for them. */
	readonly blobsLeftOut: number;
	/** Blobs that the database itself had lost, or had never completed, when the snapshot was taken. */
	readonly blobsMissing: number;
}

export interface CheckBackupReport {
	readonly file: string;
	/** Whether it opens with all it holds after a reboot, or on another machine. */
	readonly survives: boolean;
	readonly reasons: readonly string[];
	/** Transactions, in decimal. */
	readonly newest: string;
	readonly opensElsewhere: string;
	/** The copy that survives, where one was asked for and needed. */
	readonly mended?: string;
}

export interface ErrorReport {
	readonly code: string;
	readonly message: string;
	readonly hint?: string;
}
