/** An option of the command line, as it is read and as the help shows it. */
export interface Option {
	readonly name: string;
	/** What stands for its value in the help; absent for one that is there or not. */
	readonly value?: string;
	readonly repeatable?: boolean;
	readonly help: string;
}

export interface Subcommand {
	/** What follows the name of the subcommand. */
	readonly operands: string;
	readonly summary: string;
	readonly options: readonly Option[];
}

const COMMON: readonly Option[] = [
	{ name: 'json', help: 'Print JSON instead of text.' },
	{ name: 'help', help: 'Print this.' },
];

const REPOSITORY: readonly Option[] = [
	{ name: 'repository', value: 'PLACE', help: 'A directory, or s3://bucket/prefix.' },
	{ name: 'root', value: 'DIR', help: "Harper's root directory; the repository is DIR/custodian/repository." },
	{ name: 'config', value: 'FILE', help: 'A harperdb-config.yaml: its repository, copies and keys.' },
	{
		name: 'key-file',
		value: 'FILE',
		repeatable: true,
		help: 'A key of encrypted snapshots; may be given several times.',
	},
	{ name: 'region', value: 'NAME', help: 'S3: the region.' },
	{ name: 'endpoint', value: 'URL', help: "S3: the store's address, where it is not Amazon's." },
	{ name: 'path-style', help: 'S3: the bucket stands in the path, not in the name of the host.' },
	{ name: 'profile', value: 'NAME', help: 'S3: a profile of the credentials file.' },
	{ name: 'credentials-file', value: 'FILE', help: 'S3: a credentials file in the format of AWS.' },
];

export const SUBCOMMANDS = {
	'list': {
		operands: '',
		summary: 'Lists the snapshots, the newest first.',
		options: [
			{ name: 'node', value: 'NAME', help: 'Only those of this node.' },
			{ name: 'database', value: 'NAME', help: 'Only those of this database.' },
			...REPOSITORY,
			...COMMON,
		],
	},
	'show': {
		operands: 'ID',
		summary: 'Shows what one snapshot is and holds.',
		options: [...REPOSITORY, ...COMMON],
	},
	'verify': {
		operands: '[ID...]',
		summary: 'Reads snapshots and says whether they are whole. Records nothing.',
		options: [
			{ name: 'all', help: 'All there are.' },
			{ name: 'deep', help: 'Open the database as well, walk all of it, and compare contents.' },
			{
				name: 'scratch',
				value: 'DIR',
				help: 'Where a database stands while it is opened; the temporary directory else.',
			},
			...REPOSITORY,
			...COMMON,
		],
	},
	'extract': {
		operands: 'ID',
		summary: 'Writes the database and its blobs as Harper wants them. Overwrites nothing.',
		options: [
			{ name: 'to', value: 'DIR', help: 'Where to; made if it is missing.' },
			{ name: 'database-only', help: 'Leave the blobs out.' },
			...REPOSITORY,
			...COMMON,
		],
	},
	'check-backup': {
		operands: 'FILE',
		summary: "Says whether a file of Harper's get_backup survives a reboot or another machine.",
		options: [
			{ name: 'mend', help: 'Write a copy that does.' },
			{ name: 'to', value: 'FILE', help: 'The name of that copy; FILE.mended else.' },
			...COMMON,
		],
	},
} as const satisfies Readonly<Record<string, Subcommand>>;

export type SubcommandName = keyof typeof SUBCOMMANDS;

export function isSubcommand(name: string): name is SubcommandName {
	return Object.hasOwn(SUBCOMMANDS, name);
}
