/** How far long work has come. Unknown totals are absent. */
export interface Progress {
	/** What is being done, as an operator would say it: `copy`, `store`, `verify`. */
	readonly step: string;
	readonly database?: string | undefined;
	readonly bytes?: number | undefined;
	readonly totalBytes?: number | undefined;
	readonly rows?: number | undefined;
	readonly totalRows?: number | undefined;
}

export type OnProgress = (progress: Progress) => void;
