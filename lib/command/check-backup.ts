import type { BackupCheck } from '../snapshot/backup-file.ts';
import type { Answer } from './answer.ts';
import { checkBackupText } from './render/check-backup.ts';
import type { CheckBackupReport } from './report.ts';
import type { CheckBackupRequest } from './request.ts';

export interface CheckBackupPorts {
	check(file: string): Promise<BackupCheck>;
	/** Writes a copy that survives. Rejects with `file_exists` rather than replace anything. */
	mend(file: string, to: string, signal: AbortSignal): Promise<BackupCheck>;
}

/** Says whether a file that Harper's `get_backup` made survives, and writes a copy that does where that is wanted. */
export async function checkBackup(
	{ file, mendTo }: Pick<CheckBackupRequest, 'file' | 'mendTo'>,
	ports: CheckBackupPorts,
	signal: AbortSignal
): Promise<Answer> {
	const { survives, newest, opensElsewhere, reasons } = await ports.check(file);
	const mended = !survives && mendTo !== undefined ? await ports.mend(file, mendTo, signal) : undefined;
	const report: CheckBackupReport = {
		file,
		survives,
		reasons,
		newest: String(newest),
		opensElsewhere: String(opensElsewhere),
		...(mended && mendTo !== undefined ? { mended: mendTo } : {}),
	};
	return { exitCode: survives || mended?.survives === true ? 0 : 1, report, text: checkBackupText(report, mendTo) };
}
